"""Networks and parameter files written here, by the documented layouts."""

import json
import struct

import numpy as np
import pytest
from planish.converter.mxnet import convert_mxnet
from planish.runtime_check.session import Session

FLAGS = {"f4": 0, "f8": 1, "f2": 2, "u1": 3, "i4": 4, "i1": 5, "i8": 6, "b1": 7, "i2": 8, "u2": 9, "u4": 10, "u8": 11}
MAGIC = {1: 0xF993FAC8, 2: 0xF993FAC9, 3: 0xF993FACA}


def packed_array(array, version=2, flag=None, device=(1, 0)):
    """One array as NDArray::Save of that version writes it."""
    kind = FLAGS[array.dtype.str[1:]] if flag is None else flag
    if version == 0:
        head = struct.pack(f"<I{array.ndim}I", array.ndim, *array.shape)
    else:
        head = struct.pack("<I", MAGIC[version]) + (struct.pack("<i", 0) if version > 1 else b"")
        head += struct.pack(f"<i{array.ndim}q", array.ndim, *array.shape)
    return head + struct.pack("<iii", *device, kind) + array.tobytes()


def packed_list(arrays, names):
    """A whole file."""
    data = struct.pack("<QQQ", 0x112, 0, len(arrays)) + b"".join(arrays) + struct.pack("<Q", len(names))
    return data + b"".join(struct.pack("<Q", len(name.encode())) + name.encode() for name in names)


class Network:
    """Writes a symbol and its parameters, converts and runs them."""

    def __init__(self, folder):
        self.symbol, self.params = folder / "net-symbol.json", folder / "net-0000.params"
        self.nodes, self.arrays = [], {}

    def variable(self, name, value=None, **attrs):
        if value is not None:
            self.arrays[name] = np.asarray(value, np.float32)
        self.nodes.append({"op": "null", "name": name, "inputs": [], **({"attrs": attrs} if attrs else {})})
        return [len(self.nodes) - 1, 0, 0]

    def operator(self, op, name, inputs, output=0, **attrs):
        node = {"op": op, "name": name, "inputs": inputs}
        if attrs:
            node["attrs"] = {key: str(value) for key, value in attrs.items()}
        self.nodes.append(node)
        return [len(self.nodes) - 1, output, 0]

    def document(self, *heads):
        return {"nodes": self.nodes, "heads": list(heads), "attrs": {"mxnet_version": ["int", 10901]}}

    def convert(self, *heads, **options):
        self.symbol.write_text(json.dumps(self.document(*(heads or [[len(self.nodes) - 1, 0, 0]]))))
        names = [f"arg:{name}" for name in self.arrays]
        self.params.write_bytes(packed_list([packed_array(array) for array in self.arrays.values()], names))
        return convert_mxnet(self.symbol, self.params, **options)

    def run(self, feeds, *heads, **options):
        shapes = {name: value.shape for name, value in feeds.items()}
        model = self.convert(*heads, input_shapes=shapes, **options).to_model()
        return list(Session(model).run(feeds).values())


@pytest.fixture
def network(tmp_path):
    return Network(tmp_path)


@pytest.fixture
def pack_array():
    return packed_array


@pytest.fixture
def pack_list():
    return packed_list


@pytest.fixture
def apply(network):
    """Runs one operator: arrays are inputs, those in `weights` are parameters that follow them."""

    def run(op, *arrays, weights=(), heads=1, opset=17, **options):
        feeds = {f"x{i}": np.asarray(array, np.float32) for i, array in enumerate(arrays)}
        inputs = [network.variable(name) for name in feeds]
        inputs += [network.variable(f"w{i}", weight) for i, weight in enumerate(weights)]
        node, _, _ = network.operator(op, "net", inputs, **options)
        found = network.run(feeds, *[[node, i, 0] for i in range(heads)], opset=opset)
        return found[0] if heads == 1 else found

    return run
