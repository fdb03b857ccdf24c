"""The low-rank forms by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from ...errors import nearest
from .form import Form

_P = TypeVar("_P", bound=type[Form])
_FORMS: dict[str, Form] = {}


def form(form_class: _P) -> _P:
    """Class decorator: make a form known under its name, which no other may have."""
    if form_class.name in _FORMS:
        raise ValueError(f"two low-rank forms are called '{form_class.name}'")
    _FORMS[form_class.name] = form_class()
    return form_class


def forms() -> Mapping[str, Form]:
    """The known forms by name."""
    return dict(_FORMS)


def unknown_form(name: str) -> str:
    """What to say of a form that is none."""
    return f"'{name}' is no low-rank form{nearest(name, _FORMS)}; there are: {', '.join(_FORMS)}"
