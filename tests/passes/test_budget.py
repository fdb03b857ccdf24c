"""The budget solver against brute force."""

import itertools

import numpy as np
import pytest
from planish.errors import BudgetError
from planish.passes.budget import Allowance, Goal, choose, choose_for_goal
from planish.passes.options import KEEP, Option


def macs(option):
    return option.macs


def option(layer, rank, cost, loss):
    return Option(f"l{layer}", "spatial" if rank else KEEP, (rank,), int(cost), 0, 0.0, 0.0, float(loss))


def random_problem(rng, layers=5, ranks=6):
    problem = []
    for layer in range(layers):
        costs = np.sort(rng.integers(1, 10_000, ranks))
        losses = np.sort(rng.uniform(0, 3, ranks))[::-1]
        keep = option(layer, 0, costs[-1] + rng.integers(1, 5000), 0)
        problem.append(
            [keep, *(option(layer, r + 1, c, x) for r, (c, x) in enumerate(zip(costs, losses, strict=True)))]
        )
    return problem


def brute_force(problem, budget):
    feasible = [c for c in itertools.product(*problem) if sum(o.macs for o in c) <= budget]
    return min(sum(o.loss for o in choice) for choice in feasible)


@pytest.mark.parametrize("share", [0.3, 0.5, 0.8, 1.0])
@pytest.mark.parametrize("case", range(5))
def test_it_finds_what_brute_force_finds(rng, case, share):
    problem = random_problem(rng)
    total = sum(layer[0].macs for layer in problem)
    floor = sum(min(o.macs for o in layer) for layer in problem)
    budget = floor + share * (total - floor)
    chosen = choose(problem, budget, macs)
    assert sum(o.macs for o in chosen) <= budget
    assert sum(o.loss for o in chosen) <= brute_force(problem, budget) * 1.001 + 1e-12


def test_the_cheapest_choice_alone_fits_its_own_cost(rng):
    problem = random_problem(rng)
    floor = sum(min(o.macs for o in layer) for layer in problem)
    assert sum(o.macs for o in choose(problem, floor, macs)) == floor
    with pytest.raises(ValueError, match="over the budget"):
        choose(problem, floor - 1, macs)


def test_many_layers_of_very_different_sizes_use_the_budget_up(rng):
    problem = [
        [option(i, 0, size, 0), *(option(i, r, size * r // 64, 3 / r) for r in range(1, 64))]
        for i, size in enumerate(10 ** rng.uniform(3, 9, 150))
    ]
    total = sum(layer[0].macs for layer in problem)
    spent = sum(o.macs for o in choose(problem, total / 2, macs))
    assert 0.99 * total / 2 < spent <= total / 2


def test_a_ratio_counts_what_has_no_choice(rng):
    problem = random_problem(rng)
    keep = sum(layer[0].macs for layer in problem)
    chosen = choose_for_goal(problem, Allowance(Goal("MACs", 1.25), 2 * keep, keep))
    assert sum(o.macs for o in chosen) + keep <= 2 * keep / 1.25
    with pytest.raises(BudgetError, match="divided by at most 1") as caught:
        choose_for_goal(problem, Allowance(Goal("MACs", 2.1), 2 * keep, keep))
    choose_for_goal(problem, Allowance(Goal("MACs", caught.value.reachable), 2 * keep, keep))


def test_no_layers_and_ratio_one_is_no_trouble():
    assert choose_for_goal([], Allowance(Goal("MACs", 1), 100, 100)) == []
