"""Costs, against counts by hand, and against those published for the shared models."""

import numpy as np
import onnx
import pytest
from planish.converter.caffe import convert_caffe
from planish.errors import ModelError
from planish.files import read_parts
from planish.runtime_check.cost import conv_macs, count, gemm_macs, in_scope, infer_shapes


def parse(text, opset=17, **arrays):
    model = onnx.parser.parse_model(f'<ir_version: 8, opset_import: ["" : {opset}]> {text}')
    for name, shape in arrays.items():
        dtype = np.int8 if "uint8" in text else np.float32
        model.graph.initializer.append(onnx.numpy_helper.from_array(np.ones(shape, dtype), name))
    return model


def test_conv_with_stride_groups_and_dilation():
    model = parse(
        "g (float[n,6,11,17] x) => (float[n,8,a,b] y) "
        "{ y = Conv<strides=[2,3], group=2, dilations=[1,2], pads=[1,0,1,0]>(x, w, b) }",
        w=(8, 3, 3, 2),
        b=(8,),
    )
    (node,) = count(model).nodes
    assert node.output_shape == (1, 8, 6, 5)
    assert node.macs == 8 * 3 * 3 * 2 * 6 * 5
    assert node.params == 8 * 3 * 3 * 2 + 8
    assert node.bytes == 4 * node.params


def test_conv_of_one_and_three_dimensions():
    one = parse("g (float[n,3,20] x) => (float[n,5,m] y) { y = Conv(x, w) }", w=(5, 3, 4))
    assert count(one).macs() == 5 * 3 * 4 * 17
    three = parse("g (float[n,3,4,5,6] x) => (float[n,5,a,b,c] y) { y = Conv(x, w) }", w=(5, 3, 2, 2, 2))
    assert count(three).macs() == 5 * 3 * 8 * 3 * 4 * 5


def test_transposed_conv_counts_its_input():
    model = parse(
        "g (float[n,3,4,5] x) => (float[n,7,a,b] y) { y = ConvTranspose<strides=[2,2]>(x, w) }", w=(3, 7, 2, 3)
    )
    assert count(model).macs() == 3 * 7 * 2 * 3 * 4 * 5


@pytest.mark.parametrize("transposed", [0, 1])
def test_fully_connected(transposed):
    shape = (5, 9) if transposed else (9, 5)
    model = parse(f"g (float[n,9] x) => (float[n,5] y) {{ y = Gemm<transB={transposed}>(x, w, b) }}", w=shape, b=(5,))
    assert count(model).macs() == 45
    assert count(model).params() == 50


def test_gemm_with_transposed_data():
    model = parse("g (float[9,4] x) => (float[4,5] y) { y = Gemm<transA=1>(x, w) }", w=(9, 5))
    assert count(model).macs() == 4 * 9 * 5


def test_products_of_matrices():
    model = parse("g (float[n,6,9] x) => (float[n,6,5] y) { y = MatMul(x, w) }", w=(9, 5))
    assert count(model).macs() == 6 * 9 * 5


def test_integer_operators_cost_the_same():
    conv = parse(
        "g (uint8[n,3,4,5] x, float s, uint8 z, float[7] t, int8[7] u) => (uint8[n,7,a,b] y) "
        "{ y = QLinearConv(x, s, z, w, t, u, s, z) }",
        w=(7, 3, 2, 3),
    )
    assert count(conv).macs() == 7 * 3 * 2 * 3 * 3 * 3
    product = parse(
        "g (uint8[n,9] x, float s, uint8 z, int8 u) => (uint8[n,5] y) { y = QLinearMatMul(x, s, z, w, s, u, s, z) }",
        w=(9, 5),
    )
    assert count(product).macs() == 45
    integers = parse(
        "g (uint8[n,3,4,5] x, uint8[n,9] v) => (int32[n,7,3,3] y, int32[n,5] p) "
        "{ y = ConvInteger(x, w)  p = MatMulInteger(v, k) }",
        w=(7, 3, 2, 3),
        k=(9, 5),
    )
    assert count(integers).macs() == 7 * 3 * 2 * 3 * 3 * 3 + 45


