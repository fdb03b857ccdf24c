"""What is written is Caffe's text format, by an independent reader's judgement."""

import cv2
import numpy as np
from planish.converter.caffe.text import parse_text
from planish.models.prototxt import Prototxt


def build():
    net = Prototxt("tiny", channels=3, size=14)
    top = net.relu("relu1", net.convolution("conv1", "data", 6, 3, pad=1, stride=2, group=3, bias=False))
    top = net.lrn("norm", net.batch_norm("bn", "scale", top))
    top = net.layer("Concat", "both", [top, net.max_pool("pool", top, 3, 1, 1)])
    top = net.dropout("drop", net.average_pool("all", top), 0.5)
    net.softmax("prob", net.inner_product("fc", top, 5))
    return str(net)


def test_the_text_says_what_was_asked_for():
    layers = parse_text(build(), "tiny").messages("layer")
    assert [layer.string("name") for layer in layers][:4] == ["data", "conv1", "relu1", "bn"]
    params = layers[1].message("convolution_param")
    assert {key: params.integer(key, -1) for key in ("num_output", "kernel_size", "pad", "stride", "group")} == {
        "num_output": 6,
        "kernel_size": 3,
        "pad": 1,
        "stride": 2,
        "group": 3,
    }
    assert params.boolean("bias_term", default=True) is False
    assert layers[2].strings("top") == ["conv1"]
    pooled = {layer.string("name"): layer.message("pooling_param") for layer in layers if layer.has("pooling_param")}
    assert (pooled["pool"].integer("pad", 0), pooled["pool"].string("pool")) == (1, "MAX")
    assert pooled["all"].boolean("global_pooling")


def test_opencv_reads_it():
    net = cv2.dnn.readNetFromCaffe(np.frombuffer(build().encode(), np.uint8))
    assert [name for name in net.getLayerNames() if name in {"conv1", "fc", "prob"}] == ["conv1", "fc", "prob"]
