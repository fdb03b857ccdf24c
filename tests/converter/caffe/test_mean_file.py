import numpy as np
import pytest
from planish.converter.caffe.mean_file import read_mean
from planish.errors import SourceError
from planish.wire import tag, varint

MEAN = np.random.default_rng(0).random((3, 5, 7), np.float32)


def field(number, payload):
    return tag(number) + varint(len(payload)) + payload


LEGACY = b"".join(varint(number << 3) + varint(size) for number, size in enumerate((1, 3, 5, 7), 1))
FORMS = {
    "legacy.binaryproto": LEGACY + field(5, MEAN.tobytes()),
    "shape.binaryproto": field(5, MEAN.tobytes()) + field(7, field(1, b"\x01\x03\x05\x07")),
    "double.binaryproto": field(8, MEAN.astype("<f8").tobytes()) + field(7, field(1, b"\x03\x05\x07")),
}


@pytest.mark.parametrize("form", FORMS)
def test_binaryproto(tmp_path, form):
    (tmp_path / form).write_bytes(FORMS[form])
    np.testing.assert_array_equal(read_mean(tmp_path / form), MEAN)


@pytest.mark.parametrize("mean", [MEAN, MEAN[None], MEAN[:, 0, 0], MEAN.astype(np.float64)])
def test_npy(tmp_path, mean):
    np.save(tmp_path / "mean.npy", mean)
    np.testing.assert_array_equal(read_mean(tmp_path / "mean.npy"), mean.reshape(mean.shape[-3:]).astype(np.float32))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("text.binaryproto", b"mean: 1"),
        ("flat.binaryproto", field(5, MEAN.tobytes())),
        ("cut.binaryproto", FORMS["shape.binaryproto"][:-300]),
        ("empty.npy", b""),
        ("pickle.npy", b"\x80\x04N."),
    ],
)
def test_what_is_no_mean_is_refused(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(SourceError, match=name):
        read_mean(tmp_path / name)


@pytest.mark.parametrize("shape", [b"(3, 9, 70) ", b"(3, 9, 70  "])
def test_a_header_that_promises_more_than_the_file_holds(tmp_path, shape):
    np.save(tmp_path / "mean.npy", MEAN)
    content = (tmp_path / "mean.npy").read_bytes()
    assert b"(3, 5, 7), " in content
    (tmp_path / "mean.npy").write_bytes(content.replace(b"(3, 5, 7), ", shape))
    with pytest.raises(SourceError, match="not a readable mean file"):
        read_mean(tmp_path / "mean.npy")
