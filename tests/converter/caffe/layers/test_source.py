import numpy as np
import pytest
from planish.errors import SourceError, UnsupportedError

X = np.random.default_rng(0).standard_normal((2, 3)).astype(np.float32)
SUM = 'input: "x" input_shape { dim: 2 dim: 3 } %s layer { name: "e" type: "Eltwise" bottom: "x" bottom: "w" top: "y" }'


def test_parameter(run_net):
    text = SUM % 'layer { name: "p" type: "Parameter" top: "w" parameter_param { shape { dim: 2 dim: 3 } } }'
    np.testing.assert_allclose(run_net(text, {"x": X}, {"p": [X * 2]})["y"], X * 3, rtol=1e-6)


@pytest.mark.parametrize(
    ("params", "value"),
    [
        ("shape { dim: 2 dim: 3 }", 0),
        ("shape { dim: 2 dim: 3 } data_filler { type: 'constant' value: 1.5 }", 1.5),
        ("shape { dim: 2 dim: 3 } data_filler { value: -2 }", -2),
    ],
)
def test_dummy_data(run_net, params, value):
    text = SUM % f'layer {{ name: "d" type: "DummyData" top: "w" dummy_data_param {{ {params} }} }}'
    np.testing.assert_allclose(run_net(text, {"x": X})["y"], X + value, rtol=1e-6)


def test_legacy_sizes_and_several_tops(convert_net):
    text = (
        'input: "x" input_shape { dim: 2 dim: 3 dim: 4 dim: 5 } layer { name: "d" type: "DummyData" top: "a" top: "b" '
        "dummy_data_param { num: 2 channels: 3 height: 4 width: 5 } } "
        'layer { name: "e" type: "Eltwise" bottom: "x" bottom: "a" bottom: "b" top: "y" }'
    )
    assert convert_net(text).model.graph.output[0].name == "y"


def test_random_fillers_are_refused(convert_net):
    params = "shape { dim: 2 dim: 3 } data_filler { type: 'gaussian' }"
    with pytest.raises(UnsupportedError, match="random values"):
        convert_net(SUM % f'layer {{ name: "d" type: "DummyData" top: "w" dummy_data_param {{ {params} }} }}')


def test_a_top_of_absurd_size_is_refused(convert_net):
    params = "shape { dim: 100000 dim: 100000 }"
    with pytest.raises(SourceError, match="more than 16777216 values"):
        convert_net(SUM % f'layer {{ name: "d" type: "DummyData" top: "w" dummy_data_param {{ {params} }} }}')
