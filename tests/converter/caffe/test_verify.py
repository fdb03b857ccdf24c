import json

import numpy as np
import pytest
from planish.errors import ModelError, SourceError

pytest.importorskip("cv2")
RNG = np.random.default_rng(0)
NET = """
input: "data" input_shape { dim: 1 dim: 2 dim: 6 dim: 8 }
layer { name: "conv" type: "Convolution" bottom: "data" top: "c" convolution_param { num_output: 4 kernel_size: 3 } }
layer { name: "relu" type: "ReLU" bottom: "c" top: "c" }
layer { name: "norm" type: "LRN" bottom: "c" top: "n" lrn_param { local_size: 3 alpha: 0.5 k: 1 } }
"""
WEIGHTS = {"conv": [RNG.standard_normal((4, 2, 3, 3)), RNG.standard_normal(4)]}


def notes(parts):
    return json.loads({p.key: p.value for p in parts.model.metadata_props}["planish.provenance"])["notes"]


def test_agreement_is_noted(convert_net):
    (note,) = notes(convert_net(NET, WEIGHTS, verify=True))
    assert note.startswith("verified: output 'n' differs from OpenCV's by ")


def test_a_layer_that_opencv_gets_wrong_is_not_compared(convert_net):
    (note,) = notes(convert_net(NET.replace("k: 1", "k: 2"), WEIGHTS, verify=True))
    assert "not verified: output 'n'" in note
    assert "layer 'norm' (LRN): OpenCV ignores the k of LRN" in note


def test_a_layer_that_opencv_does_not_know_is_noted(convert_net):
    net = NET + 'layer { name: "t" type: "Tile" bottom: "n" top: "t" tile_param { tiles: 2 } }'
    (note,) = notes(convert_net(net, WEIGHTS, verify=True))
    assert "not verified: output 't': OpenCV" in note


def test_a_difference_is_an_error(convert_net, monkeypatch):
    monkeypatch.setattr("planish.converter.caffe.verify.TOLERANCE", -1.0)
    with pytest.raises(ModelError, match="output 'n' differs from OpenCV's by"):
        convert_net(NET, WEIGHTS, verify=True)


def test_it_needs_weights(convert_net):
    with pytest.raises(SourceError, match="--verify needs a weights file"):
        convert_net(NET, random_weights=0, verify=True)
