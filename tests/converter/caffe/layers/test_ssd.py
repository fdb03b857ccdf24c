import numpy as np
import pytest
from planish.errors import SourceError, UnsupportedError

RANDOM = np.random.default_rng(9)


def declare(name, shape):
    return f'input: "{name}" input_shape {{ {" ".join(f"dim: {size}" for size in shape)} }} '


@pytest.mark.parametrize(
    ("order", "perm"),
    [((0, 2, 3, 1), (0, 2, 3, 1)), ((0, 3), (0, 3, 1, 2)), ((), (0, 1, 2, 3)), ((1, 0), (1, 0, 2, 3))],
)
def test_permute_completes_the_order(run_net, order, perm):
    x = RANDOM.standard_normal((2, 3, 5, 7), np.float32)
    orders = " ".join(f"order: {axis}" for axis in order)
    net = (
        declare("x", x.shape)
        + f'layer {{ name: "l" type: "Permute" bottom: "x" top: "y" permute_param {{ {orders} }} }}'
    )
    np.testing.assert_array_equal(run_net(net, {"x": x})["y"], x.transpose(perm))


@pytest.mark.parametrize("order", ["order: 4", "order: 1 order: 1"])
def test_permute_of_no_axis_is_refused(convert_net, order):
    net = f'layer {{ name: "l" type: "Permute" bottom: "x" top: "y" permute_param {{ {order} }} }}'
    with pytest.raises(SourceError, match="order"):
        convert_net(declare("x", (2, 3, 5, 7)) + net)


@pytest.mark.parametrize("across", [True, False])
@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize("shape", [(2, 3, 5, 7), (2, 6)])
def test_normalize(run_net, across, shared, shape):
    x = RANDOM.standard_normal(shape, np.float32)
    scale = RANDOM.standard_normal(1 if shared else shape[1], np.float32)
    params = f"across_spatial: {str(across).lower()} channel_shared: {str(shared).lower()} eps: 0.3"
    net = f'layer {{ name: "l" type: "Normalize" bottom: "x" top: "y" norm_param {{ {params} }} }}'
    y = run_net(declare("x", shape) + net, {"x": x}, {"l": [scale]})["y"]
    norm = np.sqrt((x**2).sum(tuple(range(1, x.ndim)) if across else 1, keepdims=True) + 0.3)
    np.testing.assert_allclose(y, x / norm * scale.reshape(-1, *[1] * (x.ndim - 2)), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("across", [True, False])
def test_epsilon_after_the_root_across_space_only(run_net, across):
    x = RANDOM.standard_normal((2, 3, 5, 7), np.float32)
    params = f"across_spatial: {str(across).lower()} eps: 0.3 add_eps_before_sqrt: false"
    net = f'layer {{ name: "l" type: "Normalize" bottom: "x" top: "y" norm_param {{ {params} }} }}'
    y = run_net(declare("x", x.shape) + net, {"x": x}, {"l": [np.ones(1)]})["y"]
    total = (x**2).sum((1, 2, 3) if across else 1, keepdims=True)
    np.testing.assert_allclose(y, x / (np.sqrt(total) + 0.3 if across else np.sqrt(total + 0.3)), rtol=1e-5)


PRIOR = 'layer {{ name: "p" type: "PriorBox" bottom: "f" bottom: "i" top: "prior" prior_box_param {{ {} }} }} '
HEAD = declare("i", (1, 3, 60, 72)) + declare("f", (1, 4, 3, 5))


def priors(params):
    """One prior per line of loops, as prior_box_layer.cpp writes them."""
    rows = []
    height, width = params.get("image", (60, 72))
    step_y, step_x = params.get("step", (height / 3, width / 5))
    for h, w in np.ndindex(3, 5):
        x, y = (w + params.get("offset", 0.5)) * step_x, (h + params.get("offset", 0.5)) * step_y
        for k, least in enumerate(params["min"]):
            shapes = [(least, least)]
            if "max" in params:
                shapes.append(((least * params["max"][k]) ** 0.5,) * 2)
            shapes += [(least * r**0.5, least / r**0.5) for r in params.get("ratios", ())]
            rows += [
                [(x - a / 2) / width, (y - b / 2) / height, (x + a / 2) / width, (y + b / 2) / height]
                for a, b in shapes
            ]
    return np.clip(rows, 0, 1) if params.get("clip") else np.array(rows)


@pytest.mark.parametrize(
    ("text", "params", "variance"),
    [
        ("min_size: 10", {"min": [10]}, [0.1] * 4),
        ("min_size: 10 clip: true variance: 0.3", {"min": [10], "clip": True}, [0.3] * 4),
        (
            "min_size: 10 min_size: 16 max_size: 20 max_size: 30 aspect_ratio: 2 aspect_ratio: 3 "
            "variance: 0.1 variance: 0.15 variance: 0.2 variance: 0.25",
            {"min": [10, 16], "max": [20, 30], "ratios": [2, 0.5, 3, 1 / 3]},
            [0.1, 0.15, 0.2, 0.25],
        ),
        ("min_size: 10 aspect_ratio: 2 aspect_ratio: 1 flip: false", {"min": [10], "ratios": [2]}, [0.1] * 4),
        ("min_size: 10 img_size: 50 step: 8", {"min": [10], "image": (50, 50), "step": (8, 8)}, [0.1] * 4),
        (
            "min_size: 10 img_h: 40 img_w: 80 step_h: 8 step_w: 9.5 offset: 0.25",
            {"min": [10], "image": (40, 80), "step": (8, 9.5), "offset": 0.25},
            [0.1] * 4,
        ),
    ],
)
def test_prior_box_is_a_constant_of_the_definition(convert_net, run_net, text, params, variance):
    net = HEAD + PRIOR.format(text)
    feeds = {"i": np.zeros((1, 3, 60, 72)), "f": np.zeros((1, 4, 3, 5))}
    made = run_net(net, feeds)["prior"]
    expected = priors(params)
    assert made.shape == (1, 2, 4 * len(expected))
    np.testing.assert_allclose(made[0, 0].reshape(-1, 4), expected, atol=1e-6)
    np.testing.assert_allclose(made[0, 1].reshape(-1, 4), np.tile(variance, (len(expected), 1)), rtol=1e-6)
    assert {node.op_type for node in convert_net(net).model.graph.node} <= {"Identity"}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "min_size: 0",
        "min_size: 10 max_size: 10",
        "min_size: 10 max_size: 20 max_size: 30",
        "min_size: 10 aspect_ratio: 0",
        "min_size: 10 variance: 0.1 variance: 0.2",
        "min_size: 10 step: 8 step_h: 8",
        "min_size: 10 step_h: 8",
        "min_size: 10 img_size: 0",
    ],
)
def test_prior_box_options_that_contradict_are_refused(convert_net, text):
    with pytest.raises(SourceError):
        convert_net(HEAD + PRIOR.format(text))


