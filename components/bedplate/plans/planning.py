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
from typing import Any, cast

from bedplate.engine.engine import Program, RecordingBackend, run
from bedplate.errors import RehearsalError
from bedplate.plans.project import Project, stack_name
from bedplate.stack_file.documents import Document
from bedplate.stack_file.problems import printable
from bedplate.stack_file.reading import NAMESPACE, PLATFORM_KEY, LocatedProblem, Stack, StackFileError, load

_OTHER_REVISION_SECONDS = 300
_NAMING_TENANTS = (
    ("monitoring", "tenants"),
    ("monitoring", "tenantDashboards"),
    ("images", "builds", "credentials"),
    ("tenantSecrets",),
)
"""Lists and mappings outside of a tenant that name tenants, and are refused where there is none of the name."""
_SHOWN = 8
"""Of branches."""
_LIBRARY = "components"
"""Folder of this library in a project that has it, as its own repository does."""


def program_of(project: Project, stack: Stack, *, without_tenant: str | None = None) -> Program:
    """The project's program with the stack's configuration, tenants of `tenantsDir` written inline."""
    platform = stack.spec.model_dump(mode="json", by_alias=True, exclude_unset=True)
    if without_tenant:
        platform = without(platform, without_tenant)
    return Program(
        root=project.root,
        folder=project.program,
        project=project.name,
        stack=stack_name(stack.file),
        config={PLATFORM_KEY: {**platform, "tenants": platform.get("tenants", [])}},
        secrets=frozenset(f"{NAMESPACE}{name}" for name in stack.secrets),
    )


def without(platform: Mapping[str, Any], tenant: str) -> dict[str, Any]:
    """The platform as who removes a tenant writes it: sections that name the tenant do so no more."""
    left = {**platform, "tenants": [each for each in platform.get("tenants", []) if each["name"] != tenant]}
    for path in _NAMING_TENANTS:
        left = _without_name(left, path, tenant)
    return left


def _without_name(section: Mapping[str, Any], path: Sequence[str], tenant: str) -> dict[str, Any]:
    first, *rest = path
    named = section.get(first)
    if not named:
        return dict(section)
    if rest:
        return {**section, first: _without_name(named, rest, tenant)}
    if isinstance(named, Mapping):
        left = cast("Mapping[str, Any]", named)
        return {**section, first: {key: value for key, value in left.items() if key != tenant}}
    return {**section, first: [name for name in named if name != tenant]}


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

    In this process where that is the library of this process, for the half of what another interpreter takes; from a
    folder of its own; needs no network, credentials or state. Raises RehearsalError where git does not know
    the revision, or where the stack is refused there.
    """
    with tempfile.TemporaryDirectory(prefix="bedplate-") as folder:
        root = Path(folder).resolve()
        commit = _commit(revision, project)
        _extract(commit, project, root)
        file = root / stack_file.resolve().relative_to(project.root)
        if not file.exists():
            return Revision()
        register = _registered_here if _has_this_library(commit, project, root) else _registered_there
        try:
            resources = register(project, root, file)
        except _RefusedThereError as error:
            text = str(error).replace(f"{root}/", "")
            fix = "compare with a later revision"
            raise RehearsalError(f"the stack cannot be previewed at {revision}:\n{text}", fix) from None
        pinned = _pinned_library(root)
        return Revision(
            resources=resources,
            platform=written_platform(file),
            other_library=pinned if pinned != version("bedplate") else None,
        )


class _RefusedThereError(Exception):
    """Why a revision's stack or program is refused."""


def _has_this_library(commit: str, project: Project, root: Path) -> bool:
    """Whether a revision's program would import here just what it would import there.

    root: of the extracted commit. A program of several modules would find those of the other revision, imported
    already.
    """
    if not project.program.is_relative_to(project.root):
        return False
    if len(list((root / project.program.relative_to(project.root)).rglob("*.py"))) != 1:
        return False
    if not (root / _LIBRARY).exists() and not (project.root / _LIBRARY).exists():
        return True
    if not Path(__file__).is_relative_to(project.root / _LIBRARY):
        return False
    git = ["git", "-C", str(project.root)]
    is_changed = subprocess.run([*git, "diff", "--quiet", commit, "--", _LIBRARY], check=False).returncode != 0
    others = ["ls-files", "--others", "--exclude-standard", "--", _LIBRARY]
    return not is_changed and not subprocess.run([*git, *others], check=True, capture_output=True).stdout


