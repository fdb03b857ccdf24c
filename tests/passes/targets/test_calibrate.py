import pytest
from planish.errors import PlanishError
from planish.passes.targets.calibrate import Calibration, NetFit, calibrate_target, fit_coefficients, model_features
from planish.passes.targets.calibration_nets import chain, convolution_nets, judging_nets, operator_nets, rate_nets
from planish.passes.targets.features import FEATURES, Blocks
from planish.passes.targets.operators import TIMED
from planish.passes.targets.rates import MNN, NCNN, OPENCV
from planish.passes.targets.timing import time_nets


def test_the_fit_finds_the_coefficients_that_made_the_times(rng):
    true = {"conv_gflop": 8.0, "nodes": 0.01, "activation_gb": 20.0}
    features = {f"net{i}": {name: rng.uniform(0.1, 2) for name in true} for i in range(7)}
    times = {net: sum(true[name] * amount for name, amount in found.items()) for net, found in features.items()}
    assert fit_coefficients(features, times) == pytest.approx(true)


def test_a_coefficient_is_never_negative(rng):
    features = {f"net{i}": {"conv_gflop": 1.0 + i, "nodes": 1.0} for i in range(4)}
    times = {f"net{i}": 2.0 * (1 + i) - 0.5 for i in range(4)}
    assert fit_coefficients(features, times)["nodes"] == 0


def test_the_networks_tell_every_coefficient():
    nets = convolution_nets() | operator_nets()
    seen = set().union(*(model_features(parts, Blocks(16)) for parts in nets.values()))
    assert seen == {*FEATURES, *(f"op:{name}" for name in TIMED), "op:other"}


def test_built_in_rates_are_those_that_a_calibration_measures():
    assert set(NCNN) == set(MNN) == set(OPENCV) == set(rate_nets())


@pytest.mark.parametrize("name", ["onnxruntime", "opencv"])
def test_generated_networks_run(name):
    nets = {"3x3": chain([16, 32, 16], 7), "image": chain([3, 8], 9, stride=2)}
    times = time_nets(name, nets, reopen=name == "onnxruntime")
    assert times.keys() == nets.keys()
    assert 0 < min(times.values()) < max(times.values()) < 1000


def test_judges_are_a_dense_pair_and_three_chains_for_each_size():
    assert len(judging_nets()) == 12


def test_errors_are_relative_and_absolute():
    calibration = Calibration({}, (NetFit("a", 2.0, 1.0), NetFit("b", 1.0, 1.1)))
    assert calibration.mean_error == pytest.approx(0.3)
    assert calibration.worst_error == pytest.approx(0.5)


def test_a_runtime_that_is_not_there_is_named(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "MNN", None)
    with pytest.raises(PlanishError, match=r"needs the Python package 'MNN'"):
        calibrate_target("mnn")
