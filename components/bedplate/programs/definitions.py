"""Upstream's definitions of custom kinds, from the Go modules that programs are built from.

Owns fetching them: the module is downloaded, checked against go.sum, and its definitions are kept in the cache, one a
file, named as they are (`certificates.cert-manager.io.yaml`), so that the folder does for `bedplate rehearse --crds`.
That needs Go and the network once, takes seconds, and builds nothing.
"""

import hashlib
import re
import shutil
from pathlib import Path

from bedplate.programs.building import Progress, cache_folder, downloaded, exclusively, source_folder
from bedplate.programs.failures import no_go
from bedplate.programs.table import Program, program

_DOWNLOAD = "download"
_NAMED = re.compile(r"^  name: [\"']?([a-z0-9.-]+)[\"']?$", re.MULTILINE)
"""The name in a definition's metadata, which stands before anything else that is indented that little."""


def definitions(name: str, progress: Progress) -> Path:
    """The folder with the definitions of the kinds that a program of the table serves, in the version of the table.

    Raises `RehearsalError` where they are not in the cache and cannot be downloaded.
    """
    one = program(name)
    folder = cache_folder() / one.name / f"definitions-{one.version}-{_key(one)}"
    if folder.exists():
        return folder
    go = shutil.which("go")
    if go is None:
        raise no_go(one, f"the definitions of {one.titled} have to be downloaded and there is no Go on PATH")
    with exclusively(_DOWNLOAD, f"the definitions of {one.titled}", progress):
        if not folder.exists():
            progress(f"downloading the definitions of {one.titled}")
            with source_folder(one, _DOWNLOAD) as temporary:
                module = downloaded(go, one, temporary / "sources")
                for path in one.definitions:
                    _split(module / path, temporary / "output")
                folder.parent.mkdir(parents=True, exist_ok=True)
                (temporary / "output").replace(folder)
    return folder


def _key(one: Program) -> str:
    return hashlib.sha256("\n".join(one.definitions).encode()).hexdigest()[:8]


def _split(source: Path, folder: Path) -> None:
    """Writes the definitions of a file, or of the files of a folder, as upstream has written each."""
    files = sorted([*source.glob("*.yaml"), *source.glob("*.yml")]) if source.is_dir() else [source]
    for file in files:
        for text in re.split(r"^---\s*$", file.read_text(encoding="utf-8"), flags=re.MULTILINE):
            if "\nkind: CustomResourceDefinition\n" not in f"\n{text}":
                continue
            named = _NAMED.search(text)
            if named is None:
                raise ValueError(f"{file} has a definition without a name")
            (folder / f"{named[1]}.yaml").write_text(text.lstrip("\n"), encoding="utf-8")
