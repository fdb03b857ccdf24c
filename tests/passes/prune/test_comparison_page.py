"""The page of a comparison: self-contained, every figure in it, no name breaks it."""

import math
import xml.etree.ElementTree as ET

import pytest
from planish.passes.prune.comparison import WHOLE, Trial
from planish.passes.prune.comparison_page import figure, rows, to_html
from planish.passes.prune.judge import Verdict

EVIL = "<script>alert('$x$')</script>&"
CLASSES = Verdict(91.5, 99.0, 100.0, math.inf)
NO_CLASSES = Verdict(None, None, None, math.inf)


def trials(make):
    """A layer and the whole network by two criteria at two ratios, each with its own figure."""
    settings = [
        (where, name, fitted, ratio)
        for where in (EVIL, WHOLE)
        for name in ("lasso", "first")
        for fitted in (True, False)
        for ratio in (1.5, 2.0)
    ]
    return [Trial(*it, macs_left=0.5, verdict=make(90.25 - place)) for place, it in enumerate(settings)]


@pytest.mark.parametrize(
    ("make", "original", "text"),
    [
        (lambda value: Verdict(value, 99.0, 95.0, 20.0), CLASSES, "{:.2f} %"),
        (lambda value: Verdict(None, None, value, 20.0), NO_CLASSES, "{:.2f} % same"),
        (lambda value: Verdict(None, None, None, value), NO_CLASSES, "{:.1f} dB"),
    ],
)
def test_every_figure_is_on_the_page_whatever_it_is_and_names_cannot_break_it(make, original, text):
    found = trials(make)
    page = to_html(found, original, EVIL, {"seed": "7"})
    assert "<script" not in page
    for place in range(len(found)):
        assert text.format(90.25 - place) in page
    svgs = [part.partition("</svg>")[0] for part in page.split("<svg")[1:]]
    assert len(svgs) == 2
    for svg in svgs:
        ET.fromstring(f"<svg{svg}</svg>")
    assert "MACs before over after" in svgs[1] and "channels before over after" in svgs[0]


def test_rows_hold_all_ratios_of_a_criterion():
    found = [trial for trial in trials(lambda value: Verdict(value, None, None, 0.0)) if trial.where == WHOLE]
    assert rows(found)[0] == ("lasso", "yes", "82.25 %", "81.25 %")
    assert rows(found)[3] == ("first", "no", "76.25 %", "75.25 %")
    assert figure(found[0].verdict) == ("top-1 accuracy, %", 82.25)
