import pytest
from planish.converter.mxnet.shapes import (
    UNKNOWN_BATCH,
    BatchBoundError,
    at_batch,
    batch_multiple,
    broadcast,
    check_static,
    follows_batch,
    readable,
    reshape_target,
    symbolic,
)

N = UNKNOWN_BATCH


def test_sizes_that_follow_the_batch():
    assert follows_batch(3 * N)
    assert not follows_batch(10**9)
    assert batch_multiple(6 * N) == 6
    assert symbolic((N, 3, 2 * N)) == ["batch", 3, "2*batch"]
    assert at_batch((2 * N, 5), 7) == (14, 5)


@pytest.mark.parametrize("size", [N + 1, N // 2, N * N, (3 * N) // 2])
def test_sizes_that_no_shape_can_express(size):
    with pytest.raises(BatchBoundError):
        batch_multiple(size)


def test_a_reshape_leaves_one_size_open():
    assert reshape_target((4 * N, 3)) == [-1, 3]
    assert reshape_target((4, 3)) == [4, 3]
    with pytest.raises(BatchBoundError):
        reshape_target((N, N))


def test_constants_do_not_follow_the_batch():
    check_static((3, 10**9), "fine")
    with pytest.raises(BatchBoundError, match="not so"):
        check_static((3, N), "not so")


@pytest.mark.parametrize(
    ("shapes", "wanted"),
    [(((3, 1), (5,)), (3, 5)), (((N, 3), (1, 3)), (N, 3)), (((2, 3), (3, 2)), None), (((N, 3), (2, 3)), None)],
)
def test_broadcasting(shapes, wanted):
    assert broadcast(*shapes) == wanted


def test_messages_say_batch():
    assert readable(f"shapes ({N}, 3), {2 * N} and {N + 2}") == "shapes (batch, 3), 2*batch and batch+2"
    assert readable(f"half of it: {N // 2}") == "half of it: a part of the batch"
