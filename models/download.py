"""Published weights: fetched once, checked, kept in a cache; never half a file under the final name."""

from __future__ import annotations

import os
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import DownloadError
from .catalogue import FOLDER
from .network import Weights

if TYPE_CHECKING:
    from rich.progress import Progress

CACHE_VARIABLE = "PLANISH_CACHE"
"""Environment variable that names the cache folder."""

_ARCHIVE = ".zip"

_LARGEST = 2
"""Times its known size that a file in an archive may take."""

TIMEOUT_S = 30
"""Seconds without an answer or a byte after which a server is given up."""


def cache_folder() -> Path:
    """Where downloads are kept: $PLANISH_CACHE, or the system's folder for caches."""
    import pooch  # noqa: PLC0415 - it takes 0.1 s to import, which only downloads need

    return Path(os.environ.get(CACHE_VARIABLE) or pooch.os_cache("planish"))


def is_here(weights: Weights) -> bool:
    """Whether a file of weights is packaged or in the cache."""
    return not weights.urls or (cache_folder() / weights.file).exists()


def weights_file(weights: Weights) -> Path:
    """The path of a file of weights, downloaded if it is neither packaged nor in the cache.

    Raises:
        DownloadError: no address of it could be read, or gave another file than the published one; the message says
            where the file may be put by hand.
    """
    if not weights.urls:
        return FOLDER / weights.file
    target = cache_folder() / weights.file
    if target.exists() and _is_published(target, weights):
        return target
    failures = []
    for url in weights.urls:
        try:
            return _retrieve(weights, url)
        except (OSError, ValueError) as error:  # requests' errors are OSErrors, pooch's wrong checksum is a ValueError
            failures.append(f"\n  {url}: {_reason(error)}")
    stale = "; the file that lies there is not the published one" if target.exists() else ""
    unpacked = ", unpacked," if weights.urls[-1].endswith(_ARCHIVE) else ""
    raise DownloadError(
        f"{weights.file} ({weights.bytes / 1e6:.0f} MB) could not be downloaded:{''.join(failures)}\n"
        f"Fetch it by other means and put it{unpacked} at {target}{stale}, or name the file with --weights"
    )


def _is_published(path: Path, weights: Weights) -> bool:
    import pooch  # noqa: PLC0415

    return bool(pooch.hashes.hash_matches(str(path), weights.checksum))


def _retrieve(weights: Weights, url: str) -> Path:
    import pooch  # noqa: PLC0415

    pooch.get_logger().setLevel("WARNING")
    cache = cache_folder()
    with _Bar(weights.file) as bar:
        downloader = pooch.HTTPDownloader(progressbar=bar if sys.stderr.isatty() else False, timeout=TIMEOUT_S)
        if not url.endswith(_ARCHIVE):
            return Path(pooch.retrieve(url, weights.checksum, weights.file, cache, downloader=downloader))
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as folder:
            archive = pooch.retrieve(url, None, "archive.zip", folder, downloader=downloader)
            return _unpack(Path(archive), weights)


def _unpack(archive: Path, weights: Weights) -> Path:
    """Put the file of weights in `archive` into the cache; its checksum is that of the file, not of the archive."""
    try:
        with zipfile.ZipFile(archive) as packed:
            member = packed.getinfo(weights.file)
            if member.file_size > _LARGEST * weights.bytes:
                raise ValueError(f"{weights.file} in it would take {member.file_size} bytes")
            path = Path(packed.extract(member, archive.parent))
    except (zipfile.BadZipFile, KeyError) as error:
        raise ValueError(f"it gives no .zip with {weights.file} in it") from error
    if not _is_published(path, weights):
        raise ValueError("the hash of the file in it is another")
    return path.replace(cache_folder() / weights.file)


def _reason(error: Exception) -> str:
    """In a few words what requests tells in many."""
    from requests import exceptions  # noqa: PLC0415 - pooch brings it

    if isinstance(error, exceptions.HTTPError):
        return str(error).partition(" for url")[0]
    if isinstance(error, exceptions.ChunkedEncodingError):
        return "the connection broke off"
    if isinstance(error, exceptions.Timeout):
        return f"no answer within {TIMEOUT_S} seconds"
    if isinstance(error, exceptions.ConnectionError):
        return "the server cannot be reached; is this machine offline?"
    if isinstance(error, ValueError) and "hash" in str(error):
        return "it gives another file than the published one (wrong checksum)"
    return str(error).partition("\n")[0]


class _Bar:
    """What pooch wants of a progress bar, drawn by rich on standard error.

    Attributes:
        total: bytes to come; pooch sets it.
    """

    def __init__(self, file: str) -> None:
        self.total = 0
        self._file = file
        self._progress: Progress | None = None

    def __enter__(self) -> _Bar:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def update(self, count: int) -> None:
        """That many bytes more have come."""
        if self._progress is None:
            self._progress = _progress()
            self._progress.start()
            self._progress.add_task(self._file, total=self.total or None)
        self._progress.update(self._progress.task_ids[0], advance=count)

    def reset(self) -> None:
        """Begin again at 0."""
        if self._progress is not None:
            self._progress.reset(self._progress.task_ids[0], total=self.total or None)

    def close(self) -> None:
        """Remove the bar."""
        if self._progress is not None:
            self._progress.stop()
            self._progress = None


def _progress() -> Progress:
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import BarColumn, DownloadColumn, TextColumn, TimeRemainingColumn, TransferSpeedColumn  # noqa: PLC0415
    from rich.progress import Progress as RichProgress  # noqa: PLC0415

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    return RichProgress(*columns, TimeRemainingColumn(), console=Console(stderr=True), transient=True)
