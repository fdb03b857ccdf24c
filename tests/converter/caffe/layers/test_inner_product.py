import numpy as np
import pytest

RNG = np.random.default_rng(0)
X = RNG.standard_normal((2, 3, 4, 5)).astype(np.float32)
INPUT = 'input: "x" input_shape { dim: 2 dim: 3 dim: 4 dim: 5 } '


@pytest.mark.parametrize("axis", [0, 1, 2, -1])
@pytest.mark.parametrize("transpose", [False, True])
@pytest.mark.parametrize("bias", [False, True])
def test_inner_product(run_net, axis, transpose, bias):
    inputs = int(np.prod(X.shape[axis % 4 :]))
    weight, term = RNG.standard_normal((7, inputs)), RNG.standard_normal(7)
    params = f"inner_product_param {{ num_output: 7 axis: {axis} transpose: {transpose} bias_term: {bias} }}"
    text = INPUT + f'layer {{ name: "f" type: "InnerProduct" bottom: "x" top: "y" {params} }}'
    blobs = [weight.T if transpose else weight, *([term] if bias else [])]
    expected = X.reshape(*X.shape[: axis % 4], inputs) @ weight.T + (term if bias else 0)
    np.testing.assert_allclose(run_net(text, {"x": X}, {"f": blobs})["y"], expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("bias", [False, True])
def test_embed(run_net, bias):
    weight, term = RNG.standard_normal((6, 3)), RNG.standard_normal(3)
    text = 'input: "x" input_shape { dim: 2 dim: 4 } layer { name: "e" type: "Embed" bottom: "x" top: "y" '
    text += f"embed_param {{ input_dim: 6 num_output: 3 bias_term: {bias} }} }}"
    x = RNG.integers(0, 6, (2, 4))
    found = run_net(text, {"x": x}, {"e": [weight, term] if bias else [weight]})["y"]
    np.testing.assert_allclose(found, weight[x] + (term if bias else 0), rtol=1e-5)
