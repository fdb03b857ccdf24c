"""Small models written in ONNX's text syntax, and their comparison with optimizations off."""

import numpy as np
import onnx
import pytest
from planish.runtime_check.session import Session


@pytest.fixture
def make_model(rng):
    """Build a model from a graph in onnx.parser's syntax and arrays for its initializers."""

    def build(text, opset=17, **arrays):
        model = onnx.parser.parse_model(f'<ir_version: 8, opset_import: ["" : {opset}]> {text}')
        for name, value in arrays.items():
            array = value if isinstance(value, np.ndarray) else rng.standard_normal(value).astype(np.float32)
            model.graph.initializer.append(onnx.numpy_helper.from_array(array, name))
        onnx.checker.check_model(model, full_check=True)
        return model

    return build


@pytest.fixture
def outputs_of(rng):
    """Run models on the same random input; returns one dict of outputs per model."""

    def run(*models, batch=2):
        sessions = [Session(model) for model in models]
        feeds = {}
        for name, shape in sessions[0].input_shapes.items():
            sizes = [size if isinstance(size, int) else batch for size in shape]
            feeds[name] = rng.standard_normal(sizes).astype(np.float32)
        return [session.run(feeds) for session in sessions]

    return run


@pytest.fixture
def assert_same(outputs_of):
    """Assert that two models have the same outputs to a relative tolerance of the largest magnitude."""

    def compare(before, after, tolerance=1e-5):
        onnx.checker.check_model(after, full_check=True)
        assert [v.name for v in before.graph.input] == [v.name for v in after.graph.input]
        assert [v.name for v in before.graph.output] == [v.name for v in after.graph.output]
        expected, got = outputs_of(before, after)
        for name, value in expected.items():
            scale = np.abs(value).max()
            assert scale > 0, f"the test's own output {name} says nothing"
            assert got[name].shape == value.shape
            np.testing.assert_allclose(got[name], value, rtol=0, atol=tolerance * scale)

    return compare
