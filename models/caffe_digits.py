"""A small VGG for handwritten digits, its weights and its data packaged; train_digits.py made them."""

from importlib.resources import files

from ..preprocessing import Preprocessing
from .network import Network, Weights

NETWORK = Network(
    description="A VGG of six 3x3 convolutions with BatchNorm for scikit-learn's handwritten digits, enlarged to 32x32",
    source="planish: models/train_digits.py",
    framework="caffe",
    structure=lambda: (files(__package__) / "caffe_digits.prototxt").read_text(encoding="utf-8"),
    preprocessing=Preprocessing(input="data", size=(32, 32), channel_order="GRAY", scale=(1 / 255,)),
    labels="the digits 0 to 9",
    parameters=210_666,
    weights=Weights(file="caffe_digits.caffemodel", bytes=846_752, license="Apache-2.0"),
    data={"evaluation": "caffe_digits_eval.npz", "calibration": "caffe_digits_calib.npz"},
)
