"""Nets written by the tests themselves: text, weights, and what the converted model answers."""

from __future__ import annotations

import numpy as np
import pytest
from planish.converter.caffe import convert_caffe
from planish.runtime_check.session import Session
from planish.wire import tag, varint


def _field(number, payload):
    return tag(number) + varint(len(payload)) + payload


def _blob(array):
    array = np.asarray(array, np.float32)
    dims = b"".join(varint(size) for size in array.shape)
    return _field(5, array.tobytes()) + _field(7, _field(1, dims))


def encode_caffemodel(blobs):
    """A caffemodel with packed floats; `blobs` is {layer: [array, ...]}, or pairs of those."""
    return b"".join(
        _field(100, _field(1, name.encode()) + b"".join(_field(7, _blob(array)) for array in arrays))
        for name, arrays in (blobs.items() if isinstance(blobs, dict) else blobs)
    )


@pytest.fixture
def write_net(tmp_path):
    """write_net(text, blobs) -> (prototxt, caffemodel) paths."""

    def write(text, blobs=None):
        prototxt, caffemodel = tmp_path / "net.prototxt", tmp_path / "net.caffemodel"
        prototxt.write_text(text)
        if blobs is None:
            return prototxt, None
        caffemodel.write_bytes(encode_caffemodel(blobs) or _field(100, b""))
        return prototxt, caffemodel

    return write


@pytest.fixture
def convert_net(write_net):
    """convert_net(text, blobs, **options) -> ModelParts."""

    def convert(text, blobs=None, **options):
        return convert_caffe(*write_net(text, blobs), **options)

    return convert


@pytest.fixture
def run_net(convert_net):
    """run_net(text, feeds, blobs, **options) -> the outputs by name, as onnxruntime computes them unoptimized."""

    def run(text, feeds, blobs=None, **options):
        model = convert_net(text, blobs, **options).to_model()
        return Session(model).run({name: np.asarray(value, np.float32) for name, value in feeds.items()})

    return run
