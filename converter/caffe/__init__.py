"""Caffe nets to ONNX: prototxt and caffemodel of every generation."""

from __future__ import annotations

from .convert import convert_caffe

__all__ = ["convert_caffe"]
