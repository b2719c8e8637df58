"""`bedplate.toml`: what somebody deploys, in a table `[app]`, and how its image is made.

Owns the file's form and where a mistake stands in it. What an app is, is the spec of the template `modelApi`, under the
same names and with the same checks as in a stack file; `memory` alone is written with its unit, and the image is not
written here. How that is made stands in `[build]`, the spec of `builds`. Reading its name needs no more than TOML;
checking it imports the specs.
"""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from bedplate.deploy.errors import DeployError

if TYPE_CHECKING:
    from bedplate.stack_file.problems import PathParts, Problem
    from bedplate.workloads.model_api import ModelApiSpec

FILE = "bedplate.toml"
_EXAMPLE = '[app]\nname = "scorer"\nport = 8080\ncpu = 0.5\nmemory = "2Gi"\ndockerfile = "Dockerfile"\n'
_LARGEST_BYTES = 64 * 1024
_ANY_IMAGE = "registry.example.com/any:1"
_OF_BUILD = ("dockerfile",)
_NOT_HERE = ("kind", "image", "memoryGib")
_UNITS = {"Mi": 1 / 1024, "Gi": 1.0, "Ti": 1024.0, "M": 1e6 / 2**30, "G": 1e9 / 2**30, "T": 1e12 / 2**30}
_MEMORY = re.compile(r"([0-9]{1,6}(?:\.[0-9]{1,3})?)(Mi|Gi|Ti|M|G|T)")
_UNDER: "PathParts" = ("tenants", 0, "workloads", 0)
"""Where a workload stands in a stack file, whose schema explains its keys."""
_IN_STACK = re.compile(r"`?pulumi config set --secret bedplate:<(?:key|name)>`?")


@dataclass(frozen=True, kw_only=True)
class LocatedMistake:
    """A mistake with its place."""

    file: str
    line: int
    path: str
    message: str
    given: str | None
    allowed: str | None
    fix: str

    def text(self) -> str:
        """For people: place, what is wrong, what to do."""
        lines = [f"{self.file}:{self.line}: {self.path}".rstrip(": "), f"  {self.message}"]
        lines += [f"  given:   {self.given}"] if self.given is not None else []
        lines += [f"  allowed: {self.allowed}"] if self.allowed is not None else []
        return "\n".join([*lines, f"  fix:     {self.fix}"])


class AppFileError(Exception):
    """A file that cannot be used; nothing was changed anywhere. problems: every mistake."""

    def __init__(self, problems: list[LocatedMistake]) -> None:
        self.problems = sorted(problems, key=lambda problem: problem.line)
        super().__init__("\n\n".join(problem.text() for problem in self.problems))


@dataclass(frozen=True, kw_only=True)
class AppFile:
    """folder: that is deployed. workload: as a stack file has it, without its image. build: how that is made."""

    folder: Path
    name: str
    workload: Mapping[str, Any]
    build: Mapping[str, Any]


def checked_name(name: str) -> str:
    """A name that somebody gave, where it can be one. Raises DeployError."""
    if not re.fullmatch(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?", name):
        shown = "".join(c if c.isprintable() else "?" for c in name[:80])
        raise DeployError(f"'{shown}' is no app's name", "write lower-case letters, digits and '-', like scorer")
    return name


def name_in(folder: Path) -> str:
    """The app's name, for commands about what is deployed already. Raises DeployError without one."""
    file = folder / FILE
    try:
        name = tomllib.loads(file.read_text(encoding="utf-8-sig"))["app"]["name"]
    except FileNotFoundError:
        raise DeployError(f"there is no {FILE} in {folder.absolute()}", "name the app, or go to its folder") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, KeyError, TypeError):
        raise DeployError(f"{file} names no app", f"name the app, or correct the file:\n{_EXAMPLE}") from None
    return str(name)


def read(folder: Path) -> AppFile:
    """The file of a folder, checked. Raises AppFileError with every mistake; DeployError where there is none."""
    file = folder / FILE
    if not file.is_file():
        raise DeployError(f"there is no {FILE} in {folder.absolute()}", f"write one:\n{_EXAMPLE}")
    text = _text(file)
    try:
        whole = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise AppFileError([_no_toml(file, error)]) from None
    if not _is_right(whole):
        from bedplate.stack_file.problems import dotted

        found, lines = _mistakes(whole), lines_of(text)
        raise AppFileError(
            [
                LocatedMistake(
                    file=str(file),
                    line=_line(lines, problem.path),
                    path=dotted(problem.path),
                    message=problem.message,
                    given=problem.given,
                    allowed=problem.allowed,
                    fix=problem.fix,
                )
                for problem in found
            ]
        )
    app = cast(dict[str, Any], whole["app"])
    return AppFile(folder=folder, name=app["name"], workload=_workload(app), build=_build(whole))