def test_scopes():
    model = parse(
        "g (float[n,3,4,5] x) => (float[n,2] y) { c = Conv(x, w)  r = Relu(c)  f = Flatten(r)  y = Gemm(f, v) }",
        w=(4, 3, 1, 1),
        v=(80, 2),
    )
    cost = count(model)
    assert (cost.macs("conv"), cost.macs("fc"), cost.macs()) == (240, 160, 400)
    assert (cost.params("conv"), cost.params("fc"), cost.params()) == (12, 160, 172)
    assert [node.name for node in cost.nodes] == ["c", "r", "f", "y"]
    assert in_scope("Conv", "all")
    assert not in_scope("Relu", "all")


def test_shared_weights_are_counted_once():
    model = parse("g (float[n,9] x) => (float[n,9] y) { h = Gemm(x, w)  y = Gemm(h, w) }", w=(9, 9))
    assert count(model).macs() == 162
    assert count(model).params() == 81


def test_integers_are_bytes_but_no_parameters():
    model = parse("g (float[n,4,3] x) => (float[n,12] y) { y = Reshape(x, s) }")
    model.graph.initializer.append(onnx.numpy_helper.from_array(np.array([0, 12]), "s"))
    assert (count(model).params(), count(model).bytes()) == (0, 16)
    assert infer_shapes(model)["y"] == (1, 12)


def test_operators_of_other_domains_are_not_taken_for_onnx():
    node = onnx.helper.make_node("Conv", ["x", "w"], ["y"], domain="com.example")
    value = onnx.helper.make_tensor_value_info("x", 1, [1, 3, 4, 5])
    graph = onnx.helper.make_graph([node], "g", [value], [onnx.helper.make_empty_tensor_value_info("y")])
    opsets = [onnx.helper.make_opsetid("", 17), onnx.helper.make_opsetid("com.example", 1)]
    assert count(onnx.helper.make_model(graph, opset_imports=opsets)).macs() == 0


def test_open_sizes_ask_for_input_shapes():
    model = parse("g (float[n,3,h,w] x) => (float[n,4,h,w] y) { y = Conv(x, k) }", k=(4, 3, 1, 1))
    with pytest.raises(ModelError, match=r"node 'y' \(Conv\): the shape of 'y' cannot be inferred.*--input-shape"):
        count(model)
    shapes = infer_shapes(model, input_shapes={"x": (1, 3, 5, 6)})
    assert count(model, shapes).macs() == 4 * 3 * 30
    with pytest.raises(ModelError, match="no input 'xx'; did you mean 'x'"):
        infer_shapes(model, input_shapes={"xx": (1, 3, 5, 6)})


def test_batch():
    model = parse("g (float[n,3,4,5] x) => (float[n,4,4,5] y) { y = Conv(x, w) }", w=(4, 3, 1, 1))
    assert infer_shapes(model, batch=7)["y"] == (7, 4, 4, 5)


def test_formulas():
    assert conv_macs((8, 3, 3, 2), (6, 5)) == 8 * 3 * 3 * 2 * 30
    assert gemm_macs(5, 9, rows=2) == 90


@pytest.mark.parametrize(
    ("path", "params", "mmacs"),
    [
        ("cifar_resnet/resnet20_cifar10", 271_100, 40.6),
        ("cifar_resnet/resnet56_cifar10", 857_084, 125.5),
        ("ultralight_face/version-RFB-320", 281_100, 100.4),
        ("mobilenet_v1_0.25_128/mobilenet_v1_0.25_128_quant_dequant", 467_595, 13.6),
        ("mlperf_tiny_resnet8/pretrainedResnet", 77_706, 12.5),
    ],
)
def test_figures_counted_by_others_on_onnx(shared, path, params, mmacs):
    cost = count(read_parts(shared / "assets/models/onnx" / f"{path}.onnx"))
    assert cost.params() == params
    assert cost.macs() / 1e6 == pytest.approx(mmacs, abs=0.05)


@pytest.mark.parametrize(
    ("net", "params", "mmacs"), [("bvlc_googlenet", 6_998_552, 1582.7), ("squeezenet_v1.1", 1_235_496, 387.7)]
)
def test_figures_counted_by_others_on_caffe(shared, net, params, mmacs):
    folder = shared / "assets/models/caffe" / net
    cost = count(convert_caffe(folder / "deploy.prototxt", next(folder.glob("*.caffemodel"))))
    assert cost.params() == params
    assert cost.macs() / 1e6 == pytest.approx(mmacs, abs=0.05)
