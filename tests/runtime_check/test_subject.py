"""Models under check."""

import onnx
import pytest
from planish.errors import DataError
from planish.runtime_check.subject import inputs_of, open_subjects


def test_a_model_that_says_nothing_takes_the_others_preprocessing(classifier, preprocessing, tmp_path):
    onnx.save(classifier(preprocessing=preprocessing), tmp_path / "a.onnx")
    first, second = open_subjects([tmp_path / "a.onnx", classifier()], None)
    assert first.preprocessing == second.preprocessing == preprocessing
    assert (first.name, second.name) == (str(tmp_path / "a.onnx"), "classifier")
    given = preprocessing.with_changes(channel_order="RGB")
    assert {subject.preprocessing for subject in open_subjects([tmp_path / "a.onnx", classifier()], given)} == {given}


def test_a_size_that_one_model_leaves_open_is_the_others(classifier):
    (spec,) = inputs_of(open_subjects([classifier(size=("h", "w")), classifier()], None), None)
    assert spec.shape == (None, 3, 6, 10)
    with pytest.raises(DataError, match=r"classifier wants data: .*6, 10.* but classifier wants data: .*7, 10"):
        inputs_of(open_subjects([classifier(), classifier(size=(7, 10))], None), None)
