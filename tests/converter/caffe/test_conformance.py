"""The golden cases that real Caffe computed: each right to 1e-4 of its largest magnitude."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from planish.converter.caffe import convert_caffe
from planish.runtime_check.session import Session

FOLDER = Path(__file__).parents[3] / "../shared/conformance"
CASES = sorted(path for name in ("caffe", "caffe_ssd") for path in (FOLDER / name).glob("*.prototxt"))
TOLERANCE = 1e-4


@pytest.mark.skipif(not CASES, reason="the golden cases (../shared/conformance) are not here")
@pytest.mark.parametrize("prototxt", CASES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_golden_case(prototxt):
    facts = json.loads(prototxt.with_suffix(".json").read_text())
    golden = np.load(prototxt.with_suffix(".npz"))
    session = Session(convert_caffe(prototxt, prototxt.with_suffix(".caffemodel")).to_model())
    answers = session.run({name: golden[f"in_{name}"].astype(np.float32) for name in facts["inputs"]})
    assert set(answers) == set(facts["outputs"])
    for name in facts["outputs"]:
        expected = golden[f"out_{name}"]
        assert answers[name].shape == expected.shape
        largest = np.abs(expected).max(initial=1e-30)
        np.testing.assert_allclose(answers[name], expected, rtol=0, atol=TOLERANCE * largest)
