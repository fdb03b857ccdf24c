import numpy as np
import pytest
from planish.errors import SourceError

INPUT = 'input: "data" input_shape { dim: 2 dim: 3 } '
RNG = np.random.default_rng(0)


def product(name, bottom, top, extra=""):
    return (
        f'layer {{ name: "{name}" type: "InnerProduct" bottom: "{bottom}" top: "{top}" {extra}'
        " inner_product_param { num_output: 3 bias_term: false } }"
    )


def test_parameters_shared_by_name_are_stored_once(convert_net):
    weight = RNG.standard_normal((3, 3))
    shared = 'param { name: "w" }'
    net = INPUT + product("a", "data", "a", shared) + product("b", "a", "b", shared)
    parts = convert_net(net, {"a": [weight], "b": [weight]})
    assert [array.shape for array in parts.tensors.values() if array.size == 9] == [(3, 3)]


def test_a_shared_parameter_may_be_stored_with_its_owner_only(run_net):
    weight, x = RNG.standard_normal((3, 3), np.float32), RNG.standard_normal((2, 3), np.float32)
    shared = 'param { name: "w" }'
    net = INPUT + product("a", "data", "a", shared) + product("b", "a", "b", shared)
    np.testing.assert_allclose(run_net(net, {"data": x}, {"a": [weight]})["b"], x @ weight.T @ weight.T, rtol=1e-5)


def test_layers_of_one_name_take_their_weights_in_order(run_net):
    first, second = RNG.standard_normal((2, 3, 3), np.float32)
    x = RNG.standard_normal((2, 3), np.float32)
    net = INPUT + product("twin", "data", "a") + product("twin", "a", "b")
    y = run_net(net, {"data": x}, [("twin", [first]), ("twin", [second])])["b"]
    np.testing.assert_allclose(y, x @ first.T @ second.T, rtol=1e-5)


def test_sizes_of_one_do_not_count(run_net):
    weight, x = RNG.standard_normal((1, 1, 3, 3), np.float32), RNG.standard_normal((2, 3), np.float32)
    y = run_net(INPUT + product("a", "data", "a"), {"data": x}, {"a": [weight]})["a"]
    np.testing.assert_allclose(y, x @ weight[0, 0].T, rtol=1e-5)


@pytest.mark.parametrize(
    ("blobs", "problem"),
    [
        (
            {"a": [np.ones((3, 4))]},
            r"layer 'a' \(InnerProduct\): blob 0 has shape \(3, 4\) in .*, but \(3, 3\) is expected",
        ),
        ({"a": [np.ones((9,))]}, r"blob 0 has shape \(9,\)"),
        (
            {"z": [np.ones((3, 3))]},
            r"layer 'a' \(InnerProduct\): .* holds no blobs for it, but blob 0 of shape \(3, 3\)",
        ),
        (None, "no weights file was given"),
    ],
)
def test_missing_and_misshapen_weights_are_refused(convert_net, blobs, problem):
    with pytest.raises(SourceError, match=problem):
        convert_net(INPUT + product("a", "data", "a"), blobs)


def test_random_weights_are_he_normal_and_reproducible(convert_net):
    net = 'input: "data" input_shape { dim: 1 dim: 50 dim: 4 dim: 6 } '
    net += 'layer { name: "c" type: "Convolution" bottom: "data" top: "c" '
    net += "convolution_param { num_output: 90 kernel_size: 3 } }"
    first, again, other = (convert_net(net, random_weights=seed).tensors for seed in (7, 7, 8))
    np.testing.assert_array_equal(first["c/weight"], again["c/weight"])
    assert (first["c/weight"] != other["c/weight"]).any()
    assert first["c/weight"].std() == pytest.approx((2 / (50 * 9)) ** 0.5, rel=0.02)
    assert not first["c/bias"].any()
