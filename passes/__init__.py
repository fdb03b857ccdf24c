"""Rewrites of ONNX graphs: exact clean-ups, low rank, pruning, quantization."""

from . import cleanup as cleanup
from . import lowrank as lowrank
from .rewrite import Rewritten as Rewritten
from .rewrite import rewrite as rewrite
