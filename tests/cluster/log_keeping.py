"""The keeper of logs as its pod runs it, beside a store of a test."""

import contextlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Generator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from bedplate.labels import TENANT
from bedplate.services.logs import programs
from bedplate.services.logs.keeper import PROGRAM, wanted
from bedplate.services.logs.spec import LogsSpec
from opensearch_under_test import Store

SPEC = LogsSpec(size="small")
NEVER_FULL = 101.0
"""How full the disk of the machine is on which tests run is no matter of theirs."""
KEEPER = Path(programs.__path__[0]) / PROGRAM


def kept(
    store: Store,
    folder: Path,
    namespaces: Mapping[str, str],
    variables: Mapping[str, str] | None = None,
    **changes: Any,
) -> str:
    """A round of the keeper; what it says. namespaces: of the cluster, with the tenant of each or ''. changes: of what
    the keeper is told."""
    with _cluster(namespaces) as cluster:
        told = {"KUBERNETES": cluster, "ACCOUNT": str(folder), **(variables or {})}
        return kept_beside(store, folder, told, **changes)


def kept_beside(store: Store, folder: Path, variables: Mapping[str, str], **changes: Any) -> str:
    """The same beside an API server. variables: that say where it is, and who asks."""
    (folder / "wanted.json").write_text(json.dumps({**wanted(SPEC), "fullPercent": NEVER_FULL, **changes}))
    names = {"STORE_USER": "keeper", "STORE_PASSWORD": "any", "STORE": store.url, "WANTED": f"{folder}/wanted.json"}
    done = subprocess.run(
        [sys.executable, str(KEEPER)],
        env={**os.environ, **names, **variables},
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@contextlib.contextmanager
def _cluster(namespaces: Mapping[str, str]) -> Generator[str]:
    """The address of what answers as an API server does that has these namespaces, and knows nothing else."""
    named = [
        {"metadata": {"name": name, "labels": {TENANT: tenant} if tenant else {}}}
        for name, tenant in namespaces.items()
    ]
    body = json.dumps({"items": named}).encode()

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path == "/api/v1/namespaces" else 404)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
            del format, args

    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
