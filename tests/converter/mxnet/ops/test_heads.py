import numpy as np
import pytest


def softmax(x, axes):
    return np.exp(x) / np.exp(x).sum(axes, keepdims=True)


@pytest.mark.parametrize(
    ("shape", "options", "axes"),
    [
        ((2, 5), {}, 1),
        ((2, 3, 5), {}, (1, 2)),
        ((2, 3, 5), {"preserve_shape": True}, 2),
        ((2, 3, 5), {"multi_output": True}, 1),
        ((2, 3, 5, 7), {"multi_output": True}, 1),
        ((2, 3, 5, 7), {}, 3),
    ],
)
def test_softmax_output(apply, rng, shape, options, axes):
    x = rng.normal(size=shape).astype(np.float32)
    np.testing.assert_allclose(apply("SoftmaxOutput", x, **options), softmax(x, axes), rtol=1e-5, atol=1e-6)
