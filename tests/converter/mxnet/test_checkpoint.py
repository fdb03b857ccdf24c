import pytest
from planish.converter.mxnet.checkpoint import checkpoint_files
from planish.errors import SourceError


@pytest.fixture
def prefix(tmp_path):
    for name in ("net-symbol.json", "net-0003.params", "net-0012.params", "other-0099.params"):
        (tmp_path / name).touch()
    return str(tmp_path / "net")


@pytest.mark.parametrize(("epoch", "wanted"), [(None, "net-0012.params"), (3, "net-0003.params")])
def test_the_epoch_is_the_last_or_the_one_given(prefix, epoch, wanted):
    assert [path.name for path in checkpoint_files(prefix, epoch)] == ["net-symbol.json", wanted]


@pytest.mark.parametrize("ending", ["-symbol.json", "-0003.params"])
def test_a_file_serves_as_prefix(prefix, ending):
    assert checkpoint_files(prefix + ending, 12)[0].name == "net-symbol.json"


def test_missing_files_are_named(prefix, tmp_path):
    with pytest.raises(SourceError, match=r"net-0004\.params: no such file; there are epochs 3, 12"):
        checkpoint_files(prefix, 4)
    with pytest.raises(SourceError, match=r"nut-symbol\.json: no such file"):
        checkpoint_files(str(tmp_path / "nut"), None)
