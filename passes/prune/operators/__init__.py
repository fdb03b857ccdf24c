"""How channels go through each operator: one handler per operator, in files by family."""

from . import elementwise as elementwise
from . import joining as joining
from . import layers as layers
from . import pooling as pooling
from . import reshaping as reshaping
