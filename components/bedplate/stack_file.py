"""Reading a stack file: from YAML to a consistent `PlatformSpec`, or every mistake with its file and line.

Owns the two ways in: `load` for the command line and tests, which reads the file itself, and `load_for_program` for the
Pulumi program, which has the configuration from the engine and takes from the file nothing but lines.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from pydantic import ValidationError

from bedplate.config import PlatformSpec, TenantEntry
from bedplate.consistency import Parts, PathPart, Problem, dotted, problems
from bedplate.documents import Document, UnreadableDocument
from bedplate.validation import parts_of, validation_problems

PLATFORM_KEY = "bedplate:platform"
_NAMESPACE = "bedplate:"
_CONFIG_LIMIT_BYTES = 128 * 1024
"""All configuration of a stack travels as one environment string, and Linux allows 128 KiB for one
(MAX_ARG_STRLEN, https://man7.org/linux/man-pages/man2/execve.2.html; https://github.com/pulumi/pulumi/issues/8680)."""


@dataclass(frozen=True, kw_only=True)
class LocatedProblem:
    """A mistake with its place. path: dotted, within the file."""

    file: str
    line: int | None
    path: str
    message: str
    given: str | None
    allowed: str | None
    fix: str

    def text(self) -> str:
        """The mistake for people: place first, then what is wrong, then what to do."""
        place = f"{self.file}:{self.line}" if self.line else self.file
        lines = [f"{place}: {self.path}" if self.path else place, f"  {self.message}"]
        if self.given is not None:
            lines.append(f"  given:   {self.given}")
        if self.allowed is not None:
            lines.append(f"  allowed: {self.allowed}")
        return "\n".join([*lines, f"  fix:     {self.fix}"])


class StackFileError(Exception):
    """A stack file that cannot be used; nothing was created. problems: every mistake, in the order of the file."""

    def __init__(self, problems: Sequence[LocatedProblem]) -> None:
        self.problems = sorted(problems, key=lambda problem: (problem.file, problem.line or 0, problem.path))
        count = f"{len(problems)} problem{'s' if len(problems) != 1 else ''}"
        super().__init__("\n\n".join([f"{count} in the stack file", *(problem.text() for problem in self.problems)]))


@dataclass(frozen=True, kw_only=True)
class Stack:
    """A stack that can be used. spec: with the tenants of `tenantsDir` among the others. config: as it stands in the
    file. secrets: names of its config secrets."""

    file: Path
    spec: PlatformSpec
    config: Mapping[str, Any]
    secrets: frozenset[str]


@dataclass
class _Source:
    """The platform's data with the document that each tenant came from."""

    document: Document | None
    name: str
    prefix: tuple[PathPart, ...]
    tenants: list[tuple[Document | None, str, tuple[PathPart, ...]]] = field(default_factory=list[Any])
    problems: list[LocatedProblem] = field(default_factory=list[LocatedProblem])

    def locate(self, problem: Problem) -> LocatedProblem:
        document, name, prefix, path = self.document, self.name, self.prefix, problem.path
        if len(path) > 1 and path[0] == "tenants" and isinstance(path[1], int) and path[1] < len(self.tenants):
            document, name, prefix = self.tenants[path[1]]
            path = path[2:]
        shown = path if document is not self.document else (*prefix[len(self.prefix) :], *path)
        return LocatedProblem(
            file=name,
            line=document.line((*prefix, *path)) if document else None,
            path=dotted(shown),
            message=problem.message,
            given=problem.given,
            allowed=problem.allowed,
            fix=problem.fix,
        )


def load(file: Path) -> Stack:
    """Reads and checks a stack file. Raises StackFileError with every mistake."""
    document = _read(file)
    config = _config(document)
    source = _Source(document, str(file), ("config", PLATFORM_KEY))
    secrets = _secrets(config, source)
    platform = config.get(PLATFORM_KEY)
    if platform is None:
        fix = f"add `{PLATFORM_KEY}:` below `config:`; docs/guides/first-stack.md shows a small one"
        raise StackFileError([_at(document, ("config",), f"the key {PLATFORM_KEY} is missing", fix)])
    _check_size(config, source)
    return Stack(file=file, spec=_spec(platform, source, file.parent, secrets), config=config, secrets=secrets)


def load_for_program(platform: object, file: Path, secrets: Collection[str] | None = None) -> PlatformSpec:
    """Checks the configuration that the engine handed to the program.

    platform: value of `bedplate:platform`. file: the stack file, for lines and as the place that `tenantsDir` is
    relative to; it need not exist. Raises StackFileError with every mistake.
    """
    try:
        document = Document.read(file)
    except (OSError, UnreadableDocument):
        document = None
    source = _Source(document, str(file), ("config", PLATFORM_KEY))
    return _spec(platform, source, file.parent, secrets)


def _read(file: Path) -> Document:
    try:
        return Document.read(file)
    except UnreadableDocument as error:
        problem = LocatedProblem(
            file=str(file), line=error.line, path="", message=error.message, given=None, allowed=None, fix=error.fix
        )
        raise StackFileError([problem]) from None
    except OSError as error:
        message = f"cannot be read: {error.strerror or error}"
        problem = LocatedProblem(
            file=str(file), line=None, path="", message=message, given=None, allowed=None, fix="name a readable file"
        )
        raise StackFileError([problem]) from None


def _at(document: Document, path: tuple[PathPart, ...], message: str, fix: str) -> LocatedProblem:
    return LocatedProblem(
        file=str(document.path),
        line=document.line(path),
        path=dotted(path),
        message=message,
        given=None,
        allowed=None,
        fix=fix,
    )


def _config(document: Document) -> dict[str, Any]:
    fix = f"begin with `config:` and below it `{PLATFORM_KEY}:`; docs/guides/first-stack.md shows a small one"
    if document.data is None:
        raise StackFileError([_at(document, (), "the file is empty", fix)])
    config = cast(Any, document.data.get("config")) if isinstance(document.data, dict) else None
    if not isinstance(config, dict):
        raise StackFileError([_at(document, ("config",), "the file has no `config:` mapping", fix)])
    return cast(dict[str, Any], config)


def _secrets(config: Mapping[str, Any], source: _Source) -> frozenset[str]:
    """Names of the config secrets; a value beside the platform that is not encrypted is a mistake."""
    names: set[str] = set()
    for key, value in config.items():
        if not key.startswith(_NAMESPACE) or key == PLATFORM_KEY:
            continue
        name = key.removeprefix(_NAMESPACE)
        if isinstance(value, dict) and set(cast(dict[str, Any], value)) == {"secure"}:
            names.add(name)
            continue
        assert source.document is not None
        source.problems.append(
            _at(
                source.document,
                ("config", key),
                "this is neither the platform nor an encrypted secret; its value is not shown here",
                f"if it is a secret, replace it by what `pulumi config set --secret {name}` writes, and revoke the old "
                f"value; if it belongs to the platform, put it below {PLATFORM_KEY}",
            )
        )
    return frozenset(names)


def _check_size(config: Mapping[str, Any], source: _Source) -> None:
    values = {key: value if isinstance(value, str) else json.dumps(value) for key, value in config.items()}
    size = len(f"PULUMI_CONFIG={json.dumps(values, separators=(',', ':'))}".encode())
    if size >= _CONFIG_LIMIT_BYTES:
        source.problems.append(
            source.locate(
                Problem(
                    path=("tenants",),
                    message="the configuration is larger than a program can be given",
                    given=f"{size / 1024:.0f} KiB as handed to the program",
                    allowed=f"less than {_CONFIG_LIMIT_BYTES // 1024} KiB",
                    fix="move tenants to files of their own: `tenantsDir: tenants/`, one file a tenant",
                )
            )
        )


def _spec(
    platform: object, source: _Source, folder: Path, secrets: Collection[str] | None
) -> PlatformSpec:
    data = _with_tenants_of_folder(platform, source, folder)
    found: list[Problem] = []
    parts: Parts | None = None
    spec: PlatformSpec | None = None
    try:
        spec = PlatformSpec.model_validate(data)
        parts = Parts.of(spec, secrets)
    except ValidationError as error:
        found += validation_problems(error, data)
        parts = parts_of(data, secrets)
    located = [*source.problems, *(source.locate(problem) for problem in [*found, *problems(parts)])]
    if located or spec is None:
        raise StackFileError(located)
    return spec


def _with_tenants_of_folder(platform: object, source: _Source, folder: Path) -> object:
    """The platform with the tenants of `tenantsDir` behind those written inline, and `tenantsDir` gone."""
    if not isinstance(platform, dict):
        return platform
    data = dict(cast(dict[str, Any], platform))
    inline = data.get("tenants", [])
    if not isinstance(inline, list):
        return data
    tenants = list(cast(list[Any], inline))
    source.tenants = [(source.document, source.name, (*source.prefix, "tenants", index)) for index in range(len(tenants))]
    directory = data.get("tenantsDir")
    if not isinstance(directory, str):
        return data
    del data["tenantsDir"]
    for file in _tenant_files(folder / directory, source):
        try:
            document = Document.read(file)
        except UnreadableDocument as error:
            source.problems.append(
                LocatedProblem(
                    file=str(file), line=error.line, path="", message=error.message, given=None, allowed=None, fix=error.fix
                )
            )
            continue
        tenants.append({} if document.data is None else document.data)
        source.tenants.append((document, str(file), ()))
    return {**data, "tenants": tenants}


def _tenant_files(folder: Path, source: _Source) -> list[Path]:
    files = sorted([*folder.glob("*.yaml"), *folder.glob("*.yml")])
    if not files:
        source.problems.append(
            source.locate(
                Problem(
                    path=("tenantsDir",),
                    message="the folder does not exist" if not folder.is_dir() else "the folder holds no *.yaml file",
                    given=str(folder),
                    fix="name a folder, relative to the stack file, with one YAML file a tenant",
                )
            )
        )
    return files


__all__ = ["LocatedProblem", "Stack", "StackFileError", "TenantEntry", "load", "load_for_program"]
