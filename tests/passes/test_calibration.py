"""Calibration data: decoded once, the same each time, gone when it is no longer needed."""

import gc

import numpy as np
import pytest
from planish.errors import DataError
from planish.passes.calibration import open_calibration


@pytest.fixture
def model(make_model):
    return make_model("g (float[n,4,5,6] x) => (float[n,4,5,6] y) { y = Relu (x) }")


def test_every_iteration_gives_the_same_batches(model, tmp_path, rng, monkeypatch):
    images = rng.standard_normal((19, 4, 5, 6)).astype(np.float32)
    np.savez(tmp_path / "data.npz", x=images)
    calibration = open_calibration(model, tmp_path / "data.npz")
    first = [feeds["x"].copy() for feeds in calibration]
    assert len(calibration) == len(first) == 3
    np.testing.assert_array_equal(np.concatenate(first), images)
    monkeypatch.setattr(calibration.dataset, "batches", lambda *_: pytest.fail("decoded twice"))
    again = [feeds["x"] for feeds in calibration]
    for one, other in zip(first, again, strict=True):
        np.testing.assert_array_equal(one, other)


def test_an_iteration_that_is_broken_off_is_not_taken_for_the_whole(model, tmp_path, rng):
    np.savez(tmp_path / "data.npz", x=rng.standard_normal((19, 4, 5, 6)).astype(np.float32))
    calibration = open_calibration(model, tmp_path / "data.npz")
    next(iter(calibration))
    assert sum(len(feeds["x"]) for feeds in calibration) == 19


def test_limit_takes_some_and_the_files_go_in_the_end(model, tmp_path, rng, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    np.savez(tmp_path / "data.npz", x=rng.standard_normal((19, 4, 5, 6)).astype(np.float32))
    calibration = open_calibration(model, tmp_path / "data.npz", limit=5, seed=1)
    assert sum(len(feeds["x"]) for feeds in calibration) == 5
    assert list(tmp_path.glob("planish-calibration-*/*"))
    del calibration
    gc.collect()
    assert not list(tmp_path.glob("planish-calibration-*"))


def test_data_that_does_not_fit_is_refused(model, tmp_path):
    np.savez(tmp_path / "data.npz", x=np.zeros((3, 4, 5, 7), np.float32))
    with pytest.raises(DataError, match=r"data\.npz"):
        list(open_calibration(model, tmp_path / "data.npz"))


def test_every_third_batch_is_held_out_with_its_labels(model, tmp_path, rng):
    images = rng.standard_normal((27, 4, 5, 6)).astype(np.float32)
    np.savez(tmp_path / "data.npz", x=images, y=np.arange(27))
    fitted, held = open_calibration(model, tmp_path / "data.npz").split()
    for _ in range(2):  # decoded, then read again
        np.testing.assert_array_equal(np.concatenate([f["x"] for f in held]), images[16:24])
        np.testing.assert_array_equal(
            np.concatenate([f["x"] for f in fitted]), np.concatenate([images[:16], images[24:]])
        )
    (batch,) = held.batches()
    np.testing.assert_array_equal(batch.labels, np.arange(16, 24))
    assert [batch.size for batch in fitted.batches()] == [8, 8, 3]


def test_too_few_images_cannot_be_split(model, tmp_path):
    np.savez(tmp_path / "data.npz", x=np.zeros((16, 4, 5, 6), np.float32))
    with pytest.raises(DataError, match="give at least 17"):
        open_calibration(model, tmp_path / "data.npz").split()
