"""Every golden case that MXNet 1.9.1 computed: right, or refused with the reason; never silently wrong."""

import json
from pathlib import Path

import numpy as np
import pytest
from planish.converter.mxnet import convert_mxnet
from planish.errors import UnsupportedError
from planish.runtime_check.session import Session

CASES = Path(__file__).parents[3] / "../shared/conformance/mxnet"
NAMES = sorted(path.name.removesuffix("-symbol.json") for path in CASES.glob("*-symbol.json"))
MOST_REFUSALS = 0

pytestmark = pytest.mark.skipif(not NAMES, reason="the golden cases are not at ../shared/conformance/mxnet")


@pytest.mark.parametrize("name", NAMES or ["none"])
def test_case_equals_mxnet(name):
    case = json.loads((CASES / f"{name}.json").read_text())
    shapes = {key: shape for key, shape in case["inshape"].items() if key not in case["labels"]}
    with np.load(CASES / f"{name}.npz") as golden:
        model = convert_mxnet(
            CASES / f"{name}-symbol.json", CASES / f"{name}-0000.params", input_shapes=shapes
        ).to_model()
        session = Session(model)
        assert set(session.input_names) <= set(shapes)
        found = session.run({key: golden[f"in_{key}"] for key in shapes})
        assert session.output_names == case["outnames"]
        for index, output in enumerate(session.output_names):
            wanted = golden[f"out_{index}"]
            assert found[output].shape == tuple(case["outshape"][index])
            np.testing.assert_allclose(found[output], wanted, rtol=0, atol=1e-3 * np.abs(wanted).max() + 1e-30)


def test_refusals_are_few():
    refused = []
    for name in NAMES:
        case = json.loads((CASES / f"{name}.json").read_text())
        try:
            convert_mxnet(CASES / f"{name}-symbol.json", CASES / f"{name}-0000.params", input_shapes=case["inshape"])
        except UnsupportedError as error:
            refused.append(f"{name}: {error}")
    assert len(refused) <= MOST_REFUSALS, refused
