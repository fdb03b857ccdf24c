"""`--pass quantize`: Conv and Gemm compute in 8-bit integers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Literal

import onnx_graphsurgeon as gs
import onnxruntime

from ...errors import ModelError, PlanishError
from ..base import Pass, Result, register
from ..plan import LayerPlan, Plan
from ..statistics import Batches
from ..targets.machine import multiplies_bytes
from .judge import Bound
from .measured import quantize_measured
from .mixed import INTEGER, quantize_mixed
from .placement import Placement
from .prepare import prepare
from .read_back import stayed_float
from .static import Observed, StaticSettings, observe
from .weights_only import OPSETS, quantize_weights
from .write_dynamic import write_dynamic

Mode = Literal["static", "dynamic-simulation", "weights-only"]

KNOWN_OPSET = 21
"""Up to which every supported onnxruntime opens quantized models: 1.23 fails on its own rewriting of opset 23."""


@register
@dataclass(slots=True)
class Quantize(Pass):
    """Post-training quantization in QDQ form, for onnxruntime and OpenVINO.

    *Given* a graph of float32 Conv, Gemm and MatMul nodes with constant weights, BatchNormalization folded; *result*:
    u8 activations and s8 weights per filter, with QuantizeLinear and DequantizeLinear where the runtimes fuse them.
    Declines models that are quantized already or float16, and layer by layer what `placement` says.

    Attributes:
        batches: calibration data, inputs by name.
        mode: 'static'; 'dynamic-simulation', whose activations get a grid for every batch, as NN_compress did, for
            comparison; 'weights-only', which stores weights as integers and computes in float.
        settings: of static quantization.
        bound: what must be kept by leaving layers float.
        requantize: whether to take an earlier quantization out.
        plan: names the layers to quantize, instead of all.
        input_shapes: of inputs whose sizes the model leaves open.
    """

    name: ClassVar[str] = "quantize"
    exact: ClassVar[bool] = False

    batches: Batches | None = None
    mode: Mode = "static"
    settings: StaticSettings = field(default_factory=StaticSettings)
    bound: Bound = field(default_factory=Bound)
    requantize: bool = False
    plan: Plan | None = None
    input_shapes: Mapping[str, Sequence[int]] = field(default_factory=dict)

    def run(self, graph: gs.Graph) -> Result:
        """Quantize in place.

        Raises:
            ModelError: the model is quantized already, or float16, or this onnxruntime cannot open what is made of it.
            DataError: the calibration data is empty, or makes NaN or infinity.
            PlanishError: there is no calibration data, or the bound cannot be kept.
        """
        bits = self.settings.bits
        if not 2 <= bits <= 8:
            raise PlanishError(f"--bits {bits}: integers of 2 to 8 bits can be simulated; give one of them")
        if self.mode == "weights-only":
            return self._store_weights(graph)
        prepare(graph, requantize=self.requantize)
        if self.batches is None:
            raise PlanishError(
                "--pass quantize chooses ranges on calibration data; give --data, or --weights-only, which needs none"
            )
        result = Result()
        observed = observe(graph, self.batches, self.settings, self.input_shapes)
        try:
            quantized, placement = self._quantize(observed)
            self._report(quantized, placement, observed, result)
        except ModelError as error:
            raise explained(error, graph.opset) from error
        graph.nodes, graph.inputs, graph.outputs = quantized.nodes, quantized.inputs, quantized.outputs
        graph.opset, graph.import_domains = quantized.opset, quantized.import_domains
        return result

    def _store_weights(self, graph: gs.Graph) -> Result:
        bits = self.settings.bits
        if bits not in OPSETS:
            known = " or ".join(map(str, OPSETS))
            raise PlanishError(f"--weights-only --bits {bits}: ONNX stores integers of {known} bits; give one of them")
        prepare(graph, requantize=self.requantize, opset=OPSETS[bits])
        return quantize_weights(graph, self.settings, self.batches, self.input_shapes)

    def _quantize(self, observed: Observed) -> tuple[gs.Graph, Placement]:
        kept = self._kept(observed)
        if self.mode == "dynamic-simulation":
            quantized, placement = write_dynamic(observed, self.settings, kept)
        elif self.bound.given:
            quantized, placement, noises = quantize_mixed(observed, self.settings, self.bound)
            for node in observed.graph.nodes:
                if node.name in noises and placement.reasons.get(node.name, "").startswith("it is to stay"):
                    placement.reasons[node.name] = f"kept float: alone it makes a noise of {noises[node.name]:.2g}"
        else:
            quantized, placement = quantize_measured(observed, self.settings, kept)
        return quantized, placement

    def _kept(self, observed: Observed) -> set[str]:
        """The layers that a plan does not name."""
        if self.plan is None:
            return set()
        names = {node.name for node in observed.graph.nodes}
        unknown = [name for name in self.plan.layers if name not in names]
        if unknown:
            raise PlanishError(f"the plan names layer '{unknown[0]}', which the model does not have")
        return names - self.plan.layers.keys()

    def _report(self, graph: gs.Graph, placement: Placement, observed: Observed, result: Result) -> None:
        """Record what became of every layer, as onnxruntime sees it."""
        deployed = self.mode == "static" and self.settings.bits == 8
        left = stayed_float(graph, placement) if deployed else {}
        for name, why in {**placement.reasons, **left}.items():
            result.skipped(name, why)
        bits = self.settings.bits
        for node in placement.layers:
            if node.name not in left:
                kind = f"s{bits} weights, u{bits} activations" + ("" if deployed else ", simulated")
                result.changed(node.name, kind + (", equalized" if node.name in observed.equalized else ""))
        if deployed:
            result.notes.extend(self._notes(len(placement.layers) - len(left), len(placement.layers)))
        layers = {node.name: LayerPlan(INTEGER, (bits,)) for node in placement.layers}
        result.plan = Plan(layers, {"pass": self.name, "mode": self.mode, "bits": bits, "ranges": self.settings.ranges})

    @staticmethod
    def _notes(integer: int, intended: int) -> list[str]:
        notes = [f"{integer} of {intended} layers that should compute in integers do so in onnxruntime"]
        if multiplies_bytes() is False:
            notes.append(
                "this CPU has no instructions that multiply bytes (VNNI): int8 gains much less here than the 3 to 4 "
                "times that it gains on a CPU that has them"
            )
        return notes


def explained(error: ModelError, opset: int) -> ModelError:
    """The error, with what to do where a newer opset may be what onnxruntime stumbles over."""
    if opset <= KNOWN_OPSET:
        return error
    return ModelError(
        f"{error}\nthe model is of opset {opset}, whose quantized form onnxruntime {onnxruntime.__version__} may not "
        f"know; run `planish rewrite --pass exact --opset {KNOWN_OPSET}` on it first, or install a newer onnxruntime"
    )