def test_prior_boxes_of_other_forks_are_refused(convert_net):
    with pytest.raises(UnsupportedError, match="yx_order is of a fork"):
        convert_net(HEAD + PRIOR.format("min_size: 10 yx_order: true"))


def decode(deltas, boxes, variances, code):
    d = deltas * variances
    low, high = boxes[:, :2], boxes[:, 2:]
    size = high - low
    if code == "CORNER":
        return boxes + d
    if code == "CORNER_SIZE":
        return boxes + d * np.concatenate([size, size], 1)
    centre, half = d[:, :2] * size + (low + high) / 2, np.exp(d[:, 2:]) * size / 2
    return np.concatenate([centre - half, centre + half], 1)


PRIORS = PRIOR.format("min_size: 10 aspect_ratio: 2 variance: 0.1 variance: 0.1 variance: 0.2 variance: 0.2")


def detection_net(params, *, batch=2, classes=3, own=1):
    inputs = declare("i", (batch, 3, 60, 72)) + declare("f", (batch, 4, 3, 5))
    inputs += declare("loc", (batch, 45 * 4 * own)) + declare("conf", (batch, 45 * classes))
    bottoms = 'bottom: "loc" bottom: "conf" bottom: "prior"'
    return (
        f'{inputs} {PRIORS} layer {{ name: "d" type: "DetectionOutput" {bottoms} top: "y" '
        f"detection_output_param {{ num_classes: {classes} {params} }} }}"
    )


def feeds(batch, classes=3, own=1):
    return {
        "i": np.zeros((batch, 3, 60, 72)),
        "f": np.zeros((batch, 4, 3, 5)),
        "loc": RANDOM.standard_normal((batch, 45 * 4 * own)),
        "conf": RANDOM.uniform(0, 1, (batch, 45 * classes)),
    }


def known_priors():
    return priors({"min": [10], "ratios": [2, 0.5]}), np.tile([0.1, 0.1, 0.2, 0.2], (45, 1))


