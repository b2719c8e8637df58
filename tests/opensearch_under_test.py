"""A real OpenSearch for tests: one node by its own libraries, from Maven Central, without a security module.

Its sources are in `opensearch/`. It is built once, into the cache of programs; that needs Maven, a JDK from 21 on, and
the network. Tests are skipped where one is missing.
"""

import contextlib
import functools
import hashlib
import http.client
import json
import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from bedplate.programs import cache_folder
from bedplate.programs.locks import exclusive
from harness import ROOT

_SOURCES = ROOT / "tests" / "opensearch"
_OLDEST_JAVA = 21
_BUILD_SECONDS, _START_SECONDS = 600, 120


@dataclass(frozen=True, kw_only=True)
class Store:
    """A running node. pid: of its process."""

    port: int
    pid: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def ask(self, method: str, path: str, body: Any = None, status: int | None = 200) -> Any:
        """Its answer. status: that it must have; any if none."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        with contextlib.closing(connection):
            data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
            connection.request(method, path, data, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            text = answer.read().decode()
        assert status is None or answer.status == status, f"{method} {path}: {answer.status} {text}"
        return json.loads(text)

    def lines(self, stream: str) -> list[dict[str, Any]]:
        """All that is found in a stream, as the index holds it, by time."""
        self.ask("POST", f"/{stream}/_refresh")
        query = {"size": 10_000, "sort": ["@timestamp"], "query": {"match_all": {}}}
        return [hit["_source"] for hit in self.ask("POST", f"/{stream}/_search", query)["hits"]["hits"]]

    def cpu_seconds(self) -> float:
        """That its process has used."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextlib.contextmanager
def running_store(folder: Path, **settings: str) -> Generator[Store]:
    """A node of its own in an empty folder. settings: with `__` for a dot."""
    classes = _built()
    http_port, transport_port = _free_port(), _free_port()
    written = [f"{name.replace('__', '.')}={value}" for name, value in settings.items()]
    command = [
        *(f"{_java()}/bin/java", "-Xms512m", "-Xmx512m", "-XX:TieredStopAtLevel=4"),
        *("--enable-native-access=ALL-UNNAMED", "--add-modules", "jdk.incubator.vector"),
        *("-cp", f"{classes}:{classes}/lib/*", "OneNode", str(folder), str(http_port), str(transport_port), *written),
    ]
    with (folder / "log").open("wb") as log, subprocess.Popen(command, stdout=log, stderr=log) as process:
        try:
            store = Store(port=http_port, pid=process.pid)
            _until_it_answers(store, process, folder / "log")
            yield store
        finally:
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(20)
            process.kill()


def _until_it_answers(store: Store, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + _START_SECONDS
    while time.monotonic() < end and process.poll() is None:
        with contextlib.suppress(OSError, AssertionError):
            store.ask("GET", "/_cluster/health?wait_for_status=yellow&timeout=1s")
            return
        time.sleep(0.3)
    raise RuntimeError(f"OpenSearch did not start:\n{log.read_text()[-3000:]}")


@functools.cache
def _java() -> Path:
    for home in _homes():
        release = home / "release"
        found = re.search(r'JAVA_VERSION="(\d+)', release.read_text()) if release.is_file() else None
        if found and int(found[1]) >= _OLDEST_JAVA and (home / "bin" / "javac").is_file():
            return home
    pytest.skip(f"OpenSearch runs on a JDK from {_OLDEST_JAVA} on: install one, and name it by JAVA_HOME")


def _homes() -> Iterator[Path]:
    for name in sorted(os.environ, reverse=True):
        if name == "JAVA_HOME" or re.fullmatch(r"JAVA_HOME_\d+_X64", name):
            yield Path(os.environ[name])
    if java := shutil.which("javac"):
        yield Path(java).resolve().parents[1]
    folder = Path("/usr/lib/jvm")
    yield from sorted(folder.iterdir(), reverse=True) if folder.is_dir() else ()


def _built() -> Path:
    """The folder with its classes, and its libraries in `lib`."""
    java, sources = _java(), (_SOURCES / "pom.xml", _SOURCES / "OneNode.java")
    key = hashlib.sha256(b"".join(file.read_bytes() for file in sources) + str(java).encode()).hexdigest()[:16]
    folder = cache_folder() / "opensearch" / key
    if folder.exists():
        return folder
    maven = shutil.which("mvn")
    if maven is None:
        pytest.skip("OpenSearch is fetched by Maven: apt-get install maven")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with exclusive(folder.parent / "lock", lambda _: None):
        if not folder.exists():
            _build(maven, java, folder)
    return folder


def _build(maven: str, java: Path, folder: Path) -> None:
    making = folder.with_suffix(".making")
    shutil.rmtree(making, ignore_errors=True)
    fetch = [maven, "-q", "-B", "-f", str(_SOURCES / "pom.xml"), "dependency:copy-dependencies"]
    compile_it = [f"{java}/bin/javac", "-cp", f"{making}/lib/*", "-d", str(making), str(_SOURCES / "OneNode.java")]
    for command in ([*fetch, f"-DoutputDirectory={making}/lib"], compile_it):
        environment = {**os.environ, "JAVA_HOME": str(java)}
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=_BUILD_SECONDS, check=False
        )
        if done.returncode != 0:
            pytest.skip(f"OpenSearch cannot be built: {(done.stdout + done.stderr).strip()[-500:]}")
    making.rename(folder)


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
