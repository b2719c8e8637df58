"""A concern more is a folder, a guide, and one line of composition with its import: shown in a copy of the project."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from harness import ROOT

FILES = {
    "components/bedplate/services/mirror/__init__.py": '''"""Where images are mirrored."""

from bedplate.services.concern import Concern

CONCERN = Concern(guide="mirror.md", not_provided="it is an example")
''',
    "components/bedplate/services/mirror/alerts.py": '''"""What somebody is told about the mirror."""

from bedplate.kubernetes import Alert

MIRROR_ALERTS = (
    Alert(
        name="BedplateMirrorDown",
        expression="absent(mirror_up)",
        for_minutes=5,
        severity="warning",
        summary="The mirror does not run",
        description="Images come from their publishers.",
        runbook="docs/guides/mirror.md#the-mirror-does-not-run",
    ),
)
''',
    "components/bedplate/services/mirror/operators.py": '''"""Nothing of the mirror runs beside an API server."""

from collections.abc import Mapping, Sequence

from bedplate.services.operator import OperatorProgram

NOT_RUN: Mapping[str, str] = {}
OPERATORS: Sequence[OperatorProgram] = ()
''',
    "components/bedplate/services/mirror/mirror.py": '''"""Where images are mirrored. Owns its namespace."""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi

from bedplate.clouds import ClusterFacts
from bedplate.kubernetes import Alert, PlatformNamespace, PlatformNamespaceArgs
from bedplate.labels import Identity
from bedplate.services.mirror.alerts import MIRROR_ALERTS


@dataclass(frozen=True, kw_only=True)
class MirrorArgs:
    """facts: of the cluster."""

    facts: ClusterFacts


class Mirror(pulumi.ComponentResource):
    """The mirror."""

    alerts: Sequence[Alert] = MIRROR_ALERTS

    def __init__(self, name: str, args: MirrorArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("bedplate:index:Mirror", name, {}, opts)
        identity = Identity(name="mirror", component="images")
        place = PlatformNamespaceArgs(
            namespace="bedplate-mirror",
            identity=identity,
            kubernetes_version=args.facts.kubernetes_version,
            dns=args.facts.dns,
        )
        PlatformNamespace(f"{name}-place", place, pulumi.ResourceOptions(parent=self))
        self.register_outputs({})
''',
    "docs/guides/mirror.md": "# Mirror\n\n## The mirror does not run\n\nStart it.\n",
}
COMPOSITION = "components/bedplate/services/services.py"
IMPORT = "from bedplate.services.mirror.mirror import Mirror, MirrorArgs\n"
LINE = '        self._watch(Mirror(f"{name}-mirror", MirrorArgs(facts=facts), opts))\n'
BEFORE = "        self.offers = self._offers("


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of the project with one concern more."""
    for folder in ("components", "docs", "platform", "stacks", "tests"):
        left_out = shutil.ignore_patterns("__pycache__", "snapshots", "cluster", "front_door/traefik")
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=left_out)
    for file in ("Makefile", "Pulumi.yaml", "README.md", "pyproject.toml", "renovate.json5"):
        shutil.copy(ROOT / file, tmp_path / file)
    for path, text in FILES.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(text)
    composition = tmp_path / COMPOSITION
    text = composition.read_text()
    assert text.count(BEFORE) == 1
    text = text.replace(BEFORE, LINE + BEFORE)
    composition.write_text(
        re.sub(r"(?=^from bedplate\.services\.monitoring)", IMPORT, text, count=1, flags=re.MULTILINE)
    )
    return tmp_path


def suite(project: Path, chosen: str = "mirror or Program") -> "subprocess.CompletedProcess[str]":
    """The conformance suite of concerns and the architecture, over the new one or a single rule."""
    suites = [f"tests/conformance/{name}.py" for name in ("test_concerns", "test_architecture")]
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", chosen, *suites],
        cwd=project,
        env={**os.environ, "PYTHONPATH": str(project / "components")},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


def test_it_passes_the_suite_and_nothing_else_is_edited(project: Path) -> None:
    said = suite(project).stdout
    assert re.search(r"^(?:[2-9]|1[0-9])[0-9] passed", said, re.MULTILINE), said
    assert "failed" not in said


@pytest.mark.parametrize(
    ("file", "without", "failing"),
    [
        ("docs/guides/mirror.md", "## The mirror does not run", "test_every_alert_says_what_to_do"),
        (COMPOSITION, LINE, "test_there_is_no_concern_that_nobody_composes"),
        (
            "components/bedplate/services/mirror/__init__.py",
            ', not_provided="it is an example"',
            "test_says_of_itself_what_all_say",
        ),
    ],
    ids=["runbook", "composition", "provided"],
)
def test_what_it_lacks_is_named(project: Path, file: str, without: str, failing: str) -> None:
    text = (project / file).read_text()
    assert without in text
    (project / file).write_text(text.replace(without, ""))
    assert re.search(rf"FAILED .*{failing}", suite(project, failing).stdout)
