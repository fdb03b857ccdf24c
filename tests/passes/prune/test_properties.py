"""On random nets of coupled channels: pruned is not listened to, and what holds nothing goes without a trace.

PLANISH_EXAMPLES=500 makes it thorough.
"""

import os

import numpy as np
import onnx
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from planish.passes import rewrite
from planish.passes.prune import Shrink
from planish.runtime_check.session import Session

from .random_nets import nets

EXAMPLES = int(os.environ.get("PLANISH_EXAMPLES", "25"))
COMMON = settings(max_examples=EXAMPLES, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))


@given(model=nets())
@COMMON
def test_a_pruned_random_net_is_the_original_that_does_not_listen(prune_at_random, model):
    onnx.checker.check_model(model, full_check=True)
    prune_at_random(model, tolerance=1e-4)


@given(model=nets(), seed=st.integers(0, 1000), threshold=st.sampled_from([0.0, 1e-9]))
@COMMON
def test_a_shrunk_random_net_answers_as_before(model, seed, threshold):
    rng = np.random.default_rng(seed)
    for tensor in model.graph.initializer:
        array = onnx.numpy_helper.to_array(tensor).copy()
        if array.dtype == np.float32 and array.ndim == 4:
            array[rng.random(len(array)) < 0.4] = 0
            array[:, rng.random(array.shape[1]) < 0.2] = 0
            tensor.CopyFrom(onnx.numpy_helper.from_array(array, tensor.name))
    after = rewrite(model, [Shrink(threshold=threshold)], exact=False).parts.to_model()
    onnx.checker.check_model(after, full_check=True)
    feeds = {"x": rng.standard_normal((2, 3, 6, 7)).astype(np.float32)}
    wanted, got = Session(model).run(feeds), Session(after).run(feeds)
    for name, value in wanted.items():
        np.testing.assert_allclose(got[name], value, atol=1e-4 * max(1, float(np.abs(value).max())))
