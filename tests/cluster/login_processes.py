"""The real login proxy, session store and provider, on loopback, with the configuration that the platform generates.

What the component writes is used as it is; only addresses, ports and folders of a cluster become those of this machine.
"""

import http.client
import json
import os
import shutil
import socket
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import pytest

from bedplate.engine.engine import Recording
from bedplate.engine.resources import revealed
from bedplate.programs.processes import BackgroundProcess, guarded, stop
from cluster.processes_under_test import free_ports
from harness import objects, platform, record
from programs_under_test import program_under_test

DOMAIN = "ml.example.com"
ISSUER, OTHER_ISSUER = "https://login.example.com", "https://oidc.cluster.example.com"
REDIRECT = f"https://auth.{DOMAIN}/oauth2/callback"
LOGIN = {
    "provider": "oidc",
    "issuerUrl": ISSUER,
    "clientId": "ml-platform",
    "clientSecretRef": "client",
    "logoutUrl": f"{ISSUER}/logout",
    "emailDomains": ["example.com"],
    "sessions": {"refreshMinutes": 1, "expireHours": 1},
    "tokens": {"audiences": ["ml-api"], "serviceAccounts": True},
}
FACTS = {"kubernetesVersion": "1.35", "deletedStorageClass": "standard", "retainedStorageClass": "kept"}
CLOUD = {
    "provider": "existing",
    "name": "test",
    "kubernetesVersion": "1.35",
    "facts": {**FACTS, "serviceAccountIssuer": OTHER_ISSUER},
}
_READY_SECONDS, _PROBE_SECONDS = 20, 3


def program(variable: str, *names: str) -> str:
    """A program's path; the test is skipped where there is none."""
    found = os.environ.get(variable) or next((path for name in names if (path := shutil.which(name))), None)
    if found is None:
        pytest.skip(f"{' and '.join(names)} not on PATH, and {variable} does not name it")
    return found


@dataclass(frozen=True)
class LoginPrograms:
    """Paths of the proxy and of a store."""

    proxy: str
    store: str

    @classmethod
    def found(cls) -> "LoginPrograms":
        """Skips the test where one is missing."""
        store = program("VALKEY_SERVER", "valkey-server", "redis-server")
        return cls(proxy=str(program_under_test("oauth2-proxy")), store=store)


@dataclass(frozen=True)
class Generated:
    """What the component puts into the cluster."""

    proxy_file: str
    store_file: str
    users_file: str
    secrets: Mapping[str, str]

    @classmethod
    def of(cls, login: Mapping[str, Any]) -> "Generated":
        return cls.in_recording(record(platform(login=login, cloud=CLOUD, certificates={"issuer": "internal"})))

    @classmethod
    def in_recording(cls, recording: Recording) -> "Generated":
        found = {
            (body.inputs["kind"], body.inputs["metadata"]["name"]): revealed(body.inputs)
            for body in objects(recording)
            if body.inputs["metadata"].get("namespace") == "bedplate-login"
        }
        return cls(
            proxy_file=found["ConfigMap", "oauth2-proxy"]["data"]["oauth2-proxy.cfg"],
            store_file=found["ConfigMap", "session-store-configuration"]["data"]["valkey.conf"],
            users_file=found["Secret", "session-store-users"]["stringData"]["users.acl"],
            # The config secret is a placeholder with spaces, which providers read in different ways.
            secrets={**found["Secret", "oauth2-proxy"]["stringData"], "OAUTH2_PROXY_CLIENT_SECRET": "of-the-client"},
        )


def replaced(text: str, changes: Mapping[str, str]) -> str:
    """The text with addresses of this machine; each of the old ones must be there, or the component has changed."""
    for old, new in changes.items():
        assert old in text, f"{old} is no longer in:\n{text}"
        text = text.replace(old, new)
    return text


