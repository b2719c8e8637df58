"""The project that `bedplate init` writes, rehearsed as it is written, from the wheel."""

import os
from pathlib import Path

import pytest

from installed import Installed


@pytest.mark.usefixtures("programs")
def test_a_new_project_rehearses_at_once(tmp_path: Path) -> None:
    installed = Installed.build(tmp_path)
    written = installed.bedplate("init", "ours", "--cloud", "existing", folder=tmp_path)
    assert written.returncode == 0, written.stderr
    context = [f"--context={name}"] if (name := os.environ.get("BEDPLATE_TEST_CONTEXT")) else []
    report = installed.shown("rehearse", "production", *context, folder=tmp_path / "ours", timeout_seconds=400)
    assert report["ok"] is True
