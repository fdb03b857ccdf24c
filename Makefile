# Two commands on a fresh machine (Python 3.10 or later with venv): `make demo` and `make test`.
# Each sets up what it needs in .venv; the second time it is there already.

PYTHON ?= python3
BIN := .venv/bin
# setuptools warns of a package that lies at the repository's root; it is meant to.
PIP := PYTHONWARNINGS=ignore $(BIN)/python -m pip install --quiet

.PHONY: demo test lint clean

demo: .venv/installed
	mkdir -p demo
	$(BIN)/planish convert caffe_digits -o demo/digits.onnx
	$(BIN)/planish rewrite --pass lowrank --ratio 2 demo/digits.onnx -o demo/digits-small.onnx --data models/caffe_digits_calib.npz
	$(BIN)/planish check demo/digits.onnx demo/digits-small.onnx --data models/caffe_digits_eval.npz

test: .venv/installed-dev
	$(BIN)/python -m pytest -q

lint: .venv/installed-dev .mypy/planish
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	MYPYPATH=.mypy $(BIN)/mypy -p planish
	$(BIN)/lint-imports

.venv/installed: setup.cfg pyproject.toml
	$(PYTHON) -m venv .venv
	$(PIP) --upgrade pip
	$(PIP) -e .
	touch $@

.venv/installed-dev: .venv/installed
	$(PIP) -e '.[dev]'
	touch $@

# The package lies at the repository's root under another folder name; mypy finds it under its own through this link.
.mypy/planish:
	mkdir -p .mypy
	ln -sfn .. .mypy/planish

clean:
	rm -rf .venv .mypy build demo dist *.egg-info
