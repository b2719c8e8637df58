"""Reading a stack file: from YAML to a consistent `PlatformSpec`, or every mistake with its file and line.

Owns the two ways in: `load` for the command line and tests, which reads the file itself, and `load_for_program` for the
Pulumi program, which has the configuration from the engine and takes from the file the lines, and what the engine does
not show: secrets that stand where they do not belong.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

from pydantic import TypeAdapter, ValidationError

from bedplate.config import PlatformSpec, TenantEntry
from bedplate.spec import RelativeFolder
from bedplate.stack_file.consistency import problems
from bedplate.stack_file.documents import Document, UnreadableDocument
from bedplate.stack_file.growth import CONFIG_LIMIT_BYTES, config_bytes
from bedplate.stack_file.parts import Parts
from bedplate.stack_file.problems import PathParts, Problem, dotted, nearest, printable, shown
from bedplate.stack_file.tenancy import file_of_a_tenant
from bedplate.stack_file.validation import parts_of, validation_problems
from bedplate.wording import counted

NAMESPACE = "bedplate:"
"""Of all configuration, whatever the Pulumi project is called."""
PLATFORM_KEY = f"{NAMESPACE}platform"
_PLATFORM_PATH: PathParts = ("config", PLATFORM_KEY)
_FOLDER: TypeAdapter[str] = TypeAdapter(RelativeFolder)
_GUIDE = "docs/guides/first-stack.md shows a small one"


@dataclass(frozen=True, kw_only=True)
class LocatedProblem:
    """A mistake with its place. path: dotted, below `bedplate:platform` or within a tenant's own file."""

    file: str
    line: int | None
    path: str
    message: str
    given: str | None
    allowed: str | None
    fix: str

    def text(self) -> str:
        """The mistake for people: place first, then what is wrong, then what to do."""
        place = _at(self.file, self.line)
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
        said = f"{counted(len(problems), 'problem')} in the stack file"
        super().__init__("\n\n".join([said, *map(LocatedProblem.text, self.problems)]))


@dataclass(frozen=True, kw_only=True)
class Stack:
    """A stack that can be used. spec: with the tenants of `tenantsDir` among the others. config: as it stands in the
    file. secrets: names of its config secrets."""

    file: Path
    spec: PlatformSpec
    config: Mapping[str, Any]
    secrets: frozenset[str]


@dataclass(frozen=True)
class _Origin:
    """Where a part of the platform stands: a file, and the path of the part in it. is_own_file: one tenant, alone."""

    file: str
    document: Document | None
    prefix: PathParts = ()
    is_own_file: bool = False

    def line(self, path: PathParts) -> int | None:
        return self.document.line((*self.prefix, *path)) if self.document else None


@dataclass
class _Source:
    """Where the platform's data comes from, and what was found wrong while reading. silenced: paths of the platform at
    and below which a mistake is known, and what else is wrong there would mislead."""

    platform: _Origin
    tenants: list[_Origin] = field(default_factory=list[_Origin])
    problems: list[LocatedProblem] = field(default_factory=list[LocatedProblem])
    silenced: set[PathParts] = field(default_factory=set[PathParts])

    def add(self, problem: Problem) -> None:
        """Notes a mistake. Its path is one of the platform."""
        if any(problem.path[: len(path)] == path for path in self.silenced):
            return
        origin, path = self._origin(problem.path)
        message, shown_path = problem.message, path if origin.is_own_file else problem.path
        if problem.other is not None:
            other, other_path = self._origin(problem.other)
            message = f"{message}; the other is {_at(other.file, other.line(other_path))}"
        self.problems.append(
            LocatedProblem(
                file=origin.file,
                line=problem.line or origin.line(path),
                path=dotted(shown_path) if shown_path or origin.is_own_file else PLATFORM_KEY,
                message=message,
                given=problem.given,
                allowed=problem.allowed,
                fix=problem.fix,
            )
        )

    def add_mistakes_of(self, document: Document, part: PathParts, place: PathParts) -> None:
        """Notes what a file itself says is wrong. part: path in the file of what stands at `place` of the platform."""
        for problem in document.problems:
            if problem.path[: len(part)] != part:
                self.problems.append(_in_file(document, problem))
                continue
            path = (*place, *problem.path[len(part) :])
            self.add(replace(problem, path=path))
            if problem.given is not None:
                self.silenced.add(path)
        for below in _encrypted(document.at(part)):
            self.add(
                Problem(
                    path=(*place, *below),
                    message="an encrypted value cannot stand inside the platform",
                    fix="store it: `pulumi config set --secret bedplate:<name>`; secretEnv and others take its name",
                )
            )
            self.silenced.add((*place, *below))

    def _origin(self, path: PathParts) -> tuple[_Origin, PathParts]:
        """The file that a path of the platform leads into, and what is left of the path there."""
        if len(path) > 1 and path[0] == "tenants" and isinstance(path[1], int) and path[1] < len(self.tenants):
            return self.tenants[path[1]], path[2:]
        return self.platform, path


