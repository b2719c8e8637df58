"""From a stack file to its program, as `preview` and `rehearse` run it."""

import os
import re
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from io import BytesIO
from json import loads
from pathlib import Path
from typing import Any

from bedplate.engine.engine import Program
from bedplate.errors import RehearsalError
from bedplate.plans.project import Project, stack_name
from bedplate.stack_file.documents import Document
from bedplate.stack_file.reading import CONFIG_NAMESPACE, PLATFORM_KEY, Stack

_OTHER_REVISION_SECONDS = 300


def program_of(project: Project, stack: Stack, *, without_tenant: str | None = None) -> Program:
    """The project's program with the stack's configuration, tenants of `tenantsDir` written inline."""
    platform = stack.spec.model_dump(mode="json", by_alias=True, exclude_unset=True)
    tenants = [tenant for tenant in platform.get("tenants", []) if tenant["name"] != without_tenant]
    return Program(
        root=project.root,
        folder=project.program,
        project=project.name,
        stack=stack_name(stack.file),
        config={PLATFORM_KEY: {**platform, "tenants": tenants}},
        secrets=frozenset(f"{CONFIG_NAMESPACE}{name}" for name in stack.secrets),
    )


@dataclass(frozen=True, kw_only=True)
class Revision:
    """A stack at a git revision.

    resources: as its preview shows them. platform: as its file is written. other_library: the version of this library
    that the revision pins, where that is not the one that is installed and has previewed it.
    """

    resources: Sequence[Mapping[str, Any]] = ()
    platform: Any = None
    other_library: str | None = None


def written_platform(stack_file: Path) -> Any:
    """The platform as the stack file has it, before anything is checked or filled in."""
    return Document.read(stack_file).data["config"][PLATFORM_KEY]


def stack_at(revision: str, project: Project, stack_file: Path) -> Revision:
    """What the stack registers at a git revision, by that revision's own program, and its library where it has one.

    Runs in a folder of its own; needs no network, credentials or state. Raises RehearsalError where git does not know
    the revision, or where the stack is refused there.
    """
    with tempfile.TemporaryDirectory(prefix="bedplate-") as folder:
        root = Path(folder).resolve()
        _extract(revision, project, root)
        file = root / stack_file.resolve().relative_to(project.root)
        if not file.exists():
            return Revision()
        completed = subprocess.run(
            [sys.executable, "-m", "bedplate.cli", "preview", str(file), "-o", "json"],
            cwd=root,
            env={**os.environ, "PYTHONPATH": str(root / "components")},
            capture_output=True,
            text=True,
            timeout=_OTHER_REVISION_SECONDS,
            check=False,
        )
        if completed.returncode != 0:
            said = (completed.stdout + completed.stderr).strip().replace(f"{root}/", "").splitlines()
            text = "\n".join(said[-12:])
            fix = "compare with a later revision"
            raise RehearsalError(f"the stack cannot be previewed at {revision}:\n{text}", fix)
        pinned = _pinned_library(root)
        return Revision(
            resources=loads(completed.stdout)["resources"],
            platform=written_platform(file),
            other_library=pinned if pinned != version("bedplate") else None,
        )


def _pinned_library(root: Path) -> str | None:
    """The version of this library that a project pins, as `bedplate init` writes it; None where it does not."""
    file = root / "pyproject.toml"
    found = re.search(r'"bedplate(?:\[[\w, -]*\])?==([^",; ]+)', file.read_text("utf-8")) if file.is_file() else None
    return found[1] if found else None


def _extract(revision: str, project: Project, folder: Path) -> None:
    try:
        archive = subprocess.run(
            ["git", "-C", str(project.root), "archive", "--format=tar", f"{revision}"], capture_output=True, check=False
        )
    except FileNotFoundError:
        raise RehearsalError("git is not installed", "install git, or preview without --against") from None
    if archive.returncode != 0:
        said = archive.stderr.decode(errors="replace").strip().removeprefix("fatal: ")
        raise RehearsalError(f"git has no revision '{revision}': {said}", "name a commit, branch or tag, such as main")
    with tarfile.open(fileobj=BytesIO(archive.stdout)) as tar:
        tar.extractall(folder, filter="data")
