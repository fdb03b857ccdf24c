"""Which layers become integers."""

import pytest
from planish.files import as_parts
from planish.passes.graph import to_graph
from planish.passes.quantize.placement import place


@pytest.mark.parametrize(
    ("group", "shape", "integer"),
    [
        (1, (24, 32, 3, 3), True),
        (32, (32, 1, 3, 3), True),  # depthwise, which has a kernel of its own
        (32, (64, 1, 3, 3), False),
        (8, (24, 4, 3, 3), False),
        (2, (24, 16, 3, 3), True),
    ],
)
def test_groups_that_integers_are_slow_on_stay_float(make_model, group, shape, integer):
    model = make_model(
        f"""g (float[n,32,7,9] x) => (float[n,5] y) {{
            a = Conv<group = {group}>(x, wa)  r = Relu(a)  b = Conv(r, wb)  p = GlobalAveragePool(b)
            f = Flatten(p)  y = Gemm<transB = 1>(f, wy)
        }}""",
        wa=shape, wb=(16, shape[0], 1, 1), wy=(5, 16),
    )  # fmt: skip
    graph = to_graph(as_parts(model))
    macs = {node.name: 1000 for node in graph.nodes}
    placement = place(graph, macs)
    first = graph.nodes[0]
    assert (first in placement.layers) == integer
    if not integer:
        assert f"groups that turn {shape[1]} channels into {shape[0] // group}" in placement.reasons[first.name]