def _at(file: str, line: int | None) -> str:
    return f"{file}:{line}" if line else file


def _in_file(document: Document, problem: Problem) -> LocatedProblem:
    """A mistake whose path is one of the file, not of the platform."""
    return LocatedProblem(
        file=str(document.path),
        line=problem.line or document.line(problem.path),
        path=dotted(problem.path),
        message=problem.message,
        given=problem.given,
        allowed=problem.allowed,
        fix=problem.fix,
    )


def _unreadable(file: Path, error: OSError | UnreadableDocument) -> LocatedProblem:
    if isinstance(error, UnreadableDocument):
        line, message, fix = error.line, error.message, error.fix
    else:
        line, message, fix = None, f"cannot be read: {error.strerror or error}", "name a readable file"
    return LocatedProblem(file=str(file), line=line, path="", message=message, given=None, allowed=None, fix=fix)


def load(file: Path) -> Stack:
    """Reads and checks a stack file. Raises StackFileError with every mistake."""
    try:
        document = Document.read(file)
    except (OSError, UnreadableDocument) as error:
        raise StackFileError([_unreadable(file, error)]) from None
    if wrong := _without_platform(document.data):
        raise StackFileError([_in_file(document, problem) for problem in (wrong, *document.problems)])
    config = cast(dict[str, Any], document.data["config"])
    source = _source(document)
    _check_size(config, source)
    secrets = frozenset(key.removeprefix(NAMESPACE) for key, _ in _secrets(config))
    # An environment that the stack imports may hold further secrets, and what it holds is not known here.
    known = None if "environment" in document.data else secrets
    return Stack(
        file=file, spec=_spec(config[PLATFORM_KEY], source, file.parent, known), config=config, secrets=secrets
    )


@dataclass(frozen=True)
class _Secrets(Collection[str]):
    """Config secrets of which one can only ask whether they are there; `named` are those that the stack file shows."""

    named: Collection[str]
    has_secret: Callable[[str], bool]

    def __contains__(self, name: object) -> bool:
        return self.has_secret(str(name))

    def __iter__(self) -> Iterator[str]:
        return iter(self.named)

    def __len__(self) -> int:
        return len(self.named)


def load_for_program(platform: object, file: Path, has_secret: Callable[[str], bool] | None = None) -> PlatformSpec:
    """Checks the configuration that the engine handed to the program.

    platform: value of `bedplate:platform`, None where the engine has none. file: the stack file, for lines and as the
    place that `tenantsDir` is relative to; with a platform, it need not exist. has_secret: whether there is a config
    secret of a name; without it, secrets are not checked. Raises StackFileError with every mistake.
    """
    try:
        document = Document.read(file)
    except (OSError, UnreadableDocument) as error:
        if platform is None:
            raise StackFileError([_unreadable(file, error)]) from None
        document = None
    source, named = _Source(_Origin(str(file), document, _PLATFORM_PATH)), list[str]()
    missing = _without_platform(document.data) if document else None
    if platform is None and document and missing:
        raise StackFileError([_in_file(document, missing)])
    if document and not missing:
        source = _source(document)
        named = [key.removeprefix(NAMESPACE) for key, _ in _secrets(document.data["config"])]
    return _spec(platform, source, file.parent, _Secrets(named, has_secret) if has_secret else None)


