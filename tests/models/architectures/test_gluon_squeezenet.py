"""gluon's SqueezeNet against the net that its authors trained, as another MXNet symbol holds it."""

import json

import numpy as np
import pytest
from planish.converter.mxnet import convert_mxnet
from planish.models.architectures.gluon_squeezenet import gluon_squeezenet
from planish.runtime_check.session import Session


def renamed(text, names):
    """The symbol with other names for its parameters, in their order."""
    document = json.loads(text)
    variables = [node for node in document["nodes"][1:] if node["op"] == "null"]
    for node, name in zip(variables, names, strict=True):
        node["name"] = name
    return json.dumps(document)


@pytest.fixture
def published(shared):
    folder = shared / "assets" / "models" / "mxnet_derived" / "squeezenet_v1.1"
    return folder / "squeezenet_v1.1-symbol.json", folder / "squeezenet_v1.1-0000.params"


def test_trained_weights_give_what_they_give_in_the_published_net(published, tmp_path, rng):
    symbol, params = published
    own = convert_mxnet(symbol, params, input_shapes={"data": (1, 3, 224, 224)}, check=False)
    names = [
        node["name"]
        for node in json.loads(symbol.read_text())["nodes"]
        if node["op"] == "null" and node["name"] not in {"data", "softmax_label"}
    ]
    path = tmp_path / "gluon-symbol.json"
    path.write_text(renamed(gluon_squeezenet(), names))
    ours = convert_mxnet(path, params, check=False)
    image = rng.uniform(-120, 130, (1, 3, 224, 224)).astype(np.float32)
    (expected,) = Session(own.to_model()).run({"data": image}).values()
    (scores,) = Session(ours.to_model()).run({"data": image}).values()
    assert expected.std() > 1e-4
    exponents = np.exp(scores - scores.max())
    np.testing.assert_allclose(exponents / exponents.sum(), expected, rtol=1e-4, atol=1e-7)
