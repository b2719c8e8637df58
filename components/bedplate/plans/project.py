"""The Pulumi project around a stack: where the program is and which stacks there are."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bedplate.errors import RehearsalError
from bedplate.stack_file.documents import Document, UnreadableDocument
from bedplate.stack_file.problems import printable


@dataclass(frozen=True, kw_only=True)
class Project:
    """A folder with a Pulumi.yaml."""

    root: Path
    name: str
    program: Path
    """Folder of the program, with its `__main__.py`."""
    stacks: Path
    """Folder of the stack files."""

    @classmethod
    def find(cls, start: Path) -> "Project":
        """The project that `start` lies in. Raises RehearsalError where there is none."""
        for folder in (start.resolve(), *start.resolve().parents):
            if (folder / "Pulumi.yaml").is_file():
                return cls.read(folder)
        raise RehearsalError(
            "there is no Pulumi.yaml here or above",
            "run the command inside a project, name a stack file by its path, or begin: bedplate init FOLDER",
        )

    @classmethod
    def of(cls, stack: str, program: Path) -> "Project":
        """The project of a stack given by name or by path; around a file in no project, `program` and its folder.

        Raises RehearsalError where there is neither a project nor such a file.
        """
        folder = Path(stack).resolve().parent if _is_file(Path(stack)) else Path.cwd()
        if any((around / "Pulumi.yaml").is_file() for around in (folder, *folder.parents)):
            return cls.find(folder)
        if _is_file(Path(stack)):
            return cls(root=folder, name="bedplate", program=program, stacks=folder)
        if _is_path(stack):
            raise RehearsalError(
                f"there is no file '{printable(stack)}'", "name a file there is, or begin: bedplate init FOLDER"
            )
        return cls.find(folder)

    @classmethod
    def read(cls, root: Path) -> "Project":
        """The project in `root`. Raises RehearsalError where its Pulumi.yaml cannot be used."""
        try:
            data: dict[str, Any] = Document.read(root / "Pulumi.yaml").data
            name, program = str(data["name"]), root / str(data.get("main", "."))
        except (UnreadableDocument, OSError, KeyError, TypeError, AttributeError) as error:
            raise RehearsalError(f"Pulumi.yaml cannot be used: {error}", "restore the project's Pulumi.yaml") from None
        return cls(root=root, name=name, program=program, stacks=root / str(data.get("stackConfigDir", ".")))

    def stack_names(self) -> list[str]:
        """The stacks that have a file, sorted."""
        return sorted(path.name.split(".", 1)[1].removesuffix(".yaml") for path in self.stacks.glob("Pulumi.*.yaml"))

    def stack_file(self, stack: str) -> Path:
        """The file of a stack given by name or by path. Raises RehearsalError with the stacks there are."""
        named = self.stacks / f"Pulumi.{stack}.yaml"
        if _is_file(named):
            return relative_to_here(named)
        if _is_file(Path(stack)):
            return Path(stack)
        names, shown = ", ".join(self.stack_names()) or "none", printable(stack)
        if _is_path(stack):
            raise RehearsalError(
                f"there is no file '{shown}'; stacks here: {names}", "name a stack, or a file there is"
            )
        raise RehearsalError(
            f"there is no stack '{shown}'; there are: {names}",
            f"name one of these, or write {self.stacks / f'Pulumi.{shown}.yaml'}",
        )


def _is_file(path: Path) -> bool:
    """Whether there is one; of a name that no system takes there is none."""
    try:
        return path.is_file()
    except OSError:
        return False


def _is_path(stack: str) -> bool:
    """Whether a stack is meant by its file rather than by its name."""
    return "/" in stack or "\\" in stack or stack.endswith((".yaml", ".yml"))


def stack_name(file: Path) -> str:
    """`local` for Pulumi.local.yaml, the file's stem otherwise."""
    return file.stem.removeprefix("Pulumi.")


def relative_to_here(path: Path) -> Path:
    """The path as somebody standing here would type it."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path
