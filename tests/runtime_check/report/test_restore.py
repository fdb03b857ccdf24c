"""Results from their JSON."""

import json

import pytest
from planish.errors import DataError
from planish.runtime_check.check import check
from planish.runtime_check.report.restore import read_result, restore
from planish.runtime_check.result import CheckResult


def test_round_trip_through_json(full_result, tmp_path):
    (tmp_path / "r.json").write_text(json.dumps(full_result.to_dict(), allow_nan=False))
    assert read_result(tmp_path / "r.json") == full_result


def test_one_model_without_anything(classifier):
    result = check(classifier(), latency_seconds=0)
    assert restore(CheckResult, json.loads(json.dumps(result.to_dict()))) == result


@pytest.mark.parametrize("text", ["", "no json", "[]", "{}", '{"models": 5}', '{"models": [{"name": 3}]}'])
def test_other_files(tmp_path, text):
    (tmp_path / "r.json").write_text(text)
    with pytest.raises(DataError, match=r"r\.json: is not what this version"):
        read_result(tmp_path / "r.json")
    with pytest.raises(DataError, match="cannot be read"):
        read_result(tmp_path / "none.json")