@dataclass
class Site:
    """Folder, ports and processes. address: of this machine, where the proxy listens."""

    folder: Path
    programs: LoginPrograms
    generated: Generated
    address: str
    ports: Mapping[str, int] = field(
        default_factory=lambda: free_ports("proxy", "metrics", "store", "provider", "other")
    )
    processes: dict[str, BackgroundProcess] = field(default_factory=dict[str, BackgroundProcess])

    def host(self, name: str) -> str:
        return self.address if name == "proxy" else "127.0.0.1"

    def origin(self, name: str) -> str:
        return f"http://{self.host(name)}:{self.ports[name]}"

    def start(
        self, name: str, command: Sequence[str], environment: Mapping[str, str], is_ready: Callable[[], bool]
    ) -> None:
        self.processes[name] = BackgroundProcess(
            name,
            guarded(command),
            log=self.folder / f"{name}.log",
            folder=self.folder,
            environment={"PATH": os.environ["PATH"], "HOME": str(self.folder), **environment},
        )
        deadline = time.monotonic() + _READY_SECONDS
        while not is_ready():
            running = self.processes[name]
            assert running.exit_code is None, f"{name} has ended:\n{running.log_tail(40)}"
            assert time.monotonic() < deadline, f"{name} is not ready:\n{running.log_tail(40)}"
            time.sleep(0.05)

    def start_provider(self, name: str) -> None:
        secret = self.generated.secrets["OAUTH2_PROXY_CLIENT_SECRET"]
        environment = {"CLIENT_SECRET": secret, "REDIRECT_URI": REDIRECT, "PYTHONPATH": ""}
        command = [sys.executable, str(Path(__file__).with_name("openid_provider.py")), str(self.ports[name])]
        self.start(name, command, environment, lambda: self.answers(name, "/keys"))

    def start_store(self) -> None:
        folder = self.folder / "store"
        folder.mkdir(exist_ok=True)
        changes = {"port 6379": f"bind 127.0.0.1\nport {self.ports['store']}", "/data": str(folder)}
        changes["/etc/session-store-users"] = str(folder)
        (folder / "valkey.conf").write_text(replaced(self.generated.store_file, changes))
        (folder / "users.acl").write_text(self.generated.users_file)
        command = [self.programs.store, str(folder / "valkey.conf")]
        self.start("store", command, {}, lambda: self.store("PING")[:1] == "-")

    def start_proxy(self) -> None:
        file = self.folder / "oauth2-proxy.cfg"
        file.write_text(replaced(self.generated.proxy_file, self.proxy_changes()))
        command = [self.programs.proxy, f"--config={file}"]
        self.start("proxy", command, self.generated.secrets, lambda: self.answers("proxy", "/ready"))

    def proxy_changes(self) -> Mapping[str, str]:
        return {
            ISSUER: self.origin("provider"),
            OTHER_ISSUER: self.origin("other"),
            f'"{urlsplit(ISSUER).netloc}"': f'"127.0.0.1:{self.ports["provider"]}"',
            "session-store.bedplate-login.svc.cluster.local:6379": f"127.0.0.1:{self.ports['store']}",
            "0.0.0.0:4180": f"{self.address}:{self.ports['proxy']}",
            "0.0.0.0:44180": f"127.0.0.1:{self.ports['metrics']}",
            "10.0.0.0/8": f"{self.address}/32",
        }

    def stop(self, name: str) -> None:
        stop([self.processes.pop(name)])

    def answers(self, name: str, path: str) -> bool:
        """As a probe sees it."""
        try:
            return self.get(name, path, seconds=_PROBE_SECONDS).status == 200
        except OSError:
            return False

    def get(self, name: str, path: str, headers: Mapping[str, str] | None = None, seconds: float = 20) -> "Answer":
        connection = http.client.HTTPConnection(self.host(name), self.ports[name], timeout=seconds)
        try:
            connection.request("GET", path, headers=dict(headers or {}))
            answer = connection.getresponse()
            return Answer(answer.status, answer.getheaders(), answer.read().decode())
        finally:
            connection.close()

    def tell_provider(self, method: str, path: str, body: object = None, name: str = "provider") -> str:
        """Changes the provider's people, or asks it for a token."""
        asked = urllib.request.Request(f"{self.origin(name)}/test{path}", json.dumps(body).encode(), method=method)
        with urllib.request.urlopen(asked, timeout=10) as answer:
            return answer.read().decode()

    def token(self, issuer: str = "provider", **claims: Any) -> str:
        """A token of one of the issuers: Ada's for a minute, but for these claims."""
        now = int(time.time())
        known = {"iss": self.origin(issuer), "aud": "ml-platform", "sub": "ada", "iat": now, "exp": now + 60}
        return self.tell_provider("POST", "/token", {**known, "email": "ada@example.com", **claims}, issuer)

    def store(self, *commands: str) -> str:
        """The last line that the store answers to these commands, '-' and '' while it does not."""
        try:
            with socket.create_connection(("127.0.0.1", self.ports["store"]), timeout=5) as connection:
                connection.sendall("".join(f"{command}\r\n" for command in (*commands, "QUIT")).encode())
                received = b"".join(iter(lambda: connection.recv(4096), b"")).decode()
        except OSError:
            return ""
        return received.splitlines()[len(commands) - 1]


