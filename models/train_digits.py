"""Trains caffe_digits and writes its prototxt, caffemodel and data beside this file.

    pip install 'planish[train]'
    python -m planish.models.train_digits

The data are scikit-learn's handwritten digits (1797 images of 8x8 pixels and 17 grey levels: the test part of UCI's
"Optical Recognition of Handwritten Digits" by E. Alpaydin and C. Kaynak, CC BY 4.0), enlarged to 32x32. A third of them
is held out, class by class, and never seen in training. One thread and one seed, so a machine repeats its own result.
"""

from __future__ import annotations

import itertools
import math
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn
from torch.nn import functional

from ..files import replacing
from ..wire import tag, varint
from .prototxt import Prototxt

SIZE = 32
STAGES = ((32, 32), (64, 64), (96, 96))
"""Filters of the 3x3 convolutions between two poolings."""
HIDDEN, CLASSES = 64, 10
HELD_OUT, CALIBRATION = 600, 200
EPOCHS, BATCH, RATE, DECAY, SEED = 40, 64, 4e-3, 5e-2, 0

NET_NAME, NET_LAYER = 1, 100
LAYER_NAME, LAYER_TYPE, LAYER_BLOBS = 1, 2, 7
BLOB_DATA, BLOB_SHAPE, SHAPE_DIM = 5, 7, 1
"""Field numbers of caffe.proto."""


def images() -> tuple[np.ndarray, np.ndarray]:
    """(count, 32, 32, 1) pixels of 0..255 and (count,) labels."""
    digits = load_digits()
    grey = np.rint(digits.images * (255 / 16)).astype(np.uint8)
    large = [np.asarray(Image.fromarray(image).resize((SIZE, SIZE), Image.Resampling.BICUBIC)) for image in grey]
    return np.stack(large)[..., None], digits.target.astype(np.int64)


def convolution_names() -> list[list[str]]:
    """conv1_1, conv1_2, ... by stage."""
    return [[f"conv{s}_{c}" for c in range(1, len(filters) + 1)] for s, filters in enumerate(STAGES, 1)]


def write_prototxt() -> str:
    """The net in Caffe's text format."""
    net = Prototxt("digits", 1, SIZE)
    top = "data"
    for stage, (names, filters) in enumerate(zip(convolution_names(), STAGES, strict=True), 1):
        for name, count in zip(names, filters, strict=True):
            top = net.convolution(name, top, count, 3, pad=1, bias=False)
            top = net.relu(f"{name}/relu", net.batch_norm(f"{name}/bn", f"{name}/scale", top))
        top = net.average_pool("pool3", top) if stage == len(STAGES) else net.max_pool(f"pool{stage}", top, 2, 2)
    top = net.relu("ip1/relu", net.inner_product("ip1", top, HIDDEN))
    net.softmax("prob", net.inner_product("ip2", top, CLASSES))
    return str(net)


