"""The error figures, against arithmetic by hand over all data at once."""

import math

import numpy as np
import pytest
from planish.errors import ModelError
from planish.runtime_check.fidelity import FidelityMeter, check_finite


def meter(*pairs):
    made = FidelityMeter("out")
    for a, b in pairs:
        made.add(a, b)
    return made.result()


def test_figures_over_several_batches(rng):
    a = rng.standard_normal((7, 5)).astype(np.float32)
    b = (a + 0.01 * rng.standard_normal((7, 5))).astype(np.float32)
    given = meter((a[:3], b[:3]), (a[3:], b[3:]))
    noise = (a.astype(np.float64) - b).ravel()
    signal = a.astype(np.float64).ravel()
    assert given.max_abs == pytest.approx(np.abs(noise).max(), rel=1e-12)
    assert given.relative == pytest.approx(np.linalg.norm(noise) / np.linalg.norm(signal), rel=1e-12)
    assert given.sqnr_db == pytest.approx(-20 * math.log10(given.relative), rel=1e-12)
    cosine = np.corrcoef(np.concatenate([signal, -signal]), np.concatenate([b.ravel(), -b.ravel()]))[0, 1]
    assert given.cosine == pytest.approx(cosine, rel=1e-6)
    assert given.elements == 35


def test_a_known_sqnr():
    assert meter((np.full((4, 1), 10.0), np.full((4, 1), 11.0))).sqnr_db == pytest.approx(20)


def test_equal_outputs_and_outputs_of_nothing():
    same = meter((np.ones((2, 3)), np.ones((2, 3))))
    assert (same.max_abs, same.relative, same.sqnr_db) == (0, 0, math.inf)
    assert same.cosine == pytest.approx(1)
    lost = meter((np.zeros((2, 3)), np.ones((2, 3))))
    assert (lost.relative, lost.sqnr_db, lost.cosine) == (math.inf, -math.inf, 0)
    nothing = meter((np.zeros((2, 3)), np.zeros((2, 3))))
    assert (nothing.relative, nothing.cosine) == (0, 1)


def test_large_values_do_not_overflow():
    assert math.isfinite(meter((np.full((2, 2), 3e38, np.float32), np.full((2, 2), -3e38, np.float32))).sqnr_db)


def test_different_shapes():
    with pytest.raises(ModelError, match=r"'out': the first model gives the shape \(2, 3\), the second \(2, 4\)"):
        meter((np.zeros((2, 3)), np.zeros((2, 4))))


@pytest.mark.parametrize("bad", [np.nan, -np.inf])
def test_outputs_that_are_not_finite_are_named(bad):
    value = np.zeros((3, 4), np.float32)
    check_finite("a.onnx", {"out": value}, ("x[0]", "x[1]", "x[2]"))
    value[1, 2] = bad
    with pytest.raises(ModelError, match=r"a\.onnx: output 'out' is NaN or infinite for x\[1\]"):
        check_finite("a.onnx", {"out": value}, ("x[0]", "x[1]", "x[2]"))
