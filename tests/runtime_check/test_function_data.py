"""Data from a function named on the command line."""

import numpy as np
import pytest
from planish.errors import DataError
from planish.runtime_check.data import open_data
from planish.runtime_check.function_data import is_function_name
from planish.runtime_check.inputs import InputSpec

FLOAT = np.dtype(np.float32)
ONE = (InputSpec("data", (None, 2, 3), FLOAT),)
TWO = (InputSpec("a", (None, 2), FLOAT), InputSpec("b", (None, 3), FLOAT))

MODULE = """
import numpy as np

def plain():
    for index in range(7):
        yield np.full((2, 3), index, np.float64)

def labelled():
    for index in range(7):
        yield np.full((2, 3), index), index * 2

def named():
    yield {"a": np.zeros(2), "b": np.ones(3)}

def number():
    return 5

constant = 5
calls = []

def fewer():
    calls.append(1)
    return [np.zeros((2, 3))] * (3 if len(calls) == 1 else 1)
"""


@pytest.fixture(autouse=True)
def module(tmp_path, monkeypatch):
    (tmp_path / "samples_of_mine.py").write_text(MODULE)
    monkeypatch.chdir(tmp_path)


def test_arrays_from_the_working_folder():
    data = open_data("samples_of_mine:plain", ONE, limit=4, seed=1)
    for _ in range(2):
        values = np.concatenate([batch.inputs["data"] for batch in data.batches(3)])
        assert values.shape == (4, 2, 3)
        assert values.dtype == np.float32
        assert (np.diff(values[:, 0, 0]) > 0).all()
    assert data.labels is None


def test_labels():
    data = open_data("samples_of_mine:labelled", ONE)
    (batch,) = data.batches()
    assert batch.labels.tolist() == [0, 2, 4, 6, 8, 10, 12]


def test_dotted_names():
    data = open_data("samples_of_mine.labelled", ONE)
    assert len(data) == 7
    assert not is_function_name("no_module_of_mine.labelled")
    assert not is_function_name("val.csv")
    with pytest.raises(DataError, match="no such file or folder"):
        open_data("val.csv", ONE)


def test_several_inputs():
    (batch,) = open_data("samples_of_mine:named", TWO).batches()
    assert batch.inputs["b"].tolist() == [[1, 1, 1]]


@pytest.mark.parametrize(
    ("name", "inputs", "message"),
    [
        ("samples_of_mine:none", ONE, "has no function 'none'"),
        ("samples_of_mine:constant", ONE, "has no function 'constant'"),
        ("no_module_of_mine:plain", ONE, "cannot import no_module_of_mine"),
        ("samples_of_mine:number", ONE, "returned int; return an iterable"),
        ("samples_of_mine:plain", TWO, "no value for the input a, b"),
        ("samples_of_mine:fewer", ONE, "now fewer"),
    ],
)
def test_what_cannot_be(name, inputs, message):
    with pytest.raises(DataError, match=message):
        list(open_data(name, inputs).batches())


def test_names():
    assert is_function_name("package.module:function")
    assert not is_function_name("images/list.csv")
    assert not is_function_name("C:\\data")
    assert not is_function_name(":function")
