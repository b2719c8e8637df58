"""Builds by a BuildKit that somebody runs: on a developer's machine, in a CI, in tests.

Owns calling its client, `buildctl`, with what an order says. Credentials of the registry are those of this machine
(~/.docker/config.json), which the client hands to BuildKit for this build.
"""

import contextlib
import json
import subprocess
import tempfile
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from bedplate.builds.build import Order, Report
from bedplate.builds.failures import BuildError
from bedplate.builds.progress import PUSHED
from bedplate.programs import built, found

_CLIENT = "buildctl"
_SECONDS_MOST = 4 * 3600


@dataclass(frozen=True, kw_only=True)
class AtAddress:
    """address: such as unix:///run/user/1000/buildkit/buildkitd.sock or tcp://10.0.0.7:1234. client: another buildctl
    than that of the table of programs."""

    address: str
    client: Path | None = None

    @contextlib.contextmanager
    def build(self, order: Order, report: Report) -> Generator[Iterable[str]]:
        """As every builder."""
        client = self.client or found(_CLIENT) or built(_CLIENT, report)
        with tempfile.TemporaryDirectory(prefix="bedplate-build-") as name:
            stage = Path(name)
            _write(stage, order)
            metadata = stage / "metadata.json"
            command = [
                *(str(client), "--addr", self.address, "build"),
                *order.arguments(stage=name, context=str(order.context.folder)),
                *("--metadata-file", str(metadata)),
            ]
            try:
                process = subprocess.Popen(
                    command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
                )
            except OSError as error:
                raise BuildError(f"{client} cannot be run: {error.strerror}", "install buildctl of BuildKit") from None
            with process:
                try:
                    yield _lines(process, metadata)
                finally:
                    process.kill()


def _write(stage: Path, order: Order) -> None:
    """What the client reads beside the folder. The rules have precedence over the folder's own file by their name."""
    (stage / "dockerfile").mkdir()
    (stage / "dockerfile" / "Dockerfile").write_text(order.dockerfile, encoding="utf-8")
    (stage / "dockerfile" / "Dockerfile.dockerignore").write_text("\n".join(order.context.rules) + "\n")
    (stage / "secrets").mkdir(mode=0o700)
    for key, value in order.secrets.items():
        file = stage / "secrets" / key
        file.touch(mode=0o600)
        file.write_text(value, encoding="utf-8")


def _lines(process: "subprocess.Popen[str]", metadata: Path) -> Iterator[str]:
    errors: IO[str] | None = process.stderr
    if errors is not None:
        yield from errors
    if process.wait(_SECONDS_MOST) == 0 and metadata.exists():
        yield f"{PUSHED}{json.dumps(json.loads(metadata.read_text()))}"
