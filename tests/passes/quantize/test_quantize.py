import collections

import numpy as np
import onnx
import onnxruntime
import pytest
from planish.errors import DataError, ModelError, PlanishError
from planish.passes import rewrite
from planish.passes.plan import LayerPlan, Plan
from planish.passes.quantize import FAST, Bound, Quantize, StaticSettings
from planish.passes.quantize.judge import compare
from planish.passes.quantize.quantize import KNOWN_OPSET, explained
from planish.runtime_check.session import Session, optimized_model


def _run(model, quantize):
    done = rewrite(model, [quantize], exact=False)
    onnx.checker.check_model(done.parts.to_model(), full_check=True)
    return done.parts.to_model(), done.results[0][1]


def _fidelity(model, quantized, batches, graph_of):
    before, after = Session(model), Session(quantized, optimizations="all")
    return compare(graph_of(model), [before.run(f) for f in batches], [after.run(f) for f in batches])


def _integers(model, weight, source):
    """The integers that a quantized model holds for a weight of the model that it was made of."""
    (node,) = (node for node in source.graph.node if weight in node.input)
    (layer,) = (
        other for other in model.graph.node if other.output[0].startswith(node.output[0]) and "Conv" in other.op_type
    )
    (dequantize,) = (other for other in model.graph.node if layer.input[1] in other.output)
    (tensor,) = (one for one in model.graph.initializer if one.name == dequantize.input[0])
    return onnx.numpy_helper.to_array(tensor)


def _operators(model):
    return collections.Counter(node.op_type for node in optimized_model(model).graph.node)


def test_every_layer_but_the_head_computes_in_integers(chain, make_batches, graph_of):
    batches = make_batches(images=48)
    quantized, result = _run(chain, Quantize(batches=batches))
    operators = _operators(quantized)
    assert operators["QLinearConv"] == 3
    assert operators["Conv"] == 0
    assert operators["Relu"] == operators["Clip"] == 0
    assert {skip.where for skip in result.skips} == {"y"}
    assert len(result.changes) == 3
    assert _fidelity(chain, quantized, batches, graph_of).sqnr_db > 35


def test_parameters_have_the_form_that_runtimes_fuse(chain, make_batches):
    quantized, _ = _run(chain, Quantize(batches=make_batches()))
    arrays = {t.name: onnx.numpy_helper.to_array(t) for t in quantized.graph.initializer}
    for node in quantized.graph.node:
        if node.op_type == "QuantizeLinear":
            assert arrays[node.input[1]].shape == ()
            assert arrays[node.input[2]].dtype == np.uint8
        if node.op_type == "DequantizeLinear" and node.input[0] in arrays:
            assert [a.i for a in node.attribute if a.name == "axis"] == [0]
    readers = collections.Counter(n.input[0] for n in quantized.graph.node if n.op_type == "QuantizeLinear")
    assert max(readers.values()) == 1


def test_zero_points_are_shared_so_that_nothing_is_left_to_merge(chain, make_batches):
    done = rewrite(chain, [Quantize(batches=make_batches(), settings=StaticSettings(repairs=FAST))])
    merged = [change for name, result in done.results if name == "exact" for change in result.changes]
    assert not [change for change in merged if "merge_duplicates" in change.what]
    zero_points = [t for t in done.parts.to_model().graph.initializer if "zero_point" in t.name]
    contents = [(t.data_type, tuple(t.dims), onnx.numpy_helper.to_array(t).tobytes()) for t in zero_points]
    assert len(contents) == len(set(contents)) > 0


def test_repairs_are_worth_it(chain, make_batches, graph_of):
    batches = make_batches(images=96)
    scores = []
    for settings in (StaticSettings(), StaticSettings(repairs=FAST, equalized=False)):
        quantized, _ = _run(chain, Quantize(batches=batches, settings=settings))
        scores.append(_fidelity(chain, quantized, batches, graph_of).sqnr_db)
    assert scores[0] > scores[1] + 1