def _registered_here(project: Project, root: Path, file: Path) -> Sequence[Mapping[str, Any]]:
    try:
        there = Project.of(str(file), project.program)
        recording = run(program_of(there, load(file)), RecordingBackend(), is_preview=True)
    except StackFileError as error:
        raise _RefusedThereError("\n\n".join(problem.text() for problem in error.problems)) from None
    except RehearsalError as error:
        raise _RefusedThereError(str(error)) from None
    except Exception as error:  # of the program: whatever it raises
        raise _RefusedThereError(f"{type(error).__name__}: {error}") from error
    return [resource.shown() for resource in recording.resources]


def _registered_there(_project: Project, root: Path, file: Path) -> Sequence[Mapping[str, Any]]:
    """By another interpreter."""
    completed = subprocess.run(
        [sys.executable, "-m", "bedplate.cli", "preview", str(file), "-o", "json"],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root / _LIBRARY)},
        capture_output=True,
        text=True,
        timeout=_OTHER_REVISION_SECONDS,
        check=False,
    )
    if completed.returncode != 0:
        raise _RefusedThereError(_said(completed))
    return loads(completed.stdout)["resources"]


def _said(failed: subprocess.CompletedProcess[str]) -> str:
    """Why a preview failed: the problems of a stack file, or the end of what it printed."""
    try:
        return "\n\n".join(LocatedProblem(**problem).text() for problem in loads(failed.stdout)["problems"])
    except (ValueError, KeyError, TypeError):  # Of a revision that prints another form.
        return "\n".join((failed.stdout + failed.stderr).strip().splitlines()[-12:])


def _pinned_library(root: Path) -> str | None:
    """The version of this library that a project pins, as `bedplate init` writes it; None where it does not."""
    file = root / "pyproject.toml"
    found = re.search(r'"bedplate(?:\[[\w, -]*\])?==([^",; ]+)', file.read_text("utf-8")) if file.is_file() else None
    return found[1] if found else None


def _commit(revision: str, project: Project) -> str:
    """The commit that a revision is, whatever it is called: no name is an option to git. Raises RehearsalError."""
    asked = ["rev-parse", "--verify", "--end-of-options", f"{revision}^{{commit}}"]
    try:
        found = subprocess.run(["git", "-C", str(project.root), *asked], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise RehearsalError("git is not installed", "install git, or preview without --against") from None
    if found.returncode != 0:
        said = found.stderr.strip().removeprefix("fatal: ").splitlines()[:1] or [""]
        raise RehearsalError(f"git has no revision '{printable(revision)}': {said[0]}", _instead(project.root))
    return found.stdout.strip()


def _extract(commit: str, project: Project, folder: Path) -> None:
    git = ["git", "-C", str(project.root)]
    archive = subprocess.run([*git, "archive", "--format=tar", commit], capture_output=True, check=False)
    if archive.returncode != 0:
        said = archive.stderr.decode(errors="replace").strip().removeprefix("fatal: ")
        raise RehearsalError(f"git cannot read the commit {commit}: {said}", "fetch it whole: git fetch --unshallow")
    with tarfile.open(fileobj=BytesIO(archive.stdout)) as tar:
        tar.extractall(folder, filter="data")


def _instead(folder: Path) -> str:
    """What to do where git does not know a revision: name one that it has, or make the first."""
    git = ["git", "-C", str(folder)]
    if subprocess.run([*git, "rev-parse", "--verify", "--quiet", "HEAD"], capture_output=True, check=False).returncode:
        return "compare with a commit, and there is none yet: git init && git add . && git commit; or without --against"
    listed = [*git, "for-each-ref", "--sort=-committerdate", "--format=%(refname:short)", "refs/heads", "refs/remotes"]
    branches = subprocess.run(listed, capture_output=True, text=True, check=False).stdout.split()
    shown = f"{', '.join(branches[:_SHOWN])}{', …' if len(branches) > _SHOWN else ''}" if branches else "HEAD"
    return f"name a commit, a tag, or a branch that is there: {shown}"