def _without_platform(data: Any) -> Problem | None:
    """Why a file holds no platform at all."""
    begin = f"begin with `config:` and below it, indented, `{PLATFORM_KEY}:`; {_GUIDE}"
    if data is None:
        return Problem(path=(), message="the file is empty", fix=begin)
    if not isinstance(data, dict):
        return Problem(path=(), message="the file must be a mapping", given=shown(data), fix=begin)
    keys = cast(dict[str, Any], data)
    if PLATFORM_KEY in keys:
        return Problem(path=(PLATFORM_KEY,), message="stands beside `config:`", fix="indent it below a line `config:`")
    if "config" not in keys:
        return _missing((), "config", keys, begin)
    if not isinstance(keys["config"], dict):
        return Problem(path=("config",), message="has no keys below it", given=shown(keys["config"]), fix=begin)
    config = cast(dict[str, Any], keys["config"])
    if PLATFORM_KEY not in config:
        return _missing(
            ("config",), PLATFORM_KEY, config, f"add it below `config:`, and the platform below it; {_GUIDE}"
        )
    if config[PLATFORM_KEY] is None:
        return Problem(
            path=_PLATFORM_PATH, message="has nothing below it", fix=f"write the platform below it; {_GUIDE}"
        )
    return None


def _missing(around: PathParts, key: str, keys: Collection[str], otherwise: str) -> Problem:
    """A key without which there is no platform; at the key that was probably meant to be it."""
    near = "platform" if key == PLATFORM_KEY and "platform" in keys else nearest(key, keys)
    fix = f"rename `{printable(near)}` to `{key}`" if near else otherwise
    return Problem(path=(*around, near or key), message=f"the key `{key}` is missing", fix=fix)


def _source(document: Document) -> _Source:
    """The source of a platform in a file, with what the file itself says is wrong."""
    source = _Source(_Origin(str(document.path), document, _PLATFORM_PATH))
    source.add_mistakes_of(document, _PLATFORM_PATH, ())
    for key, value in _secrets(document.data["config"]):
        if _is_encrypted(value):
            continue
        name = printable(key.removeprefix(NAMESPACE))
        problem = Problem(
            path=("config", key),
            message="this is neither the platform nor an encrypted secret; its value is not shown here",
            fix=f"if it is a secret, replace it by what `pulumi config set --secret bedplate:{name}` writes, and "
            f"revoke the old value; if it belongs to the platform, put it below {PLATFORM_KEY}",
        )
        source.problems.append(_in_file(document, problem))
    return source


