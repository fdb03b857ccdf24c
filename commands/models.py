"""`planish models`: the catalogue."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from .console import console, json_option, show_json, table

if TYPE_CHECKING:
    from ..models import Network

EPILOG = """\b
Examples:
  planish models
  planish models caffe_vgg16
  planish models caffe_vgg16 --structure > vgg16.prototxt
  planish models mxnet_vgg16 --structure > vgg16-symbol.json
  planish models --json
"""


@click.command(name="models", epilog=EPILOG)
@click.argument("network", required=False)
@click.option("--structure", is_flag=True, help="Print NETWORK's structure: a prototxt, or the JSON of MXNet's symbol.")
@json_option
def command(network: str | None, *, structure: bool, as_json: bool) -> None:
    """List the networks of the catalogue, or show NETWORK whole."""
    from ..models import find_network, networks  # noqa: PLC0415 - keeps `planish --help` quick

    if network is None and structure:
        raise click.UsageError("--structure needs the name of a network")
    if network is None:
        _list(dict(networks()), as_json=as_json)
        return
    entry = find_network(network)
    if structure:
        click.echo(entry.structure(), nl=False)
    elif as_json:
        show_json(_document(network, entry))
    else:
        _show(_document(network, entry))


def _list(entries: dict[str, Network], *, as_json: bool) -> None:
    if as_json:
        show_json([_document(name, entry) for name, entry in entries.items()])
        return
    rows = [
        (
            name,
            _input(entry),
            f"{entry.parameters:,}",
            f"{entry.weights.bytes / 1e6:.1f}",
            _place(entry),
            entry.weights.license,
        )
        for name, entry in entries.items()
    ]
    columns = ("network", "input", "parameters", "weights in MB", "weights", "license")
    out = console()
    out.print(table("Networks of the catalogue", columns, rows))
    out.print("planish models NAME shows one whole; planish convert NAME -o FILE.onnx converts it.")


def _show(document: dict[str, Any]) -> None:
    rows: list[tuple[str, str]] = []
    for key, value in document.items():
        inner = value if isinstance(value, dict) else {"": value}
        rows += [(f"{key} {name}".strip(), _text(item)) for name, item in inner.items() if item not in ("", (), None)]
    console().print(table(document["name"], ("", ""), rows[1:], left=2))


def _document(name: str, entry: Network) -> dict[str, Any]:
    """Everything of an entry but its structure."""
    from ..models import data_file  # noqa: PLC0415

    return {
        "name": name,
        "description": entry.description,
        "source": entry.source,
        "framework": entry.framework,
        "parameters": entry.parameters,
        "labels": entry.labels,
        "preprocessing": asdict(entry.preprocessing),
        "weights": {**asdict(entry.weights), "place": _place(entry)},
        "data": {purpose: str(data_file(entry, purpose)) for purpose in entry.data},
    }


def _place(entry: Network) -> str:
    """Whether the weights are here already."""
    from ..models.download import is_here  # noqa: PLC0415

    if not entry.weights.urls:
        return "packaged"
    return "downloaded" if is_here(entry.weights) else "to download"


def _input(entry: Network) -> str:
    channels = 1 if entry.preprocessing.channel_order == "GRAY" else 3
    return "x".join(map(str, (channels, *(entry.preprocessing.size or ()))))


def _text(value: Any) -> str:
    if isinstance(value, (tuple, list)):
        return "\n".join(map(str, value)) if value and isinstance(value[0], str) else ", ".join(map(str, value))
    return f"{value:,}" if isinstance(value, int) else str(value)
