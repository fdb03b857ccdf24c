import itertools

import numpy as np
import pytest
from planish.converter import pooling
from planish.converter.onnx_builder import OnnxBuilder
from planish.converter.pooling import Windows, caffe_pooled_size, caffe_windows, mxnet_pooled_size, mxnet_windows
from planish.errors import SourceError, UnsupportedError
from planish.runtime_check.session import Session

MAP_SIZES = ((7, 9), (5, 6), (8, 7))
GEOMETRIES = [
    (sizes, kernel, stride, pads)
    for sizes, kernel, stride, pads in itertools.product(
        MAP_SIZES, ((2, 2), (3, 2), (3, 3)), ((1, 1), (2, 3), (3, 2)), ((0, 0), (1, 1), (1, 0), (2, 1))
    )
    if all(p < k for p, k in zip(pads, kernel, strict=True))
]


def run(builder, outputs, **feeds):
    for output in outputs:
        builder.output(output)
    results = Session(builder.build().to_model()).run(feeds)
    return [results[output] for output in outputs]


def pool_slowly(data, windows: Windows, kind, divisor="padded", p=2):
    """The definition, window by window; a window is clipped at the far padding, then at the data."""
    result = np.zeros((*data.shape[:2], *windows.output))
    for place in np.ndindex(*windows.output):
        begin = [i * s - b for i, s, b in zip(place, windows.stride, windows.pads, strict=True)]
        end = [
            min(b + k, n + e) for b, k, n, e in zip(begin, windows.kernel, windows.sizes, windows.end_pads, strict=True)
        ]
        counted = np.prod([e - b for b, e in zip(begin, end, strict=True)])
        cells = data[(..., *(slice(max(b, 0), min(e, n)) for b, e, n in zip(begin, end, windows.sizes, strict=True)))]
        axes = tuple(range(2, data.ndim))
        total = cells.sum(axis=axes)
        if kind == "max":
            result[(..., *place)] = cells.max(axis=axes)
        elif kind == "sum":
            result[(..., *place)] = total
        elif kind == "lp":
            powered = (cells.astype(np.float64) ** p).sum(axis=axes)
            result[(..., *place)] = np.sign(powered) * np.abs(powered) ** (1 / p)
        else:
            result[(..., *place)] = total / (counted if divisor == "padded" else cells[0, 0].size)
    return result


def pool_by_onnx(data, windows, kind, **options):
    builder = OnnxBuilder("pool")
    builder.input("x", ["batch", *data.shape[1:]])
    name = pooling.pool(builder, "x", windows, kind, "y", **options)
    assert name == "y"
    assert not any(a.name == "ceil_mode" for node in builder.nodes for a in node.attribute)
    return run(builder, ["y"], x=data)[0]


def sample(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def usable(make):
    try:
        return make()
    except (SourceError, UnsupportedError):
        return None


@pytest.mark.parametrize("round_mode", ["CEIL", "FLOOR"])
@pytest.mark.parametrize("kind", ["max", "average"])
def test_caffe_windows_follow_the_definition(kind, round_mode):
    seen = 0
    for sizes, kernel, stride, pads in GEOMETRIES:
        windows = usable(lambda: caffe_windows(sizes, kernel, stride, pads, round_mode=round_mode))  # noqa: B023
        if windows is None:
            continue
        seen += 1
        data = sample(2, 3, *sizes, seed=seen)
        assert pool_by_onnx(data, windows, kind) == pytest.approx(pool_slowly(data, windows, kind), abs=1e-5)
    assert seen > 60


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("max", {}),
        ("average", {"count_include_pad": True}),
        ("average", {"count_include_pad": False}),
        ("sum", {}),
        ("lp", {"p": 1}),
        ("lp", {"p": 2}),
        ("lp", {"p": 3}),
    ],
)
def test_mxnet_windows_follow_the_definition(kind, options):
    seen = 0
    for (sizes, kernel, stride, pads), convention in itertools.product(GEOMETRIES, ("valid", "full", "same")):
        windows = usable(lambda: mxnet_windows(sizes, kernel, stride, pads, convention))  # noqa: B023
        if windows is None or seen > 150:
            continue
        seen += 1
        data = sample(2, 3, *sizes, seed=seen)
        divisor = "padded" if options.get("count_include_pad", True) else "real"
        expected = pool_slowly(data, windows, kind, divisor, options.get("p", 2))
        assert pool_by_onnx(data, windows, kind, **options) == pytest.approx(expected, abs=2e-4)
    assert seen > 100


@pytest.mark.parametrize("sizes", [(11,), (5, 7), (4, 5, 7)])
@pytest.mark.parametrize("kind", ["max", "average", "sum"])
def test_any_number_of_spatial_axes(sizes, kind):
    axes = len(sizes)
    data = sample(2, 3, *sizes)
    windows = caffe_windows(sizes, [3] * axes, [2] * axes, [1] * axes)
    assert pool_by_onnx(data, windows, kind) == pytest.approx(pool_slowly(data, windows, kind), abs=1e-5)


@pytest.mark.parametrize("kind", ["max", "average"])
def test_unequal_near_and_far_pads_of_forks(kind):
    data = sample(2, 3, 6, 9)
    windows = caffe_windows((6, 9), (3, 3), (2, 2), (0, 1), end_pads=(1, 2))
    assert windows.output == (3, 5)  # ceil((6+1-3)/2)+1; ceil((9+3-3)/2)+1 = 6, whose last would start at 10 = 9+1
    assert pool_by_onnx(data, windows, kind) == pytest.approx(pool_slowly(data, windows, kind), abs=1e-5)


