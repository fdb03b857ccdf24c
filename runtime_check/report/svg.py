"""Plots as SVG that takes its ink from the page around it, so that they can be read in the dark too."""

from __future__ import annotations

import io
import re
from typing import Any

from ...errors import load_extra

INK = "#0a0b0c"
"""Stands for the colour of the page's own text."""

_SETTINGS = {
    "svg.fonttype": "none",
    "text.parse_math": False,  # names of nodes may hold dollar signs
    "font.family": "sans-serif",
    "font.size": 10,
    "text.color": INK,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
}


def beside(right: int, above: int) -> dict[str, Any]:
    """Where a text stands, in points from what it belongs to."""
    return {"xytext": (right, above), "textcoords": "offset points"}


def canvas_for(salt: str, height: float, width: float = 8) -> tuple[Any, Any]:
    """A figure of so many inches and its axes; `salt` keeps the ids of several plots on one page apart."""
    matplotlib = load_extra("matplotlib", "report", "the report page")
    figures = load_extra("matplotlib.figure", "report", "the report page")
    with matplotlib.rc_context(_SETTINGS):
        canvas = figures.Figure(figsize=(width, height), layout="constrained")
        canvas.planish_settings = {**_SETTINGS, "svg.hashsalt": salt}
        return canvas, canvas.add_subplot()


def to_svg(canvas: Any, description: str) -> str:
    """The figure as an inline `<svg>` with a description for screen readers."""
    matplotlib = load_extra("matplotlib", "report", "the report page")
    stream = io.StringIO()
    with matplotlib.rc_context(canvas.planish_settings):
        canvas.savefig(stream, format="svg", transparent=True, metadata={"Date": None})
    text = stream.getvalue().replace(INK, "currentColor")
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r' (width|height)="[\d.]+pt"', "", text, count=2)
    return text.replace("<svg", f'<svg role="img" aria-label="{description}"', 1)


def shortened(name: str) -> str:
    """A name of at most 40 characters."""
    return name if len(name) <= 40 else f"{name[:18]}...{name[-19:]}"