def spec_of(workload: Mapping[str, Any], image: str) -> "ModelApiSpec":
    """The workload with an image. Raises DeployError where that is none."""
    from pydantic import ValidationError

    from bedplate.workloads.model_api import ModelApiSpec

    try:
        return ModelApiSpec.model_validate({**workload, "image": image})
    except ValidationError as error:
        from bedplate.stack_file.validation import validation_problems

        (first, *_) = validation_problems(error, (*_UNDER, "modelApi"))
        raise DeployError(f"{first.path[-1]}: {first.message}, given {first.given}", first.fix) from None


def _text(file: Path) -> str:
    raw = file.read_bytes()
    if len(raw) > _LARGEST_BYTES:
        raise DeployError(f"{file} is larger than 64 KiB, and no app needs that", "name the right file")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise DeployError(f"{file} is not UTF-8 text", "save it as UTF-8") from None


def _no_toml(file: Path, error: tomllib.TOMLDecodeError) -> LocatedMistake:
    said = re.search(r"line (\d+)", str(error))
    message = f"this is not TOML: {re.sub(r' *[(]at .*', '', str(error))}"
    fix = 'correct the line; text stands in double quotes, like name = "scorer"'
    line = int(said[1]) if said else 1
    return LocatedMistake(file=str(file), line=line, path="", message=message, given=None, allowed=None, fix=fix)


def _is_right(whole: Mapping[str, Any]) -> bool:
    """Whether there is no mistake in it, by the specs alone: what explains one knows whole stack files, and takes as
    long to import as all else of a deploy."""
    from pydantic import ValidationError

    from bedplate.builds.spec import BuildSpec
    from bedplate.workloads.model_api import ModelApiSpec

    app = whole.get("app")
    if not isinstance(app, dict) or not isinstance(whole.get("build", {}), dict) or set(whole) - {"app", "build"}:
        return False
    keys = cast(dict[str, Any], app)
    if set(keys) & set(_NOT_HERE) or not _MEMORY.fullmatch(str(keys.get("memory"))) or _misnamed_secrets(keys):
        return False
    if _names_two_dockerfiles(whole):
        return False
    try:
        ModelApiSpec.model_validate({**_workload(keys), "image": _ANY_IMAGE})
        BuildSpec.model_validate(_build(whole))
    except ValidationError:
        return False
    return True


def _names_two_dockerfiles(whole: Mapping[str, Any]) -> bool:
    """One below each table, of which only one could count."""
    return "dockerfile" in whole["app"] and "dockerfile" in whole.get("build", {})


