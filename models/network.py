"""What the catalogue knows of a network."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from ..preprocessing import Preprocessing

Framework = Literal["caffe", "mxnet"]

IMAGENET_LABELS = "the 1000 classes of ILSVRC-2012, in the order of their sorted WordNet ids (synset_words.txt)"


@dataclass(frozen=True, slots=True)
class Weights:
    """A file of trained weights.

    Attributes:
        file: its name: beside the network's file if it is packaged, else in the download cache.
        bytes: its size; where nobody has published it, what its arrays take.
        license: the terms it is published under.
        urls: where it is published, itself or packed in a .zip, tried in this order; none if it is packaged.
        sha256: its checksum in hexadecimal, where somebody has published it.
        sha1: the same; a file needs one of the two, or `note` says that there is none.
        note: what to know about the file or its checksum.
    """

    file: str
    bytes: int
    license: str
    urls: tuple[str, ...] = ()
    sha256: str = ""
    sha1: str = ""
    note: str = ""

    @property
    def checksum(self) -> str | None:
        """The strongest one, as `algorithm:hexadecimal`."""
        if self.sha256:
            return f"sha256:{self.sha256}"
        return f"sha1:{self.sha1}" if self.sha1 else None


@dataclass(frozen=True, slots=True)
class Network:
    """One entry of the catalogue.

    Attributes:
        description: what it is, and how accurate by its publishers.
        source: the paper or page that defines it.
        framework: which one's converter reads it.
        structure: makes its structure as that framework writes it: a prototxt, or the JSON of a symbol.
        preprocessing: from an image to its input.
        labels: what its outputs mean.
        parameters: how many it learned: weights, biases, gains; without BatchNorm's statistics.
        weights: its trained weights.
        data: packaged data sets by purpose ('evaluation', 'calibration'), as .npz files beside the network's file.
    """

    description: str
    source: str
    framework: Framework
    structure: Callable[[], str]
    preprocessing: Preprocessing
    labels: str
    parameters: int
    weights: Weights
    data: dict[str, str] = field(default_factory=dict)
