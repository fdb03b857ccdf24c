import numpy as np
import pytest
from planish.passes.quantize import FAST, StaticSettings, measured
from planish.passes.quantize.judge import Judge
from planish.passes.quantize.static import observe, quantize_static


@pytest.fixture
def observed(chain, graph_of, make_batches):
    return observe(graph_of(chain), make_batches(images=72), StaticSettings(), {})


def _scores(observed, graph):
    return Judge(observed)(graph).sqnr_db


def test_takes_the_better_of_both_where_much_is_lost(observed, monkeypatch):
    monkeypatch.setattr(measured, "_FAITHFUL_DB", np.inf)
    settings = StaticSettings()
    plain, _ = quantize_static(observed, settings)
    fitted, _ = quantize_static(Judge(observed).rest, settings, sequential=True)
    one, other = _scores(observed, plain), _scores(observed, fitted)
    assert one != other
    graph, _ = measured.quantize_measured(observed, settings)
    assert _scores(observed, graph) == pytest.approx(max(one, other))


@pytest.mark.parametrize(
    ("faithful_db", "settings"), [(-np.inf, StaticSettings()), (np.inf, StaticSettings(repairs=FAST))]
)
def test_fits_once_where_that_will_do(observed, monkeypatch, faithful_db, settings):
    monkeypatch.setattr(measured, "_FAITHFUL_DB", faithful_db)
    calls = []
    monkeypatch.setattr(measured, "quantize_static", lambda *a, **k: calls.append(k) or quantize_static(*a, **k))
    measured.quantize_measured(observed, settings)
    assert calls == [{}]
