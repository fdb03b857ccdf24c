"""A check's result from its JSON, so that reports can be made again without measuring again."""

from __future__ import annotations

import json
import types
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from ...errors import DataError
from ..result import CheckResult

_T = TypeVar("_T")


def read_result(path: Path) -> CheckResult:
    """The result that `planish check --json` printed to the file `path`.

    Raises:
        DataError: no such file, or it holds something else.
    """
    try:
        return restore(CheckResult, json.loads(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read ({error}); give the output of planish check --json") from error
    except (ValueError, TypeError, KeyError) as error:
        raise DataError(
            f"{path}: is not what this version of planish check --json prints ({type(error).__name__}: {error}); "
            "run the check again"
        ) from error


def restore(kind: type[_T], document: Mapping[str, Any]) -> _T:
    """The dataclass `kind` from the dictionary that `dataclasses.asdict` made of it, through JSON or not."""
    hints = get_type_hints(kind)
    return kind(**{field.name: _value(hints[field.name], document[field.name]) for field in fields(kind)})  # type: ignore[arg-type]


def _value(kind: Any, value: Any) -> Any:
    origin, inner = get_origin(kind), get_args(kind)
    if origin in {Union, types.UnionType}:
        return None if value is None else _value(next(one for one in inner if one is not type(None)), value)
    if is_dataclass(kind):
        return restore(kind, _checked(dict, value))  # type: ignore[arg-type]
    if origin is tuple:
        kinds = [inner[0]] * len(value) if inner[1:] == (...,) else inner
        return tuple(_value(one, item) for one, item in zip(kinds, _checked(list | tuple, value), strict=True))
    if origin is Literal:
        return inner[inner.index(value)]
    if kind is float:
        return float(value)  # 'Infinity' too
    return dict(_checked(dict, value)) if origin is not None else _checked(kind, value)


def _checked(kind: Any, value: Any) -> Any:
    if not isinstance(value, kind):
        raise TypeError(f"{value!r:.40} is no {kind}")
    return value
