import numpy as np
from planish.converter.folding import compute, known_value
from planish.converter.onnx_builder import OnnxBuilder


def test_value_of_a_chain_of_constants():
    builder = OnnxBuilder("folding")
    left, right = builder.constant(np.ones((1, 2, 3)), "a"), builder.constant(np.full((1, 2, 4), 5.0), "b")
    joined = builder.node("Concat", [left, right], axis=2)
    flat = builder.node("Reshape", [joined, builder.integers([2, -1])])
    assert known_value(builder, flat).tolist() == [[1] * 3 + [5] * 4] * 2
    assert known_value(builder, left).shape == (1, 2, 3)


def test_what_depends_on_an_input_is_unknown():
    builder = OnnxBuilder("folding")
    x = builder.input("x", [1, 3])
    total = builder.node("Add", [x, builder.constant(np.float32(1), "one")])
    assert known_value(builder, total) is None
    assert known_value(builder, "x") is None


def test_compute_folds_constants_and_emits_nodes_otherwise():
    builder = OnnxBuilder("folding")
    a, b = builder.constant(np.float32([1, 2]), "a"), builder.constant(np.float32([3, 5]), "b")
    total = compute(builder, "Add", [a, b])
    assert builder.tensors[total].tolist() == [4, 7]
    assert not builder.nodes
    compute(builder, "Add", [builder.input("x", [2]), total])
    assert [node.op_type for node in builder.nodes] == ["Add"]
