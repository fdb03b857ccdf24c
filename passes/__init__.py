"""Rewrites of ONNX graphs: exact ones, low rank, pruning, quantization."""

from . import exact as exact
from . import lowrank as lowrank
from . import prune as prune
from . import quantize as quantize
from .rewrite import Rewritten as Rewritten
from .rewrite import plan as plan
from .rewrite import rewrite as rewrite
