"""Downloads from a server on this machine, which also misbehaves."""

import contextlib
import hashlib
import http.server
import io
import threading
import zipfile

import pytest
from planish.errors import DownloadError
from planish.models import Weights, weights_file
from planish.models.download import cache_folder

CONTENT = bytes(range(256)) * 2000
SHA256 = hashlib.sha256(CONTENT).hexdigest()


def zipped(content, name="net.params"):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return stream.getvalue()


ANSWERS = {
    "/wrong": CONTENT[::-1],
    "/good.zip": zipped(CONTENT),
    "/wrong.zip": zipped(CONTENT[::-1]),
    "/bomb.zip": zipped(bytes(10 * len(CONTENT))),
    "/other.zip": zipped(CONTENT, "../net.params"),
    "/text.zip": b"no archive",
}


class Server(http.server.BaseHTTPRequestHandler):
    """Answers by what the address asks for; counts what was asked."""

    asked: list[str] = []  # noqa: RUF012 - every test gets its own subclass

    def do_GET(self):
        self.asked.append(self.path)
        if self.path.startswith("/none"):
            self.send_error(404)
            return
        answer = ANSWERS.get(self.path, CONTENT)
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        if self.path == "/broken":
            self.wfile.write(answer[: len(answer) // 2])
            self.close_connection = True
        else:
            self.wfile.write(answer)

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    handler = type("Handler", (Server,), {"asked": []})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        try:
            running.asked = handler.asked
            running.address = f"http://127.0.0.1:{running.server_address[1]}"
            yield running
        finally:
            running.shutdown()
            thread.join()


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("PLANISH_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def weights(server, *paths, file="net.caffemodel", **changes):
    facts = {"sha256": SHA256} | changes
    return Weights(file, len(CONTENT), "none", tuple(server.address + path for path in paths), **facts)


def test_a_file_is_fetched_once(server, cache):
    wanted = weights(server, "/good")
    assert weights_file(wanted) == cache / "net.caffemodel"
    assert weights_file(wanted).read_bytes() == CONTENT
    assert server.asked == ["/good"]
    assert [entry.name for entry in cache.iterdir()] == ["net.caffemodel"]


@pytest.mark.parametrize(
    ("path", "reason"),
    [("/wrong", "wrong checksum"), ("/broken", "the connection broke off"), ("/none", "404")],
)
def test_a_failure_leaves_nothing_and_says_what_to_do(server, cache, path, reason):
    with pytest.raises(DownloadError, match=reason) as failure:
        weights_file(weights(server, path))
    assert f"put it at {cache / 'net.caffemodel'}, or name the file with --weights" in str(failure.value)
    assert list(cache.iterdir()) == []


def test_sha1_is_checked_too(server):
    sha1 = hashlib.sha1(CONTENT).hexdigest()
    with pytest.raises(DownloadError, match="wrong checksum"):
        weights_file(weights(server, "/wrong", sha256="", sha1=sha1))
    assert weights_file(weights(server, "/good", sha256="", sha1=sha1)).read_bytes() == CONTENT


def test_a_file_in_an_archive_is_unpacked_once(server, cache):
    wanted = weights(server, "/good.zip", file="net.params")
    assert weights_file(wanted).read_bytes() == CONTENT
    assert weights_file(wanted) == cache / "net.params"
    assert server.asked == ["/good.zip"]
    assert [entry.name for entry in cache.iterdir()] == ["net.params"]


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/wrong.zip", "wrong checksum"),
        ("/bomb.zip", "would take 5120000 bytes"),
        ("/other.zip", r"no \.zip with net\.params in it"),
        ("/text.zip", r"no \.zip with net\.params in it"),
        ("/none.zip", "404"),
    ],
)
def test_an_archive_that_is_not_the_published_one_leaves_nothing(server, cache, path, reason):
    with pytest.raises(DownloadError, match=reason) as failure:
        weights_file(weights(server, path, file="net.params"))
    assert f"put it, unpacked, at {cache / 'net.params'}" in str(failure.value)
    assert list(cache.iterdir()) == []


def test_the_next_address_is_tried(server):
    assert weights_file(weights(server, "/none", "/broken", "/wrong", "/good")).read_bytes() == CONTENT
    assert server.asked == ["/none", "/broken", "/wrong", "/good"]


def test_nobody_listening(server, cache):
    unused = weights(server, "/good")
    server.shutdown()
    server.server_close()
    with pytest.raises(DownloadError, match=r"1 MB\) could not be downloaded:\n  http.*: the server cannot be reached"):
        weights_file(unused)


def test_a_file_put_there_by_hand_is_taken_if_it_is_the_published_one(server, cache):
    cache.mkdir()
    (cache / "net.caffemodel").write_bytes(CONTENT)
    assert weights_file(weights(server, "/good")).read_bytes() == CONTENT
    assert server.asked == []
    (cache / "net.caffemodel").write_bytes(b"another")
    with pytest.raises(DownloadError, match="the file that lies there is not the published one"):
        weights_file(weights(server, "/none"))
    assert (cache / "net.caffemodel").read_bytes() == b"another"
    assert weights_file(weights(server, "/good")).read_bytes() == CONTENT


def test_a_cache_that_cannot_be_written(server, cache):
    cache.write_bytes(b"a file where the folder should be")
    with pytest.raises(DownloadError, match="could not be downloaded"):
        weights_file(weights(server, "/good"))


def test_an_interrupt_leaves_nothing(server, cache, monkeypatch):
    import pooch

    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(pooch.HTTPDownloader, "__call__", interrupt)
    with pytest.raises(KeyboardInterrupt):
        weights_file(weights(server, "/good"))
    assert list(cache.iterdir()) == []


def test_progress_is_shown_on_a_terminal(server, monkeypatch, capsys):
    import sys

    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("FORCE_COLOR", "1")
    with contextlib.suppress(DownloadError):
        weights_file(weights(server, "/good"))
    printed = capsys.readouterr()
    assert "net.caffemodel" in printed.err
    assert printed.out == ""


def test_the_cache_folder_is_the_systems_unless_named(monkeypatch, cache):
    assert cache_folder() == cache
    monkeypatch.delenv("PLANISH_CACHE")
    assert cache_folder().name == "planish"
