"""Sparse constants written out: onnx-graphsurgeon reads none, and would leave them out or change their type."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from ..errors import ModelError

LARGEST_BYTES = 1 << 31
"""Of one constant written out, beyond which a file is rather wrong than in need of so many zeros."""


def write_out(model: onnx.ModelProto) -> None:
    """Give `model` dense initializers for sparse ones, and dense values to its Constant nodes, subgraphs left out.

    Raises:
        ModelError: one would take more than `LARGEST_BYTES`, or its indices do not lie within its shape.
    """
    graph = model.graph
    for sparse in graph.sparse_initializer:
        graph.initializer.append(onnx.numpy_helper.from_array(dense(sparse), sparse.values.name))
    del graph.sparse_initializer[:]
    for node in graph.node:
        for attribute in node.attribute:
            if node.op_type == "Constant" and attribute.type == onnx.AttributeProto.SPARSE_TENSOR:
                values = onnx.numpy_helper.from_array(dense(attribute.sparse_tensor))
                attribute.CopyFrom(onnx.helper.make_attribute("value", values))


def dense(sparse: onnx.SparseTensorProto) -> NDArray[Any]:
    """The array, zeros included; indices are (NNZ,) of the flat array or (NNZ, rank), as in onnx.proto.

    Raises:
        ModelError: it would be too large, or an index does not lie within it.
    """
    name, shape = sparse.values.name, tuple(sparse.dims)
    values, indices = onnx.numpy_helper.to_array(sparse.values), onnx.numpy_helper.to_array(sparse.indices)
    if math.prod(shape) * values.itemsize > LARGEST_BYTES:
        raise ModelError(f"sparse constant '{name}': written out, its shape {shape} would take over 2 GB")
    array = np.zeros(shape, values.dtype)
    try:
        if indices.ndim == 1:
            array.reshape(-1)[indices] = values
        else:
            array[tuple(indices.T)] = values
    except (IndexError, ValueError) as error:
        raise ModelError(
            f"sparse constant '{name}': its values do not lie within its shape {shape} ({error})"
        ) from error
    return array