def test_residual_sums_and_concatenations_compute_in_integers(make_model, make_batches, graph_of):
    model = make_model(
        """g (float[b,3,24,20] x) => (float[b,5] y) {
            c1 = Conv(x, w1)  r1 = Relu(c1)
            c2 = Conv<pads = [1,1,1,1]>(r1, w2)  s = Add(c2, r1)  r2 = Relu(s)
            c3 = Conv(r2, w3)  r3 = Relu(c3)
            c4 = Conv<pads = [1,1,1,1]>(r2, w4)  r4 = Relu(c4)
            cat = Concat<axis = 1>(r3, r4)  c5 = Conv(cat, w5)  r5 = Relu(c5)
            q = GlobalAveragePool(r5)  f = Flatten(q)  y = Gemm<transB = 1>(f, w6)
        }""",
        w1=(16, 3, 1, 1), w2=(16, 16, 3, 3), w3=(8, 16, 1, 1), w4=(8, 16, 3, 3), w5=(24, 16, 1, 1), w6=(5, 24),
    )  # fmt: skip
    batches = make_batches()
    quantized, _ = _run(model, Quantize(batches=batches))
    operators = _operators(quantized)
    assert operators["QLinearConv"] == 5
    assert operators["QLinearAdd"] == 1
    assert operators["QLinearConcat"] == 1
    assert _fidelity(model, quantized, batches, graph_of).sqnr_db > 30


def test_quantize_outputs_takes_the_head_too(chain, make_batches):
    quantized, _ = _run(chain, Quantize(batches=make_batches(), settings=StaticSettings(quantize_outputs=True)))
    assert _operators(quantized)["QGemm"] == 1


def test_scores_before_a_softmax_stay_float(make_model, make_batches, graph_of):
    model = make_model(
        """g (float[b,3,24,20] x) => (float[b,7] y) { c = Conv(x, w1) r = Relu(c) q = GlobalAveragePool(r)
            f = Flatten(q) g = Gemm<transB = 1>(f, w2, b2) h = Relu(g) s = Gemm<transB = 1>(h, w3) y = Softmax(s) }""",
        w1=(16, 3, 3, 3), w2=(24, 16), b2=(24,), w3=(7, 24),
    )  # fmt: skip
    settings = StaticSettings(repairs=FAST, quantize_outputs=True)
    quantized, result = _run(model, Quantize(batches=make_batches(), settings=settings))
    operators = _operators(quantized)
    assert (operators["QLinearConv"], operators["QGemm"], len(result.changes)) == (1, 2, 3)
    makers = {output: node for node in optimized_model(quantized).graph.node for output in node.output}
    (softmax,) = (node for node in makers.values() if node.op_type == "Softmax")
    assert makers[softmax.input[0]].op_type == "QGemm"


@pytest.mark.parametrize("settings", [{"signed": True}, {"ranges": "percentile"}, {"ranges": "entropy"}])
def test_settings_give_a_faithful_network(chain, make_batches, graph_of, settings):
    batches = make_batches()
    quantized, _ = _run(chain, Quantize(batches=batches, settings=StaticSettings(repairs=FAST, **settings)))
    assert _operators(quantized)["QLinearConv"] == 3
    assert _fidelity(chain, quantized, batches, graph_of).sqnr_db > 20


def test_fewer_bits_lose_more(chain, make_batches, graph_of):
    batches = make_batches()
    scores = []
    for bits in (3, 5, 8):
        settings = StaticSettings(repairs=FAST, bits=bits)
        quantized, _ = _run(chain, Quantize(batches=batches, settings=settings))
        scores.append(_fidelity(chain, quantized, batches, graph_of).sqnr_db)
    assert scores[0] + 6 < scores[1] < scores[2] - 6


def test_dynamic_simulation_is_faithful(chain, make_batches, graph_of):
    batches = make_batches()
    quantized, _ = _run(chain, Quantize(batches=batches, mode="dynamic-simulation"))
    assert _fidelity(chain, quantized, batches, graph_of).sqnr_db > 30


