import numpy as np

X = np.random.default_rng(0).standard_normal((4, 3, 2)).astype(np.float32)


def test_batch_reindex(run_net):
    text = (
        'input: "x" input: "i" input_shape { dim: 4 dim: 3 dim: 2 } input_shape { dim: 6 }'
        'layer { name: "b" type: "BatchReindex" bottom: "x" bottom: "i" top: "y" }'
    )
    index = [3, 0, 0, 1, 2, 3]
    np.testing.assert_array_equal(run_net(text, {"x": X, "i": index})["y"], X[index])


def test_filter_and_what_follows_it(run_net):
    text = (
        'input: "x" input: "s" input_shape { dim: 4 dim: 3 dim: 2 } input_shape { dim: 4 dim: 1 }'
        'layer { name: "f" type: "Filter" bottom: "x" bottom: "s" top: "y" }'
        'layer { name: "v" type: "Flatten" bottom: "y" top: "v" }'
    )
    for selected in ([0, 1, 0, 2], [1, 1, 1, 1], [0, 0, 0, 0]):
        found = run_net(text, {"x": X, "s": np.reshape(selected, (4, 1))})["v"]
        np.testing.assert_array_equal(found, X[np.array(selected) != 0].reshape(-1, 6))
