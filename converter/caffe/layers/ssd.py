"""The layers of the single-shot detector: Permute, Normalize, PriorBox, DetectionOutput."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from ...boxes import Code, decode_boxes
from ...detection import DetectionOptions, detection_rows
from ...folding import known_value
from ...normalization import l2_normalize
from ...priors import PriorOptions, all_aspect_ratios, ssd_priors
from ...suppression import ANY_SCORE
from ..call import Blob, LayerCall
from ..message import Message
from ..registry import layer
from .source import MAX_ELEMENTS

_PRIOR_OPTIONS = (
    *("min_size", "max_size", "aspect_ratio", "flip", "clip", "variance", "img_size", "img_h", "img_w"),
    *("step", "step_h", "step_w", "offset"),
)
_CODES: dict[int, str] = {1: "CORNER", 2: "CENTER_SIZE", 3: "CORNER_SIZE"}


@layer("Permute", params="permute_param", options=("order",), source="SSD permute_layer.cpp")
def permute(call: LayerCall) -> Blob:
    """The axes in another order; those that `order` leaves out follow."""
    x = call.bottom()
    order = call.params.integers("order")
    if len(set(order)) != len(order) or any(not 0 <= axis < x.rank for axis in order):
        raise call.error(f"order {order} names an axis twice, or one that its bottom of shape {x.shape} does not have")
    order += [axis for axis in range(x.rank) if axis not in order]
    y = call.node("Transpose", [x.tensor], perm=order)
    return call.top(y, [x.shape[axis] for axis in order], batch=None if x.batch is None else order.index(x.batch))


@layer(
    "Normalize",
    params="norm_param",
    options=("across_spatial", "scale_filler", "channel_shared", "eps", "add_eps_before_sqrt"),
    source="SSD normalize_layer.cpp; add_eps_before_sqrt: Synopsys",
)
def normalize(call: LayerCall) -> Blob:
    """Divides by the L2 norm over the channels (or the whole sample), then scales; eps is added inside the root."""
    x = call.bottom()
    if x.rank < 2:
        raise call.error(f"needs at least two axes, but its bottom has shape {x.shape}")
    across = call.params.boolean("across_spatial", default=True)
    inside = call.params.boolean("add_eps_before_sqrt", default=True) or not across
    shared = call.params.boolean("channel_shared", default=True)
    init = call.params.message("scale_filler").number("value", 1.0)
    weight = call.weight(0, (1,) if shared else (x.shape[1],), init=init)
    axes, epsilon = range(1, x.rank) if across else [1], call.params.number("eps", 1e-10)
    normal = l2_normalize(call.builder, x.tensor, axes, epsilon, inside_root=inside)
    scale = call.constant(weight.reshape(-1, *[1] * (x.rank - 2)))
    return call.like(call.node("Mul", [normal, scale]))


@layer(
    "PriorBox",
    params="prior_box_param",
    options=_PRIOR_OPTIONS,
    source="SSD prior_box_layer.cpp",
)
def prior_box(call: LayerCall) -> Blob:
    """The boxes of every cell and their variances, (1, 2, 4 * boxes): known from the shapes, so a constant."""
    feature = call.bottom()
    if feature.rank != 4:
        raise call.error(f"needs a feature map with height and width, but its bottom has shape {feature.shape}")
    other = [name for name in call.params.fields if name not in _PRIOR_OPTIONS]
    if other:
        raise call.unsupported(f"{other[0]} is of a fork that places other boxes; feed the priors with --input instead")
    options = _prior_options(call)
    cells = (feature.shape[2], feature.shape[3])
    per_cell = len(options.min_sizes) * (1 + len(options.aspect_ratios)) + len(options.max_sizes)
    if 8 * math.prod(cells) * per_cell > MAX_ELEMENTS:
        raise call.error(f"{per_cell} boxes in each of {cells} cells are more than {MAX_ELEMENTS} values")
    boxes = ssd_priors(options, cells, _image_size(call))
    variances = np.tile(_variances(call), (len(boxes), 1))
    values = np.stack([boxes.reshape(-1), variances.reshape(-1)])[None]
    return call.top(call.constant(values), values.shape, batch=None)


def _prior_options(call: LayerCall) -> PriorOptions:
    params = call.params
    least, most = tuple(params.numbers("min_size")), tuple(params.numbers("max_size"))
    ratios = params.numbers("aspect_ratio")
    if not least or min(least) <= 0:
        raise call.error("needs one min_size or more, each above 0")
    if most and (len(most) != len(least) or any(a >= b for a, b in zip(least, most, strict=True))):
        raise call.error(f"max_size {most} must be as many as min_size {least}, each larger than its min_size")
    if any(ratio <= 0 for ratio in ratios):
        raise call.error(f"aspect_ratio {ratios} must be above 0")
    return PriorOptions(
        min_sizes=least,
        max_sizes=most,
        aspect_ratios=all_aspect_ratios(ratios, flip=params.boolean("flip", default=True)),
        clip=params.boolean("clip"),
        step=_pair(call, "step", ("step_h", "step_w")),
        offset=params.number("offset", 0.5),
    )


def _image_size(call: LayerCall) -> tuple[int, int]:
    height, width = (int(size) for size in _pair(call, "img_size", ("img_h", "img_w")))
    if height and width:
        return height, width
    image = call.bottom(1)
    if image.rank != 4:
        raise call.error(f"takes the image's size from its second bottom, but that has shape {image.shape}")
    return image.shape[2], image.shape[3]


def _pair(call: LayerCall, both: str, each: tuple[str, str]) -> tuple[float, float]:
    """(height, width) of an option given once or for each side; zeros where it is absent."""
    separate = [name for name in each if call.params.has(name)]
    if separate and call.params.has(both):
        raise call.error(f"{both} and {separate[0]} contradict each other; give one of them")
    if len(separate) == 1:
        raise call.error(f"{separate[0]} needs {each[1 - each.index(separate[0])]} beside it")
    names = each if separate else (both, both)
    values = (call.params.number(names[0]), call.params.number(names[1]))
    if call.params.has(names[0]) and min(values) <= 0:
        raise call.error(f"{names[0]} must be above 0")
    return values


def _variances(call: LayerCall) -> NDArray[np.float32]:
    given = call.params.numbers("variance") or [0.1]
    if len(given) not in (1, 4) or min(given) <= 0:
        raise call.error(f"variance {given} must be one number or four, above 0")
    return np.array(given * (4 // len(given)), np.float32)


@layer(
    "DetectionOutput",
    params="detection_output_param",
    options=(
        *("num_classes", "share_location", "background_label_id", "nms_param", "code_type", "keep_top_k"),
        *("variance_encoded_in_target", "confidence_threshold", "save_output_param", "visualize"),
        *("visualize_threshold", "save_file", "objectness_score"),
    ),
    source="SSD detection_output_layer.cpp, bbox_util.cpp; RefineDet's for four and five bottoms",
)
def detection_output(call: LayerCall) -> Blob:
    """Decodes boxes, suppresses overlapping ones of each class, keeps the best: rows (image, label, score, corners)."""
    loc, conf, priors = call.bottom(0), call.bottom(1), call.bottom(2)
    options = _detection_options(call, priors.shape[-1] // 4)
    shared = call.params.boolean("share_location", default=True)
    box_axes = (options.priors, 4) if shared else (options.priors, options.classes, 4)
    if math.prod(loc.shape[1:]) != math.prod(box_axes):
        raise call.error(f"locations of shape {loc.shape} do not fit {options.priors} priors")
    if math.prod(conf.shape[1:]) != options.priors * options.classes:
        raise call.error(
            f"confidences of shape {conf.shape} do not fit {options.priors} priors of {options.classes} classes"
        )
    deltas = call.reshape(loc, (loc.shape[0], *box_axes), batch=loc.batch)
    by_prior = call.reshape(conf, (conf.shape[0], options.priors, options.classes), batch=conf.batch)
    scores = call.node("Transpose", [by_prior], perm=[0, 2, 1])
    scores = _without_easy_negatives(call, scores, options)
    boxes = _decoded(call, deltas, priors, shared=shared)
    rows = detection_rows(call.builder, boxes, scores, options, boxes_per_class=not shared)
    return call.top(rows, (1, 1, loc.shape[0] * options.most_rows, 7), batch=2, symbol="detections")


def _detection_options(call: LayerCall, priors: int) -> DetectionOptions:
    classes = call.params.integer("num_classes")
    nms: Message = call.params.message("nms_param")
    if classes < 1 or priors < 1:
        raise call.error(f"num_classes {classes} and {priors} priors must be at least 1")
    options = DetectionOptions(
        classes=classes,
        priors=priors,
        background=call.params.integer("background_label_id", 0),
        iou_threshold=nms.number("nms_threshold", 0.3),
        score_threshold=call.params.number("confidence_threshold", ANY_SCORE),
        top_k=nms.integer("top_k", -1),
        keep_top_k=call.params.integer("keep_top_k", -1),
        eta=nms.number("eta", 1.0),
    )
    if options.iou_threshold < 0 or not 0 < options.eta <= 1:
        raise call.error("nms_threshold must not be negative, and eta must lie above 0 and not above 1")
    return options


def _decoded(call: LayerCall, deltas: str, priors: Blob, *, shared: bool) -> str:
    """Corners, of the shape of `deltas`."""
    value = known_value(call.builder, priors.tensor)
    if value is None:
        raise call.unsupported(
            "its priors depend on the network's input; feed priors that PriorBox layers make, or cut before it"
        )
    boxes, variances = value.reshape(2, -1, 4) if shared else value.reshape(2, -1, 1, 4)
    encoded = call.params.boolean("variance_encoded_in_target")
    code: Code = call.params.enum("code_type", _CODES, "CORNER")  # type: ignore[assignment]
    factors, anchors = None if encoded else call.constant(variances), call.constant(boxes)
    if len(call.bottoms) > 4:  # RefineDet decodes twice
        if not shared:
            raise call.error("five bottoms refine the priors of all classes at once, which needs share_location: true")
        first = call.bottom(4)
        count = len(boxes)
        if math.prod(first.shape[1:]) != 4 * count:
            raise call.error(f"first locations of shape {first.shape} do not fit {count} priors")
        coarse = call.reshape(first, (first.shape[0], count, 4), batch=first.batch)
        anchors = decode_boxes(call.builder, coarse, anchors, factors, code)
    return decode_boxes(call.builder, deltas, anchors, factors, code)


def _without_easy_negatives(call: LayerCall, scores: str, options: DetectionOptions) -> str:
    """RefineDet: scores of 0 for objects (1 for the background) where the first stage sees none."""
    if len(call.bottoms) < 4 or math.prod(call.bottom(3).shape[1:]) != 2 * options.priors:
        return scores  # a fourth bottom of another size is the image, to be drawn on
    first = call.bottom(3)
    pairs = call.reshape(first, (first.shape[0], options.priors, 2), batch=first.batch)
    seen = call.node("Gather", [pairs, call.integers(1)], axis=2)
    easy = call.node("Less", [seen, call.constant(call.params.number("objectness_score", 0.01))])
    flags = call.node("Unsqueeze", [easy, call.integers([1])])
    background = np.arange(options.classes)[:, None] == options.background
    return call.node("Where", [flags, call.constant(background), scores])
