"""A short run of fuzz.py; longer ones are started by hand."""

import importlib.util
from pathlib import Path

import pytest

SPEC = importlib.util.spec_from_file_location("caffe_fuzz", Path(__file__).with_name("fuzz.py"))
FUZZ = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(FUZZ)


@pytest.mark.parametrize(("target", "inputs"), [("text", 400), ("wire", 400), ("reader", 250)])
@pytest.mark.filterwarnings("default")
def test_every_mutation_is_converted_or_refused(target, inputs):
    assert [message for _, message, *_ in FUZZ.fuzz(target, seed=20, inputs=inputs)] == []


def test_the_fuzzer_finds_a_crash(monkeypatch):
    def crash(path):
        raise KeyError(path)

    monkeypatch.setattr(FUZZ, "read_caffemodel", crash)
    assert all("KeyError" in message for _, message, *_ in FUZZ.fuzz("wire", seed=0, inputs=3))
    assert len(list(FUZZ.fuzz("wire", seed=0, inputs=3))) == 3
