"""What MXNet's loader changes in symbol files of older releases (`src/nnvm/legacy_json_util.cc`), and alias names.

The aliases are those of the operator registry of MXNet 1.9.1 (`NNVM_REGISTER_OP(...).add_alias(...)`).
"""

from __future__ import annotations

import re

VERSION_0_9 = 900
"""Before it, inputs that no one named (auxiliary states, labels) are not in the file."""

VERSION_0_9_5 = 905
"""Before it, an `axis` of -1 of argmax and argmin meant none."""

MISSING_INPUTS = {
    "BatchNorm": ("data", "gamma", "beta", "moving_mean", "moving_var"),
    "BatchNorm_v1": ("data", "gamma", "beta", "moving_mean", "moving_var"),
    "SoftmaxOutput": ("data", "label"),
    "LinearRegressionOutput": ("data", "label"),
    "LogisticRegressionOutput": ("data", "label"),
    "MAERegressionOutput": ("data", "label"),
    "SVMOutput": ("data", "label"),
}
"""Inputs that the loader adds at the end of a node's list, as variables `<node>_<input>`."""

USER_KEYS = frozenset({"ctx_group", "lr_mult", "wd_mult", "force_mirroring", "mirror_stage", "profiler_scope"})
"""Attributes for the trainer that old files mix with the operator's options; today they are written `__key__`."""

_SCALARS = (
    "Plus Minus RMinus Mul Div RDiv Power RPower Maximum Minimum Mod RMod Equal NotEqual Greater GreaterEqual Lesser "
    "LesserEqual LogicalAnd LogicalOr LogicalXor Hypot"
)
"""_PlusScalar is _plus_scalar, _GreaterEqualScalar is _greater_equal_scalar, ..."""

_BINARIES = (
    "Equal Not_Equal Greater Greater_Equal Lesser Lesser_Equal Logical_And Logical_Or Logical_Xor Hypot Power Mod "
    "Maximum Minimum"
)
"""_Power is _power, ..."""

_ALIASES = """
_Plus _plus _add _npx_add: elemwise_add
_Minus _minus _sub: elemwise_sub
_Mul _mul: elemwise_mul
_Div _div: elemwise_div
_grad_add: elemwise_add
ElementWiseSum: add_n
broadcast_plus: broadcast_add
broadcast_minus: broadcast_sub
broadcast_axes: broadcast_axis
sum_axis: sum
max_axis: max
min_axis: min
reshape: Reshape
flatten: Flatten
concat: Concat
cast: Cast
pad: Pad
swapaxes: SwapAxis
split: SliceChannel
flip: reverse
identity: _copy
stop_gradient: BlockGrad
Softmax: SoftmaxOutput
crop: slice
choose_element_0index: pick
linalg_gemm2: _linalg_gemm2
linalg_gemm: _linalg_gemm
_contrib_box_non_maximum_suppression: _contrib_box_nms
_contrib_SparseEmbedding: Embedding
unravel_index: _unravel_index
ravel_multi_index: _ravel_multi_index
_npx_relu: relu
_npx_sigmoid: sigmoid
_npx_reshape_like: reshape_like
_npx_shape_array: shape_array
_npx_gather_nd: gather_nd
_npx_arange_like: _contrib_arange_like
_npx_multibox_prior: _contrib_MultiBoxPrior
_npx_multibox_detection: _contrib_MultiBoxDetection
_npx_batch_flatten: Flatten
_npx_fully_connected: FullyConnected
_npx_convolution: Convolution
_npx_deconvolution: Deconvolution
_npx_batch_norm: BatchNorm
_npx_activation: Activation
_npx_pooling: Pooling
_npx_dropout: Dropout
_npx_embedding: Embedding
_npx_layer_norm: LayerNorm
_npx_leaky_relu: LeakyReLU
_npx_rnn: RNN
_npx_roi_pooling: ROIPooling
_npx_softmax: softmax
_npx_log_softmax: log_softmax
_npx_topk: topk
_npx_pick: pick
_npx_one_hot: one_hot
_npx_erf: erf
_npx_cast: Cast
_npx_slice: slice
_npx_batch_dot: batch_dot
_npx_smooth_l1: smooth_l1
_npx_sequence_mask: SequenceMask
"""


def _alias_table() -> dict[str, str]:
    table = {f"_{name}Scalar": f"_{_snake(name)}_scalar" for name in _SCALARS.split()}
    table.update((f"_{name}", f"_{name.lower()}") for name in _BINARIES.split())
    for line in _ALIASES.strip().splitlines():
        names, _, canonical = line.partition(": ")
        table.update((alias, canonical) for alias in names.split())
    return table


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()


ALIASES = _alias_table()
"""Canonical operator names by alias."""


def canonical_name(operator: str) -> str:
    """The name under which MXNet 1.9.1 knows an operator; `_sparse_` variants are the dense ones on dense data."""
    dense = operator.removeprefix("_sparse_")
    return ALIASES.get(operator) or ALIASES.get(dense, dense)