def test_min_sqnr_keeps_layers_float(chain, make_batches, graph_of):
    batches = make_batches(images=48)
    settings = StaticSettings(repairs=FAST)
    plain, _ = _run(chain, Quantize(batches=batches, settings=settings))
    reached = _fidelity(chain, plain, batches, graph_of).sqnr_db
    bounded, result = _run(chain, Quantize(batches=batches, settings=settings, bound=Bound(min_sqnr=reached + 1.5)))
    assert 1 <= _operators(bounded)["QLinearConv"] < 3
    assert any("kept float" in skip.why for skip in result.skips)
    assert _fidelity(chain, bounded, batches, graph_of).sqnr_db > reached + 1


def test_a_bound_that_cannot_be_kept_is_said(chain, make_batches):
    with pytest.raises(PlanishError, match="cannot keep the bound"):
        rewrite(chain, [Quantize(batches=make_batches(), bound=Bound(min_sqnr=150))], exact=False)


@pytest.mark.parametrize("bound", [{"max_drop": -1.0}, {"max_drop": float("nan")}, {"min_sqnr": float("inf")}])
def test_bounds_that_mean_nothing_are_refused(bound):
    with pytest.raises(PlanishError, match=next(iter(bound)).replace("_", "-")):
        Bound(**bound)


def test_a_plan_names_the_layers(chain, make_batches):
    name = next(node.name or node.output[0] for node in chain.graph.node)
    quantized, _ = _run(chain, Quantize(batches=make_batches(), plan=Plan({name: LayerPlan("int8", (8,))})))
    assert _operators(quantized)["QLinearConv"] == 1


@pytest.mark.parametrize("middle", ["r = Relu(c)", "p = Relu(c) r = MaxPool<kernel_shape = [2,2]>(p)"])
def test_layers_between_integer_ones_stay_float_in_onnxruntime_too(make_model, make_batches, graph_of, middle):
    model = make_model(
        f"""g (float[b,3,24,20] x) => (float[b,m,k,l] y) {{ c = Conv(x, w1) {middle} d = Conv(r, w2) s = Relu(d)
            e = Conv(s, w3) t = Relu(e) y = Conv(t, w4) }}""",
        w1=(16, 3, 1, 1), w2=(16, 16, 1, 1), w3=(16, 16, 1, 1), w4=(5, 16, 1, 1),
    )  # fmt: skip
    (name,) = (node.name or node.output[0] for node in model.graph.node if "w2" in node.input)
    others = {
        node.name or node.output[0]: LayerPlan("int8", (8,)) for node in model.graph.node if node.op_type == "Conv"
    }
    others.pop(name)
    batches = make_batches()
    quantized, _ = _run(model, Quantize(batches=batches, plan=Plan(others)))
    operators = _operators(quantized)
    assert (operators["QLinearConv"], operators["Conv"]) == (2, 2)
    simulated, run = (Session(quantized, optimizations=how).run(batches.batches[0])["y"] for how in ("off", "all"))
    assert np.isclose(run, simulated, atol=1e-4).mean() > 0.99


def test_same_data_same_bytes(chain, make_batches):
    batches = make_batches()
    first, second = (_run(chain, Quantize(batches=batches))[0] for _ in range(2))
    assert first.SerializeToString(deterministic=True) == second.SerializeToString(deterministic=True)


def test_quantized_models_are_declined_or_requantized(chain, make_batches, graph_of):
    batches = make_batches()
    quantized, _ = _run(chain, Quantize(batches=batches))
    with pytest.raises(ModelError, match="requantize"):
        rewrite(quantized, [Quantize(batches=batches)], exact=False)
    again, _ = _run(quantized, Quantize(batches=batches, requantize=True))
    assert _operators(again)["QLinearConv"] == 3
    assert _fidelity(chain, again, batches, graph_of).sqnr_db > 25
    plain = StaticSettings(equalized=False, absorbed=False)
    again, _ = _run(quantized, Quantize(batches=batches, requantize=True, settings=plain))
    for name in ("w1", "w2", "w3"):
        before, after = (_integers(model, name, chain) for model in (quantized, again))
        assert np.array_equal(before, after)


