"""The way down, against all choices there are; and layers that read two branches which stand in for each other."""

from itertools import product

import numpy as np
import pytest
from planish.errors import BudgetError
from planish.passes import rewrite
from planish.passes.budget import Allowance, Goal
from planish.passes.prune import Prune, prune
from planish.passes.prune.decision import Offer
from planish.passes.prune.descent import Descent
from planish.passes.statistics import Sampling
from planish.passes.targets import find_target
from planish.runtime_check.session import Session

LEVELS = 5


class Products:
    """Prices of a chain: each layer costs the product of the widths before and behind it."""

    def __init__(self, sizes):
        self.sizes = sizes

    def total(self, widths):
        kept = [size * (width + 1) / LEVELS for size, width in zip(self.sizes, widths, strict=True)]
        return sum(a * b for a, b in zip([3.0, *kept], [*kept, 10.0], strict=True))

    def of(self, index, widths):
        return self.total(widths)


@pytest.fixture
def decisions(rng):
    losses = np.sort(rng.uniform(0, 1, (4, LEVELS)) ** 2, axis=1)[:, ::-1]
    losses[:, -1] = 0
    return [Offer(f"g{i}", range(1, LEVELS + 1), own.tolist(), own.tolist()) for i, own in enumerate(losses)]


@pytest.fixture
def prices():
    return Products([8, 16, 24, 12])


def loss(decisions, widths):
    return sum(offer.losses[width] for offer, width in zip(decisions, widths, strict=True))


@pytest.mark.parametrize("ratio", [1.2, 1.5, 2.0, 3.0])
def test_it_keeps_the_budget_and_loses_little_more_than_the_best_choice(decisions, prices, ratio):
    before = prices.total([LEVELS - 1] * 4)
    chosen = Descent(decisions, [], prices, None).choose(Allowance(Goal("MACs", ratio), before))
    assert prices.total(chosen) <= before / ratio * (1 + 1e-9)
    possible = [w for w in product(range(LEVELS), repeat=4) if prices.total(w) <= before / ratio]
    best, middle = np.quantile([loss(decisions, w) for w in possible], (0, 0.5))
    assert loss(decisions, chosen) <= best + 0.15 * (middle - best)


def test_whatever_was_asked_before_the_answer_is_the_same(decisions, prices):
    before = prices.total([LEVELS - 1] * 4)
    goals = [Allowance(Goal("MACs", ratio), before) for ratio in (3.0, 1.2, 2.0)]
    descent = Descent(decisions, [], prices, None)
    assert [descent.choose(goal) for goal in goals] == [
        Descent(decisions, [], prices, None).choose(goal) for goal in goals
    ]


def test_a_goal_out_of_reach_says_what_is_in_reach(decisions, prices):
    before, least = prices.total([LEVELS - 1] * 4), prices.total([0] * 4)
    with pytest.raises(BudgetError, match=f"at most {np.floor(100 * before / least) / 100:.2f}"):
        Descent(decisions, [], prices, None).choose(Allowance(Goal("MACs", 100.0), before))


class Sums:
    """Prices of decisions that have nothing to do with each other."""

    def __init__(self, *costs):
        self.costs = costs

    def total(self, widths):
        return sum(costs[width] for costs, width in zip(self.costs, widths, strict=True))

    def of(self, index, widths):
        return self.costs[index][widths[index]]


def test_what_a_great_last_step_leaves_of_the_budget_undoes_earlier_ones():
    small = Offer("small", (1, 2, 3), [0.4, 0.1, 0.0], [0.4, 0.1, 0.0])
    great = Offer("great", (1, 2), [90.0, 0.0], [90.0, 0.0])
    descent = Descent([small, great], [], Sums((1.0, 2.0, 3.0), (10.0, 97.0)), None)
    assert descent.choose(Allowance(Goal("MACs", 2.0), 100.0)) == [2, 0]
    assert descent.choose(Allowance(Goal("MACs", 100 / 12), 100.0)) == [1, 0]


TWINS = """g (float[n,6,9,11] x) => (float[n,5] y) {
  s = Conv (x, ws)
  sr = Relu (s)
  a = Conv (sr, wa)
  ar = Relu (a)
  b = Conv (sr, wb)
  br = Relu (b)
  c = Concat <axis=1> (ar, br)
  d = Conv (c, wd)
  dr = Relu (d)
  p = GlobalAveragePool (dr)
  f = Flatten (p)
  y = Gemm <transB=1> (f, wy)
}"""


@pytest.fixture
def twins(make_model, rng):
    """Either branch could go, as the other repeats it; both could not."""
    weights = {name: rng.standard_normal(shape) for name, shape in {"ws": (8, 6), "wa": (16, 8), "wy": (5, 24)}.items()}
    weights["wb"] = weights["wa"] * rng.uniform(0.5, 2, (16, 1))
    weights["wd"] = rng.standard_normal((24, 32))
    four = {name: it if name == "wy" else it[..., None, None] for name, it in weights.items()}
    return make_model(TWINS, **{name: np.float32(it / np.sqrt(it.shape[1])) for name, it in four.items()})


def test_of_two_branches_that_stand_in_for_each_other_one_stays(twins, rng, monkeypatch):
    images = rng.standard_normal((60, 6, 9, 11)).astype(np.float32)

    def error():
        batches = [{"x": images[i : i + 10]} for i in range(0, 40, 10)]
        sampling, target = Sampling(samples=30), find_target("mnn")
        step = Prune(goal=Goal("parameters", 2.2), batches=batches, sampling=sampling, target=target)
        result = rewrite(twins, [step], exact=False)
        wanted, got = (next(iter(Session(m).run({"x": images[40:]}).values())) for m in (twins, result.parts))
        return np.square(got - wanted).mean() / wanted.var()

    together = error()
    monkeypatch.setattr(prune, "shared_names", lambda groups: ())  # as if losses added up
    assert together < 0.5 * error()
