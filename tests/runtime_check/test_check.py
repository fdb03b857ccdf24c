"""The whole check."""

import json

import numpy as np
import onnx
import pytest
from planish.errors import DataError, ModelError
from planish.files import read_parts
from planish.runtime_check.check import check
from planish.runtime_check.gates import Thresholds


@pytest.fixture
def models(classifier, tmp_path, preprocessing):
    """Paths of a model and of one whose head is a little off."""

    def disturb(tensors):
        tensors["f"] += 0.02 * np.sign(tensors["f"])

    paths = tmp_path / "a.onnx", tmp_path / "b.onnx"
    onnx.save(classifier(preprocessing=preprocessing), paths[0])
    onnx.save(classifier(change=disturb), paths[1])
    return paths


def test_two_models_on_labelled_pictures(models, pictures):
    folder, _ = pictures
    (folder / "list.txt").write_text("".join(f"{index}.png {index % 7}\n" for index in range(8)))
    result = check(*models, data=folder / "list.txt", latency_seconds=0.01)
    assert result.passed
    assert result.data.samples == 8
    assert not result.data.is_random
    assert '"mean": [104.0, 117.0, 123.0]' in result.models[0].preprocessing
    assert [model.macs for model in result.models] == [6 * 10 * 5 * 3 * 3 + 35] * 2
    assert [model.params for model in result.models] == [45 + 5 + 35 + 7] * 2
    assert [model.file_bytes for model in result.models] == [path.stat().st_size for path in models]
    assert all(model.accuracy is not None for model in result.models)
    assert result.fidelity[0].max_abs > 0
    assert result.latency.rounds >= 11


def test_the_same_model_twice_is_equal(models):
    result = check(models[0], models[0], latency_seconds=0)
    assert result.fidelity[0].max_abs == 0
    assert result.latency is None
    assert result.data.is_random
    assert result.models[0].accuracy is None
    document = json.loads(json.dumps(result.to_dict(), allow_nan=False))
    assert document["fidelity"][0]["sqnr_db"] == "Infinity"
    assert document["passed"] is True


def test_one_model_alone(models):
    result = check(models[0], latency_seconds=0.01)
    assert len(result.models) == 1
    assert result.fidelity == ()
    assert result.latency.cpu_ratio is None


def test_models_in_memory(models):
    given = [onnx.load(path) for path in models]
    wanted = check(*models, latency_seconds=0).fidelity
    assert check(*given, latency_seconds=0).fidelity == wanted
    assert check(*map(read_parts, models), latency_seconds=0).fidelity == wanted


def test_wrong_preprocessing_is_seen(models, pictures, preprocessing):
    folder, _ = pictures
    right = check(models[0], data=folder, latency_seconds=0)
    swapped = check(
        models[0], data=folder, preprocessing=preprocessing.with_changes(channel_order="RGB"), latency_seconds=0
    )
    assert right.models[0].preprocessing != swapped.models[0].preprocessing


@pytest.mark.parametrize(
    ("name", "limit", "passed"),
    [
        ("max_top1_drop", 100.0, True),
        ("max_top1_drop", -101.0, False),
        ("max_top5_drop", 100.0, True),
        ("min_top1", 0.0, True),
        ("min_top1", 101.0, False),
        ("min_agreement", 0.0, True),
        ("min_agreement", 101.0, False),
        ("max_kl", 10.0, True),
        ("max_kl", 0.0, False),
        ("min_mac_ratio", 1.0, True),
        ("min_mac_ratio", 1.1, False),
        ("min_size_ratio", 1.0, True),
        ("min_size_ratio", 1.1, False),
        ("max_abs_error", 10.0, True),
        ("max_abs_error", 1e-6, False),
        ("max_relative_error", 1.0, True),
        ("max_relative_error", 1e-6, False),
        ("min_cosine", 0.5, True),
        ("min_cosine", 1.1, False),
        ("min_sqnr", 1.0, True),
        ("min_sqnr", 200.0, False),
    ],
)
def test_gates(models, tmp_path, rng, name, limit, passed):
    np.savez(tmp_path / "d.npz", x=rng.standard_normal((5, 3, 6, 10)).astype(np.float32), y=rng.integers(0, 7, 5))
    result = check(*models, data=tmp_path / "d.npz", thresholds=Thresholds(**{name: limit}), latency_seconds=0)
    assert result.passed is passed
    assert [gate.name for gate in result.gates] == [name]


def test_speedup_gate(models):
    result = check(*models, thresholds=Thresholds(min_speedup=50.0), latency_seconds=0.01)
    assert not result.passed


def test_accuracy_gate_without_labels_is_refused(models):
    with pytest.raises(DataError, match="--max-top1-drop: accuracy needs labelled data"):
        check(*models, thresholds=Thresholds(max_top1_drop=1), latency_seconds=0)


def test_models_that_cannot_be_read(models, tmp_path):
    with pytest.raises(ModelError, match=r"none\.onnx: no such file"):
        check(models[0], tmp_path / "none.onnx")
    (tmp_path / "text.onnx").write_text("no model")
    with pytest.raises(ModelError, match=r"text\.onnx"):
        check(tmp_path / "text.onnx")


def test_external_data_counts(models, tmp_path):
    model = onnx.load(models[0])
    onnx.save(model, tmp_path / "e.onnx", save_as_external_data=True, location="e.bin", size_threshold=0)
    result = check(models[0], tmp_path / "e.onnx", latency_seconds=0)
    total = (tmp_path / "e.onnx").stat().st_size + (tmp_path / "e.bin").stat().st_size
    assert result.models[1].file_bytes == total
    assert result.fidelity[0].max_abs == 0
