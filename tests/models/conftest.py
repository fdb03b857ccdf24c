"""Conversion of the catalogue's nets without the memory that their weights would take."""

import numpy as np
import pytest
from planish.converter.caffe import convert_caffe
from planish.converter.caffe.convert import build_graph
from planish.converter.caffe.structure import read_structure
from planish.converter.caffe.text import parse_text
from planish.converter.mxnet import convert_mxnet
from planish.converter.mxnet.call import Value, Weights
from planish.models import find_network


class ShapesOnly:
    """Zeros that take no memory, each blob another array."""

    def count(self, layer):
        return None

    def get(self, layer, index, shape, init):
        return np.broadcast_to(np.zeros(1, np.float32), shape)


class NoDraw(Weights):
    """The same for MXNet."""

    def draw(self, builder, variable, shape, init):
        if variable not in self.made:
            builder.tensors[variable] = np.broadcast_to(np.zeros(1, np.float32), shape)
            self.made[variable] = Value(variable, shape)
        return self.made[variable]


@pytest.fixture
def skeleton(tmp_path, monkeypatch):
    """skeleton(name) -> ModelParts of a network, every weight zero."""
    monkeypatch.setattr("planish.converter.mxnet.convert.Weights", NoDraw)

    def convert(name):
        structure = find_network(name).structure()
        if find_network(name).framework == "mxnet":
            path = tmp_path / f"{name}-symbol.json"
            path.write_text(structure)
            return convert_mxnet(path, random_weights=0, batch=1, check=False)
        net = read_structure(parse_text(structure, name))
        return build_graph(net, ShapesOnly(), opset=17, batch=1).builder.build()

    return convert


@pytest.fixture
def convert_text(tmp_path):
    """convert_text(prototxt, caffemodel) -> ModelParts."""

    def convert(text, caffemodel):
        path = tmp_path / f"{abs(hash(text))}.prototxt"
        path.write_text(text)
        return convert_caffe(path, caffemodel)

    return convert


@pytest.fixture
def assert_fits_published(shared, convert_text, rng):
    """Published weights give in our prototxt exactly what they give in their own."""
    from planish.runtime_check.session import Session

    def check(name, folder):
        published = shared / "assets" / "models" / "caffe" / folder
        (caffemodel,) = published.glob("*.caffemodel")
        own = convert_text((published / "deploy.prototxt").read_text(), caffemodel)
        ours = convert_text(find_network(name).structure(), caffemodel)
        size = find_network(name).preprocessing.size
        image = rng.uniform(-120, 130, (1, 3, *size)).astype(np.float32)
        expected = Session(own.to_model()).run({"data": image})
        assert expected["prob"].std() > 1e-4
        np.testing.assert_array_equal(Session(ours.to_model()).run({"data": image})["prob"], expected["prob"])
        assert {n.name for n in ours.model.graph.node} == {n.name for n in own.model.graph.node}

    return check
