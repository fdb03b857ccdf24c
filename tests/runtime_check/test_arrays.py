"""Reading `.npz` and `.npy`: bounded memory, damaged files, arrays that do not fit."""

import tracemalloc
import zipfile

import numpy as np
import pytest
from planish.errors import DataError
from planish.runtime_check.data import open_data
from planish.runtime_check.inputs import InputSpec

FLOAT = np.dtype(np.float32)
SPEC = (InputSpec("data", (None, 2, 3), FLOAT),)


def first_values(path, spec=SPEC, **options):
    return np.concatenate([batch.inputs["data"] for batch in open_data(path, spec, **options).batches()])


@pytest.mark.parametrize("name", ["data", "x", "images", "anything"])
def test_the_only_input_has_several_names(tmp_path, rng, name):
    x = rng.standard_normal((4, 2, 3)).astype(np.float32)
    np.savez(tmp_path / "d.npz", **{name: x, "y": np.arange(4)})
    np.testing.assert_array_equal(first_values(tmp_path / "d.npz"), x)


def test_no_array_for_the_input_lists_what_there_is(tmp_path):
    np.savez(tmp_path / "d.npz", train=np.zeros((2, 2, 3)), test=np.zeros((2, 2, 3)))
    with pytest.raises(DataError, match=r"no array for the input data: .* it holds train, test"):
        open_data(tmp_path / "d.npz", SPEC)


def test_other_float_and_integer_types_become_the_inputs(tmp_path, rng):
    x = rng.standard_normal((4, 2, 3))
    np.savez(tmp_path / "d.npz", x=x)
    given = first_values(tmp_path / "d.npz")
    assert given.dtype == np.float32
    np.testing.assert_array_equal(given, x.astype(np.float32))


def test_eight_bit_inputs_are_fed_as_they_are(tmp_path, rng):
    x = rng.integers(0, 256, (4, 3, 5, 6)).astype(np.uint8)
    np.savez(tmp_path / "d.npz", x=x)
    spec = (InputSpec("data", (None, 3, 5, 6), np.dtype(np.uint8)),)
    np.testing.assert_array_equal(first_values(tmp_path / "d.npz", spec), x)


def test_memory_stays_bounded(tmp_path):
    spec = (InputSpec("data", (None, 3, 32, 32), FLOAT),)
    np.savez_compressed(tmp_path / "big.npz", x=np.ones((6000, 3, 32, 32), np.float32))
    data = open_data(tmp_path / "big.npz", spec)
    tracemalloc.start()
    read = sum(batch.size for batch in data.batches(16))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert read == 6000
    assert peak < 4e6  # the array has 74 MB


def test_cut_and_foreign_files(tmp_path):
    np.savez(tmp_path / "d.npz", x=np.zeros((50, 2, 3), np.float32))
    content = (tmp_path / "d.npz").read_bytes()
    (tmp_path / "cut.npz").write_bytes(content[: len(content) // 2])
    (tmp_path / "text.npz").write_text("no archive")
    (tmp_path / "text.npy").write_text("no array")
    np.save(tmp_path / "cut.npy", np.zeros((50, 2, 3), np.float32))
    (tmp_path / "cut.npy").write_bytes((tmp_path / "cut.npy").read_bytes()[:-8])
    for name in ("cut.npz", "text.npz", "text.npy", "cut.npy"):
        with pytest.raises(DataError, match=name.replace(".", r"\.")):
            open_data(tmp_path / name, SPEC)


def test_damaged_compressed_data(tmp_path, rng):
    np.savez_compressed(tmp_path / "d.npz", x=rng.standard_normal((500, 2, 3)).astype(np.float32))
    content = bytearray((tmp_path / "d.npz").read_bytes())
    content[len(content) // 2 : len(content) // 2 + 40] = bytes(40)
    (tmp_path / "d.npz").write_bytes(content)
    with pytest.raises(DataError, match=r"d\.npz"):
        first_values(tmp_path / "d.npz")


def test_announced_size_is_checked_before_memory_is_taken(tmp_path):
    with zipfile.ZipFile(tmp_path / "d.npz", "w") as archive, archive.open("x.npy", "w") as stream:
        header = {"descr": "<f4", "fortran_order": False, "shape": (10**12, 2, 3)}
        np.lib.format.write_array_header_1_0(stream, header)
        stream.write(bytes(100))
    with pytest.raises(DataError, match="too short for it"):
        open_data(tmp_path / "d.npz", SPEC)


def test_python_objects_are_refused(tmp_path):
    np.savez(tmp_path / "d.npz", x=np.array([{"a": 1}, None], dtype=object))
    with pytest.raises(DataError, match="Python objects"):
        open_data(tmp_path / "d.npz", SPEC)


def test_fortran_order_is_refused(tmp_path):
    np.savez(tmp_path / "d.npz", x=np.asfortranarray(np.zeros((4, 2, 3), np.float32)))
    with pytest.raises(DataError, match="Fortran order"):
        open_data(tmp_path / "d.npz", SPEC)


def test_different_numbers_of_samples(tmp_path):
    np.savez(tmp_path / "d.npz", a=np.zeros((4, 2)), b=np.zeros((5, 2)))
    specs = (InputSpec("a", (None, 2), FLOAT), InputSpec("b", (None, 2), FLOAT))
    with pytest.raises(DataError, match="different numbers of samples"):
        open_data(tmp_path / "d.npz", specs)


def test_single_number(tmp_path):
    np.savez(tmp_path / "d.npz", x=np.float32(3))
    with pytest.raises(DataError, match="single number"):
        open_data(tmp_path / "d.npz", SPEC)


def test_labels_are_checked(tmp_path):
    x = np.zeros((3, 2, 3), np.float32)
    for y, message in (
        (np.arange(2), "2 labels for 3 samples"),
        (np.array([0, -1, 2]), "label -1 of sample 1 is negative"),
        (np.array([0.5, 1, 2]), "integers from 0"),
        (np.zeros((3, 4)), "for 3 samples"),
    ):
        np.savez(tmp_path / "d.npz", x=x, y=y)
        with pytest.raises(DataError, match=message):
            open_data(tmp_path / "d.npz", SPEC)
