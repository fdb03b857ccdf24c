"""Samples from a Python function, for data of any other kind."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError
from .inputs import InputSpec
from .labels import Labels, check_labels


def is_function_name(source: str) -> bool:
    """Whether `source` is no file but like `package.module:function`, or `module.function` of a module there is."""
    module, separator, function = _split(source)
    named = all(part.isidentifier() for part in (*module.split("."), function))
    if not separator or not named or os.path.exists(source):  # noqa: PTH110
        return False
    return separator == ":" or _is_module(module)


def _split(name: str) -> tuple[str, str, str]:
    """Module, separator and function."""
    return name.rpartition(":") if ":" in name else name.rpartition(".")


def _is_module(path: str) -> bool:
    """Whether there is such a module; only its parents are imported."""
    with _working_folder():
        try:
            return importlib.util.find_spec(path) is not None
        except (ImportError, ValueError):
            return False


class FunctionSource:
    """What a function of no arguments gives, called anew for every pass over the data.

    The function returns an iterable (best a generator, so that memory stays bounded) of samples without the batch
    dimension: an array for a model with one input, or a dict of arrays by input name; either may be the first of a
    pair whose second is the class index.

    Args:
        name: `package.module:function` or `package.module.function`; modules are searched for in the working folder
            too.
        inputs: what the model wants.

    Raises:
        DataError: there is no such function, or it gives something else.
    """

    is_random = False

    def __init__(self, name: str, inputs: Sequence[InputSpec]) -> None:
        self.description = name
        self.skipped: dict[str, str] = {}
        self._inputs = tuple(inputs)
        self._function = _find(name)
        labels = [label for _, label in self._pairs()]
        self._count = len(labels)
        self.labels: Labels | None = None
        if labels and labels[0] is not None:
            self.labels = check_labels(np.array(labels), self._count, name)

    def __len__(self) -> int:
        """How many samples the function gave the first time."""
        return self._count

    def name(self, index: int) -> str:
        """What a sample is called in messages."""
        return f"sample {index}"

    def samples(self, indices: Sequence[int]) -> Iterator[tuple[int, dict[str, NDArray[Any]]]]:
        """The samples at `indices` (ascending), each with its index."""
        wanted = iter(indices)
        index = next(wanted, None)
        for number, (sample, _) in enumerate(self._pairs()):
            if index is None:
                return
            if number == index:
                yield index, self._by_name(sample)
                index = next(wanted, None)
        if index is not None:
            raise DataError(f"{self.description}: gave {self._count} samples the first time, now fewer")

    def _pairs(self) -> Iterator[tuple[Any, Any]]:
        produced = self._function()
        if not isinstance(produced, Iterable):
            raise DataError(f"{self.description}: returned {type(produced).__name__}; return an iterable of samples")
        for item in produced:
            yield (item[0], item[1]) if isinstance(item, tuple) and len(item) == 2 else (item, None)

    def _by_name(self, sample: Any) -> dict[str, NDArray[Any]]:
        if not isinstance(sample, dict):
            sample = {self._inputs[0].name: sample} if len(self._inputs) == 1 else {}
        missing = [spec.name for spec in self._inputs if spec.name not in sample]
        if missing:
            raise DataError(
                f"{self.description}: a sample has no value for the input {', '.join(missing)}; give a dict of arrays "
                "by input name, or an array for a model with one input"
            )
        return {spec.name: np.asarray(sample[spec.name], spec.dtype) for spec in self._inputs}


def _find(name: str) -> Callable[[], Any]:
    path, _, attribute = _split(name)
    try:
        module = _import(path)
    except ImportError as error:
        raise DataError(f"{name}: cannot import {path} ({error}); run from the folder that holds it") from error
    function: Any = getattr(module, attribute, None)
    if not callable(function):
        raise DataError(f"{name}: {path} has no function '{attribute}'")
    return function  # type: ignore[no-any-return]


def _import(path: str) -> ModuleType:
    with _working_folder():
        return importlib.import_module(path)


@contextlib.contextmanager
def _working_folder() -> Iterator[None]:
    """Let modules be found in the working folder if they are nowhere else, as `python -m` does."""
    folder = os.getcwd()  # noqa: PTH109
    if "" in sys.path or folder in sys.path:
        yield
        return
    sys.path.append(folder)
    try:
        yield
    finally:
        sys.path.remove(folder)
