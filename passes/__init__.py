"""Rewrites of ONNX graphs: exact clean-ups, low rank, pruning, quantization."""
