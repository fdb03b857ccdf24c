"""Datasets: limits, batches, fixed batch sizes, bad values."""

import struct

import numpy as np
import pytest
from PIL import Image
from planish.errors import DataError
from planish.runtime_check.data import open_data
from planish.runtime_check.inputs import InputSpec, model_inputs

FLOAT = np.dtype(np.float32)
SPEC = (InputSpec("data", (None, 3, 6, 10), FLOAT),)


def save(path, **arrays):
    np.savez_compressed(path, **arrays)
    return path


def read_all(data, batch_size=None):
    batches = list(data.batches(batch_size))
    return np.concatenate([next(iter(b.inputs.values()))[: b.size] for b in batches]), batches


def test_batches_hold_everything_in_order(tmp_path, rng):
    x = rng.standard_normal((11, 3, 6, 10)).astype(np.float32)
    data = open_data(save(tmp_path / "d.npz", x=x, y=np.arange(11)), SPEC)
    values, batches = read_all(data, 4)
    assert len(data) == 11
    assert [batch.size for batch in batches] == [4, 4, 3]
    np.testing.assert_array_equal(values, x)
    np.testing.assert_array_equal(np.concatenate([batch.labels for batch in batches]), np.arange(11))
    np.testing.assert_array_equal(read_all(data)[0], x)  # and again


def test_last_batch_is_filled_up_for_a_fixed_batch(tmp_path, rng):
    x = rng.standard_normal((5, 3, 6, 10)).astype(np.float32)
    spec = (InputSpec("data", (4, 3, 6, 10), FLOAT),)
    values, batches = read_all(open_data(save(tmp_path / "d.npz", data=x), spec), 2)
    assert [(b.size, len(b.inputs["data"])) for b in batches] == [(4, 4), (1, 4)]
    np.testing.assert_array_equal(values, x)


def test_limit_chooses_by_seed(tmp_path):
    x = np.arange(40, dtype=np.float32).reshape(40, 1) * np.ones((1, 180), np.float32)
    path = save(tmp_path / "d.npz", x=x.reshape(40, 3, 6, 10), y=np.arange(40))
    chosen = [read_all(open_data(path, SPEC, limit=9, seed=seed))[0][:, 0, 0, 0].tolist() for seed in (0, 0, 1)]
    assert chosen[0] == chosen[1] != chosen[2]
    assert len(set(chosen[0])) == 9
    labels = open_data(path, SPEC, limit=9, seed=0).labels
    assert labels.tolist() == chosen[0]


def test_several_inputs_by_name(tmp_path, rng):
    a, b = rng.standard_normal((3, 2)).astype(np.float32), rng.standard_normal((3, 4, 5)).astype(np.float32)
    specs = (InputSpec("b", (None, 4, 5), FLOAT), InputSpec("a", (None, 2), FLOAT))
    (batch,) = open_data(save(tmp_path / "d.npz", a=a, b=b), specs).batches()
    np.testing.assert_array_equal(batch.inputs["a"], a)
    np.testing.assert_array_equal(batch.inputs["b"], b)


def test_npy_is_one_input_and_labels_come_from_elsewhere(tmp_path, rng):
    x = rng.standard_normal((3, 3, 6, 10)).astype(np.float32)
    np.save(tmp_path / "x.npy", x)
    (tmp_path / "labels.txt").write_text("2\n0\n1\n")
    (batch,) = open_data(tmp_path / "x.npy", SPEC, labels=tmp_path / "labels.txt").batches()
    np.testing.assert_array_equal(batch.inputs["data"], x)
    assert batch.labels.tolist() == [2, 0, 1]


@pytest.mark.parametrize("layout", ["files", "last", "first"])
def test_pixels_are_preprocessed_wherever_they_lie(tmp_path, pictures, preprocessing, layout):
    folder, pixels = pictures
    wanted, _ = read_all(open_data(folder, SPEC, preprocessing))
    source = folder
    if layout != "files":
        source = save(tmp_path / "d.npz", x=pixels if layout == "last" else pixels.transpose(0, 3, 1, 2))
    given, _ = read_all(open_data(source, SPEC, preprocessing))
    np.testing.assert_array_equal(given, wanted)
    assert given.shape == (8, 3, 6, 10)
    assert np.abs(given).max() < 4  # mean and scale were applied


def test_size_comes_from_the_model_where_nothing_is_said(pictures):
    values, _ = read_all(open_data(pictures[0], SPEC))
    assert values.shape == (8, 3, 6, 10)
    assert values.max() > 200


def test_images_of_their_own_sizes_come_in_runs(tmp_path, rng, preprocessing):
    for index, size in enumerate([(4, 6), (4, 6), (5, 5), (4, 6)]):
        Image.fromarray(rng.integers(0, 256, (*size, 3)).astype(np.uint8)).save(tmp_path / f"{index}.png")
    spec = (InputSpec("data", (None, 3, None, None), FLOAT),)
    data = open_data(tmp_path, spec, preprocessing.with_changes(resize="none"))
    unsized = open_data(tmp_path, spec)
    assert [batch.inputs["data"].shape for batch in unsized.batches(8)] == [(2, 3, 4, 6), (1, 3, 5, 5), (1, 3, 4, 6)]
    with pytest.raises(DataError, match="not one of 4 samples can be read"):
        list(data.batches())


