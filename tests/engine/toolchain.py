"""The programs that the real engine consists of, in one folder for PATH: the CLI, its Kubernetes provider, and plugins.

What an installation of Pulumi brings is preferred; in place of what is not installed and in no registry stand programs
of this folder (`language_host`, `random_provider`).
"""

import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from bedplate.programs import found

_HERE = Path(__file__).parent
_STAND_INS = {"language-python": "language_host.py", "resource-random": "random_provider.py"}
_PYTHON_TOOLS = Path(sys.executable).parent
"""Where `uv` is, which the real language host calls because Pulumi.yaml names it."""


@dataclass(frozen=True, kw_only=True)
class Toolchain:
    """folder: comes first on PATH. stand_ins: plugins that are played by programs of the tests."""

    folder: Path
    stand_ins: tuple[str, ...]

    def environment(self, kubeconfig: Path) -> dict[str, str]:
        """For the CLI, on the cluster of a kubeconfig; nothing is downloaded and nothing is written elsewhere."""
        home = self.folder / "home"
        return {
            **{name: value for name, value in os.environ.items() if not name.startswith("PULUMI_")},
            "PATH": os.pathsep.join((str(self.folder), str(_PYTHON_TOOLS), os.environ["PATH"])),
            "KUBECONFIG": str(kubeconfig),
            "PULUMI_HOME": str(home),
            "PULUMI_CONFIG_PASSPHRASE": "of no importance",
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
        }


def toolchain(folder: Path) -> Toolchain:
    """The programs, linked from an empty folder; skips where the CLI or the provider is not to be had."""
    home = folder / "home"
    home.mkdir()
    if _installed_plugins().is_dir():
        (home / "plugins").symlink_to(_installed_plugins())
    (folder / "pulumi").symlink_to(_program("pulumi"))
    if not _is_installed("resource-kubernetes"):
        (folder / "pulumi-resource-kubernetes").symlink_to(_program("pulumi-resource-kubernetes"))
    played = tuple(plugin for plugin in _STAND_INS if not _is_installed(plugin))
    for plugin in played:
        link = folder / f"pulumi-{plugin}"
        link.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{_HERE / _STAND_INS[plugin]}" "$@"\n')
        link.chmod(0o700)
    return Toolchain(folder=folder, stand_ins=played)


def _program(name: str) -> Path:
    """Where a program is: built from Go modules, or installed."""
    there = found(name) or shutil.which(name)
    if there is None:
        pytest.skip(f"{name} is neither built nor on PATH: bedplate programs build {name}")
    return Path(there).resolve()


def _is_installed(plugin: str) -> bool:
    return shutil.which(f"pulumi-{plugin}") is not None or any(_installed_plugins().glob(f"{plugin}-v*"))


def _installed_plugins() -> Path:
    return Path(os.environ.get("PULUMI_HOME") or Path.home() / ".pulumi") / "plugins"
