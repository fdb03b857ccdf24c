import json

import pytest
from planish.converter.mxnet.legacy import canonical_name
from planish.converter.mxnet.symbol import Entry, parse_symbol, read_symbol
from planish.errors import SourceError


def text(nodes, heads, version=None):
    document = {"nodes": nodes, "heads": heads}
    if version:
        document["attrs"] = {"mxnet_version": ["int", version]}
    return json.dumps(document)


def variable(name, **more):
    return {"op": "null", "name": name, "inputs": [], **more}


@pytest.mark.parametrize("key", ["param", "attr", "attrs"])
def test_options_of_every_generation(key):
    nodes = [variable("data"), {"op": "Activation", "name": "a", "inputs": [[0, 0]], key: {"act_type": "relu"}}]
    (_, node) = parse_symbol(text(nodes, [[1, 0]])).nodes
    assert node.options == {"act_type": "relu"}


def test_user_attributes_are_not_options():
    hidden = {"__shape__": "(1,3)", "lr_mult": "0.1", "__dtype__": "0"}
    node = {"op": "Flatten", "name": "f", "inputs": [[0, 0, 0]], "attrs": {"kernel": "3", **hidden}}
    (_, read) = parse_symbol(text([variable("data"), node], [[1, 0, 0]])).nodes
    assert read.options == {"kernel": "3"}
    assert read.hidden == {"shape": "(1,3)", "lr_mult": "0.1", "dtype": "0"}


def test_in_0_8_attr_is_the_users():
    node = {"op": "Flatten", "name": "f", "inputs": [[0, 0]], "param": {"a": "1"}, "attr": {"weight_lr_mult": "2"}}
    (_, read) = parse_symbol(text([variable("data"), node], [[1, 0]])).nodes
    assert read.options == {"a": "1"}
    assert read.hidden == {"weight_lr_mult": "2"}


def test_auxiliary_states_that_old_files_leave_out():
    names = ["data", "bn_gamma", "bn_beta"]
    nodes = [variable(name) for name in names]
    nodes.append({"op": "BatchNorm", "name": "bn", "param": {}, "inputs": [[0, 0], [1, 0], [2, 0]]})
    symbol = parse_symbol(text(nodes, [[3, 0]]))
    inputs = [symbol.nodes[entry.node].name for entry in symbol.nodes[3].inputs]
    assert inputs == [*names, "bn_moving_mean", "bn_moving_var"]
    assert len(parse_symbol(text(nodes, [[3, 0]], 10000)).nodes[3].inputs) == 3


@pytest.mark.parametrize(("version", "wanted"), [(904, {}), (905, {"axis": "-1"})])
def test_argmax_of_old_files(version, wanted):
    nodes = [variable("data"), {"op": "argmax", "name": "a", "attr": {"axis": "-1"}, "inputs": [[0, 0]]}]
    assert parse_symbol(text(nodes, [[1, 0]], version)).nodes[1].options == wanted


@pytest.mark.parametrize(
    ("alias", "name"),
    [
        ("_Plus", "elemwise_add"),
        ("_minus", "elemwise_sub"),
        ("_RMinusScalar", "_rminus_scalar"),
        ("_GreaterEqualScalar", "_greater_equal_scalar"),
        ("_LogicalXorScalar", "_logical_xor_scalar"),
        ("_Not_Equal", "_not_equal"),
        ("ElementWiseSum", "add_n"),
        ("Softmax", "SoftmaxOutput"),
        ("softmax", "softmax"),
        ("crop", "slice"),
        ("Crop", "Crop"),
        ("broadcast_axes", "broadcast_axis"),
        ("_sparse_relu", "relu"),
        ("_sparse_ElementWiseSum", "add_n"),
        ("identity", "_copy"),
        ("Convolution_v1", "Convolution_v1"),
        ("Frobnicate", "Frobnicate"),
    ],
)
def test_aliases(alias, name):
    assert canonical_name(alias) == name


def chain(*inputs):
    nodes = [variable("data")]
    nodes += [{"op": "relu", "name": f"r{i}", "inputs": each} for i, each in enumerate(inputs, 1)]
    return parse_symbol(text(nodes, [[len(nodes) - 1, 0]]), "net.json")


def test_order_may_differ_from_the_files():
    symbol = chain([[2, 0]], [[3, 0]], [[0, 0]])
    assert symbol.order([Entry(1, 0)], {}) == [0, 3, 2, 1]


def test_circles_are_refused():
    symbol = chain([[2, 0]], [[1, 0]])
    with pytest.raises(SourceError, match=r"net\.json: operator 'r\d' \(relu\) reads its own output"):
        symbol.order([Entry(2, 0)], {})


def test_long_chains_need_no_recursion():
    symbol = chain(*[[[i, 0]] for i in range(5000)])
    assert len(symbol.order(symbol.heads, {})) == 5001


def test_unread_inputs_are_left_out():
    symbol = chain([[0, 0]], [[1, 0], [0, 0]])
    assert symbol.order([Entry(2, 0)], {"relu": (0,)}) == [0, 2]


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("", "no JSON"),
        ("[" * 100_000, "no JSON"),
        ("[1, 2]", "no list of 'nodes'"),
        ('{"nodes": [], "heads": [[0, 0]]}', "no list of 'nodes'"),
        (text([3], [[0, 0]]), "no op and name"),
        (text([{"op": "null", "name": 5}], [[0, 0]]), "no op and name"),
        (text([variable("data")], [[4, 0]]), "reads output 0 of node 4"),
        (text([variable("data")], [[0, -1]]), "reads output -1"),
        (text([variable("data")], [["a", 0]]), "no \\[node, output\\]"),
        (text([variable("data")], [[True, 0]]), "no \\[node, output\\]"),
        (text([variable("data", inputs="x")], [[0, 0]]), "inputs are no list"),
        (text([variable("data", attrs={"a": 3})], [[0, 0]]), "no table of strings"),
    ],
)
def test_damaged_files_are_refused(content, complaint):
    with pytest.raises(SourceError, match=complaint):
        parse_symbol(content)


def test_a_params_file_in_its_place(tmp_path):
    path = tmp_path / "net-0000.params"
    path.write_bytes(b"\x12\x01\x00\x00\xc9\xfa\x93\xf9")
    with pytest.raises(SourceError, match="is no text"):
        read_symbol(path)