def test_caffe_output_sizes():
    assert caffe_pooled_size(14, 3, 2, 0, round_mode="CEIL", drop=False) == 7
    assert caffe_pooled_size(14, 3, 2, 0, round_mode="FLOOR", drop=False) == 6
    assert caffe_pooled_size(15, 2, 2, 1, round_mode="CEIL", drop=True) == 8  # 9 windows, the last beyond 15 + 1
    assert caffe_pooled_size(14, 2, 2, 1, round_mode="CEIL", drop=True) == 8
    assert caffe_pooled_size(224, 3, 2, 0, round_mode="CEIL", drop=False) == 112


def test_mxnet_output_sizes():
    assert mxnet_pooled_size(14, 3, 2, 0, "valid") == 6
    assert mxnet_pooled_size(14, 3, 2, 0, "full") == 7
    assert mxnet_pooled_size(15, 2, 2, 1, "full") == 9
    assert mxnet_pooled_size(15, 4, 2, 0, "same") == 8


def test_the_divisor_is_corrected_only_where_overhang_and_padding_meet():
    def operators(windows):
        builder = OnnxBuilder("pool")
        builder.input("x", ["batch", 3, 14, 14])
        pooling.pool(builder, "x", windows, "average")
        return [node.op_type for node in builder.nodes]

    assert operators(caffe_windows((14, 14), (3, 3), (2, 2), (0, 0))) == ["AveragePool"]
    assert operators(caffe_windows((14, 14), (2, 2), (2, 2), (1, 1))) == ["AveragePool"]
    assert operators(caffe_windows((14, 14), (3, 3), (2, 2), (1, 1))) == ["AveragePool", "Mul"]


@pytest.mark.parametrize("opset", [18, 19, 21])
def test_from_opset_19_unequal_pads_are_not_left_to_the_runtime_to_count(opset):
    data = sample(2, 3, 7, 9)
    windows = caffe_windows((7, 9), (3, 3), (2, 2), (0, 1))
    builder = OnnxBuilder("pool", opset)
    builder.input("x", ["batch", 3, 7, 9])
    pooling.pool(builder, "x", windows, "average", "y")
    included = {a.name: a.i for a in builder.nodes[0].attribute}["count_include_pad"]
    assert included == (opset < 19)
    assert run(builder, ["y"], x=data)[0] == pytest.approx(pool_slowly(data, windows, "average"), abs=1e-5)


def test_a_window_without_data_is_refused():
    with pytest.raises(UnsupportedError, match="wholly outside the data"):
        mxnet_windows((15, 15), (2, 2), (2, 2), (1, 1), "full")
    with pytest.raises(UnsupportedError, match="wholly outside the data"):
        caffe_windows((9, 9), (2, 2), (4, 4), (0, 0), round_mode="CEIL") and caffe_windows(
            (9, 9), (1, 1), (5, 5), (0, 0)
        )


def test_a_window_larger_than_the_data_is_refused():
    with pytest.raises(SourceError, match="larger than the data"):
        caffe_windows((3, 9), (7, 7), (2, 2), (0, 0))


@pytest.mark.parametrize(("kernel", "stride", "pad"), [(0, 1, 0), (3, 0, 0), (3, 1, -1)])
def test_impossible_options_are_refused(kernel, stride, pad):
    with pytest.raises(SourceError, match="at least"):
        caffe_windows((5, 7), (kernel, 3), (stride, 1), (pad, 0))
    with pytest.raises(SourceError, match="at least"):
        mxnet_windows((5, 7), (kernel, 3), (stride, 1), (pad, 0), "valid")


def test_mask_is_the_index_inside_the_channel():
    data = sample(2, 3, 5, 7)
    windows = caffe_windows((5, 7), (3, 3), (2, 2), (0, 0))
    builder = OnnxBuilder("pool")
    builder.input("x", ["batch", 3, 5, 7])
    names = pooling.max_pool_with_mask(builder, "x", windows, "y", "mask")
    pooled, mask = run(builder, names, x=data)
    assert mask.dtype == np.float32
    found = np.take_along_axis(data.reshape(2, 3, -1), mask.reshape(2, 3, -1).astype(int), axis=2)
    assert (found.reshape(pooled.shape) == pooled).all()
    assert pooled == pytest.approx(pool_slowly(data, windows, "max"))


@pytest.mark.parametrize("sizes", [(11,), (5, 7), (4, 5, 7)])
@pytest.mark.parametrize(("kind", "p"), [("max", 2), ("average", 2), ("sum", 2), ("lp", 1), ("lp", 2), ("lp", 3)])
def test_global_pooling(sizes, kind, p):
    data = sample(2, 3, *sizes)
    whole = Windows(sizes, sizes, (1,) * len(sizes), (0,) * len(sizes), (0,) * len(sizes), (1,) * len(sizes))
    builder = OnnxBuilder("pool")
    builder.input("x", ["batch", *data.shape[1:]])
    name = pooling.global_pool(builder, "x", kind, len(sizes), p=p)
    assert run(builder, [name], x=data)[0] == pytest.approx(pool_slowly(data, whole, kind, p=p), abs=1e-4)


def test_lp_of_other_exponents_is_refused():
    builder = OnnxBuilder("pool")
    with pytest.raises(UnsupportedError, match="p_value 1, 2 and 3"):
        pooling.global_pool(builder, "x", "lp", 2, p=4)
