"""Static int8 quantization: ranges, equalization, rounding by reconstruction, QDQ placement, mixed precision."""

from .judge import Bound as Bound
from .quantize import Mode as Mode
from .quantize import Quantize as Quantize
from .reconstruct import FAST as FAST
from .reconstruct import Repairs as Repairs
from .static import StaticSettings as StaticSettings
