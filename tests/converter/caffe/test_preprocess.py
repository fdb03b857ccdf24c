import numpy as np
import pytest
from planish.errors import SourceError
from planish.preprocessing import Preprocessing, read_preprocessing
from planish.runtime_check.session import Session
from planish.wire import tag, varint

RELU = 'layer { name: "r" type: "ReLU" bottom: "data" top: "y" }'
NET = 'input: "data" input_shape { dim: 1 dim: 3 dim: 5 dim: 7 } ' + RELU
TRAIN = (
    'layer { name: "d" type: "Data" top: "data" top: "label" transform_param '
    "{ scale: 0.5 mean_value: 1 mean_value: 2 mean_value: 3 crop_size: 5 } } " + RELU
)
SHAPES = {"data": (1, 3, 5, 7)}


def field(number, payload):
    return tag(number) + varint(len(payload)) + payload


def described(parts):
    return read_preprocessing(parts.model)


def test_nothing_is_said_where_nothing_is_known(convert_net):
    assert described(convert_net(NET)) is None


def test_transform_param_becomes_metadata(convert_net):
    found = described(convert_net(TRAIN, input_shapes=SHAPES))
    assert found == Preprocessing(
        input="data", size=(5, 7), channel_order="BGR", mean=(1.0, 2.0, 3.0), scale=(0.5,), resize="warp"
    )


def test_given_fields_replace_the_nets_own(convert_net):
    found = described(convert_net(TRAIN, input_shapes=SHAPES, preprocessing={"scale": (2.0,), "mean": None}))
    assert (found.scale, found.mean) == ((2.0,), (1.0, 2.0, 3.0))


def test_a_complete_description_stands_alone(convert_net):
    given = Preprocessing(input="data", size=(5, 7), mean=(9.0,))
    assert described(convert_net(TRAIN, input_shapes=SHAPES, preprocessing=given)) == given


@pytest.mark.parametrize("order", ["BGR", "RGB"])
@pytest.mark.parametrize("uint8", [False, True])
def test_embedded_preprocessing_equals_the_same_outside(convert_net, order, uint8):
    facts = {"mean": (10.0, 20.0, 30.0), "scale": (0.5, 1.0, 2.0), "channel_order": order}
    parts = convert_net(NET, preprocessing=facts, embed_preprocessing=True, uint8_input=uint8)
    pixels = np.random.default_rng(0).integers(0, 256, (2, 3, 5, 7), np.uint8)
    feed = pixels.transpose(0, 2, 3, 1) if uint8 else pixels.astype(np.float32)
    found = Session(parts.to_model()).run({"data": feed})["y"]
    x = pixels[:, ::-1] if order == "BGR" else pixels
    mean, scale = (np.array(facts[name]).reshape(3, 1, 1) for name in ("mean", "scale"))
    np.testing.assert_allclose(found, np.maximum((x - mean) * scale, 0), rtol=1e-6)
    left = described(parts)
    assert (left.mean, left.scale, left.channel_order) == ((0.0,), (1.0,), "RGB")


def test_an_embedded_mean_image_is_cropped_at_its_centre(convert_net, tmp_path):
    mean = np.random.default_rng(0).random((3, 9, 9), np.float32) * 100
    np.save(tmp_path / "mean.npy", mean)
    from planish.converter.caffe.mean_file import mean_fields, read_mean

    facts = mean_fields(read_mean(tmp_path / "mean.npy"))
    parts = convert_net(NET, preprocessing=facts, embed_preprocessing=True)
    pixels = np.full((1, 3, 5, 7), 90, np.float32)
    found = Session(parts.to_model()).run({"data": pixels})["y"]
    np.testing.assert_allclose(found, np.maximum(pixels - mean[:, 2:7, 1:8], 0), rtol=1e-5)


def test_a_mean_file_of_the_net_is_read_beside_it(convert_net, tmp_path):
    mean = np.random.default_rng(0).random((3, 9, 9), np.float32)
    sizes = field(7, field(1, b"\x01\x03\x09\x09"))
    (tmp_path / "mean.binaryproto").write_bytes(field(5, mean.tobytes()) + sizes)
    net = TRAIN.replace("mean_value: 1 mean_value: 2 mean_value: 3", "mean_file: 'data/mean.binaryproto'")
    found = described(convert_net(net, input_shapes=SHAPES))
    assert (found.mean_image_shape, found.resize_to) == ((3, 9, 9), 9)


@pytest.mark.parametrize(
    ("facts", "problem"),
    [
        ({"mean": (1.0, 2.0)}, "2 numbers of --mean do not fit an input of 3 channels"),
        ({}, "says nothing about preprocessing"),
    ],
)
def test_embedding_what_does_not_fit(convert_net, facts, problem):
    with pytest.raises(SourceError, match=problem):
        convert_net(NET, preprocessing=facts, embed_preprocessing=True)
