import numpy as np
import pytest
from planish.errors import SourceError, UnsupportedError

NET = (
    'input: "x" input_shape {{ dim: 2 dim: 3 dim: 5 dim: 7 }} layer {{ name: "l" type: "BN" bottom: "x" top: "y" {} }}'
)
RANDOM = np.random.default_rng(2)
X = RANDOM.standard_normal((2, 3, 5, 7), np.float32)


def blobs(count, channels=3, axis=1):
    shape = [channels if k == axis else 1 for k in range(4)]
    made = [RANDOM.standard_normal(shape, np.float32) for _ in range(count)]
    return [*made[:3], np.abs(made[3]) + np.float32(0.1)] if count == 4 else made


def test_segnet_inference_scales_and_shifts(run_net):
    scale, shift = blobs(2)
    y = run_net(NET.format("bn_param { bn_mode: INFERENCE }"), {"x": X}, {"l": [scale, shift]})["y"]
    np.testing.assert_allclose(y, X * scale + shift, rtol=1e-5, atol=1e-5)


def test_segnet_learn_uses_the_batch(run_net):
    scale, shift = blobs(2)
    y = run_net(NET.format(""), {"x": X}, {"l": [scale, shift]})["y"]
    axes = (0, 2, 3)
    normal = (X - X.mean(axes, keepdims=True)) / np.sqrt(X.var(axes, keepdims=True) + 1e-9)
    np.testing.assert_allclose(y, normal * scale + shift, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(("params", "epsilon"), [("", 1e-5), ("eps: 0.01", 0.01), ("var_eps: 0.02 decay: 0.1", 0.02)])
@pytest.mark.parametrize("axis", [1, 2])
def test_pspnet_is_batch_normalization(run_net, params, epsilon, axis):
    slope, bias, mean, variance = blobs(4, X.shape[axis], axis)
    net = NET.format(f"bn_param {{ axis: {axis} {params} }}")
    y = run_net(net, {"x": X}, {"l": [slope, bias, mean, variance]})["y"]
    np.testing.assert_allclose(y, (X - mean) / np.sqrt(variance + epsilon) * slope + bias, rtol=1e-4, atol=1e-4)


def test_without_weights_the_fields_decide(convert_net):
    assert convert_net(NET.format("bn_param { bn_mode: INFERENCE }"), random_weights=0)
    assert convert_net(NET.format("bn_param { eps: 1e-5 }"), random_weights=0)
    with pytest.raises(UnsupportedError, match="add bn_mode"):
        convert_net(NET.format(""), random_weights=0)


def test_other_numbers_of_blobs_are_refused(convert_net):
    with pytest.raises(SourceError, match="has 3 blobs"):
        convert_net(NET.format(""), {"l": [np.ones(3), np.ones(3), np.ones(3)]})
