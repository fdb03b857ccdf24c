import numpy as np
import onnx
import pytest
from planish.errors import DataError, PlanishError
from planish.passes import rewrite
from planish.passes.quantize import Quantize, StaticSettings
from planish.passes.quantize.judge import compare
from planish.runtime_check.cost import count
from planish.runtime_check.session import Session


def _stored(model, bits, batches=None):
    settings = StaticSettings(bits=bits)
    done = rewrite(model, [Quantize(batches=batches, mode="weights-only", settings=settings)], exact=False)
    onnx.checker.check_model(done.parts.to_model(), full_check=True)
    return done.parts.to_model(), done


def _sqnr(model, stored, batches, graph_of):
    before, after = Session(model), Session(stored)
    return compare(graph_of(model), [before.run(f) for f in batches], [after.run(f) for f in batches]).sqnr_db


@pytest.mark.parametrize(("bits", "share", "decibels"), [(8, 0.5, 35), (4, 0.4, 15)])
def test_needs_no_data_and_warns(chain, make_batches, graph_of, bits, share, decibels):
    stored, done = _stored(chain, bits)
    (_, result), *_ = done.results
    assert len(result.changes) == 4
    assert any("slower" in note for note in result.notes)
    assert done.after.bytes() < share * done.before.bytes()
    assert _sqnr(chain, stored, make_batches(), graph_of) > decibels


@pytest.mark.parametrize("bits", [8, 4])
def test_data_rounds_better(chain, make_batches, graph_of, bits):
    batches = make_batches(images=96)
    blind, seeing = (_stored(chain, bits, data)[0] for data in (None, batches))
    assert _sqnr(chain, seeing, batches, graph_of) > _sqnr(chain, blind, batches, graph_of) + 1


def test_four_bits_lie_two_to_a_byte(chain, tmp_path):
    stored, done = _stored(chain, 4)
    integers = [t for t in stored.graph.initializer if t.data_type == onnx.TensorProto.INT4]
    assert sorted(tuple(t.dims) for t in integers) == [(5, 24), (16, 1, 3, 3), (16, 3, 3, 3), (24, 16, 1, 1)]
    for tensor in integers:
        assert len(tensor.raw_data) == -(-np.prod(tensor.dims) // 2)
    assert stored.ir_version >= onnx.helper.find_min_ir_version_for(stored.opset_import)
    assert count(stored).bytes() == done.after.bytes()
    again = rewrite(stored, []).parts.to_model()
    feeds = {"x": np.ones((2, 3, 24, 20), np.float32)}
    np.testing.assert_allclose(Session(again).run(feeds)["y"], Session(stored).run(feeds)["y"], rtol=1e-5)


def test_shared_weights_are_stored_once(make_model, rng):
    model = make_model(
        """g (float[2,7] x) => (float[2,7] y) { a = Gemm<transB = 1>(x, w)  b = Relu(a)  y = MatMul(b, v) }""",
        w=(5, 7), v=(5, 7),
    )  # fmt: skip
    twice = make_model(
        """g (float[2,7] x) => (float[2,7] y) { a = MatMul(x, w)  b = Relu(a)  y = MatMul(b, w) }""", w=(7, 7)
    )
    for one, kernels in ((model, 2), (twice, 1)):
        stored, _ = _stored(one, 4, [{"x": rng.standard_normal((2, 7)).astype(np.float32)}])
        assert sum(t.data_type == onnx.TensorProto.INT4 for t in stored.graph.initializer) == kernels


def test_other_widths_and_broken_data_are_refused(chain, make_batches):
    with pytest.raises(PlanishError, match="8 or 4 bits"):
        _stored(chain, 5)
    batches = make_batches()
    batches.batches[0]["x"][1, 2, 3, 4] = np.nan
    with pytest.raises(DataError, match="'x' holds NaN"):
        _stored(chain, 4, batches)
    with pytest.raises(DataError, match="empty"):
        _stored(chain, 8, [])
