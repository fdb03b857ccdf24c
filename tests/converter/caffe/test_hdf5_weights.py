import numpy as np
import pytest
from planish.converter.caffe import convert_caffe
from planish.converter.caffe.hdf5_weights import read_hdf5
from planish.errors import SourceError

h5py = pytest.importorskip("h5py")
RNG = np.random.default_rng(0)
NET = """
input: "data" input_shape { dim: 2 dim: 3 }
layer { name: "inner/one" type: "InnerProduct" bottom: "data" top: "y" inner_product_param { num_output: 3 } }
"""


def test_weights_and_structure_together(tmp_path):
    weight, bias = RNG.standard_normal((3, 3)).astype(np.float32), RNG.standard_normal(3).astype(np.float32)
    (tmp_path / "net.prototxt").write_text(NET)
    with h5py.File(tmp_path / "net.caffemodel.h5", "w") as file:
        file["data/inner/one/0"], file["data/inner/one/1"] = weight, bias
    parts = convert_caffe(tmp_path / "net.prototxt", tmp_path / "net.caffemodel.h5")
    np.testing.assert_array_equal(parts.tensors["inner/one/weight"], weight)
    np.testing.assert_array_equal(parts.tensors["inner/one/bias"], bias)


def test_a_blob_that_is_shared_is_missing_from_its_layer(tmp_path):
    with h5py.File(tmp_path / "w.h5", "w") as file:
        file["data/a/1"] = np.ones(3, np.float32)
    (layer,) = read_hdf5(tmp_path / "w.h5")
    assert layer.blobs[0] is None
    assert layer.blobs[1].tolist() == [1, 1, 1]


def test_a_dataset_with_nothing_stored_is_refused(tmp_path):
    with h5py.File(tmp_path / "w.h5", "w") as file:
        file.create_dataset("data/a/0", (10**5, 10**5), np.float32)
    with pytest.raises(SourceError, match="declares 40000000000 bytes, but 0 are stored"):
        read_hdf5(tmp_path / "w.h5")


@pytest.mark.parametrize("keep", [20, 700])
def test_a_file_cut_short_is_refused(tmp_path, keep):
    with h5py.File(tmp_path / "w.h5", "w") as file:
        file["data/a/0"] = np.ones((50, 50), np.float32)
    content = (tmp_path / "w.h5").read_bytes()
    (tmp_path / "w.h5").write_bytes(content[:keep])
    with pytest.raises(SourceError, match="not a readable HDF5 file"):
        read_hdf5(tmp_path / "w.h5")


def test_a_file_of_something_else_is_refused(tmp_path):
    with h5py.File(tmp_path / "w.h5", "w") as file:
        file["model_weights"] = np.ones(3)
    with pytest.raises(SourceError, match="has no group 'data'"):
        read_hdf5(tmp_path / "w.h5")
