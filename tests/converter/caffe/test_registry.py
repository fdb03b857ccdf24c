import re
from importlib.metadata import EntryPoint
from pathlib import Path

import numpy as np
import pytest
from planish.converter import plugins
from planish.converter.caffe import registry
from planish.converter.caffe.registry import find_layer_type, layer, layer_types
from planish.errors import PlanishError

DOCUMENT = Path(__file__).parents[3] / "docs/converters.md"

BVLC = [
    "AbsVal",
    "Accuracy",
    "ArgMax",
    "BatchNorm",
    "BatchReindex",
    "Bias",
    "BNLL",
    "Clip",
    "Concat",
    "Convolution",
    "Crop",
    "Deconvolution",
    "Dropout",
    "DummyData",
    "Eltwise",
    "ELU",
    "Embed",
    "EuclideanLoss",
    "Exp",
    "Filter",
    "Flatten",
    "Im2col",
    "InnerProduct",
    "Log",
    "LRN",
    "LSTM",
    "LSTMUnit",
    "MVN",
    "Parameter",
    "Pooling",
    "Power",
    "PReLU",
    "Reduction",
    "ReLU",
    "Reshape",
    "RNN",
    "Scale",
    "Sigmoid",
    "Silence",
    "Slice",
    "Softmax",
    "SoftmaxWithLoss",
    "Split",
    "SPP",
    "Swish",
    "TanH",
    "Threshold",
    "Tile",
]


@pytest.fixture
def forget_new_types(monkeypatch):
    layer_types()
    monkeypatch.setattr(registry, "_TYPES", dict(registry._TYPES))


@pytest.mark.parametrize("name", BVLC)
def test_every_inference_layer_of_bvlc_is_known(name):
    assert find_layer_type(name) is not None


def test_every_type_says_what_it_does_and_whom_it_follows():
    for kind in layer_types():
        assert kind.summary, kind.name
        assert kind.source, kind.name


def test_a_second_handler_of_one_name_is_refused(forget_new_types):
    with pytest.raises(PlanishError, match=r"layer type 'ReLU' of .* is registered already by .*activation"):

        @layer("ReLU")
        def another(call):
            return call.bottom()


def documented_example():
    """The plug-in of docs/converters.md."""
    text = DOCUMENT.read_text()
    (example,) = re.findall(r"```python\n(# planish_mish\.py.*?)```", text, re.DOTALL)
    assert len(example.strip().splitlines()) <= 12
    return example


def test_the_documented_plug_in_adds_a_layer(forget_new_types, monkeypatch, tmp_path, run_net):
    (tmp_path / "planish_mish.py").write_text(documented_example())
    monkeypatch.syspath_prepend(tmp_path)
    found = [EntryPoint("mish", "planish_mish", registry.ENTRY_POINT)]
    monkeypatch.setattr(plugins, "entry_points", lambda group: found if group == registry.ENTRY_POINT else [])
    registry._load.cache_clear()
    x = np.random.default_rng(0).standard_normal((2, 3, 5, 7)).astype(np.float32)
    text = (
        'input: "x" input_shape { dim: 2 dim: 3 dim: 5 dim: 7 } layer { name: "m" type: "Mish" bottom: "x" top: "y" }'
    )
    np.testing.assert_allclose(run_net(text, {"x": x})["y"], x * np.tanh(np.log1p(np.exp(x))), rtol=1e-5, atol=1e-6)
    registry._load.cache_clear()
