"""The package as people install it: a wheel in an environment of its own, far from this repository."""

import json
import os
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness import ROOT


@dataclass(frozen=True)
class Installed:
    """An environment that has this package's wheel; what the wheel depends on, it shares with the tests."""

    python: Path

    @classmethod
    def build(cls, folder: Path) -> "Installed":
        """Builds the wheel and installs it below the folder. Needs no network."""
        run([sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)], ROOT)
        (wheel,) = folder.glob("*.whl")
        run([sys.executable, "-m", "venv", "--without-pip", str(folder / "venv")], folder)
        python = folder / "venv" / "bin" / "python"
        packages = Path(
            run([str(python), "-c", "import site; print(site.getsitepackages()[0])"], folder).stdout.strip()
        )
        run([sys.executable, "-m", "zipfile", "--extract", str(wheel), str(packages)], folder)
        # A folder named in a .pth file is searched after the environment's own, and its .pth files are not followed:
        # the package comes from the wheel, and everything else from the environment of the tests.
        (packages / "tests.pth").write_text(sysconfig.get_path("purelib") + "\n")
        return cls(python)

    def bedplate(self, *arguments: str, folder: Path, timeout_seconds: int = 120) -> subprocess.CompletedProcess[str]:
        """The command, as somebody standing in `folder` would run it."""
        return run([str(self.python), "-m", "bedplate.cli", *arguments], folder, timeout_seconds, is_checked=False)

    def shown(self, *arguments: str, folder: Path, timeout_seconds: int = 120) -> Any:
        """What a command that must succeed prints as JSON."""
        done = self.bedplate(*arguments, "-o", "json", folder=folder, timeout_seconds=timeout_seconds)
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
        return json.loads(done.stdout)


def run(
    command: list[str], folder: Path, timeout_seconds: int = 120, *, is_checked: bool = True
) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=timeout_seconds, check=False
    )
    assert done.returncode == 0 or not is_checked, done.stdout[-3000:] + done.stderr[-3000:]
    return done
