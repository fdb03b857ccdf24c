"""The fuzzer of fuzz.py, for a moment, on the corpus and the golden cases; the same seeds every time."""

import importlib.util
import random
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from planish.converter.mxnet.params import parse_params
from planish.errors import SourceError

SPEC = importlib.util.spec_from_file_location("mxnet_fuzz", Path(__file__).with_name("fuzz.py"))
fuzz = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(fuzz)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # absurd options overflow, which is no error
@pytest.mark.parametrize("seed", range(4))
def test_mutated_networks_convert_or_are_refused(seed, tmp_path):
    choose, pool = random.Random(seed), list(fuzz.seeds())
    converted = 0
    for _ in range(60):
        symbol, params, shapes = choose.choice(pool)
        converted += fuzz.attempt(fuzz.mutate_symbol(symbol, choose), params, shapes, tmp_path)
    assert converted < 60


@settings(max_examples=150, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_mutated_params_are_read_or_refused(data):
    _, params, _ = next(seed for seed in fuzz.seeds() if seed[1])
    changed = bytearray(params)
    for _ in range(data.draw(st.integers(1, 4))):
        changed[data.draw(st.integers(0, len(changed) - 1))] = data.draw(st.integers(0, 255))
    try:
        arrays = parse_params(bytes(changed[: data.draw(st.integers(0, len(changed)))]))
    except SourceError:
        return
    assert sum(array.nbytes for array in arrays.values()) <= 2 * len(changed)
