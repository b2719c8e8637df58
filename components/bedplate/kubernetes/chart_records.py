"""How much of a Secret a chart takes once Helm has installed it.

Owns the reckoning over a chart's archive. Helm keeps each revision of a release in one Secret, with the whole chart,
used or not, as JSON, compressed, in base64
(https://github.com/helm/helm/blob/v3.18.6/pkg/storage/driver/util.go, `encodeRelease`), and a Secret holds 1 MiB
(https://kubernetes.io/docs/concepts/configuration/secret/#restriction-data-size). A larger chart fails at the end of an
update, when everything before it is there.
"""

import base64
import gzip
import json
import tarfile
from pathlib import Path
from typing import Any, cast

from ruamel.yaml import YAML

from bedplate.wording import counted

_SECRET_BYTES = 1_048_576
LARGEST_BYTES = _SECRET_BYTES * 80 // 100
"""Of the chart alone: what it renders, and our values, come on top."""
_READ_BYTES = 64 * 1024 * 1024
"""No chart is larger; an archive of more is not read to its end."""


def too_large(archive: Path) -> str | None:
    """Why Helm could not keep the chart; None where it can, or the archive cannot be read."""
    try:
        size = record_bytes(archive)
    except (OSError, tarfile.TarError, ValueError, EOFError):
        return None
    if size <= LARGEST_BYTES:
        return None
    return (
        f"{archive} takes {counted(size, 'byte')} of the Secret that Helm keeps a release in, before anything is "
        f"rendered, and the most that leaves room is {LARGEST_BYTES:,}"
    )


def record_bytes(archive: Path) -> int:
    """What the chart itself takes of the Secret, within some hundredths. Raises OSError, TarError or ValueError."""
    files = _files(archive)
    templates = {name: data for name, data in files.items() if name.startswith("templates/")}
    own = ("Chart.yaml", "Chart.lock", "values.yaml", "values.schema.json")
    others = {name: data for name, data in files.items() if name not in (*templates, *own)}
    chart = {
        "metadata": _parsed(files.get("Chart.yaml", b"")),
        "lock": None,
        "templates": _listed(templates),
        "values": _parsed(files.get("values.yaml", b"")),
        "schema": _base64(files.get("values.schema.json", b"")),
        # Of charts inside it Helm keeps none.
        "files": _listed({name: data for name, data in others.items() if not name.startswith("charts/")}),
    }
    written = json.dumps(chart, separators=(",", ":"), default=str).encode()
    return len(base64.b64encode(gzip.compress(written, compresslevel=9)))


def _files(archive: Path) -> dict[str, bytes]:
    """By their names below the chart's folder."""
    found, left = dict[str, bytes](), _READ_BYTES
    with tarfile.open(archive) as stream:
        for member in stream:
            content = stream.extractfile(member) if member.isfile() else None
            if content is None:
                continue
            left -= member.size
            if left < 0:
                raise ValueError(f"{archive} holds more than {_READ_BYTES} bytes")
            found[member.name.partition("/")[2]] = content.read()
    return found


def _listed(files: dict[str, bytes]) -> list[dict[str, str]]:
    return [{"name": name, "data": _base64(data)} for name, data in files.items()]


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _parsed(data: bytes) -> Any:
    return cast(Any, YAML(typ="safe")).load(data.decode())