@pytest.mark.parametrize("opset", [7, 8, 9, 11, 12, 13, 17, 21, 23])
def test_any_opset(make_model, make_batches, graph_of, opset):
    model = make_model(
        """g (float[b,3,24,20] x) => (float[b,5,24,20] y) { c = Conv(x, w1) r = Relu(c) d = Conv(r, w2) e = Relu(d)
            y = Conv(e, w3) }""",
        opset=opset, w1=(16, 3, 1, 1), w2=(16, 16, 1, 1), w3=(5, 16, 1, 1),
    )  # fmt: skip
    batches = make_batches()
    quantize = Quantize(batches=batches, settings=StaticSettings(repairs=FAST))
    if opset > KNOWN_OPSET and tuple(map(int, onnxruntime.__version__.split(".")[:2])) < (1, 24):
        # It gives two nodes of the optimized model one name and refuses to open it.
        with pytest.raises(ModelError, match="--opset 21"):
            rewrite(model, [quantize], exact=False)
        return
    quantized, _ = _run(model, quantize)
    assert _operators(quantized)["QLinearConv"] == 2
    assert _fidelity(model, quantized, batches, graph_of).sqnr_db > 25


def test_errors_of_new_opsets_say_what_to_do():
    error = ModelError("onnxruntime cannot open it")
    assert explained(error, 21) is error
    assert "onnxruntime cannot open it" in str(explained(error, 23))
    assert "--opset 21" in str(explained(error, 23))


@pytest.mark.parametrize("opset", [11, 12])
def test_a_clip_of_old_opsets_disappears_too(make_model, make_batches, opset):
    model = make_model(
        """g (float[b,3,24,20] x) => (float[b,5,24,20] y) <float zero = {0.0}, float six = {6.0}> {
            c = Conv(x, w1) r = Clip(c, zero, six) y = Conv(r, w2) }""",
        opset=opset, w1=(16, 3, 1, 1), w2=(5, 16, 1, 1),
    )  # fmt: skip
    quantized, _ = _run(model, Quantize(batches=make_batches(), settings=StaticSettings(repairs=FAST)))
    assert _operators(quantized)["Clip"] == 0


def test_float16_models_are_declined(chain, make_batches):
    for tensor in chain.graph.initializer:
        values = onnx.numpy_helper.to_array(tensor).astype(np.float16)
        tensor.CopyFrom(onnx.numpy_helper.from_array(values, tensor.name))
    with pytest.raises(ModelError, match="float16"):
        rewrite(chain, [Quantize(batches=make_batches())], exact=False)


def test_the_convolution_inside_a_normalization_stays_float(make_model, make_batches):
    model = make_model(
        """g (float[b,3,24,20] x) => (float[b,5,24,20] y) { c = Conv(x, w1) r = Relu(c)
            q = Mul(r, r) n = Conv(q, band, k) s = Sqrt(n) l = Div(r, s) d = Conv(l, w2) e = Relu(d)
            y = Conv(e, w3) }""",
        w1=(16, 3, 1, 1), band=np.full((16, 16, 1, 1), 0.1, np.float32), k=np.ones(16, np.float32),
        w2=(16, 16, 1, 1), w3=(5, 16, 1, 1),
    )  # fmt: skip
    quantized, result = _run(model, Quantize(batches=make_batches(), settings=StaticSettings(repairs=FAST)))
    assert any("Sqrt of its output" in skip.why for skip in result.skips)
    assert _operators(quantized)["QLinearConv"] == 2


def test_computed_weights_stay_float(make_model, make_batches):
    model = make_model(
        """g (float[b,3,24,20] x, float[16,3,1,1] w1) => (float[b,5,24,20] y) { c = Conv(x, w1) r = Relu(c)
            d = Conv(r, w2) e = Relu(d) y = Conv(e, w3) }""",
        w2=(16, 16, 1, 1), w3=(5, 16, 1, 1),
    )  # fmt: skip
    batches = make_batches()
    for feeds in batches:
        feeds["w1"] = np.ones((16, 3, 1, 1), np.float32)
    _, result = _run(model, Quantize(batches=batches, settings=StaticSettings(repairs=FAST)))
    assert any("not constant" in skip.why for skip in result.skips)
    assert len(result.changes) == 1


