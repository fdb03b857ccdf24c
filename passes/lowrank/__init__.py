"""Low-rank forms of Conv and Gemm: each gives options for a layer and can apply one."""

from . import spatial as spatial  # isort: skip - the order of the forms, where several suit
from . import tucker as tucker  # isort: skip
from . import channel as channel
from . import gemm as gemm
from . import input_channel as input_channel
from . import pooled as pooled
from . import separable as separable
from . import spatial_channel as spatial_channel
from . import spatial_hv as spatial_hv
from .lowrank import Lowrank as Lowrank