@pytest.mark.parametrize("code", ["CORNER", "CENTER_SIZE", "CORNER_SIZE"])
@pytest.mark.parametrize("encoded", [False, True])
@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize("background", [0, 2, -1])
@pytest.mark.parametrize("batch", [2, 3])
def test_all_detections_are_decoded(run_net, code, encoded, shared, background, batch):
    own = 1 if shared else 3
    params = f"code_type: {code} share_location: {str(shared).lower()} background_label_id: {background} "
    params += f"variance_encoded_in_target: {str(encoded).lower()} nms_param {{ nms_threshold: 1.0 }}"
    given = feeds(batch, own=own)
    rows = run_net(detection_net(params, own=own), given)["y"][0, 0]
    boxes, variances = known_priors()
    expected = []
    for image in range(batch):
        scores = given["conf"][image].reshape(45, 3)
        deltas = given["loc"][image].reshape(45, own, 4)
        for label in (label for label in range(3) if label != background):
            decoded = decode(deltas[:, label % own], boxes, 1 if encoded else variances, code)
            for p in np.argsort(-scores[:, label].astype(np.float32), kind="stable"):
                expected.append([image, label, scores[p, label], *decoded[p]])
    np.testing.assert_allclose(rows, expected, rtol=1e-4, atol=1e-5)


def test_numbers_of_detections_are_limited(run_net):
    params = "nms_param { nms_threshold: 0.4 top_k: 9 } keep_top_k: 4 confidence_threshold: 0.2 code_type: CENTER_SIZE"
    rows = run_net(detection_net(params), feeds(2))["y"][0, 0]
    assert [np.sum(rows[:, 0] == image) for image in range(2)] == [4, 4]
    assert (rows[:, 1] > 0).all()
    assert (rows[:, 2] > 0.2).all()


@pytest.mark.parametrize("batch", [2, 3])
@pytest.mark.parametrize("stages", [1, 2])
def test_refinedet_decodes_twice_and_drops_easy_negatives(run_net, batch, stages):
    params = "code_type: CENTER_SIZE objectness_score: 0.3 nms_param { nms_threshold: 1.0 } confidence_threshold: 0.0"
    given = {**feeds(batch), "aconf": RANDOM.uniform(0, 1, (batch, 90))}
    net = detection_net(params).replace('bottom: "prior" top', 'bottom: "prior" bottom: "aconf" top')
    net = declare("aconf", (2, 90)) + net
    if stages == 2:
        given["aloc"] = RANDOM.standard_normal((batch, 180))
        net = declare("aloc", (2, 180)) + net.replace('bottom: "aconf" top', 'bottom: "aconf" bottom: "aloc" top')
    rows = run_net(net, given)["y"][0, 0]
    boxes, variances = known_priors()
    expected = []
    for image in range(batch):
        seen = given["aconf"][image].reshape(45, 2)[:, 1] >= np.float32(0.3)
        anchors = boxes
        if stages == 2:
            anchors = decode(given["aloc"][image].reshape(45, 4), boxes, variances, "CENTER_SIZE")
        decoded = decode(given["loc"][image].reshape(45, 4), anchors, variances, "CENTER_SIZE")
        scores = given["conf"][image].reshape(45, 3).astype(np.float32)
        for label in (1, 2):
            order = [p for p in np.argsort(-scores[:, label], kind="stable") if seen[p]]
            expected += [[image, label, scores[p, label], *decoded[p]] for p in order]
    np.testing.assert_allclose(rows, expected, rtol=1e-4, atol=1e-5)


def test_a_fourth_bottom_of_another_size_is_an_image_to_draw_on(run_net):
    given = feeds(2)
    net = detection_net("").replace('bottom: "prior" top', 'bottom: "prior" bottom: "i" top')
    np.testing.assert_array_equal(run_net(net, given)["y"], run_net(detection_net(""), given)["y"])


def test_without_postprocessing_its_bottoms_are_the_outputs(run_net):
    given = feeds(2)
    made = run_net(detection_net(""), given, postprocessing=False)
    assert "y" not in made
    assert made["prior"].shape == (1, 2, 180)


def test_detection_output_that_does_not_fit_is_refused(convert_net):
    with pytest.raises(SourceError, match="locations"):
        convert_net(detection_net("share_location: false"))
    with pytest.raises(SourceError, match="confidences"):
        convert_net(detection_net("").replace("num_classes: 3", "num_classes: 4"))
    with pytest.raises(SourceError, match="nms_threshold"):
        convert_net(detection_net("nms_param { nms_threshold: -1 }"))
    with pytest.raises(UnsupportedError, match="eta"):
        convert_net(detection_net("nms_param { nms_threshold: 0.7 eta: 0.9 }"))


def test_priors_that_the_input_decides_are_refused(convert_net):
    net = detection_net("").replace(
        PRIOR.format("min_size: 10 aspect_ratio: 2 variance: 0.1 variance: 0.1 variance: 0.2 variance: 0.2"),
        declare("prior", (1, 2, 180)),
    )
    with pytest.raises(UnsupportedError, match="depend on the network's input"):
        convert_net(net)