def _misnamed_secrets(app: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """They are objects of the namespace here, whose names have no capitals and no '_'."""
    named = app.get("secretEnv")
    if not isinstance(named, dict):
        return []
    pairs = cast(dict[str, Any], named).items()
    return [(key, name) for key, name in pairs if not re.fullmatch(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?", str(name))]


def _mistakes(whole: Mapping[str, Any]) -> "list[Problem]":
    """Of the file's data, with paths in it."""
    from pydantic import ValidationError

    from bedplate.stack_file.problems import Problem, shown
    from bedplate.stack_file.validation import validation_problems
    from bedplate.workloads.model_api import ModelApiSpec

    found = [
        Problem(
            path=(key,), message="unknown table", allowed="app, build", fix="remove it, or move its keys below [app]"
        )
        for key in whole
        if key not in ("app", "build")
    ]
    app = whole.get("app")
    if not isinstance(app, dict):
        given = None if app is None else shown(app)
        return [
            *found,
            Problem(path=("app",), message="the table [app] is missing", given=given, fix=f"write:\n{_EXAMPLE}"),
        ]
    keys = cast(dict[str, Any], app)
    for key in _NOT_HERE:
        if key in keys:
            fix = {"image": "remove it: --image names one, and a build makes one", "memoryGib": 'write memory = "2Gi"'}
            message = "does not stand in this file"
            found.append(Problem(path=("app", key), message=message, fix=fix.get(key, "remove it: there is one kind")))
    found += _of_memory(keys) + _of_build(whole) + _of_secrets(keys)
    rest = {key: value for key, value in keys.items() if key not in _NOT_HERE}
    try:
        ModelApiSpec.model_validate({**_workload(rest), "image": _ANY_IMAGE})
    except ValidationError as error:
        found += [_in_file(problem) for problem in validation_problems(error, (*_UNDER, "modelApi"))]
    return found


def _in_file(problem: "Problem") -> "Problem":
    """A problem of a workload as one of the file: its path, and where secrets go."""
    from bedplate.stack_file.problems import suggestion

    path = ("app", *problem.path[len(_UNDER) :])
    fix = _IN_STACK.sub("`bedplate secret create NAME`", problem.fix)
    allowed = problem.allowed
    if problem.message == "unknown key" and allowed:
        fix = suggestion(str(path[-1]), [*allowed.split(", "), *_OF_BUILD, "memory"] if len(path) == 2 else [], fix)
        known = [key for key in allowed.split(", ") if key not in ("image", "kind", "memoryGib")]
        allowed = ", ".join(sorted([*known, *_OF_BUILD, "memory"] if len(path) == 2 else known))
    return replace(problem, path=path, fix=fix, allowed=allowed, message=problem.message.replace("stack file", "file"))


def _of_memory(app: Mapping[str, Any]) -> "list[Problem]":
    from bedplate.stack_file.problems import Problem, shown

    if "memory" not in app:
        return [Problem(path=("app", "memory"), message="this key is required and missing", fix='add memory = "2Gi"')]
    given = app["memory"]
    if isinstance(given, str) and _MEMORY.fullmatch(given):
        return []
    number = re.fullmatch(r"\s*([0-9.]+)\s*", str(given))
    fix = f'write memory = "{number[1]}Gi"' if number else 'write it like memory = "2Gi"'
    message = "must have a unit: a bare number would be bytes, and no program starts in those"
    units = ", ".join(_UNITS)
    return [
        Problem(path=("app", "memory"), message=message, given=shown(given), allowed=f"a number with {units}", fix=fix)
    ]


def _of_build(whole: Mapping[str, Any]) -> "list[Problem]":
    """The table [build], and the Dockerfile that [app] may name in its place."""
    from pydantic import ValidationError

    from bedplate.builds.spec import BuildSpec
    from bedplate.stack_file.problems import Problem, shown
    from bedplate.stack_file.validation import validation_problems

    if not isinstance(whole.get("build", {}), dict):
        fix = "write its keys below a line [build]"
        return [Problem(path=("build",), message="must be a table", given=shown(whole["build"]), fix=fix)]
    if _names_two_dockerfiles(whole):
        return [Problem(path=("app", "dockerfile"), message="stands below [build] too", fix="keep one of the two")]
    try:
        BuildSpec.model_validate(_build(whole))
    except ValidationError as error:
        is_of_app = "dockerfile" not in whole.get("build", {})
        return [
            replace(
                problem, path=("app" if is_of_app and problem.path[:1] == ("dockerfile",) else "build", *problem.path)
            )
            for problem in validation_problems(error)
        ]
    return []


def _of_secrets(app: Mapping[str, Any]) -> "list[Problem]":
    from bedplate.stack_file.problems import Problem, shown

    return [
        Problem(
            path=("app", "secretEnv", variable),
            message="must be the name of a secret: lower-case letters, digits and '-', never the secret itself",
            given=shown(name, ("secret",)),
            fix="store it with `bedplate secret create NAME`, and write that name",
        )
        for variable, name in _misnamed_secrets(app)
    ]


def _build(whole: Mapping[str, Any]) -> dict[str, Any]:
    """The build as its spec has it."""
    named = cast(dict[str, Any], whole["app"]).get("dockerfile")
    return {**({"dockerfile": named} if named is not None else {}), **cast(dict[str, Any], whole.get("build", {}))}


def _workload(app: Mapping[str, Any]) -> dict[str, Any]:
    """The table as a stack file has a workload; memory that is none is left out."""
    rest = {key: value for key, value in app.items() if key not in ("memory", *_OF_BUILD)}
    memory = _MEMORY.fullmatch(str(app.get("memory", "")))
    gib = {"memoryGib": round(float(memory[1]) * _UNITS[memory[2]], 6)} if memory else {}
    return {"kind": "modelApi", **rest, **gib}


def lines_of(text: str) -> dict[tuple[str | int, ...], int]:
    """The line of each key, by its path: tables, arrays of tables, and keys below them. tomllib tells no lines."""
    found: dict[tuple[str | int, ...], int] = {}
    table: tuple[str | int, ...] = ()
    counts: dict[tuple[str | int, ...], int] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if header := re.match(r"\s*(\[\[?)\s*([^\]]+?)\s*\]", line):
            table = _keys(header[2])
            if header[1] == "[[":
                counts[table] = counts.get(table, -1) + 1
                table = (*table, counts[table])
            found.setdefault(table, number)
        elif pair := re.match(r"""\s*((?:[\w-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[\w-]+|"[^"]*"|'[^']*'))*)\s*=""", line):
            found.setdefault((*table, *_keys(pair[1])), number)
    return found


def _keys(text: str) -> tuple[str, ...]:
    return tuple(part.strip().strip("\"'") for part in re.findall(r"""[\w-]+|"[^"]*"|'[^']*'""", text))


def _line(lines: Mapping[tuple[str | int, ...], int], path: "PathParts") -> int:
    return next((lines[tuple(path[:n])] for n in range(len(path), 0, -1) if tuple(path[:n]) in lines), 1)
