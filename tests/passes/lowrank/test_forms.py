"""Every form on drawn convolutions: exact at full rank, and wrong by as much as it says below it."""

from dataclasses import dataclass, replace

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from planish.files import as_parts
from planish.passes import rewrite
from planish.passes.graph import to_graph, to_parts
from planish.passes.layers import list_layers
from planish.passes.lowrank import Lowrank
from planish.passes.lowrank.chain import apply_chain
from planish.passes.lowrank.pair import Pair
from planish.passes.lowrank.ranks import useful_ranks
from planish.passes.lowrank.registry import forms
from planish.passes.lowrank.regressed import RegressedPair, own_moments
from planish.passes.lowrank.triple import Triple
from planish.passes.lowrank.tucker_truncation import TuckerTruncation
from planish.passes.plan import LayerPlan, Plan
from planish.passes.statistics import Sampling, gather
from planish.passes.targets import find_target
from planish.runtime_check.cost import infer_shapes
from planish.runtime_check.session import Session

ALL_POSITIONS = 10_000
CONV_FORMS = [name for name, form in forms().items() if isinstance(form, Pair) and name != "gemm"]


@dataclass(frozen=True)
class Drawn:
    """A convolution."""

    kernel: tuple[int, int]
    strides: tuple[int, int]
    dilations: tuple[int, int]
    pads: tuple[int, int, int, int]
    group: int
    channels: int
    filters: int
    bias: bool
    seed: int

    def arrays(self):
        rng = np.random.default_rng(self.seed)
        weight = rng.standard_normal((self.group * self.filters, self.channels, *self.kernel)).astype(np.float32)
        mixing = rng.standard_normal((self.group * self.channels,) * 2) + np.eye(self.group * self.channels)
        images = np.einsum("nchw,dc->ndhw", rng.standard_normal((6, len(mixing), 9, 11)) + 0.5, mixing)
        bias = rng.standard_normal(len(weight)).astype(np.float32)
        return weight, bias, images.astype(np.float32)

    def model(self):
        weight, bias, images = self.arrays()
        tensors = [onnx.numpy_helper.from_array(weight, "w")]
        if self.bias:
            tensors.append(onnx.numpy_helper.from_array(bias, "b"))
        node = onnx.helper.make_node(
            "Conv", ["x", *(t.name for t in tensors)], ["y"], name="y", group=self.group, pads=list(self.pads),
            strides=list(self.strides), dilations=list(self.dilations),
        )  # fmt: skip
        shape = ["n", *images.shape[1:]]
        values = [
            onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape if name == "x" else None)
            for name in "xy"
        ]
        graph = onnx.helper.make_graph([node], "g", values[:1], values[1:], tensors)
        return onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8)


def sizes(largest):
    return st.tuples(st.integers(1, largest), st.integers(1, largest))


convolutions = st.builds(
    Drawn,
    kernel=sizes(4),
    strides=sizes(2),
    dilations=sizes(2),
    pads=st.tuples(*[st.integers(0, 2)] * 4),
    group=st.sampled_from([1, 1, 2, 3]),
    channels=st.integers(2, 5),
    filters=st.integers(1, 7),
    bias=st.booleans(),
    seed=st.integers(0, 2**32 - 1),
)


def the_layer(model):
    parts = as_parts(model)
    graph = to_graph(parts)
    return graph, list_layers(graph, infer_shapes(parts), "all")[0][0]


def outputs(model, images):
    return Session(model).run({"x": images})["y"]


def relative_error(expected, got):
    return np.square(expected - got).sum() / np.square(expected - expected.mean(axis=(0, 2, 3), keepdims=True)).sum()


@pytest.mark.parametrize("name", CONV_FORMS)
@settings(max_examples=12, deadline=None)
@given(drawn=convolutions)
def test_full_rank_is_the_convolution_itself(name, drawn):
    model, images = drawn.model(), drawn.arrays()[2]
    form, (_, layer) = forms()[name], the_layer(model)
    if form.declines(layer):
        return
    ranks = form.full_ranks(layer)
    expected = outputs(model, images)
    for batches in (None, [{"x": images}]):
        pass_ = Lowrank(plan=Plan({"y": LayerPlan(name, ranks)}), batches=batches, sampling=Sampling(ALL_POSITIONS))
        rewritten = rewrite(model, [pass_], exact=False)
        after = rewritten.parts.to_model()
        assert len(after.graph.node) == len(form.stages(layer, ranks))
        assert rewritten.after.macs() == form.macs(layer, ranks)
        tolerance = (1e-5 if batches is None else 1e-4) * np.abs(expected).max()
        np.testing.assert_allclose(outputs(after, images), expected, rtol=0, atol=tolerance)


