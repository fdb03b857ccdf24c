"""AIMET's spatial SVD of an ONNX network: https://github.com/quic/aimet.

AIMET works on PyTorch modules. The network is read by onnx2torch, compressed by `ModelCompressor` in its automatic mode
(every convolution at nine ratios, each judged by a callback; then the same score for all layers), and exported again.
None of the packages is imported before it is asked for.
"""

from __future__ import annotations

import importlib
import logging
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import onnx
import onnx_graphsurgeon as gs
from planish.files import ModelParts, as_parts
from planish.passes.base import Pass, Result
from planish.passes.budget import Goal
from planish.passes.graph import to_graph, to_parts
from planish.passes.layers import LayerScope, in_layer_scope
from planish.runtime_check.cost import count, infer_shapes
from planish.runtime_check.session import Feeds

if TYPE_CHECKING:
    import torch

PACKAGES = ("torch", "onnx2torch", "aimet_torch.compress")


def missing() -> str | None:
    """Why AIMET cannot be run here, if it cannot."""
    for name in PACKAGES:
        try:
            importlib.import_module(name)
        except (ImportError, RuntimeError) as error:
            return f"{name}: {error}; pip install torch torchvision aimet-torch onnx2torch"
    return None


@dataclass(slots=True)
class AimetSvd(Pass):
    """Spatial SVD by AIMET.

    *Given* a graph that onnx2torch can read; *result*: convolutions in scope are pairs. Declines dilated ones, which
    AIMET's pairs would not be, and grouped ones.

    Attributes:
        goal: multiply-accumulates before over after, of the nodes in `scope`.
        scope: which convolutions may be split.
        batches: calibration data; candidates are judged by the relative error of the network's output on some of it.
        images: that they are judged on.
        input_shapes: of inputs whose sizes the model leaves open.
    """

    name: ClassVar[str] = "aimet"
    exact: ClassVar[bool] = False

    goal: Goal
    scope: LayerScope
    batches: Sequence[Feeds]
    images: int
    input_shapes: Mapping[str, Sequence[int]]

    def run(self, graph: gs.Graph) -> Result:
        """Compress a copy in PyTorch, and put it in the place of the graph."""
        parts = to_parts(graph)
        made = to_graph(self._compressed(parts, self._share(graph, parts)))
        graph.nodes, graph.inputs, graph.outputs, graph.opset = made.nodes, made.inputs, made.outputs, made.opset
        return Result()

    def _share(self, graph: gs.Graph, parts: ModelParts) -> float:
        """What AIMET has to leave of the whole network, where the goal is one of the layers in scope."""
        cost = count(parts, infer_shapes(parts, input_shapes=self.input_shapes))
        names = {node.name for node in graph.nodes if in_layer_scope(node, self.scope)}
        scoped = sum(node.macs for node in cost.nodes if node.name in names) / cost.macs()
        return 1 - scoped + scoped / self.goal.ratio

    def _compressed(self, parts: ModelParts, share: float) -> ModelParts:
        from onnx2torch import convert

        original = convert(parts.to_model()).eval()
        feeds = _tensors(parts, _some(self.batches, self.images))
        with tempfile.TemporaryDirectory() as folder, _inside(folder):
            compressed = _compress(original, feeds, share, self.scope)
            path = Path(folder) / "compressed.onnx"
            _export(compressed, parts, feeds[0], path)
            return as_parts(onnx.load(path))


def _some(batches: Sequence[Feeds], images: int) -> list[Feeds]:
    """Batches from all over the data, of about so many images together."""
    size = len(next(iter(batches[0].values())))
    wanted = max(1, min(len(batches), images // size))
    return [batches[index] for index in np.linspace(0, len(batches) - 1, wanted).astype(int)]


def _tensors(parts: ModelParts, batches: Sequence[Feeds]) -> list[list[torch.Tensor]]:
    """The inputs of each batch in the order in which the module takes them."""
    import torch

    names = [value.name for value in parts.model.graph.input]
    return [[torch.from_numpy(np.array(batch[name])) for name in names] for batch in batches]


@contextmanager
def _inside(folder: str) -> Iterator[None]:
    """Work in `folder`: AIMET leaves its tables in ./data."""
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


def _compress(
    original: torch.nn.Module, feeds: Sequence[Sequence[torch.Tensor]], share: float, scope: LayerScope
) -> torch.nn.Module:
    from aimet_torch.common.defs import CompressionScheme, CostMetric, GreedySelectionParameters
    from aimet_torch.common.utils import AimetLogger
    from aimet_torch.compress import ModelCompressor
    from aimet_torch.defs import SpatialSvdParameters

    AimetLogger.set_level_for_all_areas(logging.WARNING)
    automatic = SpatialSvdParameters.AutoModeParams(
        GreedySelectionParameters(target_comp_ratio=Decimal(share)), modules_to_ignore=_ignored(original, scope)
    )
    compressed, _ = ModelCompressor.compress_model(
        original,
        eval_callback=_closeness(original, feeds),
        eval_iterations=None,
        input_shape=tuple(tuple(tensor.shape) for tensor in feeds[0]),
        compress_scheme=CompressionScheme.spatial_svd,
        cost_metric=CostMetric.mac,
        parameters=SpatialSvdParameters(SpatialSvdParameters.Mode.auto, automatic),
    )
    return compressed


def _ignored(module: torch.nn.Module, scope: LayerScope) -> list[torch.nn.Module]:
    """Convolutions out of scope, and dilated ones: AIMET's pairs would not be dilated."""
    import torch

    def outside(part: torch.nn.Conv2d) -> bool:
        return scope == "fc" or (scope == "kxk" and max(part.kernel_size) == 1) or max(part.dilation) > 1

    return [part for part in module.modules() if isinstance(part, torch.nn.Conv2d) and outside(part)]


def _closeness(original: torch.nn.Module, feeds: Sequence[Sequence[torch.Tensor]]) -> Callable[..., float]:
    """The callback that judges a candidate: the relative error of its outputs, negative, so that higher is better."""
    import torch

    def run(module: torch.nn.Module) -> torch.Tensor:
        with torch.inference_mode():
            outputs = [module(*tensors) for tensors in feeds]
        rows = [output if isinstance(output, list | tuple) else [output] for output in outputs]
        return torch.cat([tensor.flatten() for row in rows for tensor in row])

    wanted = run(original)

    def evaluate(module: torch.nn.Module, _iterations: int | None, use_cuda: bool = False) -> float:  # noqa: ARG001, FBT001, FBT002
        return -float((run(module) - wanted).norm() / wanted.norm())

    return evaluate


def _export(module: torch.nn.Module, parts: ModelParts, tensors: Sequence[torch.Tensor], path: Path) -> None:
    """As ONNX, with the names and the open sizes of `parts`."""
    import torch

    inputs, outputs = parts.model.graph.input, parts.model.graph.output
    axes = {
        value.name: {
            index: size.dim_param or f"{value.name}_{index}"
            for index, size in enumerate(value.type.tensor_type.shape.dim)
            if not size.HasField("dim_value")
        }
        for value in (*inputs, *outputs)
    }
    torch.onnx.export(
        module,
        tuple(tensors),
        str(path),
        input_names=[value.name for value in inputs],
        output_names=[value.name for value in outputs],
        dynamic_axes={name: found for name, found in axes.items() if found},
        opset_version=17,
        dynamo=False,
    )
