"""GoogLeNet against the net as BVLC published it."""


def test_published_weights_give_what_they_give_in_the_published_net(assert_fits_published):
    assert_fits_published("caffe_googlenet", "bvlc_googlenet")