@contextmanager
def running_site(
    folder: Path, programs: LoginPrograms, generated: Generated, address: str = "127.0.0.1"
) -> Iterator[Site]:
    """All of it. address: where the proxy listens, for whoever asks it from elsewhere than loopback."""
    here = Site(folder, programs, generated, address)
    try:
        for name in ("provider", "other"):
            here.start_provider(name)
        here.start_store()
        here.start_proxy()
        yield here
    finally:
        stop(here.processes.values())


@dataclass(frozen=True)
class Answer:
    """An HTTP answer."""

    status: int
    headers: list[tuple[str, str]]
    body: str

    def header(self, name: str) -> str:
        return next((value for key, value in self.headers if key.lower() == name.lower()), "")

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key.lower() == name.lower()]


@dataclass
class Browser:
    """Somebody at a browser, seen through a front door that asks the proxy before it lets a request through."""

    site: Site
    cookies: dict[str, str] = field(default_factory=dict[str, str])

    def asks(self, address: str, uri: str = "/", host: str = f"api-vision.{DOMAIN}", **headers: str) -> Answer:
        """The front door's question about a request. address: of `AuthenticationEndpoints`."""
        asked = urlsplit(address)
        return self._get(f"{asked.path}?{asked.query}", host, uri, headers)

    def visits(self, url: str) -> Answer:
        """A page of the proxy itself, which the front door passes through."""
        page = urlsplit(url)
        uri = f"{page.path}?{page.query}" if page.query else page.path
        return self._get(uri, page.netloc, uri, {})

    def _get(self, path: str, host: str, uri: str, headers: Mapping[str, str]) -> Answer:
        forwarded = {
            "Host": f"{self.site.address}:{self.site.ports['proxy']}",
            "X-Forwarded-For": "203.0.113.7",
            "X-Forwarded-Host": host,
            "X-Forwarded-Method": "GET",
            "X-Forwarded-Proto": "https",
            "X-Forwarded-Uri": uri,
            **(
                {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())} if self.cookies else {}
            ),
            **{name.replace("_", "-"): value for name, value in headers.items()},
        }
        answer = self.site.get("proxy", path, forwarded)
        for line in answer.all("Set-Cookie"):
            name, _, rest = line.partition("=")
            value = rest.partition(";")[0]
            self.cookies.pop(name, None)
            if value:
                self.cookies[name] = value
        return answer

    def signs_in_at(self, location: str, name: str) -> Answer:
        """From where the proxy sent the browser to the answer after the sign-in at the provider."""
        target = urlsplit(location)
        assert target.netloc == f"127.0.0.1:{self.site.ports['provider']}"
        back = self.site.get("provider", f"{target.path}?{target.query}&login_hint={quote(name)}").header("Location")
        assert back.startswith(REDIRECT), back
        return self.visits(back)

    def signs_in(self, name: str, address: str, uri: str = "/") -> Answer:
        """From a page that wants a session to the answer that leads back to it."""
        sent_away = self.asks(address, uri)
        assert sent_away.status == 302, sent_away
        return self.signs_in_at(sent_away.header("Location"), name)
