"""What is written is an MXNet symbol, by the judgement of the converter's reader."""

import pytest
from planish.converter.mxnet.symbol import VARIABLE, parse_symbol
from planish.models.symbol import SymbolWriter, with_block_names


def build():
    net = SymbolWriter(channels=3, size=14)
    top = net.convolution("features.0", "data", 6, 3, pad=1, stride=2, group=3, bias=False)
    top = net.relu(net.batch_norm("features.1", top))
    net.stage("stage1")
    top = net.concat([top, net.max_pool(net.convolution("features.2.body", top, 4, 1), 3, 1, pad=1)])
    net.stage("")
    net.dense("output", net.dropout(net.flatten(net.average_pool(top)), 0.5), 5)
    return str(net)


@pytest.fixture(scope="module")
def symbol():
    return parse_symbol(build())


def test_operators_are_numbered_by_kind_and_stage(symbol):
    assert [node.name for node in symbol.nodes if node.operator != VARIABLE] == [
        *("conv0", "batchnorm0", "relu0", "stage1_conv0", "stage1_pool0", "stage1_concat0"),
        *("pool0", "flatten0", "dropout0", "dense0"),
    ]
    assert [symbol.nodes[head.node].name for head in symbol.heads] == ["dense0"]


def test_parameters_bear_both_kinds_of_names(symbol):
    paths = [node.name for node in symbol.nodes if node.operator == VARIABLE]
    names = [node.name for node in parse_symbol(with_block_names(build())).nodes if node.operator == VARIABLE]
    assert dict(zip(paths, names, strict=True)) == {
        "data": "data",
        "features.0.weight": "conv0_weight",
        "features.1.gamma": "batchnorm0_gamma",
        "features.1.beta": "batchnorm0_beta",
        "features.1.running_mean": "batchnorm0_running_mean",
        "features.1.running_var": "batchnorm0_running_var",
        "features.2.body.weight": "stage1_conv0_weight",
        "features.2.body.bias": "stage1_conv0_bias",
        "output.weight": "dense0_weight",
        "output.bias": "dense0_bias",
    }


def test_options_are_those_asked_for(symbol):
    options = {node.name: node.options for node in symbol.nodes}
    assert options["conv0"] == {
        "kernel": "(3, 3)",
        "num_filter": "6",
        "pad": "(1, 1)",
        "stride": "(2, 2)",
        "num_group": "3",
        "no_bias": "True",
    }
    assert options["batchnorm0"] == {"eps": "1e-05", "fix_gamma": "False"}
    assert (options["stage1_pool0"]["pool_type"], options["stage1_pool0"]["pooling_convention"]) == ("max", "valid")
    assert options["pool0"]["global_pool"] == "True"
    assert symbol.nodes[0].hidden["shape"] == "(1, 3, 14, 14)"


def test_edges_lead_to_what_was_named(symbol):
    concat = next(node for node in symbol.nodes if node.name == "stage1_concat0")
    assert [symbol.nodes[entry.node].name for entry in concat.inputs] == ["relu0", "stage1_pool0"]
