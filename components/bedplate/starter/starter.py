"""A new project around a stack: what `bedplate init` writes, from files that the package carries.

Owns those files, which are whole and read like what they become; only the words between two underscores on each side
are filled in. It deliberately asks nothing and runs nothing: no network, no git, no Pulumi. The program and the
workflows are the ones that this repository itself uses; tests/conformance/test_starter.py holds them equal.
"""

import re
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, metadata, version
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from bedplate.deploy.schemas import schema_files
from bedplate.errors import RehearsalError
from bedplate.spec import DnsLabel, Domain
from bedplate.starter import FILES

_DISTRIBUTION = "bedplate"
# renovate: datasource=pypi depName=uv
UV_VERSION = "0.13.9"
_PLACES = {
    "Pulumi.yaml": "Pulumi.yaml",
    "pyproject": "pyproject.toml",
    "Makefile": "Makefile",
    "README.md": "README.md",
    "gitignore": ".gitignore",
    "renovate.json5": "renovate.json5",
    "github/CODEOWNERS": ".github/CODEOWNERS",
    "github/workflows/preview.yml": ".github/workflows/preview.yml",
    "github/workflows/plan.yml": ".github/workflows/plan.yml",
    "platform/__main__.py": "platform/__main__.py",
    "tenants/search.yaml": "stacks/__STACK__-tenants/search.yaml",
}
"""Where each file of the package goes. Names there begin with no dot, and none is one that
tools act upon here (ruff reads every pyproject.toml)."""


@dataclass(frozen=True, kw_only=True)
class NewProject:
    """A project that is to be written. cloud: one of `CLOUDS`."""

    folder: Path
    cloud: str
    domain: str = "ml.example.com"
    """Domain below which the platform's hosts are."""
    stack: str = "production"
    """Name of its first stack."""

    def files(self) -> dict[str, str]:
        """Text by path below the folder. Raises RehearsalError where a value cannot be used."""
        _check("--domain", self.domain, TypeAdapter(Domain))
        _check("--stack", self.stack, TypeAdapter(DnsLabel))
        stack_file = f"stacks/Pulumi.{self.stack}.yaml"
        places = {**_PLACES, f"stacks/{self.cloud}.yaml": stack_file}
        texts = {self._filled(place): self._filled((FILES / name).read_text("utf-8")) for name, place in places.items()}
        return texts | {f"stacks/{name}": text for name, text in schema_files().items()}

    def write(self) -> list[Path]:
        """Writes the files and returns their paths. Raises RehearsalError, and writes nothing, where one exists."""
        texts = {self.folder / name: text for name, text in self.files().items()}
        try:
            if there := [str(path) for path in texts if path.exists() or path.is_symlink()]:
                fix = "name another folder, or move these away; nothing is overwritten"
                raise RehearsalError(f"there is something already: {', '.join(there)}", fix)
            for path, text in texts.items():
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, encoding="utf-8")
        except OSError as error:
            raise RehearsalError(
                f"{error.filename} cannot be written: {error.strerror}", "name another folder"
            ) from None
        return list(texts)

    def extra_to_install(self) -> str | None:
        """What is to be installed before the stack can be previewed, such as `bedplate[aws]==1.2.0`."""
        needed = [
            name[0]
            for line in metadata(_DISTRIBUTION).get_all("Requires-Dist") or ()
            if (name := re.match(r"[\w.-]+", line)) and re.search(rf"extra == ['\"]{self.cloud}['\"]", line)
        ]
        return self._filled("bedplate__EXTRA__==__VERSION__") if not all(map(_is_installed, needed)) else None

    def _filled(self, text: str) -> str:
        extras = metadata(_DISTRIBUTION).get_all("Provides-Extra") or ()
        words = {
            "PROJECT": _project_name(self.folder),
            "STACK": self.stack,
            "DOMAIN": self.domain,
            "CLOUD": self.cloud,
            "EXTRA": f"[{self.cloud}]" if self.cloud in extras else "",
            "VERSION": version(_DISTRIBUTION),
            "UV_VERSION": UV_VERSION,
        }
        return re.sub(r"__([A-Z_]+)__", lambda word: words[word[1]], text)


def _is_installed(name: str) -> bool:
    try:
        return bool(version(name))
    except PackageNotFoundError:
        return False


def _project_name(folder: Path) -> str:
    """The folder's name as a project of Pulumi may be called."""
    return re.sub(r"[^a-z0-9]+", "-", folder.resolve().name.lower()).strip("-") or "ml-platform"


def _check(option: str, value: str, kind: TypeAdapter[str]) -> None:
    try:
        kind.validate_python(value)
    except ValidationError as error:
        context = error.errors()[0].get("ctx", {})
        message, fix = context.get("message", "is too long"), context.get("fix", "write a shorter one")
        if nearest := context.get("nearest"):
            fix = f"write {nearest}"
        raise RehearsalError(f"{option} '{value}' {message}", fix) from None
