"""Made-up samples."""

import numpy as np
from planish.runtime_check.inputs import InputSpec
from planish.runtime_check.random_data import RandomSource

SPECS = (
    InputSpec("data", (None, 4, 5, 6), np.dtype(np.float32)),
    InputSpec("ids", (None, 3), np.dtype(np.int64)),
)


def test_a_sample_does_not_depend_on_those_before_it():
    source = RandomSource(SPECS, None, 9, 0)
    (alone,) = source.samples([5])
    among = list(source.samples(range(9)))[5]
    np.testing.assert_array_equal(alone[1]["data"], among[1]["data"])
    assert alone[1]["data"].std() > 0.8
    assert alone[1]["ids"].dtype == np.int64


def test_count():
    assert len(RandomSource(SPECS, None, None, 0)) == 16
    assert len(RandomSource(SPECS, None, 3, 0)) == 3