@pytest.mark.parametrize("name", CONV_FORMS)
@settings(max_examples=12, deadline=None)
@given(drawn=convolutions, share=st.floats(0, 1))
def test_a_cut_is_as_wrong_as_it_says(name, drawn, share):
    model, images = drawn.model(), drawn.arrays()[2]
    form, (graph, layer) = forms()[name], the_layer(model)
    if form.declines(layer):
        return
    ranks = tuple(max(1, round(share * full)) for full in form.full_ranks(layer))
    statistics = gather(graph, [layer], [{"x": images}], Sampling(ALL_POSITIONS))["y"]
    factorization = RegressedPair(form, layer, statistics, ranks[0])
    fits = factorization.fits(ranks)
    apply_chain(graph, layer, form.stages(layer, ranks), factorization.folded(fits))
    measured = relative_error(outputs(model, images), outputs(to_parts(graph).to_model(), images))
    energies = [own_moments(form, layer, statistics, group).energy for group in range(layer.group)]
    told = np.average([fit.error for fit in fits], weights=energies)
    assert measured == pytest.approx(told, rel=0.02, abs=2e-5)


@pytest.mark.parametrize("name", CONV_FORMS)
def test_weights_lose_what_their_truncation_says(name, rng):
    kernel = rng.standard_normal((7, 3, 5)).astype(np.float32)
    truncation = forms()[name].truncate(kernel)
    for rank in (1, 3, 5):
        for middle in (1, 4, 7) if issubclass(type(forms()[name]), Triple) else (None,):
            lost = np.square(kernel - composed(truncation.cut((rank, middle)))).sum()
            (told,) = truncation.dropped([(rank, middle)])
            if middle is None:
                assert lost == pytest.approx(told, rel=1e-4, abs=1e-4)
            else:  # of the unfoldings' leading vectors, which iteration improves on
                assert told * 0.7 <= lost <= told * 1.0001 + 1e-4
        assert 0 < truncation.kept((rank, None)) <= 1


def composed(factors):
    subscripts = "nqk,qkp->nqp" if factors.first.ndim == 3 else "nqk,kp->nqp"
    return np.einsum(subscripts, factors.composed, factors.first)


def test_orthogonal_iteration_improves_on_the_unfoldings(rng):
    kernel = rng.standard_normal((12, 9, 10)).astype(np.float32)
    truncation = TuckerTruncation(kernel)
    lost = np.square(kernel - composed(truncation.cut((4, 5)))).sum()
    assert lost < truncation.dropped([(4, 5)])[0] * 0.999


def test_a_tucker_kernel_is_recovered_at_its_ranks(rng):
    core, outer, inner = rng.standard_normal((3, 9, 4)), rng.standard_normal((8, 3)), rng.standard_normal((4, 6))
    kernel = np.einsum("nm,mqk,kp->nqp", outer, core, inner).astype(np.float32)
    np.testing.assert_allclose(composed(TuckerTruncation(kernel).cut((4, 3))), kernel, atol=1e-4)


def test_h_and_p_are_one_convolution_where_that_is_cheaper():
    drawn = Drawn((3, 3), (1, 1), (1, 1), (1, 1, 1, 1), 1, 6, 12, bias=True, seed=1)
    form, (_, layer) = forms()["spatial_channel"], the_layer(drawn.model())
    apart, merged = form.stages(layer, (4, 5)), form.stages(layer, (4, 6))
    assert [stage.shape for stage in apart] == [(4, 6, 3, 1), (5, 4, 1, 3), (12, 5, 1, 1)]
    assert [stage.shape for stage in merged] == [(4, 6, 3, 1), (12, 4, 1, 3)]
    assert form.macs(layer, (4, 5)) < form.macs(layer, (4, 6)) == forms()["spatial"].macs(layer, (4,))


def test_every_rank_that_is_offered_is_cheaper_and_distinct():
    drawn = Drawn((3, 3), (1, 1), (1, 1), (1, 1, 1, 1), 1, 128, 192, bias=True, seed=1)
    _, layer = the_layer(drawn.model())
    layer = replace(layer, input_size=(28, 30), macs=layer.weight.size * 28 * 30)
    for target in (find_target("onnxruntime"), find_target("ncnn")):
        for name in CONV_FORMS:
            offered = useful_ranks(forms()[name], layer, target)
            assert len(set(offered)) == len(offered)
            assert all(forms()[name].macs(layer, ranks) < layer.macs for ranks in offered)
            assert all(len(ranks) == len(forms()[name].full_ranks(layer)) for ranks in offered)
    assert all(
        useful_ranks(forms()[name], layer, find_target("ncnn")) for name in ("tucker", "channel", "input_channel")
    )
