"""What a target runtime makes of a model: the ranks that pay and the milliseconds that it will take."""

from .registry import find_target, target_names
from .target import NodeLatency, Target
from .work import Work

__all__ = ["NodeLatency", "Target", "Work", "find_target", "target_names"]
