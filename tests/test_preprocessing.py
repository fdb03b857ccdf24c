"""The description of a model's input, and how it travels in the model."""

import onnx
import pytest
from planish.errors import ModelError
from planish.preprocessing import METADATA_KEY, Preprocessing, read_preprocessing

FULL = Preprocessing(
    input="data",
    size=(224, 192),
    channel_order="BGR",
    mean=(104.0, 117.0, 123.0),
    scale=(0.5,),
    resize="short",
    resize_to=256,
    mean_image="AAAAAA==",
    mean_image_shape=(1, 1, 1),
)


@pytest.mark.parametrize("described", [FULL, Preprocessing(), Preprocessing(mean=(127.5,))])
def test_json_round_trip(described):
    assert Preprocessing.from_json(described.to_json(), "m") == described


def test_defaults_take_no_room():
    assert Preprocessing().to_json() == "{}"
    assert Preprocessing(channel_order="BGR").to_json() == '{"channel_order": "BGR"}'


def test_metadata_of_a_model():
    model = onnx.ModelProto()
    assert read_preprocessing(model) is None
    onnx.helper.set_model_props(model, {"other": "x", METADATA_KEY: FULL.to_json()})
    assert read_preprocessing(model) == FULL


def test_changes_replace_only_what_is_given():
    changed = FULL.with_changes(mean=(1.0,), resize=None, size=(10, 20))
    assert changed == Preprocessing.from_json(
        FULL.to_json().replace("[104.0, 117.0, 123.0]", "[1.0]").replace("[224, 192]", "[10, 20]"), "m"
    )


@pytest.mark.parametrize(
    "text",
    [
        "no json",
        "[1, 2]",
        '{"unknown": 1}',
        '{"channel_order": "HSV"}',
        '{"resize": "stretch"}',
        '{"mean": ["red"]}',
        '{"mean": 5}',
        '{"size": [224]}',
        '{"size": [0, 224]}',
        '{"size": "big"}',
        '{"resize_to": -1}',
        '{"resize_to": "256"}',
        '{"mean_image": 5}',
        '{"mean_image": "AAAA", "mean_image_shape": null}',
    ],
)
def test_damaged_metadata(text):
    with pytest.raises(ModelError, match=r"net\.onnx: metadata 'planish.preprocessing' is damaged"):
        Preprocessing.from_json(text, "net.onnx")
