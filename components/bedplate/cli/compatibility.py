"""The page that says what works with what, from the places where it is decided."""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from importlib.metadata import metadata
from pathlib import Path

from bedplate.clouds.contract import SUPPORTED_KUBERNETES_VERSIONS
from bedplate.programs import PROGRAMS, program

_PACKAGE = Path(__file__).parents[1]
_PULUMI_PROJECT = "starter/files/Pulumi.yaml"
_PIN = re.compile(r'^# renovate: datasource=\S+ depName=(\S+).*\n[A-Z0-9_]+ = "([^"]+)"', re.MULTILINE)


def compatibility() -> str:
    """What this version runs on, and what it installs."""
    control_plane = program("control-plane")
    simulated = ".".join(control_plane.version.removeprefix("v").split(".")[:2])
    go = ".".join(control_plane.go_version.split(".")[:2])
    pulumi = _said(_PULUMI_PROJECT, r'requiredPulumiVersion: "(\S+)"')
    runs_on = [
        ("Python", metadata("bedplate")["Requires-Python"], "everything"),
        (
            "Kubernetes",
            ", ".join(SUPPORTED_KUBERNETES_VERSIONS),
            f"the cluster; rehearsals bring up {simulated}, or use the cluster of `--context`",
        ),
        ("Go", f">={go}", "the first rehearsal, which builds its control plane"),
        ("Pulumi CLI", pulumi, "`pulumi up`, secrets"),
        *_dependencies(),
    ]
    pins = {
        (_name(name), version)
        for file in _PACKAGE.rglob("*.py")
        for name, version in _PIN.findall(file.read_text(encoding="utf-8"))
    }
    pins.update((f"{one.title} (`{one.name}`)", one.version) for one in PROGRAMS)
    return "\n".join(
        [
            "# Compatibility\n",
            "What this version works with. How to take the next one: [keep your stacks](../guides/upgrade.md).\n",
            *_table(("", "versions", "for"), runs_on),
            "\n## What it installs and builds\n",
            *_table(("image, chart or program", "version"), sorted(pins)),
            "",
        ]
    )


def _name(name: str) -> str:
    """A name as Renovate has it; that of an add-on of a cloud is what Renovate asks the cloud, as JSON."""
    return " of Kubernetes ".join(json.loads(name).values()) if name.startswith("{") else name


def _said(file: str, pattern: str) -> str:
    found = re.search(pattern, (_PACKAGE / file).read_text(encoding="utf-8"), re.MULTILINE)
    if found is None:
        raise ValueError(f"{file} does not say {pattern}")
    return found[1]


def _dependencies() -> Iterator[tuple[str, str, str]]:
    """What the package requires, and the clouds' SDKs with the extra that brings them."""
    for line in sorted(metadata("bedplate").get_all("Requires-Dist") or ()):
        required, _, condition = line.partition(";")
        name = re.split(r"[^\w.-]", required.strip(), maxsplit=1)[0]
        extra = re.search(r"extra == ['\"](\w+)['\"]", condition)
        yield f"`{name}`", required.strip()[len(name) :].strip(), f"`bedplate[{extra[1]}]`" if extra else "the package"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    lines = [head, ["---"] * len(head), *rows]
    return [f"| {' | '.join(cells)} |".replace("|  |", "| |") for cells in lines]
