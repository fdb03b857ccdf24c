"""gluon's VGG-16 has the layers of Caffe's."""


def test_the_weights_have_the_shapes_of_caffes(skeleton):
    shapes = {
        name: [array.shape for array in skeleton(name).tensors.values() if array.ndim > 1 and array.dtype == "float32"]
        for name in ("mxnet_vgg16", "caffe_vgg16")
    }
    assert len(shapes["mxnet_vgg16"]) == 16
    assert shapes["mxnet_vgg16"] == shapes["caffe_vgg16"]


def test_blocks_are_counted_as_gluon_counts_them(skeleton):
    weights = [name for name in skeleton("mxnet_vgg16").tensors if name.endswith(".weight")]
    places = (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28, 31, 33)
    assert weights == [*(f"features.{place}.weight" for place in places), "output.weight"]
