"""The templates of all pages: one look, every value escaped."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ...errors import load_extra

FOLDER = Path(__file__).parent


def find_template(name: str, folder: Path = FOLDER) -> Any:
    """The jinja2 template `name` of `folder`, which may build on `base.html.j2` and `parts.html.j2` beside this file.

    Raises:
        MissingExtraError: the extra 'report' is not installed.
    """
    jinja2: Any = load_extra("jinja2", "report", "the report page")
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader([folder, FOLDER]),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    return environment.get_template(name)
