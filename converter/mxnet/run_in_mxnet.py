"""Runs a network in MXNet: a script for another Python, which imports nothing of planish.

python run_in_mxnet.py net-symbol.json net-0000.params feeds.npz outputs.npz
"""

from __future__ import annotations

import importlib
import sys

import numpy as np


def main(symbol_file: str, params_file: str, feeds_file: str, outputs_file: str) -> None:
    """Write the network's outputs for the arrays in `feeds_file`, as output_0, output_1, ..."""
    mx = importlib.import_module("mxnet")
    symbol = mx.sym.load(symbol_file)
    with np.load(feeds_file) as feeds:
        values = {name: mx.nd.array(feeds[name]) for name in feeds.files}
    stored = {name.split(":", 1)[-1]: array.astype("float32") for name, array in mx.nd.load(params_file).items()}
    values.update((name, array) for name, array in stored.items() if name in symbol.list_inputs())
    shapes, _, _ = symbol.infer_shape_partial(**{name: value.shape for name, value in values.items()})
    for name, shape in zip(symbol.list_arguments(), shapes):  # noqa: B905 - the other Python may be 3.8
        if name not in values:  # a label
            values[name] = mx.nd.zeros(shape or (1,))
    executor = symbol.bind(
        mx.cpu(),
        args={name: values[name] for name in symbol.list_arguments()},
        aux_states={name: values[name] for name in symbol.list_auxiliary_states()},
        grad_req="null",
    )
    outputs = executor.forward(is_train=False)
    np.savez(outputs_file, **{f"output_{index}": output.asnumpy() for index, output in enumerate(outputs)})


if __name__ == "__main__":
    main(*sys.argv[1:])