def test_random_input_is_seeded_and_goes_through_the_preprocessing(classifier, preprocessing):
    specs = model_inputs(classifier())
    first, second, other = (read_all(open_data(None, specs, preprocessing, seed=s), 5)[0] for s in (0, 0, 1))
    np.testing.assert_array_equal(first, second)
    assert first.shape == (16, 3, 6, 10)
    assert not np.array_equal(first, other)
    np.testing.assert_allclose(first[:, 0].max(), (255 - 104) * 0.02, rtol=0.05)
    assert open_data(None, specs).is_random
    assert "random" in open_data(None, specs).description


def test_random_input_needs_sizes():
    with pytest.raises(DataError, match=r"--input-shape data=1,3,224,224"):
        open_data(None, (InputSpec("data", (None, 3, None, None), FLOAT),))


def test_broken_images_are_skipped_named_and_counted(pictures, preprocessing):
    folder, _ = pictures
    (folder / "3.png").write_bytes(b"broken")
    data = open_data(folder, SPEC, preprocessing)
    for _ in range(2):
        values, batches = read_all(data, 4)
        assert len(values) == 7
        assert [batch.size for batch in batches] == [4, 3]
        assert list(data.skipped) == [str(folder / "3.png")]
        assert str(folder / "3.png") not in [name for batch in batches for name in batch.names]


def test_labels_stay_with_their_images_where_one_is_broken(pictures, preprocessing):
    folder, _ = pictures
    (folder / "3.png").write_bytes(b"broken")
    (folder / "list.txt").write_text("".join(f"{index}.png {index * 10}\n" for index in range(8)))
    data = open_data(folder / "list.txt", SPEC, preprocessing)
    labels = np.concatenate([batch.labels for batch in data.batches(3)])
    assert labels.tolist() == [0, 10, 20, 40, 50, 60, 70]


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_values_that_are_not_finite_are_named(tmp_path, bad):
    x = np.zeros((5, 3, 6, 10), np.float32)
    x[3, 1, 2, 4] = bad
    with pytest.raises(DataError, match=r"x\[3\] holds NaN or infinite"):
        read_all(open_data(save(tmp_path / "d.npz", x=x), SPEC))


def test_samples_of_the_wrong_size(tmp_path):
    path = save(tmp_path / "d.npz", x=np.zeros((2, 3, 7, 10), np.float32))
    with pytest.raises(DataError, match=r"gives \(3, 7, 10\) for the input data: float32 \(\?, 3, 6, 10\)"):
        read_all(open_data(path, SPEC))


@pytest.mark.parametrize("limit", [0, -3])
def test_limit_that_leaves_nothing(tmp_path, limit):
    path = save(tmp_path / "d.npz", x=np.zeros((2, 3, 6, 10), np.float32))
    with pytest.raises(DataError, match="leaves none"):
        open_data(path, SPEC, limit=limit)


def test_empty_data(tmp_path):
    with pytest.raises(DataError, match="holds no samples"):
        open_data(save(tmp_path / "d.npz", x=np.zeros((0, 3, 6, 10), np.float32)), SPEC)


def test_missing_data(tmp_path):
    for name in ("no.npz", "folder", "list.csv"):
        with pytest.raises(DataError, match="no such file"):
            open_data(tmp_path / name, SPEC)


def test_image_records_of_mxnet(tmp_path, rng, preprocessing):
    pixels = rng.integers(0, 256, (3, 6, 10, 3)).astype(np.uint8)
    with (tmp_path / "d.rec").open("wb") as stream:
        for index, picture in enumerate(pixels):
            Image.fromarray(picture).save(tmp_path / "p.png")
            record = struct.pack("<IfQQ", 0, 2.0 * index, index, 0) + (tmp_path / "p.png").read_bytes()
            stream.write(struct.pack("<II", 0xCED7230A, len(record)) + record + bytes(-len(record) % 4))
    data = open_data(tmp_path / "d.rec", SPEC, preprocessing)
    wanted, _ = read_all(open_data(save(tmp_path / "d.npz", x=pixels), SPEC, preprocessing))
    np.testing.assert_array_equal(read_all(data)[0], wanted)
    assert data.labels.tolist() == [0, 2, 4]


def test_target_images(tmp_path, rng):
    x, y = rng.standard_normal((5, 3, 6, 10)).astype(np.float32), rng.standard_normal((5, 1, 12, 20)).astype(np.float32)
    data = open_data(save(tmp_path / "d.npz", x=x, y=y), SPEC)
    assert data.labels is None
    np.testing.assert_array_equal(np.concatenate([batch.targets for batch in data.batches(2)]), y)
    with pytest.raises(DataError, match="different numbers of samples"):
        open_data(save(tmp_path / "e.npz", x=x, y=y[:4]), SPEC)
