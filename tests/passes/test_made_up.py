"""What is left of an early layer's error."""

from planish.passes.made_up import left_of


def test_the_last_layer_counts_in_full_and_each_one_before_it_less():
    lefts = [left_of(place, 12) for place in range(12)]
    assert lefts[-1] == 1
    assert lefts == sorted(lefts)
    assert len(set(lefts)) == 12
    assert lefts[5] == 0.5**0.75
