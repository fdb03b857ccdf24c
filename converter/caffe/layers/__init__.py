"""Handlers by family; see `converter.caffe.registry` for how to add one."""
