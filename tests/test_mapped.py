import mmap

import numpy as np
import pytest
from planish.mapped import PIECE, pieces


@pytest.mark.parametrize("offset", [0, 1, 5000])
@pytest.mark.parametrize("size", [0, 1, PIECE - 1, PIECE + 7, 2 * PIECE + 5001])
def test_the_pieces_of_a_mapped_file_are_its_bytes(tmp_path, offset, size):
    content = np.random.default_rng(size).integers(0, 256, offset + size + 3, np.uint8)
    content.tofile(tmp_path / "file")
    with (tmp_path / "file").open("rb") as stream:
        view = memoryview(mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ))
    raw = np.frombuffer(view[offset : offset + size], "u1")
    assert b"".join(pieces(raw)) == content[offset : offset + size].tobytes()
    assert b"".join(pieces(raw)) == content[offset : offset + size].tobytes()  # pages let go are there again


def test_the_pieces_of_an_array_in_memory_are_left_alone():
    raw = np.arange(PIECE + 9, dtype=np.int64).view(np.uint8)
    assert b"".join(pieces(raw)) == raw.tobytes()
    anonymous = mmap.mmap(-1, 8192)
    anonymous.write(b"x" * 8192)  # letting go of these pages would lose them
    raw = np.frombuffer(anonymous, np.uint8)
    assert b"".join(pieces(raw)) == b"x" * 8192
    assert raw.tobytes() == b"x" * 8192
