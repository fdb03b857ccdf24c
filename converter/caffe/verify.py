"""Compares a converted model with OpenCV's Caffe reader, an implementation independent of this one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import ModelError, load_extra
from ...files import ModelParts
from ...runtime_check.session import Session
from .graph import GraphBuilder
from .net import Layer, Net

TOLERANCE = 1e-4
"""Largest difference, relative to the output's largest magnitude, that passes."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """One output against OpenCV's.

    Attributes:
        output: its name.
        difference: the largest, relative to the largest magnitude; None where it was not compared.
        reason: why it was not.
    """

    output: str
    difference: float | None
    reason: str = ""


def verify_with_opencv(prototxt: Path, weights: Path, parts: ModelParts, graph: GraphBuilder) -> list[Comparison]:
    """Run both on the same random input.

    Outputs behind a layer that OpenCV is known to compute wrongly are not compared, but reported with that reason.

    Raises:
        ModelError: an output differs by more than `TOLERANCE`.
        MissingExtraError: OpenCV is not installed.
    """
    cv2 = load_extra("cv2", "verify", "--verify opencv")
    feeds = _feeds(graph)
    ours = Session(parts.to_model(), name=str(prototxt)).run({graph.fed[name].tensor: x for name, x in feeds.items()})
    distrusted = _distrusted_blobs(graph.net)
    try:
        net = cv2.dnn.readNetFromCaffe(str(prototxt), str(weights))
        for blob, value in feeds.items():
            net.setInput(value, blob)
        theirs = {
            name: np.asarray(net.forward(_writer(graph.net, name)))
            for name in graph.net.outputs
            if name not in distrusted
        }
    except (cv2.error, AttributeError) as error:
        reason = f"OpenCV {cv2.__version__} cannot run the net: {_last_line(error)}"
        return [Comparison(name, None, distrusted.get(name, reason)) for name in graph.net.outputs]
    compared = [_compare(graph, name, ours[graph.blobs[name].tensor], answer) for name, answer in theirs.items()]
    return [*compared, *(Comparison(name, None, distrusted[name]) for name in graph.net.outputs if name in distrusted)]


def _writer(net: Net, blob: str) -> str:
    """OpenCV knows outputs by the name of the layer that makes them."""
    return [layer.name for layer in net.layers if blob in layer.tops][-1]


def _compare(graph: GraphBuilder, name: str, found: NDArray[np.generic], theirs: NDArray[np.generic]) -> Comparison:
    if theirs.size != found.size:
        raise ModelError(f"{graph.net.file}: output '{name}' has shape {found.shape}, but {theirs.shape} in OpenCV")
    expected = theirs.astype(np.float64).ravel()
    error = np.abs(expected - found.astype(np.float64).ravel()).max(initial=0)
    difference = float(error / max(np.abs(expected).max(initial=0), 1e-30))
    if not difference <= TOLERANCE:
        raise ModelError(
            f"{graph.net.file}: output '{name}' differs from OpenCV's by {difference:.1e} of its largest value "
            f"(allowed {TOLERANCE:.0e}); if OpenCV is wrong, convert without --verify"
        )
    return Comparison(name, difference)


def _feeds(graph: GraphBuilder) -> dict[str, NDArray[np.float32]]:
    generator = np.random.default_rng(0)
    return {entry.name: generator.random(entry.shape or (), np.float32) for entry in graph.net.inputs}


def _distrusted_blobs(net: Net) -> dict[str, str]:
    """The blobs that OpenCV computes wrongly or from wrong blobs, and why."""
    wrong: dict[str, str] = {}
    for layer in net.layers:
        reason = next((wrong[bottom] for bottom in layer.bottoms if bottom in wrong), "") or _known_fault(layer)
        for index, top in enumerate(layer.tops):
            wrong.pop(top, None)
            if reason or (layer.type == "Pooling" and index == 1):
                wrong[top] = reason or f"{layer}: OpenCV's pooling mask is not Caffe's"
    return wrong


def _known_fault(layer: Layer) -> str:
    """What OpenCV 4 is known to get wrong, measured against BVLC Caffe and its SSD branch."""
    fault = _FAULTS.get(layer.type)
    reason = fault(layer) if fault else ""
    return f"{layer}: {reason}" if reason else ""


def _deconvolution(layer: Layer) -> str:
    dilated = any(value > 1 for value in layer.message.message("convolution_param").integers("dilation"))
    return "OpenCV ignores the dilation of a Deconvolution" if dilated else ""


def _lrn(layer: Layer) -> str:
    return "OpenCV ignores the k of LRN" if layer.message.message("lrn_param").number("k", 1.0) != 1 else ""


def _pooling(layer: Layer) -> str:
    params = layer.message.message("pooling_param")
    return "OpenCV answers 0 where a window is empty, Caffe -FLT_MAX" if _may_leave_gaps(params) else ""


def _may_leave_gaps(params: Any) -> bool:
    kernels, strides = params.integers("kernel_size"), params.integers("stride")
    return bool(kernels and strides and strides[0] > kernels[0])


_FAULTS: Mapping[str, Callable[[Layer], str]] = {
    "Deconvolution": _deconvolution,
    "LRN": _lrn,
    "Pooling": _pooling,
    "PriorBox": lambda _: "OpenCV's PriorBox differs in its defaults and in clipping",
    "DetectionOutput": lambda _: "OpenCV gives detections in another order and number",
}


def _last_line(error: Exception) -> str:
    return str(error).strip().splitlines()[-1] if str(error).strip() else type(error).__name__
