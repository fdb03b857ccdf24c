import pytest
from planish.errors import PlanishError
from planish.passes.targets import find_target, target_names


@pytest.mark.parametrize("name", target_names())
def test_every_target_is_found_by_its_name(name):
    target = find_target(name)
    assert target.name == name
    assert target.block % 4 == 0


def test_an_unknown_target_is_told_with_the_nearest_name():
    with pytest.raises(PlanishError, match=r"did you mean 'onnxruntime'.*there are: onnxruntime, openvino, ncnn"):
        find_target("onxruntime")
