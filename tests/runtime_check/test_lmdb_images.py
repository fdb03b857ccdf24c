"""LMDB databases written through the lmdb package, in Caffe's layout."""

import io

import numpy as np
import pytest
from PIL import Image
from planish.errors import DataError
from planish.preprocessing import Preprocessing
from planish.runtime_check.data import open_data
from planish.runtime_check.inputs import InputSpec
from planish.wire import tag, varint

lmdb = pytest.importorskip("lmdb", reason="the extra 'lmdb' is not installed")
SPEC = (InputSpec("data", (None, 3, 5, 7), np.dtype(np.float32)),)
HOW = Preprocessing(resize="none", channel_order="RGB")


def number(field, value):
    return varint(field << 3) + varint(value)


def datum(shape, data, label=None, *, encoded=False):
    """A Datum, its fields in the order that Caffe writes them."""
    sizes = b"".join(number(field, size) for field, size in zip((1, 2, 3), shape, strict=True))
    record = sizes + tag(4) + varint(len(data)) + data
    record += b"" if label is None else number(5, label)
    return record + (number(7, 1) if encoded else b"")


@pytest.fixture
def write(tmp_path):
    def make(*records):
        with lmdb.open(str(tmp_path / "db"), map_size=1 << 24) as database, database.begin(write=True) as transaction:
            for index, record in enumerate(records):
                transaction.put(f"{index:08d}".encode(), record)
        return tmp_path / "db"

    return make


def read(folder):
    data = open_data(folder, SPEC, HOW)
    batches = list(data.batches(2))
    return np.concatenate([batch.inputs["data"] for batch in batches]), data


def test_raw_records_are_blue_first(write, rng):
    rgb = rng.integers(0, 256, (3, 3, 5, 7)).astype(np.uint8)
    values, data = read(write(*(datum((3, 5, 7), image[::-1].tobytes(), 10 + i) for i, image in enumerate(rgb))))
    np.testing.assert_array_equal(values, rgb)
    assert data.labels.tolist() == [10, 11, 12]
    assert data.description == "db"


def test_encoded_records(write, rng):
    pixels = rng.integers(0, 256, (5, 7, 3)).astype(np.uint8)
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, format="PNG")
    values, data = read(write(datum((3, 5, 7), stream.getvalue(), encoded=True)))
    np.testing.assert_array_equal(values[0], pixels.transpose(2, 0, 1))
    assert data.labels is None


def test_broken_records_are_skipped_and_named(write, rng):
    good = datum((3, 5, 7), bytes(105), 1)
    values, data = read(
        write(good, datum((3, 5, 7), bytes(90), 2), datum((3, 5, 7), b"no image", 3, encoded=True), good)
    )
    assert len(values) == 2
    assert list(data.skipped) == ["00000001", "00000002"]


def test_other_records_and_damaged_files(write, tmp_path):
    with pytest.raises(DataError, match="no Caffe Datum"):
        read(write(b"\xff\xff\xff no datum"))
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "data.mdb").write_bytes(b"no database" * 1000)
    with pytest.raises(DataError, match="not a readable LMDB database"):
        read(tmp_path / "bad")
