import struct

import numpy as np
import pytest
from planish.converter.mxnet.params import parse_params, read_params
from planish.errors import SourceError


@pytest.mark.parametrize("version", [0, 1, 2, 3])
def test_every_version(version, pack_array, pack_list, tmp_path, rng):
    weight, mean = rng.normal(size=(2, 3, 5)).astype("f4"), rng.normal(size=7).astype("f4")
    path = tmp_path / "net-0000.params"
    path.write_bytes(pack_list([pack_array(a, version) for a in (weight, mean)], ["arg:conv_weight", "aux:bn_mean"]))
    arrays = read_params(path)
    assert list(arrays) == ["conv_weight", "bn_mean"]
    np.testing.assert_array_equal(arrays["conv_weight"], weight)
    np.testing.assert_array_equal(arrays["bn_mean"], mean)


@pytest.mark.parametrize("kind", ["f4", "f8", "f2", "u1", "i4", "i1", "i8", "b1", "i2", "u2", "u4", "u8"])
def test_every_type(kind, pack_array, pack_list):
    array = np.array([[0, 1, 3], [1, 0, 5]]).astype(kind)
    (found,) = parse_params(pack_list([pack_array(array)], ["x"])).values()
    assert found.dtype == (np.float32 if kind in ("f8", "f2") else array.dtype)
    np.testing.assert_array_equal(found, array)


def test_bfloat16(pack_array, pack_list):
    values = np.array([1.0, -2.5, 3.140625], np.float32)
    bits = (values.view(np.uint32) >> 16).astype(np.uint16)
    (found,) = parse_params(pack_list([pack_array(bits, flag=12)], ["x"])).values()
    np.testing.assert_array_equal(found, values)


def test_arrays_of_odd_length_leave_the_next_unaligned(pack_array, pack_list):
    first, second = np.arange(3, dtype="u1"), np.arange(5, dtype="f4")
    found = parse_params(pack_list([pack_array(first), pack_array(second)], ["a", "b"]))
    np.testing.assert_array_equal(found["b"], second)


def test_arrays_saved_on_a_gpu(pack_array, pack_list):
    (found,) = parse_params(pack_list([pack_array(np.ones(3, "f4"), device=(2, 1))], ["x"])).values()
    np.testing.assert_array_equal(found, np.ones(3))


def test_weights_are_views_of_the_file(pack_array, pack_list, tmp_path):
    path = tmp_path / "net.params"
    path.write_bytes(pack_list([pack_array(np.ones((2, 3), "f4"))], ["x"]))
    array = read_params(path)["x"]
    assert not array.flags.owndata
    assert not array.flags.writeable


def test_empty_arrays(pack_list):
    nothing = struct.pack("<Iii", 0xF993FAC9, 0, 0)
    assert parse_params(pack_list([nothing], ["x"]))["x"].size == 0


def test_scalars_and_unknown_shapes_of_numpy_semantics(pack_array, pack_list):
    unknown = struct.pack("<Iii", 0xF993FACA, 0, -1)
    found = parse_params(pack_list([pack_array(np.array(2.5, "f4"), 3), unknown], ["x", "y"]))
    assert found["x"].shape == ()
    assert found["x"] == 2.5
    assert found["y"].size == 0


@pytest.mark.parametrize(("storage", "indices", "name"), [(1, 1, "row_sparse"), (2, 2, "csr")])
def test_sparse_arrays_are_refused_by_name(storage, indices, name, pack_array, pack_list):
    head = struct.pack("<Ii", 0xF993FAC9, storage)
    head += struct.pack("<iqq", 2, 1, 3) + struct.pack("<iqq", 2, 5, 3) + struct.pack("<iii", 1, 0, 0)
    head += b"".join(struct.pack("<iiq", 6, 1, 2) for _ in range(indices))
    sparse = head + np.ones(3, "f4").tobytes() + np.zeros(2, "i8").tobytes() * indices
    data = pack_list([pack_array(np.ones(2, "f4")), sparse], ["arg:dense", "arg:embedding"])
    with pytest.raises(SourceError, match=rf"embedding' \({name}\).*tostype"):
        parse_params(data)


def test_a_list_without_names_is_refused(pack_array, pack_list):
    with pytest.raises(SourceError, match="1 arrays but 0 names"):
        parse_params(pack_list([pack_array(np.ones(2, "f4"))], []))


def test_a_name_twice_is_refused(pack_array, pack_list):
    arrays = [pack_array(np.ones(2, "f4"))] * 2
    with pytest.raises(SourceError, match="'w' twice"):
        parse_params(pack_list(arrays, ["arg:w", "aux:w"]))


def huge(rank, *sizes):
    return (
        struct.pack("<Iii", 0xF993FAC9, 0, rank) + struct.pack(f"<{len(sizes)}q", *sizes) + struct.pack("<iii", 1, 0, 0)
    )


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        (b"", "cut short"),
        (b"PK\x03\x04" * 8, "no MXNet .params"),
        (struct.pack("<QQQ", 0x112, 0, 2**60), "announces"),
        (struct.pack("<QQQ", 0x112, 0, 1) + huge(2, 2**40, 2**40), "announces an array of shape"),
        (struct.pack("<QQQ", 0x112, 0, 1) + huge(1, -5), "announces an array of shape"),
        (struct.pack("<QQQ", 0x112, 0, 1) + huge(500), "500 dimensions"),
        (struct.pack("<QQQ", 0x112, 0, 1) + struct.pack("<Ii", 0xF993FAC9, 7), "storage type 7"),
        (
            struct.pack("<QQQ", 0x112, 0, 1) + struct.pack("<Iiiqiii", 0xF993FAC8, 1, 4, 0, 1, 0, 77),
            "damaged|cut short",
        ),
        (struct.pack("<QQQQQ", 0x112, 0, 0, 1, 2**50), "announces a name"),
    ],
)
def test_damaged_files_are_refused_before_memory_is_taken(data, complaint):
    with pytest.raises(SourceError, match=complaint):
        parse_params(data)


def test_every_cut_is_noticed(pack_array, pack_list):
    data = pack_list([pack_array(np.ones((2, 3), "f4"))], ["arg:w"])
    for end in range(len(data)):
        with pytest.raises(SourceError):
            parse_params(data[:end])


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(SourceError, match=r"none\.params: cannot be read"):
        read_params(tmp_path / "none.params")
