import json

import pytest
from planish.errors import PlanishError
from planish.passes.targets import find_target
from planish.passes.targets.registry import machine_of
from planish.passes.targets.store import load_coefficients, save_coefficients


@pytest.fixture(autouse=True)
def cache(monkeypatch, tmp_path):
    monkeypatch.setenv("PLANISH_CACHE", str(tmp_path))
    return tmp_path


def test_what_is_saved_is_loaded(cache):
    machine = machine_of("ncnn", 2)
    path = save_coefficients(machine, {"3x3@64x28": 123.5})
    assert path.is_relative_to(cache)
    assert load_coefficients(machine) == {"3x3@64x28": 123.5}
    assert load_coefficients(machine_of("ncnn", 1)) is None
    assert load_coefficients(machine_of("mnn", 2)) is None
    assert json.loads(path.read_text())["threads"] == 2


def test_measured_coefficients_take_the_place_of_built_in_ones():
    built_in = find_target("ncnn")
    save_coefficients(machine_of("ncnn"), {"3x3@64x28": 123.5})
    target = find_target("ncnn")
    assert target.coefficients == {**built_in.coefficients, "3x3@64x28": 123.5}
    assert target.source.startswith("measured")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        '{"coefficients": 3}',
        '{"coefficients": {"nodes": "x"}}',
        '{"coefficients": {"nodes": -1}}',
        '{"coefficients": {"nodes": NaN}}',
        "{}",
    ],
)
def test_a_damaged_file_is_told_with_what_to_do(text):
    path = save_coefficients(machine_of("onnxruntime"), {"nodes": 1.0})
    path.write_text(text)
    with pytest.raises(PlanishError, match=r"damaged.*planish calibrate-target --target onnxruntime") as caught:
        find_target("onnxruntime")
    assert str(path) in str(caught.value)
