"""What is known of the CPU without measuring."""

import pytest
from planish.passes.targets import machine


@pytest.fixture
def cpuinfo(tmp_path, monkeypatch):
    """Another machine's /proc/cpuinfo."""

    def write(text):
        path = tmp_path / "cpuinfo"
        path.write_text(text)
        monkeypatch.setattr(machine, "_CPUINFO", path)
        machine.multiplies_bytes.cache_clear()

    yield write
    machine.multiplies_bytes.cache_clear()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("processor\t: 0\nflags\t\t: fpu avx2 avx512f avx512_vnni\n\nprocessor\t: 1\n", True),
        ("flags\t\t: fpu avx2 avx_vnni\n", True),
        ("flags\t\t: fpu avx2 avx512f\n", False),
        ("processor\t: 0\nFeatures\t: fp asimd asimddp\n", True),
        ("processor\t: 0\nFeatures\t: fp asimd\n", False),
        ("processor\t: 0\n", None),
    ],
)
def test_instructions_for_bytes_by_the_kernels_flags(cpuinfo, text, expected):
    cpuinfo(text)
    assert machine.multiplies_bytes() is expected
