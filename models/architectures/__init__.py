"""The architectures of the catalogue, each written down from the tables of its paper.

They are Caffe prototxts or, in the modules called `gluon_...`, MXNet symbols. Layers and parameters bear the names of
the published nets, so that the published weights fit.
"""
