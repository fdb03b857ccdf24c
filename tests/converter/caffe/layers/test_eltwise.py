import numpy as np
import pytest
from planish.errors import SourceError

A, B, C = np.random.default_rng(0).standard_normal((3, 2, 3, 5)).astype(np.float32)


def net(params, count=2, last="dim: 2 dim: 3 dim: 5"):
    names = "abc"[:count]
    inputs = "".join(f'input: "{name}" ' for name in names) + "input_shape { dim: 2 dim: 3 dim: 5 } " * (count - 1)
    bottoms = " ".join(f'bottom: "{name}"' for name in names)
    return f'{inputs} input_shape {{ {last} }} layer {{ name: "e" type: "Eltwise" {bottoms} top: "y" {params} }}'


CASES = [
    ("", 2, A + B),
    ("", 3, A + B + C),
    ("eltwise_param { coeff: 2 coeff: -0.5 }", 2, 2 * A - 0.5 * B),
    ("eltwise_param { operation: SUM coeff: 1 coeff: 0 coeff: 3 }", 3, A + 3 * C),
    ("eltwise_param { operation: PROD }", 3, A * B * C),
    ("eltwise_param { operation: MAX }", 2, np.maximum(A, B)),
    ("eltwise_param { operation: 2 coeff: 5 coeff: 6 coeff: 7 }", 3, np.maximum(np.maximum(A, B), C)),
]


@pytest.mark.parametrize(("params", "count", "expected"), CASES, ids=[f"{case[1]} {case[0]}" for case in CASES])
def test_eltwise(run_net, params, count, expected):
    feeds = dict(zip("abc"[:count], (A, B, C), strict=False))
    np.testing.assert_allclose(run_net(net(params, count), feeds)["y"], expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (net("", 1), "two or more bottoms"),
        (net("", 2, last="dim: 2 dim: 3 dim: 1"), "two or more bottoms of one shape"),
        (net("eltwise_param { coeff: 1 }"), "1 coefficients for SUM of 2 bottoms"),
        (net("eltwise_param { operation: PROD coeff: 1 coeff: 2 }"), "2 coefficients for PROD"),
    ],
)
def test_what_caffe_refuses(convert_net, text, problem):
    with pytest.raises(SourceError, match=problem):
        convert_net(text)
