"""Thresholds."""

import pytest
from planish.errors import DataError
from planish.runtime_check.gates import Thresholds, evaluate


def test_bounds_from_above_and_below():
    figures = {"max_top1_drop": 1.2, "min_speedup": 1.4, "min_cosine": 0.9}
    gates = evaluate(Thresholds(max_top1_drop=1, min_speedup=1.4, min_cosine=0.99), figures)
    assert {gate.name: gate.passed for gate in gates} == {
        "max_top1_drop": False,
        "min_speedup": True,
        "min_cosine": False,
    }
    assert str(gates[0]) == "max-top1-drop: 1.2, limit 1"


def test_zero_is_a_limit():
    assert not evaluate(Thresholds(max_abs_error=0), {"max_abs_error": 1e-9})[0].passed


def test_nothing_set():
    assert evaluate(Thresholds(), {"min_speedup": 0.1}) == ()


def test_figure_that_is_not_there():
    with pytest.raises(DataError, match="--max-top1-drop: there is no such figure"):
        evaluate(Thresholds(max_top1_drop=1), {"min_speedup": 2.0})
