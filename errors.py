"""What planish says when an input cannot be used.

Every message says what is wrong, where, why, and what to do about it:

    net.prototxt: layer 'pool5' (Pooling): STOCHASTIC pooling has no ONNX operator; set pool: MAX or AVE,
    or cut the net at 'conv5' with --output conv5

The command line prints it without a traceback and exits with 2. Any other exception is a bug and keeps its traceback.
"""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Iterable, Sequence
from types import ModuleType


class PlanishError(Exception):
    """The base of all errors that are the input's fault, not planish's."""


class SourceError(PlanishError):
    """A Caffe or MXNet file cannot be read, or contradicts itself."""


class UnsupportedError(PlanishError):
    """Well-formed layers or operators that have no ONNX form; all of a network's are reported at once.

    Attributes:
        reasons: one sentence per layer.
    """

    def __init__(self, where: str, reasons: Sequence[str]) -> None:
        self.reasons = tuple(reasons)
        listing = "".join(f"\n  {reason}" for reason in self.reasons)
        noun = "layer" if len(self.reasons) == 1 else "layers"
        super().__init__(f"{where}: {len(self.reasons)} unsupported {noun}:{listing}")


class ModelError(PlanishError):
    """An ONNX model cannot be read, is invalid, or lacks what was asked of it."""


class PlanError(PlanishError):
    """A plan names layers, forms or ranks that the model does not have."""


class BudgetError(PlanishError):
    """No choice of options meets the budget.

    Attributes:
        reachable: the largest ratio that can be reached.
    """

    def __init__(self, message: str, reachable: float) -> None:
        self.reachable = reachable
        super().__init__(message)


class DataError(PlanishError):
    """Calibration or evaluation data cannot be read or does not fit the model."""


class OutputError(PlanishError):
    """The output file cannot be written, or would overwrite an input."""


class DownloadError(PlanishError):
    """Published weights could not be fetched."""


class MissingExtraError(PlanishError):
    """An optional dependency is not installed."""


class CancelledError(PlanishError):
    """The user pressed Ctrl-C; nothing was written."""


def load_extra(module: str, extra: str, purpose: str) -> ModuleType:
    """Import an optional dependency.

    Raises:
        MissingExtraError: it is not installed; the message names the extra that brings it.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise MissingExtraError(
            f"{purpose} needs the Python package '{module.partition('.')[0]}', which is not installed ({error}); "
            f"install it with: pip install 'planish[{extra}]'"
        ) from error


def nearest(name: str, known: Iterable[str]) -> str:
    """A hint that ends an error message: the known name most like `name`, or nothing."""
    matches = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    return f"; did you mean '{matches[0]}'?" if matches else ""
