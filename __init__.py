"""planish: trained CNNs from Caffe, MXNet or ONNX, made smaller and faster for edge CPUs."""

from __future__ import annotations

__version__ = "0.1.0"
