"""The error of each low-rank form at equal multiply-accumulates, on layers of one network.

    python benchmarks/lowrank_forms.py googlenet.onnx --data calib.csv --test eval.csv --layers conv2/3x3

For every layer and form, at the largest ranks that leave --share of its MACs: the squared error of the output about its
mean over its squared norm, on --test, of factors fitted to --data and of factors from the weights alone.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from planish.files import read_parts
from planish.passes.calibration import open_calibration
from planish.passes.graph import to_graph
from planish.passes.layers import Layer, list_layers
from planish.passes.lowrank.factors import Factors
from planish.passes.lowrank.pair import Pair
from planish.passes.lowrank.registry import forms
from planish.passes.lowrank.regressed import RegressedPair, own_moments
from planish.passes.options import Ranks
from planish.passes.statistics import LayerStatistics, Sampling, Statistics, gather
from planish.runtime_check.cost import infer_shapes

STEPS = 40
"""Values of K that are tried where a form has two ranks."""


def main() -> None:
    """Print one row per layer and form."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("--data", required=True, help="images to fit to")
    parser.add_argument("--test", required=True, help="images to measure on")
    parser.add_argument("--layers", required=True, help="names with commas")
    parser.add_argument("--share", type=float, default=0.5, help="of the layer's MACs that is left (default 0.5)")
    parser.add_argument("--limit", type=int, default=200, help="images of each (default 200)")
    given = parser.parse_args()
    layers, (seen, unseen) = measured(given.model, given.layers.split(","), (given.data, given.test), given.limit)
    print(f"{'layer':20} {'form':16} {'ranks':>9} {'fitted':>8} {'weights':>8}")
    for layer in layers:
        for name, form in forms().items():
            if not isinstance(form, Pair) or form.declines(layer) is not None:
                continue
            ranks = best_ranks(form, layer, seen[layer.name], given.share)
            if ranks is None:
                continue
            fits = RegressedPair(form, layer, seen[layer.name], ranks[0]).fits(ranks)
            blind = [form.truncate(kernel).cut(form.cut(layer, ranks)) for kernel in form.kernels(layer)]
            bias = np.zeros(layer.filters) if layer.bias is None else layer.bias
            fitted = [(fit.factors, fit.bias) for fit in fits]
            plain = list(zip(blind, np.split(bias, layer.group), strict=True))
            errors = [error_of(form, layer, unseen[layer.name], factors) for factors in (fitted, plain)]
            shown = " ".join(f"{error:8.4f}" for error in errors)
            print(f"{layer.name:20} {name:16} {','.join(map(str, ranks)):>9} {shown}", flush=True)


def measured(
    model: str, names: Sequence[str], sources: Sequence[str], limit: int
) -> tuple[list[Layer], list[Statistics]]:
    """The layers, and their statistics on each of the sources."""
    parts = read_parts(model)
    graph = to_graph(parts)
    layers = [layer for layer in list_layers(graph, infer_shapes(parts), "all")[0] if layer.name in names]
    batches = [open_calibration(parts, source, limit=limit) for source in sources]
    return layers, [gather(graph, layers, data, Sampling(20, seed)) for seed, data in enumerate(batches)]


def best_ranks(form: Pair, layer: Layer, statistics: LayerStatistics, share: float) -> Ranks | None:
    """The ranks of least error among the largest that leave this share of the MACs."""
    full = form.full_ranks(layer)
    tried: list[Ranks] = [(k,) for k in range(1, full[0] + 1)]
    if len(full) == 2:
        spread = sorted({int(rank) for rank in np.linspace(1, full[0], STEPS)})
        tried = [(k, m) for k in spread for m in range(1, full[1] + 1)]
    allowed = [ranks for ranks in tried if form.macs(layer, ranks) <= share * layer.macs]
    largest = {ranks[:1] if len(full) == 2 else (): ranks for ranks in sorted(allowed)}
    if not largest:
        return None
    candidates = list(largest.values())
    errors = RegressedPair(form, layer, statistics, max(r[0] for r in candidates)).errors(candidates)
    return candidates[int(np.argmin(errors))]


def error_of(
    form: Pair, layer: Layer, statistics: LayerStatistics, groups: Sequence[tuple[Factors, NDArray[np.floating]]]
) -> float:
    """Mean squared error of the output over its variance, of the factors and bias of every group."""
    error = energy = 0.0
    for group, (found, bias) in enumerate(groups):
        moments = own_moments(form, layer, statistics, group)
        subscripts = "nqk,qkp->nqp" if found.first.ndim == 3 else "nqk,kp->nqp"
        kernel = np.einsum(subscripts, found.composed, found.first, optimize=True).reshape(len(moments.kernel), -1)
        missing = moments.kernel - kernel
        shift = moments.mean_y - kernel @ moments.mean_x - bias
        error += float(np.vdot(missing @ moments.gram, missing)) + float(shift @ shift)
        energy += moments.energy
    return error / energy


if __name__ == "__main__":
    main()
