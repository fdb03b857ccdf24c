"""Low-rank forms of Conv and Gemm: each gives options for a layer and can apply one."""

from . import gemm as gemm
from . import spatial as spatial
from .lowrank import Lowrank as Lowrank
