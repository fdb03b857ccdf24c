"""Readers of Caffe and MXNet networks that write ONNX."""

from .convert import convert as convert
