import io

import numpy as np
import pytest
from planish import mapped
from planish.mapped import map_file, write_bytes


@pytest.fixture
def content(tmp_path):
    data = np.random.default_rng(0).integers(0, 256, 300_007, np.uint8)
    data.tofile(tmp_path / "file")
    return data


@pytest.mark.parametrize(("start", "stop"), [(0, 300_007), (1, 300_000), (4097, 4098), (5, 5)])
@pytest.mark.parametrize("limit", [2**30, 1000])
def test_a_view_of_a_mapped_file_is_written_between_other_bytes(tmp_path, content, monkeypatch, start, stop, limit):
    monkeypatch.setattr(mapped, "_SENDFILE_LIMIT", limit)
    raw = np.frombuffer(map_file(tmp_path / "file")[start:stop], np.uint8)
    with (tmp_path / "out").open("wb") as stream:
        stream.write(b"head")
        write_bytes(stream, raw)
        assert stream.tell() == 4 + len(raw)
        stream.write(b"tail")
    assert (tmp_path / "out").read_bytes() == b"head" + content[start:stop].tobytes() + b"tail"


def test_a_mapped_view_is_sent_and_not_touched(tmp_path, content, monkeypatch):
    calls = []
    real = mapped.os.sendfile
    monkeypatch.setattr(mapped.os, "sendfile", lambda *arguments: calls.append(arguments) or real(*arguments))
    array = np.frombuffer(map_file(tmp_path / "file"), "<f4", 100, 8).reshape(10, 10)
    with (tmp_path / "out").open("wb") as stream:
        write_bytes(stream, array.reshape(-1).view(np.uint8))
    assert [call[2:] for call in calls] == [(8, 400)]


def test_what_the_kernel_cannot_send_is_written(tmp_path, content, monkeypatch):
    def refuse(*_):
        raise OSError("no")

    monkeypatch.setattr(mapped.os, "sendfile", refuse)
    with (tmp_path / "out").open("wb") as stream:
        write_bytes(stream, np.frombuffer(map_file(tmp_path / "file"), np.uint8))
    assert (tmp_path / "out").read_bytes() == content.tobytes()


def test_an_array_in_memory_is_written_to_any_stream():
    stream = io.BytesIO()
    write_bytes(stream, np.arange(9, dtype=np.uint8))
    assert stream.getvalue() == bytes(range(9))


@pytest.mark.parametrize(("name", "error"), [("none", FileNotFoundError), ("empty", ValueError)])
def test_what_cannot_be_mapped(tmp_path, name, error):
    (tmp_path / "empty").touch()
    with pytest.raises(error):
        map_file(tmp_path / name)
