"""What it takes to get the same figures again."""

import hashlib

from planish.runtime_check.provenance import provenance


def test_versions_machine_command_and_hashes(tmp_path, monkeypatch):
    (tmp_path / "m.onnx").write_bytes(b"model")
    monkeypatch.setattr("sys.argv", ["/usr/bin/planish", "check", "my model.onnx"])
    facts = provenance([tmp_path / "m.onnx", tmp_path / "none.npz", tmp_path])
    assert facts["command"] == "planish check 'my model.onnx'"
    assert facts[f"sha256 of {tmp_path / 'm.onnx'}"] == hashlib.sha256(b"model").hexdigest()
    assert len([name for name in facts if name.startswith("sha256")]) == 1
    assert facts["onnxruntime version"][0].isdigit()
    assert facts["processor"]
    assert int(facts["cores"]) >= 1