def _secrets(config: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """What stands beside the platform in its namespace."""
    return [(key, value) for key, value in config.items() if key.startswith(NAMESPACE) and key != PLATFORM_KEY]


def _is_encrypted(value: object) -> bool:
    return isinstance(value, dict) and set(cast(dict[str, Any], value)) == {"secure"}


def _encrypted(data: object) -> Iterator[PathParts]:
    """Paths of the encrypted values in plain data."""
    if _is_encrypted(data):
        yield ()
    elif isinstance(data, dict | list):
        items = cast(dict[str, Any], data).items() if isinstance(data, dict) else enumerate(cast(list[Any], data))
        for key, value in items:
            yield from ((key, *below) for below in _encrypted(value))


def _check_size(config: Mapping[str, Any], source: _Source) -> None:
    size = config_bytes(config)
    if size >= CONFIG_LIMIT_BYTES:
        source.add(
            Problem(
                path=("tenants",),
                message="the configuration is larger than a program can be given",
                given=f"{size / 1024:.0f} KiB as handed to the program",
                allowed=f"less than {CONFIG_LIMIT_BYTES // 1024} KiB",
                fix="move tenants to files of their own: `tenantsDir: tenants`, one file a tenant",
            )
        )


def _spec(platform: object, source: _Source, folder: Path, secrets: Collection[str] | None) -> PlatformSpec:
    data = _with_tenants_of_folder(platform, source, folder)
    found: list[Problem] = []
    spec: PlatformSpec | None = None
    try:
        spec = PlatformSpec.model_validate(data)
        parts = Parts.of(spec, secrets)
    except ValidationError as error:
        found = validation_problems(error)
        parts = parts_of(data, secrets)
    for problem in [*found, *problems(parts)]:
        source.add(problem)
    if source.problems or spec is None:
        raise StackFileError(source.problems)
    return spec


def _with_tenants_of_folder(platform: object, source: _Source, folder: Path) -> object:
    """The platform with the tenants of `tenantsDir` behind those written inline, and `tenantsDir` gone."""
    if not isinstance(platform, dict):
        return platform
    data = dict(cast(dict[str, Any], platform))
    inline = data.get("tenants", [])
    try:
        directory = _FOLDER.validate_python(data.get("tenantsDir"))
    except ValidationError:
        return data
    del data["tenantsDir"]
    if not isinstance(inline, list):
        fix = "write the tenants as a list, each beginning with '- name:', or remove the key"
        source.add(Problem(path=("tenants",), message="must be a list", given=shown(inline), fix=fix))
    tenants = list(cast(list[Any], inline)) if isinstance(inline, list) else []
    prefix = (*_PLATFORM_PATH, "tenants")
    source.tenants = [
        _Origin(source.platform.file, source.platform.document, (*prefix, i)) for i in range(len(tenants))
    ]
    for document in _tenant_documents(folder, directory, source):
        source.tenants.append(_Origin(str(document.path), document, (), is_own_file=True))
        source.add_mistakes_of(document, (), ("tenants", len(tenants)))
        tenants.append(document.data)
    return {**data, "tenants": tenants}


def _tenant_documents(folder: Path, directory: str, source: _Source) -> Iterator[Document]:
    """The files of `tenantsDir` that hold a mapping; the others are mistakes."""
    for file in _tenant_files(folder, directory, source):
        try:
            document = Document.read(file)
        except (OSError, UnreadableDocument) as error:
            source.problems.append(_unreadable(file, error))
            continue
        source.problems += [_in_file(document, problem) for problem in file_of_a_tenant(document)]
        if isinstance(document.data, dict):
            yield document


def _tenant_files(folder: Path, directory: str, source: _Source) -> list[Path]:
    place, wrong = folder / directory, ""
    try:
        files = sorted(file for ending in ("*.yaml", "*.yml") for file in place.glob(ending) if file.name[0] != ".")
        if not place.is_dir():
            wrong = "there is no such folder"
        elif not files:
            wrong = "the folder holds no *.yaml file"
        elif not all(file.resolve().is_relative_to(folder.resolve()) for file in files):
            wrong = "the folder or a file in it is a link that leads out of the stack file's folder"
    except (OSError, RuntimeError) as error:
        files, wrong = [], f"the folder cannot be read: {getattr(error, 'strerror', None) or 'its links form a circle'}"
    if wrong:
        fix = (
            "name a folder beside the stack file, with one YAML file a tenant; without any tenant, remove `tenantsDir`"
        )
        source.add(Problem(path=("tenantsDir",), message=wrong, given=shown(str(place)), fix=fix))
    return [] if wrong else files


__all__ = ["LocatedProblem", "Stack", "StackFileError", "TenantEntry", "load", "load_for_program"]
