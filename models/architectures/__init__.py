"""The architectures of the catalogue, each written down from the tables of its paper as a Caffe prototxt.

Layers bear the names of the published nets, so that the published weights fit.
"""
