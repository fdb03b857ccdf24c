"""MXNet networks to ONNX: symbol and params files of every generation."""

from __future__ import annotations

from .convert import convert_mxnet

__all__ = ["convert_mxnet"]