def test_constant_activations_are_no_problem(chain, make_batches, graph_of):
    for tensor in chain.graph.initializer:
        if tensor.name in {"w1", "b1"}:
            tensor.raw_data = bytes(len(tensor.raw_data))
    batches = make_batches()
    quantized, _ = _run(chain, Quantize(batches=batches))
    assert _fidelity(chain, quantized, batches, graph_of).sqnr_db > 30


@pytest.mark.parametrize("broken", [np.nan, np.inf])
def test_broken_data_is_named(chain, make_batches, broken):
    batches = make_batches()
    batches.batches[1]["x"][0, 0, 0, 0] = broken
    with pytest.raises(DataError, match="'x' holds NaN or infinity"):
        rewrite(chain, [Quantize(batches=batches)], exact=False)


def test_no_data_is_said(chain):
    with pytest.raises(PlanishError, match="--data"):
        rewrite(chain, [Quantize()], exact=False)
    with pytest.raises(DataError, match="empty"):
        rewrite(chain, [Quantize(batches=[])], exact=False)


@pytest.mark.parametrize(("net", "decibels"), [("mbnet", 37.5), ("mbnet_hard", 37.3)])
def test_beats_every_integer_peer(shared, net, decibels):
    data = np.load(shared / "peers" / "data.npz")
    calibration = [{"x": data["calib"][i : i + 10]} for i in range(0, 300, 10)]
    path = shared / "peers" / f"{net}.onnx"
    quantized = rewrite(path, [Quantize(batches=calibration)]).parts.to_model()
    before, after = Session(path), Session(quantized, optimizations="all")
    a, b = (session.run({"x": data["test"]})["logits"].astype(np.float64) for session in (before, after))
    ratios = np.square(a).sum(axis=1) / np.square(a - b).sum(axis=1)
    assert np.mean(10 * np.log10(ratios)) > decibels
    assert (a.argmax(axis=1) == b.argmax(axis=1)).mean() >= 0.996


@pytest.mark.parametrize("net", ["resnet", "mbnet"])
def test_runtimes_come_to_the_same_numbers(shared, net):
    openvino = pytest.importorskip("openvino")
    data = np.load(shared / "peers" / "data.npz")
    calibration = [{"x": data["calib"][i : i + 10]} for i in range(0, 60, 10)]
    settings = StaticSettings(repairs=FAST)
    quantized = rewrite(shared / "peers" / f"{net}.onnx", [Quantize(batches=calibration, settings=settings)])
    model, images = quantized.parts.to_model(), {"x": data["test"][:50]}
    core = openvino.Core()
    options = {"INFERENCE_PRECISION_HINT": "f32"}
    compiled = core.compile_model(core.read_model(model.SerializeToString()), "CPU", options)
    found = {"openvino": compiled(images)[0], "unfused": Session(model, optimizations="off").run(images)["logits"]}
    fused = Session(model, optimizations="all").run(images)["logits"]
    for answers in found.values():
        # The images have no few values, so that some of them may lie half-way between two steps.
        assert np.isclose(answers, fused, atol=1e-5).all(axis=1).mean() >= 0.9


def test_max_drop_keeps_layers_float_where_no_output_is_a_classifier(make_model, make_batches, graph_of):
    model = make_model(
        """g (float[b,3,24,20] x) => (float[b,5,24,20] y) { c = Conv(x, w1) r = Relu(c) d = Conv(r, w2) e = Relu(d)
            y = Conv(e, w3) }""",
        w1=(16, 3, 1, 1), w2=(16, 16, 1, 1), w3=(5, 16, 1, 1),
    )  # fmt: skip
    batches, settings = make_batches(images=48), StaticSettings(repairs=FAST)
    plain, _ = _run(model, Quantize(batches=batches, settings=settings))
    noise = _fidelity(model, plain, batches, graph_of).noise
    bound = Bound(max_drop=90 * noise**0.5)
    bounded, _ = _run(model, Quantize(batches=batches, settings=settings, bound=bound))
    assert _operators(bounded)["QLinearConv"] < _operators(plain)["QLinearConv"]
    assert _fidelity(model, bounded, batches, graph_of).noise < noise
