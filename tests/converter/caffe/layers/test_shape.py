import numpy as np
import pytest
from planish.errors import SourceError

X = np.random.default_rng(0).standard_normal((2, 3, 4, 5)).astype(np.float32)


def net(kind, params, shape=X.shape, tops=("y",)):
    dims = " ".join(f"dim: {size}" for size in shape)
    named = " ".join(f'top: "{top}"' for top in tops)
    return f'input: "x" input_shape {{ {dims} }} layer {{ name: "l" type: "{kind}" bottom: "x" {named} {params} }}'


RESHAPES = [
    ("Flatten", "", (2, 60)),
    ("Flatten", "flatten_param { axis: 0 end_axis: -2 }", (24, 5)),
    ("Flatten", "flatten_param { axis: 2 }", (2, 3, 20)),
    ("Flatten", "flatten_param { axis: -1 }", (2, 3, 4, 5)),
    ("Reshape", "reshape_param { shape { dim: 0 dim: -1 } }", (2, 60)),
    ("Reshape", "reshape_param { shape { dim: 0 dim: 0 dim: 20 } }", (2, 3, 20)),
    ("Reshape", "reshape_param { shape { dim: -1 dim: 5 } }", (24, 5)),
    ("Reshape", "reshape_param { shape { dim: 2 dim: 60 } }", (2, 60)),
    ("Reshape", "reshape_param { shape { dim: 4 dim: 30 } }", (4, 30)),
    ("Reshape", "reshape_param { axis: 1 num_axes: 2 shape { dim: 12 } }", (2, 12, 5)),
    ("Reshape", "reshape_param { axis: 1 num_axes: 0 shape { dim: 1 } }", (2, 1, 3, 4, 5)),
    ("Reshape", "reshape_param { axis: -1 num_axes: 0 shape { dim: 1 dim: 1 } }", (2, 3, 4, 5, 1, 1)),
    ("Reshape", "reshape_param { axis: -2 num_axes: 1 shape { dim: 5 dim: -1 } }", (2, 3, 4, 5, 1)),
]


@pytest.mark.parametrize(("kind", "params", "shape"), RESHAPES)
def test_reshapes(run_net, kind, params, shape):
    np.testing.assert_array_equal(run_net(net(kind, params), {"x": X})["y"], X.reshape(shape))


@pytest.mark.parametrize("batch", [1, 6])
def test_a_reshape_follows_the_batch(run_net, batch):
    x = np.resize(X, (batch, 3, 4, 5))
    params = "reshape_param { shape { dim: -1 dim: 5 } }"
    np.testing.assert_array_equal(run_net(net("Reshape", params), {"x": x})["y"], x.reshape(-1, 5))


@pytest.mark.parametrize(
    "params", ["shape { dim: 7 dim: -1 }", "shape { dim: -1 dim: -1 }", "shape { dim: -3 }", "axis: 9"]
)
def test_a_reshape_that_does_not_fit(convert_net, params):
    with pytest.raises(SourceError):
        convert_net(net("Reshape", f"reshape_param {{ {params} }}"))


@pytest.mark.parametrize(
    ("params", "axis", "points"),
    [
        ("", 1, [1, 2]),
        ("slice_param { axis: 3 slice_point: 1 slice_point: 3 }", 3, [1, 3]),
        ("slice_param { slice_dim: 2 slice_point: 1 slice_point: 2 }", 2, [1, 2]),
        ("slice_param { axis: -1 slice_point: 2 slice_point: 4 }", 3, [2, 4]),
    ],
)
def test_slice(run_net, params, axis, points):
    found = run_net(net("Slice", params, tops="abc"), {"x": X})
    for name, part in zip("abc", np.split(X, points, axis), strict=True):
        np.testing.assert_array_equal(found[name], part)


def test_slicing_the_batch_fixes_it(run_net):
    found = run_net(net("Slice", "slice_param { axis: 0 }", tops="ab"), {"x": X})
    np.testing.assert_array_equal(found["b"], X[1:])


@pytest.mark.parametrize(
    "params", ["slice_param { slice_point: 5 }", "slice_param { axis: 2 slice_point: 3 slice_point: 1 }"]
)
def test_slice_points_out_of_order(convert_net, params):
    with pytest.raises(SourceError, match="does not cut"):
        convert_net(net("Slice", params, tops="abc" if params.count("point") > 1 else "ab"))


def test_tile_repeats_along_an_axis(run_net):
    found = run_net(net("Tile", "tile_param { axis: 2 tiles: 3 }"), {"x": X})["y"]
    np.testing.assert_array_equal(found, np.tile(X, (1, 1, 3, 1)))


def test_dropout_is_nothing_at_inference(run_net):
    np.testing.assert_array_equal(run_net(net("Dropout", "dropout_param { dropout_ratio: 0.9 }"), {"x": X})["y"], X)


def test_dropout_that_scales_at_inference(run_net):
    params = "dropout_param { dropout_ratio: 0.9 scale_train: false }"
    np.testing.assert_allclose(run_net(net("Dropout", params), {"x": X})["y"], X * 0.1, rtol=1e-5)


def test_silence_hides_its_bottom(convert_net):
    text = net("Slice", "", tops="abc") + ' layer { type: "Silence" bottom: "a" bottom: "c" }'
    assert [value.name for value in convert_net(text).model.graph.output] == ["b"]


def crop_net(params):
    return (
        'input: "x" input_shape { dim: 2 dim: 3 dim: 4 dim: 5 } input: "r" input_shape { dim: 2 dim: 2 dim: 3 dim: 4 }'
        f'layer {{ name: "l" type: "Crop" bottom: "x" bottom: "r" top: "y" crop_param {{ {params} }} }}'
    )


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ("", X[:, :, :3, :4]),
        ("offset: 1", X[:, :, 1:, 1:]),
        ("axis: 1 offset: 1 offset: 0 offset: 1", X[:, 1:, :3, 1:]),
        ("axis: -1 offset: 1", X[..., 1:]),
    ],
)
def test_crop(run_net, params, expected):
    found = run_net(crop_net(params), {"x": X, "r": np.zeros((2, 2, 3, 4))})["y"]
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("params", ["offset: 2", "axis: 1 offset: 0 offset: 0", "offset: -1"])
def test_a_crop_beyond_its_bottom(convert_net, params):
    with pytest.raises(SourceError):
        convert_net(crop_net(params))


def concat_net(axis, first=2):
    return (
        f'input: "x" input_shape {{ dim: 2 dim: 3 }} input: "z" input_shape {{ dim: {first} dim: 3 }}'
        f'layer {{ name: "l" type: "Concat" bottom: "x" bottom: "z" top: "y" concat_param {{ axis: {axis} }} }}'
    )


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_concat(run_net, axis):
    x, z = X[:, :, 0, 0], X[:, :, 1, 1]
    np.testing.assert_array_equal(run_net(concat_net(axis), {"x": x, "z": z})["y"], np.concatenate([x, z], axis))


def test_concat_of_what_does_not_fit(convert_net):
    with pytest.raises(SourceError, match="differ elsewhere than on axis 1"):
        convert_net(concat_net(1, first=5))
