import numpy as np
import pytest
from planish.converter.caffe.caffemodel import read_caffemodel
from planish.errors import SourceError
from planish.wire import tag, varint

VALUES = np.arange(1, 7, dtype=np.float32)
SHAPE = tag(7) + varint(4) + tag(1) + b"\x02\x02\x03"


def field(number, payload):
    return tag(number) + varint(len(payload)) + payload


def key(number, wire_type):
    return varint(number << 3 | wire_type)


def model(blob, name=b"conv"):
    return field(100, field(1, name) + field(2, b"Convolution") + field(7, blob))


@pytest.fixture
def read(tmp_path):
    def read_bytes(data):
        path = tmp_path / "net.caffemodel"
        path.write_bytes(data)
        return read_caffemodel(path)

    return read_bytes


PACKED = field(5, VALUES.tobytes()) + SHAPE
ENCODINGS = {
    "packed in one chunk": PACKED,
    "packed in three chunks": b"".join(field(5, VALUES[i : i + 2].tobytes()) for i in (0, 2, 4)) + SHAPE,
    "unpacked": b"".join(key(5, 5) + value.tobytes() for value in VALUES) + SHAPE,
    "unpacked, then packed": b"".join(key(5, 5) + v.tobytes() for v in VALUES[:3])
    + field(5, VALUES[3:].tobytes())
    + SHAPE,
    "double": field(8, VALUES.astype("<f8").tobytes()) + SHAPE,
    "unpacked double": b"".join(key(8, 1) + v.tobytes() for v in VALUES.astype("<f8")) + SHAPE,
    "half precision": key(10, 0) + varint(2) + field(12, VALUES.astype("<f2").tobytes()) + SHAPE,
    "legacy sizes": b"".join(key(i, 0) + varint(size) for i, size in enumerate((1, 1, 2, 3), 1))
    + field(5, VALUES.tobytes()),
    "unpacked sizes": field(5, VALUES.tobytes()) + field(7, key(1, 0) + b"\x02" + key(1, 0) + b"\x03"),
}


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_floats_in_every_encoding(read, encoding):
    (layer,) = read(model(ENCODINGS[encoding]))
    assert (layer.name, layer.type) == ("conv", "Convolution")
    np.testing.assert_array_equal(np.asarray(layer.blobs[0]).reshape(2, 3), VALUES.reshape(2, 3))


def test_one_packed_chunk_is_not_copied(read):
    (layer,) = read(model(PACKED))
    assert not layer.blobs[0].flags.owndata
    assert not layer.blobs[0].flags.writeable


def test_a_half_precision_file_that_opencv_wrote(tmp_path):
    cv2 = pytest.importorskip("cv2")
    weight = np.random.default_rng(0).standard_normal((4, 2, 3, 5)).astype(np.float32)
    full = tmp_path / "full.caffemodel"
    full.write_bytes(model(field(5, weight.tobytes()) + field(7, field(1, b"\x04\x02\x03\x05"))))
    half = tmp_path / "half.caffemodel"
    cv2.dnn.shrinkCaffeModel(str(full), str(half))
    (layer,) = read_caffemodel(half)
    assert layer.blobs[0].dtype == np.float16
    np.testing.assert_allclose(layer.blobs[0], weight, rtol=1e-3, atol=1e-6)


def test_v1_and_v0_layers(read):
    v1, v0 = field(2, field(4, b"one") + field(6, PACKED)), field(2, field(1, field(1, b"old") + field(50, PACKED)))
    assert [(layer.name, len(layer.blobs)) for layer in read(v1 + v0)] == [("one", 1), ("old", 1)]


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "is empty"),
        (b'name: "net" layer { }', "not a readable caffemodel"),
        (model(PACKED)[:-9], "not a readable caffemodel"),
        (field(1, b"only a name"), "holds no layers"),
        (model(field(5, VALUES.tobytes()) + field(7, field(1, b"\x02\x04"))), "layer 'conv', blob 0"),
        (model(SHAPE), "does not fit its 0 values"),
        (model(field(5, b"\0" * 7)), "7 bytes of 4-byte values"),
        (model(field(7, field(1, varint(2**62) + varint(2**62)))), "does not fit its 0 values"),
        (model(field(7, field(1, b"\x01" * 40))), "more than 32 axes"),
        (model(key(10, 0) + varint(1) + field(12, b"\0\0")), "other than half precision"),
        (tag(100) + varint(2**40), "not a readable caffemodel"),
    ],
)
def test_a_damaged_file_is_refused(read, data, problem):
    with pytest.raises(SourceError) as caught:
        read(data)
    assert problem in str(caught.value)


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(SourceError, match="No such file"):
        read_caffemodel(tmp_path / "none.caffemodel")
