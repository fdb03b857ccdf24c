"""Readers of Caffe and MXNet networks that write ONNX."""
