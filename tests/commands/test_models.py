"""`planish models` shows the catalogue."""

import json

import pytest
from planish.commands import main
from planish.converter.caffe.text import parse_text
from planish.converter.mxnet.symbol import parse_symbol
from planish.models import networks


def test_the_table_names_every_network(capsys):
    assert main(["models"]) == 0
    printed = capsys.readouterr().out
    assert all(name in printed for name in networks())
    assert "138,357,544" in printed


def test_the_list_as_json(capsys, monkeypatch, tmp_path):
    monkeypatch.setenv("PLANISH_CACHE", str(tmp_path))
    (tmp_path / "squeezenet_v1.1.caffemodel").touch()
    assert main(["models", "--json"]) == 0
    entries = {entry["name"]: entry for entry in json.loads(capsys.readouterr().out)}
    assert entries.keys() == networks().keys()
    places = {name: entry["weights"]["place"] for name, entry in entries.items()}
    assert places["caffe_digits"] == "packaged"
    assert places["caffe_squeezenet_v1_1"] == "downloaded"
    assert places["caffe_vgg16"] == "to download"


def test_one_network_whole(capsys):
    assert main(["models", "caffe_vgg16"]) == 0
    shown = capsys.readouterr().out
    assert main(["models", "caffe_vgg16", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["weights"]["bytes"] == 553432081
    assert document["preprocessing"]["channel_order"] == "BGR"
    for fact in ("553,432,081", "CC BY 4.0", document["weights"]["sha1"], "103.939, 116.779, 123.68", "BGR"):
        assert fact in shown


def test_the_prototxt_of_a_caffe_network(capsys):
    assert main(["models", "caffe_squeezenet_v1_1", "--structure"]) == 0
    layers = parse_text(capsys.readouterr().out, "printed").messages("layer")
    assert layers[-1].string("name") == "prob"


def test_the_symbol_of_an_mxnet_network(capsys):
    assert main(["models", "mxnet_squeezenet1_1", "--structure"]) == 0
    symbol = parse_symbol(capsys.readouterr().out)
    assert symbol.nodes[0].hidden["shape"] == "(1, 3, 224, 224)"
    assert [symbol.nodes[head.node].operator for head in symbol.heads] == ["Flatten"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(["caffe_vgg_16"], "did you mean 'caffe_vgg16'"), (["--structure"], "needs the name of a network")],
)
def test_bad_arguments(arguments, message, capsys):
    assert main(["models", *arguments]) == 2
    assert message in capsys.readouterr().err
