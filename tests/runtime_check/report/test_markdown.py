"""The Markdown summary."""

import pytest
from planish.runtime_check.check import check
from planish.runtime_check.gates import Thresholds
from planish.runtime_check.report.markdown import to_markdown


@pytest.fixture
def result(classifier, rng):
    def disturb(tensors):
        tensors["f"] += 0.1 * rng.standard_normal(tensors["f"].shape).astype("f4")

    first = classifier()
    first.graph.name = "a|b<script>_x"
    return check(first, classifier(change=disturb), latency_seconds=0, thresholds=Thresholds(max_abs_error=1e-6))


def test_table_is_well_formed_and_names_are_escaped(result):
    lines = to_markdown(result).splitlines()
    assert lines[0] == r"### a\|b&lt;script>\_x -> classifier"
    table = [line for line in lines if line.startswith("| ")]
    assert {line.replace(r"\|", "").count("|") for line in table} == {5}
    assert "| MACs | 2,735 | 2,735 | 1.00 |" in table


def test_gates_and_verdicts(result):
    text = to_markdown(result)
    assert "- ❌ max-abs-error: " in text
    assert "- layers: the models part at 'fc' (Gemm)" in text
