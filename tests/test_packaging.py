"""The list of sub-packages in setup.cfg is kept by hand: the wheel must hold what the tree holds."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
OUTSIDE = {"tests", "benchmarks", "docs", "build", "demo", "dist"}
DATA = {".json", ".prototxt", ".caffemodel", ".npz", ".html", ".jinja", ".css"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    command = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--quiet",
        "--no-deps",
        "--no-build-isolation",
        "-w",
        str(folder),
        str(ROOT),
    ]
    subprocess.run(command, check=True, capture_output=True, text=True)
    (path,) = folder.glob("planish-*.whl")
    with zipfile.ZipFile(path) as archive:
        yield set(archive.namelist())


def test_every_module_of_the_tree_is_in_the_wheel(wheel):
    tree = {
        "planish/" + path.relative_to(ROOT).as_posix()
        for path in ROOT.rglob("*.py")
        if not any(part.startswith(".") or part in OUTSIDE for part in path.relative_to(ROOT).parts)
    }
    assert len(tree) > 30
    assert {name for name in wheel if name.endswith(".py")} == tree


def test_the_data_of_the_catalogue_is_in_the_wheel(wheel):
    tree = {
        "planish/" + path.relative_to(ROOT).as_posix() for path in (ROOT / "models").rglob("*") if path.suffix in DATA
    }
    assert tree
    assert tree <= wheel
    assert "planish/py.typed" in wheel
