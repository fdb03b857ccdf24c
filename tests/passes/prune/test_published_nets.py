"""Published nets pruned at random are the originals that do not listen; digits nets keep their accuracy when fitted."""

import numpy as np
import onnx
import pytest
from planish.passes import rewrite
from planish.passes.budget import Goal
from planish.passes.prune import Prune
from planish.runtime_check.cost import count
from planish.runtime_check.session import Session

NETS = {
    "assets/models/onnx/mobilenet_v1_0.25_128/mobilenet_v1_0.25_128_quant_dequant.onnx": 14,
    "assets/models/onnx/ultralight_face/version-RFB-320.onnx": 25,
    "assets/models/onnx/cifar_resnet/resnet20_cifar10.onnx": 10,
    "assets/models/onnx/mlperf_tiny_resnet8/pretrainedResnet.onnx": 6,
    "peers/mbnet.onnx": 7,
    "peers/resnet.onnx": 9,
    "peers/vgg.onnx": 8,
}


@pytest.mark.parametrize("path", NETS)
def test_half_of_every_group_can_go(shared, prune_at_random, path):
    if not (shared / path).is_file():
        pytest.skip(f"{path} is not in ../shared")
    model = onnx.load(shared / path)
    groups, pruned = prune_at_random(model, batch=1)
    assert sum(group.protected is None for group in groups.values()) == NETS[path]
    assert count(pruned).macs() < 0.35 * count(model).macs()


def test_a_trained_net_keeps_its_answers_at_half_the_macs_without_labels(shared):
    data = np.load(shared / "peers" / "data.npz")
    model = onnx.load(shared / "peers" / "vgg.onnx")
    name = model.graph.input[0].name
    batches = [{name: data["calib"][i : i + 20]} for i in range(0, 160, 20)]
    result = rewrite(model, [Prune(goal=Goal("MACs", 2.0), batches=batches)])
    assert result.before.macs() / result.after.macs() >= 2
    outputs = [
        Session(m, optimizations="all").run({name: data["test"]})["logits"] for m in (model, result.parts.to_model())
    ]
    classes = [np.asarray(values).argmax(axis=1) for values in outputs]
    assert (classes[0] == classes[1]).mean() >= 0.98
