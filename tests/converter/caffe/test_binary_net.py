"""A caffemodel holds its net too: read as structure, it must give what the prototxt gives."""

import json
from pathlib import Path

import numpy as np
import pytest
from planish.converter.caffe import convert_caffe
from planish.converter.caffe.binary_net import parse_binary
from planish.errors import SourceError
from planish.runtime_check.session import Session
from planish.wire import tag, varint

FOLDER = Path(__file__).parents[3] / "../shared/conformance"
CASES = sorted(path for name in ("caffe", "caffe_ssd") for path in (FOLDER / name).glob("*.caffemodel"))


def field(number, payload):
    return tag(number) + varint(len(payload)) + payload


@pytest.mark.skipif(not CASES, reason="the golden cases (../shared/conformance) are not here")
@pytest.mark.parametrize("caffemodel", CASES[::3], ids=lambda path: path.stem)
def test_the_net_inside_a_caffemodel(caffemodel):
    facts = json.loads(caffemodel.with_suffix(".json").read_text())
    golden = np.load(caffemodel.with_suffix(".npz"))
    answers = Session(convert_caffe(caffemodel, caffemodel, check=False).to_model()).run(
        {name: golden[f"in_{name}"].astype(np.float32) for name in facts["inputs"]}
    )
    for name in facts["outputs"]:
        expected = golden[f"out_{name}"]
        np.testing.assert_allclose(answers[name], expected, rtol=0, atol=1e-4 * np.abs(expected).max(initial=1e-30))


def test_fields_by_number():
    convolution = varint(1 << 3) + varint(4) + field(4, b"\x03\x05") + varint(3 << 3) + b"\xff" * 9 + b"\x01"
    layer = field(1, b"c") + field(2, b"Convolution") + field(106, convolution)
    (read,) = parse_binary(memoryview(field(100, layer)), "net").messages("layer")
    params = read.message("convolution_param")
    assert (params.integer("num_output"), params.integers("kernel_size"), params.integer("pad")) == (4, [3, 5], -1)


def test_a_forks_parameters_are_not_guessed():
    layer = field(1, b"i") + field(2, b"Interp") + field(166, b"\x08\x01")
    with pytest.raises(SourceError, match=r"layer 'i' \(Interp\): its parameters stand in field 166"):
        parse_binary(memoryview(field(100, layer)), "net")
