"""MXNet itself is not installed here: a Python program stands in for it."""

import stat
import sys
from pathlib import Path

import numpy as np
import pytest
from planish.converter.mxnet.verify import run_in_mxnet
from planish.errors import ModelError, SourceError

STAND_IN = """#!{python}
import sys
import numpy as np
feeds, outputs = sys.argv[4:6]
with np.load(feeds) as arrays:
    np.savez(outputs, output_0=np.maximum(arrays["data"], 0) {change})
"""


@pytest.fixture
def stand_in(tmp_path):
    def make(text):
        path = tmp_path / "their-python"
        path.write_text(text)
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        return path

    return make


@pytest.fixture
def relu(network):
    network.operator("relu", "net", [network.variable("data")])
    return lambda python: network.convert(input_shapes={"data": (2, 3)}, verify_python=python)


def test_equal_answers_are_noted(relu, stand_in):
    parts = relu(stand_in(STAND_IN.format(python=sys.executable, change="")))
    assert any(
        "verified: output 'net_output' differs from MXNet's by 0.0e+00" in e.value for e in parts.model.metadata_props
    )


def test_other_answers_are_an_error(relu, stand_in):
    with pytest.raises(ModelError, match=r"output 'net_output' differs from MXNet's by 9.9e-03"):
        relu(stand_in(STAND_IN.format(python=sys.executable, change="* 1.01")).resolve())


@pytest.mark.parametrize("text", ["#!/bin/sh\necho no mxnet here >&2; exit 3\n", "#!/bin/sh\nexit 0\n"])
def test_what_mxnet_says_is_told(relu, stand_in, text):
    with pytest.raises(SourceError, match=r"MXNet did not run .*: (no mxnet here|it ended with 0)"):
        relu(stand_in(text))


def test_there_is_no_such_python(tmp_path):
    with pytest.raises(SourceError, match="cannot be run"):
        run_in_mxnet(tmp_path / "none", Path("a"), Path("b"), {"data": np.ones(3, np.float32)})


def test_a_cut_network_cannot_be_verified(network, tmp_path):
    network.operator("relu", "net", [network.variable("data")])
    with pytest.raises(SourceError, match="network whole"):
        network.convert(input_shapes={"data": (2, 3)}, verify_python=tmp_path, outputs=["net"])
