"""What of a folder is sent to be built.

Owns which files those are, how many bytes they have, and the refusal of what nobody meant to send. `.dockerignore` is
read by Docker's own library, after rules of ours that leave out what no image needs; its `!` lines bring back whatever
is meant all the same (https://docs.docker.com/build/concepts/context/#dockerignore-files). BuildKit gets the same rules
and applies them itself.
"""

import hashlib
import os
import stat
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import IO

from bedplate.builds.failures import BuildError
from bedplate.builds.spec import BuildSpec
from bedplate.wording import counted

IGNORED_BY_US = (
    *(".git", ".venv", "venv", "node_modules", "**/__pycache__", "**/*.pyc", "**/.ipynb_checkpoints", "**/.DS_Store"),
    *("**/.env", "**/.env.*", ".aws", ".ssh", ".kube", ".config", "**/*.pem", "**/id_rsa", "**/id_ed25519", ".netrc"),
)
"""What no image needs, and what holds credentials by convention."""
_MIB = 2**20
_NAMED = 5


@dataclass(frozen=True, kw_only=True)
class Context:
    """files: by their paths below the folder, sorted, with their sizes. rules: all of them, as .dockerignore has."""

    folder: Path
    files: Mapping[str, int]
    rules: Sequence[str]

    @property
    def mebibytes(self) -> float:
        """Of all files together."""
        return sum(self.files.values()) / _MIB

    def digest(self, dockerfile: str) -> str:
        """Of the content: of a Dockerfile, and of each file its path, whether it is a program, and what is in it."""
        found = hashlib.sha256(dockerfile.encode())
        for path in self.files:
            file = self.folder / path
            mode = file.lstat().st_mode
            found.update(f"\0{path}\0{mode & stat.S_IXUSR}\0".encode())
            if stat.S_ISLNK(mode):
                found.update(os.readlink(file).encode())
                continue
            with file.open("rb") as content:
                while chunk := content.read(_MIB):
                    found.update(chunk)
        return found.hexdigest()

    def write_tar(self, output: IO[bytes], beside: Mapping[str, str]) -> None:
        """The files below `context/`, as root's, and `beside` these texts by their paths."""
        with tarfile.open(fileobj=output, mode="w|", format=tarfile.GNU_FORMAT) as archive:
            for path, text in beside.items():
                told = tarfile.TarInfo(path)
                told.size, told.mode = len(text.encode()), 0o644
                archive.addfile(told, BytesIO(text.encode()))
            for path in self.files:
                archive.add(self.folder / path, f"context/{path}", recursive=False, filter=_of_nobody)


def context_of(folder: Path, build: BuildSpec) -> Context:
    """Raises BuildError where it has more than it may, or something cannot be read."""
    rules = [*IGNORED_BY_US, *_written(folder)]
    files = dict(sorted(_files(folder, rules)))
    context = Context(folder=folder, files=files, rules=rules)
    if not files:
        raise BuildError(f"{folder} has no files to build an image of", "name the folder of the project")
    if context.mebibytes > build.max_context_mib:
        raise _too_large(context, build.max_context_mib)
    return context


def _written(folder: Path) -> list[str]:
    file = folder / ".dockerignore"
    if not file.is_file():
        return []
    lines = file.read_text(encoding="utf-8-sig", errors="replace").splitlines()
    return [line.strip() for line in lines if line.strip() and not line.startswith("#")]


def _files(folder: Path, rules: Sequence[str]) -> Iterator[tuple[str, int]]:
    from docker.utils.build import PatternMatcher  # a tenth of a second, for builds alone

    for path in PatternMatcher(list(rules)).walk(str(folder)):
        file = folder / path
        there = file.lstat()
        if stat.S_ISREG(there.st_mode) and not os.access(file, os.R_OK):
            raise BuildError(f"{file} cannot be read", f"change its rights, or add `{path}` to .dockerignore")
        if stat.S_ISREG(there.st_mode) or stat.S_ISLNK(there.st_mode):
            yield Path(path).as_posix(), there.st_size


def _too_large(context: Context, most_mib: int) -> BuildError:
    """Names the largest, as a person would leave them out: folders and files at the top."""
    sizes = dict[str, int]()
    for path, size in context.files.items():
        top, below, _ = path.partition("/")
        sizes[f"{top}{below}"] = sizes.get(f"{top}{below}", 0) + size
    largest = sorted(sizes, key=lambda name: -sizes[name])
    left, lines = sum(sizes.values()), list[str]()
    for name in largest:
        if left <= most_mib * _MIB:
            break
        lines.append(name.rstrip("/"))
        left -= sizes[name]
    single = sorted(context.files, key=lambda path: -context.files[path])[:_NAMED]
    named = tuple(f"{context.files[path] / _MIB:8.1f} MiB  {path}" for path in single)
    return BuildError(
        f"{context.folder} has {context.mebibytes:.0f} MiB to send in {counted(len(context.files), 'file')}, "
        f"allowed are {most_mib}; the largest:",
        f"data and weights belong into a bucket or `weights`: add {' and '.join(f'`{line}`' for line in lines)} to "
        f"{context.folder / '.dockerignore'}; or, where all of it is meant, raise maxContextMib",
        lines=named,
    )


def _of_nobody(member: tarfile.TarInfo) -> tarfile.TarInfo:
    """Whose files they are on this machine is nobody's business, and no layer may change by it."""
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    return member
