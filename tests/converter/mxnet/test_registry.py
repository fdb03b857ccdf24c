import pytest
from planish.converter.mxnet import registry
from planish.converter.mxnet.registry import find_operator, operator, operators
from planish.errors import PlanishError

PLUGIN = '''
from planish.converter.mxnet.call import OperatorCall, Value
from planish.converter.mxnet.registry import operator


@operator("Custom_swish", source="our own layer")
def swish(call: OperatorCall) -> Value:
    """x * sigmoid(beta * x)."""
    scaled = call.emit("Mul", [call.data, call.scalar(call.options.number("beta", 1.0))])
    return call.like(call.emit("Mul", [call.data, call.emit("Sigmoid", [scaled])]))
'''


def test_every_operator_says_what_it_does_and_what_it_follows():
    for entry in operators():
        assert entry.summary.endswith("."), entry.name
        assert entry.source, entry.name


def test_a_name_is_taken_once():
    with pytest.raises(PlanishError, match=r"'Activation' of .* is registered already"):
        operator("Activation", source="x")(lambda call: call.data)


def test_aliases_are_listed():
    assert find_operator("elemwise_add").aliases[:2] == ["_Plus", "_add"]


def test_third_parties_add_operators(network, tmp_path, monkeypatch, rng):
    (tmp_path / "their_operators.py").write_text(PLUGIN)
    installed = tmp_path / "theirs-1.0.dist-info"
    installed.mkdir()
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: theirs\nVersion: 1.0\n")
    (installed / "entry_points.txt").write_text("[planish.mxnet_ops]\nswish = their_operators\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(registry, "_OPERATORS", dict(registry._OPERATORS))
    registry._load.cache_clear()
    network.operator("Custom_swish", "net", [network.variable("data")], beta=2)
    x = rng.normal(size=(2, 3)).astype("f4")
    (found,) = network.run({"data": x})
    registry._load.cache_clear()
    assert abs(found - x / (1 + 2.718281828 ** (-2 * x))).max() < 1e-6
