"""Handlers by family; see `converter.mxnet.registry` for how to add one."""