class Digits(nn.Module):
    """The same net in torch; its modules bear the layers' names, with '.' and '/' as '_'."""

    def __init__(self) -> None:
        super().__init__()
        channels = 1
        for names, filters in zip(convolution_names(), STAGES, strict=True):
            for name, count in zip(names, filters, strict=True):
                self.add_module(name, nn.Conv2d(channels, count, 3, padding=1, bias=False))
                self.add_module(f"{name}_bn", nn.BatchNorm2d(count))
                channels = count
        self.ip1 = nn.Linear(channels, HIDDEN)
        self.ip2 = nn.Linear(HIDDEN, CLASSES)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits of (batch, 1, 32, 32) images."""
        for stage, names in enumerate(convolution_names(), 1):
            for name in names:
                x = functional.relu(getattr(self, f"{name}_bn")(getattr(self, name)(x)))
            x = x.mean((2, 3)) if stage == len(STAGES) else functional.max_pool2d(x, 2)
        return self.ip2(functional.relu(self.ip1(functional.dropout(x, 0.3, self.training))))


def augmented(x: torch.Tensor) -> torch.Tensor:
    """Turned by up to 12 degrees, scaled by up to 12 %, shifted by up to 3 pixels."""
    angle, scale = (torch.rand(2, len(x)) * 2 - 1) * torch.tensor([[math.radians(12)], [0.12]])
    cosine, sine = torch.cos(angle) * (1 + scale), torch.sin(angle) * (1 + scale)
    shift = (torch.rand(2, len(x)) * 2 - 1) * (3 / (SIZE / 2))
    matrices = torch.stack([cosine, -sine, shift[0], sine, cosine, shift[1]], 1).reshape(-1, 2, 3)
    grid = functional.affine_grid(matrices, list(x.shape), align_corners=False)
    return functional.grid_sample(x, grid, align_corners=False)


def train(x: torch.Tensor, y: torch.Tensor) -> Digits:
    """AdamW with one cycle of the learning rate; the strong decay is what leaves low-rank weights."""
    net = Digits()
    steps = EPOCHS * math.ceil(len(x) / BATCH)
    optimizer = torch.optim.AdamW(net.parameters(), RATE, weight_decay=DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, steps)
    for epoch in range(EPOCHS):
        net.train()
        total = 0.0
        for rows in torch.randperm(len(x)).split(BATCH):
            loss = functional.cross_entropy(net(augmented(x[rows])), y[rows], label_smoothing=0.05)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            total += float(loss.detach()) * len(rows)
        print(f"epoch {epoch + 1}: loss {total / len(x):.4f}", flush=True)
    net.eval()
    return net


def blobs(net: Digits) -> list[tuple[str, str, list[np.ndarray]]]:
    """(name, type, blobs) of the layers, as Caffe stores them: BatchNorm's third blob divides the first two."""
    layers: list[tuple[str, str, list[np.ndarray]]] = []
    for name in itertools.chain(*convolution_names()):
        norm = getattr(net, f"{name}_bn")
        statistics = [norm.running_mean, norm.running_var, torch.ones(1)]
        layers.append((name, "Convolution", _arrays([getattr(net, name).weight])))
        layers.append((f"{name}/bn", "BatchNorm", _arrays(statistics)))
        layers.append((f"{name}/scale", "Scale", _arrays([norm.weight, norm.bias])))
    for name in ("ip1", "ip2"):
        layers.append((name, "InnerProduct", _arrays([getattr(net, name).weight, getattr(net, name).bias])))
    return layers


def _arrays(tensors: list[torch.Tensor]) -> list[np.ndarray]:
    return [tensor.detach().numpy().astype("<f4") for tensor in tensors]


def caffemodel(layers: list[tuple[str, str, list[np.ndarray]]]) -> bytes:
    """The NetParameter message that holds `layers`."""
    message = _field(NET_NAME, b"digits")
    for name, kind, arrays in layers:
        parts = [_field(LAYER_NAME, name.encode()), _field(LAYER_TYPE, kind.encode())]
        for array in arrays:
            shape = _field(SHAPE_DIM, b"".join(varint(size) for size in array.shape))
            parts.append(_field(LAYER_BLOBS, _field(BLOB_SHAPE, shape) + _field(BLOB_DATA, array.tobytes())))
        message += _field(NET_LAYER, b"".join(parts))
    return message


def _field(number: int, value: bytes) -> bytes:
    return tag(number) + varint(len(value)) + value


def main() -> None:
    """Train, report the held-out accuracy, write the files."""
    torch.manual_seed(SEED)
    torch.set_num_threads(1)
    x, y = images()
    rows, held_out = train_test_split(np.arange(len(y)), test_size=HELD_OUT, stratify=y, random_state=SEED)
    tensors = torch.from_numpy(x).permute(0, 3, 1, 2).float() / 255
    labels = torch.from_numpy(y)
    net = train(tensors[rows], labels[rows])
    with torch.no_grad():
        right = (net(tensors[held_out]).argmax(1) == labels[held_out]).float().mean()
    print(f"held-out accuracy {100 * right:.2f} % of {HELD_OUT}")
    folder = Path(__file__).parent
    files = {"caffe_digits.prototxt": write_prototxt().encode(), "caffe_digits.caffemodel": caffemodel(blobs(net))}
    for name, content in files.items():
        with replacing(folder / name) as stream:
            stream.write(content)
    for name, chosen in (("eval", held_out), ("calib", rows[:CALIBRATION])):
        with replacing(folder / f"caffe_digits_{name}.npz") as stream:
            np.savez_compressed(stream, x=x[chosen], y=y[chosen])


if __name__ == "__main__":
    main()
