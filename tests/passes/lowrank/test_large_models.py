"""Models beyond protobuf's 2 GB become cheaper in bounded memory, their weights beside them before and after."""

import json
import subprocess
import sys

import numpy as np
import onnx
import pytest
from planish.runtime_check.session import Session

ROWS, COLUMNS, RANK = 512, 300_000, 16
LAYERS = ("a", "b", "c", "d", "e")
BYTES = 4 * ROWS * COLUMNS

REWRITE = """
import json, resource, sys
from planish.commands import main
code = main(sys.argv[1:])
print(json.dumps([code, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss]))
"""


@pytest.fixture
def large(tmp_path):
    """Five products of 600 MB each, of which one has values, those of a low rank; the rest is a hole in the file."""
    rng = np.random.default_rng(11)
    left, right = rng.standard_normal((ROWS, RANK), np.float32), rng.standard_normal((RANK, COLUMNS), np.float32)
    weights = tmp_path / "large.bin"
    with weights.open("wb") as stream:
        stream.truncate(len(LAYERS) * BYTES)
        for row in left:
            stream.write((row @ right).tobytes())
        for index in range(1, len(LAYERS)):
            stream.seek(index * BYTES)
            stream.write(np.array(index, "<f4").tobytes())
    products = " ".join(f"y{name} = Gemm <transB=1> (x, w{name})" for name in LAYERS)
    total = ", ".join(f"y{name}" for name in LAYERS)
    model = onnx.parser.parse_model(
        '<ir_version: 8, opset_import: ["" : 17]> '
        f"g (float[1,{COLUMNS}] x) => (float[1,{ROWS}] y) {{ {products} y = Sum ({total}) }}"
    )
    for index, name in enumerate(LAYERS):
        tensor = onnx.TensorProto(name=f"w{name}", dims=[ROWS, COLUMNS], data_type=onnx.TensorProto.FLOAT)
        tensor.data_location = onnx.TensorProto.EXTERNAL
        for key, value in {"location": weights.name, "offset": index * BYTES, "length": BYTES}.items():
            tensor.external_data.add(key=key, value=str(value))
        model.graph.initializer.append(tensor)
    path = tmp_path / "large.onnx"
    path.write_bytes(model.SerializeToString())
    x = rng.standard_normal((1, COLUMNS), np.float32)
    wanted = (x @ right.T) @ left.T
    wanted[0, 0] += sum(range(len(LAYERS))) * x[0, 0]
    return path, x, wanted


@pytest.mark.slow
def test_one_of_five_large_layers_is_factorized(large, tmp_path):
    path, x, wanted = large
    (tmp_path / "after").mkdir()
    output = tmp_path / "after" / "small.onnx"
    arguments = ["rewrite", str(path), "--pass", "lowrank", "--layer", "ya", "--rank", str(RANK), "-o", str(output)]
    done = subprocess.run([sys.executable, "-c", REWRITE, *arguments], capture_output=True, text=True, check=True)
    code, peak = json.loads(done.stdout.splitlines()[-1])
    assert code == 0
    assert peak * (1 if sys.platform == "darwin" else 1024) < 2 * BYTES
    model = onnx.load(output, load_external_data=False)
    assert {tensor.data_location for tensor in model.graph.initializer} == {onnx.TensorProto.EXTERNAL}
    assert [list(t.dims) for t in model.graph.initializer if t.name.startswith("ya")] == [[RANK, COLUMNS], [ROWS, RANK]]
    assert output.with_name("small.onnx.data").stat().st_size == 4 * BYTES + 4 * RANK * (ROWS + COLUMNS)
    onnx.checker.check_model(str(output))
    got = Session(output).run({"x": x})["y"]
    np.testing.assert_allclose(got, wanted, atol=1e-3 * np.abs(wanted).max())
