"""Lines of a plan."""

import pytest
from planish.runtime_check.planned import PlannedLayer


@pytest.mark.parametrize(("ranks", "shown"), [((48,), "48"), ((48, 32), "48x32")])
def test_ranks_are_shown_as_one(ranks, shown):
    assert PlannedLayer("conv", "tucker", ranks).shown_ranks == shown
