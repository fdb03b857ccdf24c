"""Records written here, by the documented layout."""

import io
import struct

import numpy as np
import pytest
from PIL import Image
from planish.errors import DataError
from planish.preprocessing import Preprocessing
from planish.runtime_check.data import open_data
from planish.runtime_check.inputs import InputSpec
from planish.runtime_check.recordio import FIRST, LAST, MAGIC, MIDDLE, WHOLE, RecordImages


def part(data, kind=WHOLE):
    return struct.pack("<II", MAGIC, kind << 29 | len(data)) + data + bytes(-len(data) % 4)


def record(data):
    """A record, split wherever it holds the magic number on a four-byte boundary."""
    pieces, start = [], 0
    for place in range(0, len(data) - 3, 4):
        if data[place : place + 4] == struct.pack("<I", MAGIC):
            pieces.append(data[start:place])
            start = place + 4
    pieces.append(data[start:])
    if len(pieces) == 1:
        return part(data)
    kinds = [FIRST, *[MIDDLE] * (len(pieces) - 2), LAST]
    return b"".join(part(piece, kind) for piece, kind in zip(pieces, kinds, strict=True))


def image_record(image, label, number=0):
    labels = np.atleast_1d(np.asarray(label, "<f4"))
    flag = 0 if np.isscalar(label) else labels.size
    header = struct.pack("<IfQQ", flag, 0.0 if flag else label, number, 0)
    return header + (labels.tobytes() if flag else b"") + image


def jpeg(seed, size=(9, 7)):
    pixels = np.random.default_rng(seed).integers(0, 255, (size[1], size[0], 3), np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG")
    return buffer.getvalue()


@pytest.fixture
def write(tmp_path):
    def make(records, index=None):
        path = tmp_path / "images.rec"
        positions, data = [], b""
        for each in records:
            positions.append(len(data))
            data += record(each)
        path.write_bytes(data)
        if index is not None:
            lines = [f"{key}\t{positions[place]}\n" for key, place in index]
            path.with_suffix(".idx").write_text("".join(lines))
        return path

    return make


def test_images_and_labels(write):
    files = [jpeg(seed) for seed in range(3)]
    images = RecordImages(write([image_record(file, 4 - i, i) for i, file in enumerate(files)]))
    assert len(images) == 3
    assert [entry.image for entry in images] == files
    assert images.labels is not None
    assert images.labels.tolist() == [4, 3, 2]
    assert images.read(1).size == (9, 7)
    assert images.name(2) == "2"


def test_the_index_gives_order_and_keys(write):
    files = [jpeg(seed) for seed in range(3)]
    records = [image_record(file, i) for i, file in enumerate(files)]
    images = RecordImages(write(records, index=[("cat", 2), ("dog", 0)]))
    assert [entry.key for entry in images] == ["cat", "dog"]
    assert [entry.image for entry in images] == [files[2], files[0]]


def test_records_are_data_for_models(write):
    path = write([image_record(jpeg(seed, (40, 30)), seed) for seed in range(3)])
    inputs = (InputSpec("data", (None, 3, 5, 7), np.dtype(np.float32)),)
    (batch,) = open_data(path, inputs, Preprocessing(resize="warp")).batches(8)
    assert batch.inputs["data"].shape == (3, 3, 5, 7)
    assert batch.labels.tolist() == [0, 1, 2]


def test_long_records_need_not_be_read_for_their_labels(write):
    images = RecordImages(write([image_record(bytes(9000), 6), image_record(bytes(9000), np.arange(2000))]))
    assert next(iter(images)).labels == (6.0,)
    assert len(images.record(1).labels) == 2000


def test_several_labels_are_no_class(write):
    images = RecordImages(write([image_record(jpeg(1), [0.5, 2.0, 7.25])]))
    assert next(iter(images)).labels == (0.5, 2.0, 7.25)
    assert images.labels is None


@pytest.mark.parametrize("count", [1, 2])
def test_a_record_that_holds_the_magic_number_is_joined_again(write, count):
    inner = b"abcd" + (struct.pack("<I", MAGIC) + b"efgh") * count + b"xyz"
    data = image_record(inner, 3.0)
    images = RecordImages(write([data, image_record(b"next", 1.0)]))
    assert [entry.image for entry in images] == [inner, b"next"]


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        (b"\x00" * 24, "no record"),
        (part(b"x" * 40)[:-8], "no record"),
        (part(b"x" * 40) + b"\x0a\x23", "end of the file"),
        (part(b"x" * 24, MIDDLE), "out of order"),
        (part(b"x" * 24, FIRST) + part(b"y" * 24), "out of order"),
        (part(b"x" * 8), "no image record"),
        (part(struct.pack("<IfQQ", 900, 0, 0, 0)), "announces 900 labels"),
    ],
)
def test_damaged_files_are_refused(tmp_path, data, complaint):
    path = tmp_path / "bad.rec"
    path.write_bytes(data)
    with pytest.raises(DataError, match=complaint):
        RecordImages(path)


def test_a_bad_index_is_refused(write):
    path = write([image_record(jpeg(0), 1)])
    path.with_suffix(".idx").write_text("0\t999999\n")
    with pytest.raises(DataError, match=r"images\.idx:1"):
        RecordImages(path)


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(DataError, match="cannot be read"):
        RecordImages(tmp_path / "none.rec")
