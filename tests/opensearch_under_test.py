"""A real OpenSearch for tests: one node by its own libraries, from Maven Central, with or without its security plugin.

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
import ssl
import subprocess
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from bedplate.programs import cache_folder
from bedplate.programs.locks import exclusive
from harness import ROOT

_SOURCES = ROOT / "tests" / "opensearch"
_OLDEST_JAVA = 21
_BUILD_SECONDS, _START_SECONDS = 600, 300


@dataclass(frozen=True, kw_only=True)
class Store:
    """A running node. pid: of its process. authorization: the header of who asks, if anybody must say; trusted: for
    TLS, where it speaks it; authority: what its certificate is verified with."""

    port: int
    pid: int = 0
    authorization: str = ""
    trusted: ssl.SSLContext | None = None
    authority: str = ""

    @property
    def url(self) -> str:
        return f"http{'s' if self.trusted else ''}://127.0.0.1:{self.port}"

    def asked_by(self, authorization: str) -> "Store":
        """The same, for somebody who shows no certificate."""
        trusted = ssl.create_default_context(cadata=self.authority) if self.trusted else None
        return replace(self, authorization=authorization, trusted=trusted)

    def answer(self, method: str, path: str, data: bytes | None, headers: Mapping[str, str]) -> tuple[int, str]:
        """Status and text."""
        if self.trusted:
            connection = http.client.HTTPSConnection("127.0.0.1", self.port, timeout=60, context=self.trusted)
        else:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        said = {"Authorization": self.authorization} if self.authorization else {}
        with contextlib.closing(connection):
            connection.request(method, path, data, {**headers, **said})
            answer = connection.getresponse()
            return answer.status, answer.read().decode()

    def ask(self, method: str, path: str, body: Any = None, status: int | None = 200) -> Any:
        """Its answer. status: that it must have; any if none."""
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        found, text = self.answer(method, path, data, {"Content-Type": "application/json"})
        assert status is None or found == status, f"{method} {path}: {found} {text}"
        return json.loads(text)

    def lines(self, stream: str) -> list[dict[str, Any]]:
        """All that is found in a stream, as the index holds it, by time."""
        self.ask("POST", f"/{stream}/_refresh")
        query = {"size": 10_000, "sort": ["@timestamp"], "query": {"match_all": {}}}
        return [hit["_source"] for hit in self.ask("POST", f"/{stream}/_search", query)["hits"]["hits"]]

    def memory_mib(self) -> float:
        """Of its process, resident: its heap is 512 MiB, whatever is in it."""
        return int(Path(f"/proc/{self.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20

    def cpu_seconds(self) -> float:
        """That its process has used."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextlib.contextmanager
def running_store(folder: Path, **settings: str) -> Generator[Store]:
    """A node of its own in an empty folder. settings: with `__` for a dot."""
    with _running(folder, [_built() / "lib"], settings, Store(port=_free_port())) as store:
        yield store


@contextlib.contextmanager
def secured_store(folder: Path, files: Mapping[str, Any], **settings: str) -> Generator[Store]:
    """A node with its security plugin, asked by its administrator, who shows a certificate. files: of the plugin, by
    what they are about; those that it has not been given are empty.

    https://docs.opensearch.org/latest/security/configuration/yaml/
    """
    configuration = folder / "config"
    (configuration / "opensearch-security").mkdir(parents=True)
    for about in _FILES:
        meta = {"_meta": {"type": about.replace("_", ""), "config_version": 2}}
        text = json.dumps({**meta, **files.get(about, {})})
        (configuration / "opensearch-security" / f"{about}.yml").write_text(text)
    node, admin = _certificate(configuration, "node"), _certificate(configuration, "admin")
    (configuration / "trusted.pem").write_text(node.read_text() + admin.read_text())
    trusted = ssl.create_default_context(cafile=str(node))
    trusted.load_cert_chain(admin, admin.with_suffix(".key"))
    store = Store(port=_free_port(), trusted=trusted, authority=node.read_text())
    built = _built()
    with _running(folder, [built / "security", built / "lib"], {**_SECURED, **settings}, store) as running:
        _until_it_knows_users(running)
        yield running


def _until_it_knows_users(store: Store) -> None:
    """It serves before it has read its files."""
    end = time.monotonic() + _START_SECONDS
    while store.ask("GET", "/_plugins/_security/api/roles", status=None).get("status"):
        assert time.monotonic() < end, "the security plugin has not read its files"
        time.sleep(0.3)


_FILES = (
    *("action_groups", "allowlist", "audit", "config", "internal_users", "nodes_dn", "roles", "roles_mapping"),
    "tenants",
)
_TLS = {
    "pemcert_filepath": "node.pem",
    "pemkey_filepath": "node.key",
    "pemtrustedcas_filepath": "trusted.pem",
}
_SECURED = {
    **{
        f"plugins__security__ssl__{where}__{key}": file for where in ("transport", "http") for key, file in _TLS.items()
    },
    "plugins__security__ssl__http__enabled": "true",
    "plugins__security__ssl__transport__enforce_hostname_verification": "false",
    "plugins__security__authcz__admin_dn": "CN=admin",
    "plugins__security__nodes_dn": "CN=node",
    "plugins__security__allow_default_init_securityindex": "true",
    "plugins__security__audit__type": "noop",
}


def _certificate(folder: Path, name: str) -> Path:
    """One that vouches for itself, with its key beside it."""
    certificate = folder / f"{name}.pem"
    asked = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2")
    named = ("-subj", f"/CN={name}", "-addext", "subjectAltName=IP:127.0.0.1")
    written = ("-keyout", str(certificate.with_suffix(".key")), "-out", str(certificate))
    subprocess.run(["openssl", "req", "-x509", *asked, *named, *written], check=True, capture_output=True)
    return certificate


@contextlib.contextmanager
def _running(folder: Path, libraries: Sequence[Path], settings: Mapping[str, str], store: Store) -> Generator[Store]:
    """libraries: folders, of which the first with a class wins."""
    written = [f"{name.replace('__', '.')}={value}" for name, value in settings.items()]
    classes = ":".join([str(_built()), *(f"{each}/*" for each in libraries)])
    command = [
        *(f"{_java()}/bin/java", "-Xms512m", "-Xmx512m", "-XX:TieredStopAtLevel=4"),
        *("--enable-native-access=ALL-UNNAMED", "--add-modules", "jdk.incubator.vector"),
        *("-cp", classes, "OneNode", str(folder), str(store.port), str(_free_port()), *written),
    ]
    with (folder / "log").open("wb") as log, subprocess.Popen(command, stdout=log, stderr=log) as process:
        try:
            running = replace(store, pid=process.pid)
            _until_it_answers(running, process, folder / "log")
            yield running
        finally:
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(20)
            process.kill()


def _until_it_answers(store: Store, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + _START_SECONDS
    while time.monotonic() < end and process.poll() is None:
        with contextlib.suppress(OSError, AssertionError, http.client.HTTPException):
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
    fetch = [maven, "-q", "-B", "-f", str(_SOURCES / "pom.xml")]
    libraries = ["dependency:copy-dependencies", "-DincludeTypes=jar", f"-DoutputDirectory={making}/lib"]
    security = ["dependency:unpack-dependencies", "-DincludeTypes=zip", f"-DoutputDirectory={making}/security"]
    # Where it remembers what it has unpacked already.
    security.append(f"-DmarkersDirectory={making}/markers")
    compile_it = [f"{java}/bin/javac", "-cp", f"{making}/lib/*", "-d", str(making), str(_SOURCES / "OneNode.java")]
    for command in ([*fetch, *libraries], [*fetch, *security], compile_it):
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
