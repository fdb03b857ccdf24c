"""SqueezeNet against the net as its authors published it."""


def test_published_weights_give_what_they_give_in_the_published_net(assert_fits_published):
    assert_fits_published("caffe_squeezenet_v1_1", "squeezenet_v1.1")
