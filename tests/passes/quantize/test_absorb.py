import numpy as np
import pytest
from planish.passes.graph import to_parts
from planish.passes.layers import list_layers
from planish.passes.quantize import FAST, StaticSettings
from planish.passes.quantize.absorb import absorb_biases
from planish.passes.quantize.observe import channel_ranges
from planish.passes.quantize.static import observe, quantize_static
from planish.runtime_check.cost import infer_shapes
from planish.runtime_check.session import Session


def _absorbed(graph, batches):
    layers, _ = list_layers(graph, infer_shapes(to_parts(graph)), "all")
    ranges = channel_ranges(graph, [layer.node.inputs[0].name for layer in layers], batches)
    now, known = absorb_biases(graph, layers, ranges)
    return [layer.name for layer, old in zip(now, layers, strict=True) if layer is not old], known


@pytest.fixture
def high_biases(make_model):
    """Every other channel of the first layer never comes near 0."""

    def build(pads="[0,0,0,0]", activation="Relu(c)", kernel=3):
        model = make_model(
            f"""g (float[b,3,9,11] x) => (float[b,6,p,q] y) <float zero = {{0.0}}, float top = {{60.0}}> {{
                c = Conv(x, w1, b1)  r = {activation}  y = Conv<group = 2, pads = {pads}>(r, w2)
            }}""",
            w1=(8, 3, 1, 1), b1=(8,), w2=(6, 4, kernel, kernel),
        )  # fmt: skip
        bias = next(t for t in model.graph.initializer if t.name == "b1")
        values = np.frombuffer(bias.raw_data, np.float32).copy()
        values[::2] += 40
        bias.raw_data = values.tobytes()
        return model

    return build


@pytest.mark.parametrize("activation", ["Relu(c)", "Clip(c, zero, top)", "Identity(c)"])
def test_computes_the_same_on_smaller_ranges(high_biases, graph_of, make_batches, activation):
    model, batches = high_biases(activation=activation), make_batches((3, 9, 11))
    graph = graph_of(model)
    if activation.startswith("Identity"):
        graph.nodes[0].outputs = graph.nodes[1].outputs
        del graph.nodes[1]
        model = to_parts(graph).to_model()
    changed, known = _absorbed(graph, batches)
    assert len(changed) == 2
    (name,) = [name for name in known if name != "x"]
    assert known[name].low[::2].max() == pytest.approx(0, abs=1e-4)
    again = channel_ranges(graph, [name], batches)[name]
    np.testing.assert_allclose(again.power, known[name].power, rtol=1e-3, atol=1e-3)
    before, after = Session(model), Session(to_parts(graph).to_model())
    for feeds in batches:
        expected, got = before.run(feeds)["y"], after.run(feeds)["y"]
        np.testing.assert_allclose(got, expected, atol=2e-5 * np.abs(expected).max())


@pytest.mark.parametrize("change", [{"pads": "[1,1,1,1]"}, {"activation": "Clip(c, zero, forty)"}])
def test_padding_and_bounds_that_cut_keep_biases(high_biases, graph_of, make_batches, change):
    model = high_biases(**{key: value.replace("forty", "top") for key, value in change.items()})
    if "activation" in change:
        top = next(t for t in model.graph.initializer if t.name == "top")
        top.ClearField("float_data")
        top.raw_data = np.float32(40).tobytes()
    assert _absorbed(graph_of(model), make_batches((3, 9, 11)))[0] == []


def test_it_is_worth_it(high_biases, graph_of, make_batches):
    model, batches = high_biases(), make_batches((3, 9, 11))
    errors = []
    for absorbed in (True, False):
        settings = StaticSettings(repairs=FAST, equalized=False, absorbed=absorbed)
        graph, _ = quantize_static(observe(graph_of(model), batches, settings, {}), settings)
        session = Session(to_parts(graph).to_model())
        expected = Session(model).run(batches.batches[0])["y"]
        errors.append(np.square(session.run(batches.batches[0])["y"] - expected).mean())
    assert errors[0] < 0.5 * errors[1]
