"""How sensitive the layers of a network are, and what each ratio costs in accuracy and gains in speed."""

from .measuring import Point as Point
from .measuring import Survey as Survey
from .measuring import survey as survey
