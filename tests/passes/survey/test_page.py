"""The page: whole, self-contained, every name escaped, every figure of the survey in it."""

import xml.etree.ElementTree as ET
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from planish.passes.options import KEEP, Option
from planish.passes.plan import LayerPlan, Plan
from planish.passes.survey.measuring import Survey
from planish.passes.survey.page import choice_rows, point_rows, sensitivity_rows, to_html

EVIL = "<script>alert('$x$')</script>\"&"


class _Reader(HTMLParser):
    """Gathers tags and where they point."""

    def __init__(self):
        super().__init__()
        self.tags, self.links = [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.links += [value for key, value in attrs if key in {"src", "href"} and not value.startswith("#")]


def read(page):
    reader = _Reader()
    reader.feed(page)
    return reader


@pytest.fixture
def evil(found):
    """A survey in which a layer has a hostile name."""
    kept = Option(EVIL, KEEP, (0,), 100, 10, 1.0, 0.0, 0.0)
    offer = [kept, Option(EVIL, "spatial", (4,), 50, 5, 0.5, 0.02, 0.005)]
    plan = Plan({EVIL: LayerPlan("spatial", (4,), {"macs": [100, 50], "error": 0.02})})
    points = [found.points[0], replace(found.points[1], plan=plan)]
    return Survey([offer], points, {9.0: EVIL}, 16)


def test_the_page_has_everything_and_needs_nothing(found):
    page = to_html(found, "digits.onnx", {"seed": "7"})
    reader = read(page)
    assert "script" not in reader.tags and reader.links == ["data:,"]
    assert reader.tags.count("svg") == 2 + len(found.offers)
    for offer in found.offers:
        assert offer[0].layer in page
    for text in (
        "Sensitivity of digits.onnx",
        "ratio 1.8",
        "Ratio 500: ",
        "spatial",
        f"{found.points[1].mac_ratio:.2f}",
    ):
        assert text in page
    start = page.index("<svg")
    ET.fromstring(page[start : page.index("</svg>", start) + 6])


def test_names_cannot_break_the_page(evil):
    page = to_html(evil, EVIL, {EVIL: EVIL})
    assert "<script" not in page
    assert "script" not in read(page).tags


def test_networks_of_which_nothing_can_become_cheaper_have_a_page_too(found):
    page = to_html(replace(found, offers=[], points=found.points[:1]), "x.onnx", {})
    assert "<h2>Accuracy against speed</h2>" in page


def test_rows_show_the_figures(evil, found):
    row = choice_rows(evil)[0]
    assert row == (EVIL, "spatial 4, 50 %")
    assert point_rows(found)[0][0] == "exact only" and point_rows(found)[1][1] == f"{found.points[1].mac_ratio:.2f}"
    figures = [float(row[1]) for row in sensitivity_rows(found)]
    assert figures == sorted(figures, reverse=True)
