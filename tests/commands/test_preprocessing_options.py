"""`--mean`, `--scale` and the like: what they change, and that every command reads images by them alike."""

import click
import numpy as np
import onnx
import pytest
from click.testing import CliRunner
from PIL import Image
from planish.commands import main
from planish.commands.preprocessing_options import given_preprocessing, parse_numbers, preprocessing_options
from planish.errors import ModelError
from planish.preprocessing import METADATA_KEY, Preprocessing

GRAPH = "g (float[n,3,12,10] x) => (float[n,5] y) { a = Conv (x, w) p = GlobalAveragePool (a) y = Flatten (p) }"


@pytest.fixture
def model(tmp_path):
    """One convolution whose metadata says how to preprocess."""
    made = onnx.parser.parse_model(f'<ir_version: 8, opset_import: ["" : 17]> {GRAPH}')
    weights = np.random.default_rng(3).standard_normal((5, 3, 3, 3)).astype(np.float32)
    made.graph.initializer.append(onnx.numpy_helper.from_array(weights, "w"))
    described = Preprocessing(input="x", size=(12, 10), mean=(1.0, 2.0, 3.0), scale=(0.5,))
    made.metadata_props.add(key=METADATA_KEY, value=described.to_json())
    path = tmp_path / "model.onnx"
    onnx.save(made, path)
    return path


def given(model, *arguments):
    """What the options make of the model's own preprocessing."""
    found = []
    command = click.command()(preprocessing_options(lambda **settings: found.append(settings)))
    assert CliRunner().invoke(command, [str(argument) for argument in arguments]).exit_code == 0
    return given_preprocessing(model, found[0])


def test_options_change_what_the_metadata_says(model):
    assert given(model) is None
    made = given(model, "--mean", "104,117,123", "--channel-order", "BGR", "--resize-to", 16, "--crop", 8)
    assert made == Preprocessing("x", (8, 8), "BGR", (104.0, 117.0, 123.0), (0.5,), "warp", 16)
    assert given(model, "--scale", 0.25, "--resize", "short").mean == (1.0, 2.0, 3.0)


def test_numbers_that_are_none_and_missing_models_are_refused(model, tmp_path):
    with pytest.raises(click.UsageError, match="--mean 1,a: must be numbers"):
        parse_numbers("--mean", "1,a")
    with pytest.raises(ModelError, match="no such file"):
        given(tmp_path / "none.onnx", "--mean", 1)


def test_rewrite_calibrates_on_images_as_the_options_say(model, tmp_path):
    (tmp_path / "images").mkdir()
    rng = np.random.default_rng(5)
    for number in range(6):
        Image.fromarray(rng.integers(0, 255, (14, 13, 3), np.uint8)).save(tmp_path / "images" / f"{number}.png")

    def rewritten(*options):
        output = tmp_path / "out.onnx"
        arguments = ("rewrite", "--pass", "lowrank", "--target", "generic")
        data = ("--data", tmp_path / "images", "--seed", 1, "--layer", "a", "--rank", 2)
        assert main([str(one) for one in (*arguments, model, "-o", output, *data, *options)]) == 0
        return output.read_bytes()

    assert rewritten() == rewritten("--mean", "1,2,3")
    assert rewritten() != rewritten("--mean", "90,2,120", "--channel-order", "BGR")


def test_rewrite_without_data_has_no_images_to_preprocess(model, tmp_path, capsys):
    arguments = ["rewrite", "--pass", "lowrank", str(model), "-o", str(tmp_path / "o.onnx"), "--mean", "1"]
    assert main(arguments) == 2
    assert "give it, or leave them" in capsys.readouterr().err
    assert not (tmp_path / "o.onnx").exists()
