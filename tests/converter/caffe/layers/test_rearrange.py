import itertools

import numpy as np
import pytest
from planish.errors import SourceError


def net(kind, params, shape):
    dims = " ".join(f"dim: {size}" for size in shape)
    return f'input: "x" input_shape {{ {dims} }} layer {{ name: "l" type: "{kind}" bottom: "x" top: "y" {params} }}'


def sample(*shape):
    return np.random.default_rng(5).standard_normal(shape, np.float32)


@pytest.mark.parametrize("group", [1, 2, 3])
@pytest.mark.parametrize("batch", [2, 5])
def test_shuffle_channel(run_net, group, batch):
    x = sample(batch, 12, 5, 7)
    y = run_net(net("ShuffleChannel", f"shuffle_channel_param {{ group: {group} }}", (2, 12, 5, 7)), {"x": x})["y"]
    columns = 12 // group
    for i, j in itertools.product(range(group), range(columns)):
        np.testing.assert_array_equal(y[:, j * group + i], x[:, i * columns + j])


def reorg_cpu(x, channels, height, width, stride):
    """Darknet's loop: from where in `x` each element of the flat result comes."""
    out = np.zeros_like(x)
    small = channels // stride**2
    for k, j, i in itertools.product(range(channels), range(height), range(width)):
        c2, offset = k % small, k // small
        w2, h2 = i * stride + offset % stride, j * stride + offset // stride
        out[:, i + width * (j + height * k)] = x[:, w2 + width * stride * (h2 + height * stride * c2)]
    return out


@pytest.mark.parametrize(("channels", "stride"), [(8, 2), (4, 2), (9, 3)])
def test_reorg_follows_darknet(run_net, channels, stride):
    x = sample(2, channels, 6, 12)
    y = run_net(net("Reorg", f"reorg_param {{ stride: {stride} }}", x.shape), {"x": x})["y"]
    assert y.shape == (2, channels * stride**2, 6 // stride, 12 // stride)
    np.testing.assert_array_equal(y.reshape(2, -1), reorg_cpu(x.reshape(2, -1), channels, 6, 12, stride))


def test_reorg_in_reverse(run_net):
    x = sample(2, 8, 3, 5)
    y = run_net(net("Reorg", "reorg_param { stride: 2 reverse: true }", x.shape), {"x": x})["y"]
    assert y.shape == (2, 2, 6, 10)
    for k, j, i in itertools.product(range(8), range(3), range(5)):
        c2, offset = k % 2, k // 2
        np.testing.assert_array_equal(y[:, c2, j * 2 + offset // 2, i * 2 + offset % 2], x[:, k, j, i])


@pytest.mark.parametrize("form", ["NHWC", "NCHW", "DCR", "CRD"])
def test_depth_to_space(run_net, form):
    shape = (2, 3, 5, 12) if form == "NHWC" else (2, 12, 3, 5)
    x = sample(*shape)
    params = f'depth_to_space_param {{ block_size: 2 data_format: "{form}" }}'
    y = run_net(net("DepthToSpace", params, shape), {"x": x})["y"]
    planes, made = (x.transpose(0, 3, 1, 2), y.transpose(0, 3, 1, 2)) if form == "NHWC" else (x, y)
    assert made.shape == (2, 3, 6, 10)
    for d, h, w in itertools.product(range(3), range(6), range(10)):
        place = (h % 2) * 2 + w % 2
        source = d * 4 + place if form == "CRD" else place * 3 + d
        np.testing.assert_array_equal(made[:, d, h, w], planes[:, source, h // 2, w // 2])


@pytest.mark.parametrize("batch", [2, 3])
def test_space_to_batch(run_net, batch):
    x = sample(batch, 5, 6, 3)
    params = "block_shape: 2 block_shape: 3 paddings: 1 paddings: 0 paddings: 0 paddings: 0"
    y = run_net(net("SpaceToBatchND", f"space_to_batch_nd_param {{ {params} }}", (2, 5, 6, 3)), {"x": x})["y"]
    padded = np.pad(x, [(0, 0), (1, 0), (0, 0), (0, 0)])
    assert y.shape == (batch * 6, 3, 2, 3)
    for i, j in itertools.product(range(2), range(3)):
        np.testing.assert_array_equal(y[(i * 3 + j) * batch : (i * 3 + j + 1) * batch], padded[:, i::2, j::3])


def test_there_and_back_is_the_identity(run_net):
    x = sample(2, 5, 6, 3)
    params = "block_shape: 2 block_shape: 3 paddings: 1 paddings: 0 paddings: 0 paddings: 0"
    there = net("SpaceToBatchND", f"space_to_batch_nd_param {{ {params} }}", x.shape)
    params = params.replace("paddings", "crops")
    back = f'layer {{ name: "b" type: "BatchToSpaceND" bottom: "y" top: "z" batch_to_space_nd_param {{ {params} }} }}'
    np.testing.assert_array_equal(run_net(there + back, {"x": x})["z"], x)


def test_batch_to_space_without_crops(run_net):
    y = sample(8, 3, 2, 3)
    params = "batch_to_space_nd_param { block_shape: 2 block_shape: 2 crops: 0 crops: 0 crops: 0 crops: 0 }"
    whole = run_net(net("BatchToSpaceND", params, y.shape), {"x": y})["y"]
    for i, j in itertools.product(range(2), range(2)):
        np.testing.assert_array_equal(whole[:, i::2, j::2], y[(i * 2 + j) * 2 : (i * 2 + j + 1) * 2])


@pytest.mark.parametrize(
    ("kind", "params"),
    [
        ("ShuffleChannel", "shuffle_channel_param { group: 5 }"),
        ("Reorg", "reorg_param { stride: 2 }"),
        ("Reorg", ""),
        ("DepthToSpace", "depth_to_space_param { block_size: 5 }"),
        ("DepthToSpace", 'depth_to_space_param { block_size: 1 data_format: "CHW" }'),
        ("SpaceToBatchND", "space_to_batch_nd_param { block_shape: 4 paddings: 0 paddings: 0 }"),
        ("BatchToSpaceND", "batch_to_space_nd_param { block_shape: 5 crops: 0 crops: 0 }"),
        ("BatchToSpaceND", "batch_to_space_nd_param { block_shape: 2 crops: 0 }"),
    ],
)
def test_options_that_do_not_fit_are_refused(convert_net, kind, params):
    with pytest.raises(SourceError):
        convert_net(net(kind, params, (2, 6, 5, 7)))


def test_pixelshuffler_of_reshape(run_net):
    x = sample(2, 12, 3, 5)
    y = run_net(net("Reshape", "reshape_param { pixelshuffler: 2 }", x.shape), {"x": x})["y"]
    assert y.shape == (2, 3, 6, 10)
    for c, h, w in itertools.product(range(12), range(3), range(5)):
        np.testing.assert_array_equal(y[:, c // 4, h * 2 + c // 2 % 2, w * 2 + c % 4 % 2], x[:, c, h, w])
