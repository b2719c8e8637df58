"""Who gets where by SSH, with the real programs: the gate and workspaces as rendered, and OpenSSH's own client."""

import contextlib
import shutil
import socket
import socketserver
import subprocess
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from bedplate.kubernetes import Container, pod_spec
from bedplate.labels import SSH_PORT, WORKSPACE_SSH_PORT
from bedplate.services.ssh import gate
from bedplate.services.ssh.keys import Reached, gate_keys, keys_of
from bedplate.services.ssh.spec import SshSpec
from bedplate.workloads._interfaces import file_text
from bedplate.workloads._ssh import configuration, files_name, users, with_ssh
from contained import Contained, Surroundings, contained

INES, TOMAS, LEAVER, SIGNED = "ines@example.com", "tomas@example.com", "leaver@example.com", "signed@example.com"
pytestmark = pytest.mark.enable_socket
OWNERS = {"ines": INES, "tomas": TOMAS, "signed": SIGNED, "leaver": LEAVER}
TENANT = "vision"
USER = 65532
GATE_ADDRESS = "127.0.8.1"
ADDRESSES = {f"{name}.{TENANT}": f"127.0.8.{at}" for at, name in enumerate(OWNERS, 11)}
INES_HOST = f"ines.{TENANT}"
WORKSPACES = [Reached(namespace=TENANT, workspace=name, owner=owner) for name, owner in OWNERS.items()]
SECONDS = 20


@dataclass
class Site:
    """Where everything runs. folder: with everybody's keys."""

    folder: Path
    doors: Path
    spec: SshSpec

    def command(self, who: str, program: str = "ssh") -> list[str]:
        """A client as a person has set it up on their own machine, as the guide says."""
        options = {
            "UserKnownHostsFile": "/dev/null",
            "StrictHostKeyChecking": "no",
            "IdentitiesOnly": "yes",
            "IdentityFile": self.folder / who,
            "BatchMode": "yes",
            "LogLevel": "INFO",
            "ConnectTimeout": 10,
        }
        said = "".join(f"  {name} {value}\n" for name, value in options.items())
        config = self.folder / f"{who}.config"
        config.write_text(
            f"Host gate\n  HostName {GATE_ADDRESS}\n  Port {gate.PORT}\n  User {gate.PEOPLE}\n{said}"
            f"Host *.{TENANT}\n  User workspace\n  ProxyJump gate\n{said}"
        )
        return [program, "-F", str(config)]

    def ssh(self, who: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Ended, with what it said. arguments: options, where to, and the command if there is one."""
        return subprocess.run(
            [*self.command(who), *arguments], capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL
        )

    @contextlib.contextmanager
    def forwarding(self, there: str) -> Iterator[Path]:
        """A socket here that leads to a port or a socket in the workspace of Ines."""
        here = self.folder / "forwarded.sock"
        here.unlink(missing_ok=True)
        command = [*self.command("ines"), "-N", "-L", f"{here}:{there}", INES_HOST]
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
        try:
            eventually(here.exists)
            yield here
        finally:
            process.kill()
            process.wait(10)


def eventually(condition: Callable[[], object]) -> None:
    until = time.monotonic() + SECONDS
    while not condition() and time.monotonic() < until:
        time.sleep(0.1)
    assert condition()


def key(folder: Path, name: str) -> str:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", str(folder / name)], check=True)
    return (folder / f"{name}.pub").read_text().strip()


@contextlib.contextmanager
def running(pod: Contained, port: int, address: str) -> Iterator[None]:
    """Until the test is over; it answers before that."""
    with pod.running(stop_seconds=2) as process:
        until = time.monotonic() + SECONDS
        while time.monotonic() < until:
            with contextlib.suppress(OSError), socket.create_connection((address, port), timeout=1):
                break
            assert process.poll() is None, pod.log.read_text()
            time.sleep(0.1)
        else:
            raise AssertionError(pod.log.read_text())
        yield


class _Relay(socketserver.BaseRequestHandler):
    """A connection to a Service's address, handed on to the pod's port."""

    def handle(self) -> None:
        with socket.create_connection((self.request.getsockname()[0], WORKSPACE_SSH_PORT)) as pod:
            back = threading.Thread(target=self._copy, args=(pod, self.request))
            back.start()
            self._copy(self.request, pod)
            back.join(SECONDS)

    def _copy(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
        with contextlib.suppress(OSError):
            sink.shutdown(socket.SHUT_WR)


@contextlib.contextmanager
def service(address: str) -> Iterator[None]:
    """What a workspace's Service does."""
    socketserver.ThreadingTCPServer.allow_reuse_address = True
    with socketserver.ThreadingTCPServer((address, SSH_PORT), _Relay) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join()


@contextlib.contextmanager
def workspace(folder: Path, name: str, spec: SshSpec) -> Iterator[None]:
    """A workspace whose program does nothing, with the image's SSH server beside it."""
    login, home, address = name, folder / "home", ADDRESSES[f"{name}.{TENANT}"]
    for each in (folder, home, folder / "pod"):
        each.mkdir()
    container = with_ssh(
        Container(
            name=name,
            image="ghcr.io/acme/notebook:1.0.0",
            cpu=1,
            memory_gib=1,
            command=["sleep", "300"],
            environment={"HOME": "/srv", "USER": login, "GREETING": 'a "quoted" \\ word', "SHELL": "/bin/bash"},
            volume_mounts={"/srv": "home"},
        ),
        name,
    )
    # Pods have addresses of their own; here each server listens on one of this machine's.
    settings = f"ListenAddress {address}\n{configuration('/etc/bedplate-ssh/authorized_keys')}"
    data = {
        "authorized_keys": "".join(f"{line}\n" for line in keys_of(spec, OWNERS[name])),
        "passwd": users(login, USER, "/srv"),
        "shell": file_text("ssh_shell.sh"),
        "sshd_config": settings,
        "start": file_text("ssh_start.sh"),
    }
    surroundings = Surroundings(folder=folder / "pod", objects={files_name(name): data}, claims={"home": home})
    pod = contained(pod_spec(container, name), surroundings)
    with running(pod, WORKSPACE_SSH_PORT, address), service(address):
        yield


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    if not all(shutil.which(name) for name in ("ssh", "ssh-keygen", "sshd")):
        pytest.skip("needs OpenSSH's client and server: apt-get install openssh-client openssh-server")
    folder = tmp_path_factory.mktemp("ssh")
    public = {name: key(folder, name) for name in (*OWNERS, "authority", "host", "stranger")}
    sign = ["ssh-keygen", "-q", "-s", str(folder / "authority"), "-I", "signed", "-n", SIGNED, "-V", "+1h"]
    subprocess.run([*sign, str(folder / "signed.pub")], check=True)
    keys = {owner: [public[name]] for name, owner in OWNERS.items() if name != "signed"}
    spec = SshSpec.model_validate({"hostKeyRef": "host", "keys": keys, "certificateAuthorities": [public["authority"]]})
    (folder / "pod").mkdir()
    # Pods have addresses of their own; here each server listens on one of this machine's.
    listens, settings = f"ListenAddress {GATE_ADDRESS}\n", gate.settings()["data"]
    objects = {
        "settings": {name: f"{listens}{text}" if name == "sshd_config" else text for name, text in settings.items()},
        "doors": gate.doors(spec, WORKSPACES)["data"],
        "programs": gate.program()["data"],
        "host-key": {"host_key": (folder / "host").read_text()},
    }
    pod = gate.deployment()["spec"]["template"]["spec"]
    # The distribution's program in the place of the image's.
    pod["containers"][0]["command"][0] = shutil.which("sshd")
    surroundings = Surroundings(folder=folder / "pod", objects=objects, hosts=ADDRESSES)
    with contextlib.ExitStack() as stack:
        gated = contained(pod, surroundings)
        stack.enter_context(running(gated, gate.PORT, GATE_ADDRESS))
        for name in ("ines", "tomas", "signed"):
            stack.enter_context(workspace(folder / f"workspace-{name}", name, spec))
        yield Site(folder=folder, doors=folder / "pod" / "volumes" / "doors", spec=spec)


class TestAnOwner:
    def test_is_in_their_workspace_and_finds_its_variables(self, site: Site) -> None:
        ran = site.ssh(
            "ines", INES_HOST, "id -u; pwd; echo $GREETING $USER; touch /tmp/scratch ~/kept && ! touch /usr/here"
        )
        assert ran.stdout.splitlines() == [str(USER), "/srv", 'a "quoted" \\ word ines'], ran.stderr
        assert ran.returncode == 0
        assert (site.folder / "workspace-ines" / "home" / "kept").exists()

    def test_gets_in_by_a_certificate_with_their_name(self, site: Site) -> None:
        assert site.ssh("signed", f"signed.{TENANT}", "echo in").stdout == "in\n"

    def test_copies_files(self, site: Site) -> None:
        source = site.folder / "file"
        source.write_text("content")
        command = [*site.command("ines", "scp"), str(source), f"{INES_HOST}:copied"]
        ran = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert ran.returncode == 0, ran.stderr
        assert (site.folder / "workspace-ines" / "home" / "copied").read_text() == "content"

    def test_reaches_ports_and_sockets_of_the_workspace_as_editors_do(self, site: Site) -> None:
        """VS Code starts its server by a command, and then talks to it by what is forwarded."""
        with (
            socket.create_server(("127.0.0.1", 0)) as editor,
            site.forwarding(f"127.0.0.1:{editor.getsockname()[1]}") as here,
        ):
            assert answered(editor, here) == b"hello"
        with socket.socket(socket.AF_UNIX) as editor:
            there = site.folder / "workspace-ines" / "home" / "editor.sock"
            editor.bind(str(there))
            there.chmod(0o777)
            editor.listen()
            with site.forwarding("/srv/editor.sock") as here:
                assert answered(editor, here) == b"hello"


def answered(server: socket.socket, here: Path) -> bytes:
    """What comes back through a forwarded socket."""
    server.settimeout(SECONDS)
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(here))
        with server.accept()[0] as accepted:
            accepted.sendall(b"hello")
            return client.recv(5)


class TestTheGate:
    def test_lets_nobody_to_anothers_workspace(self, site: Site) -> None:
        ran = site.ssh("ines", f"tomas.{TENANT}", "echo in")
        assert ran.stdout == ""
        assert "administratively prohibited" in ran.stderr

    def test_lets_nobody_in_without_a_key(self, site: Site) -> None:
        assert "Permission denied" in site.ssh("stranger", "gate").stderr

    def test_forwards_nowhere_else(self, site: Site) -> None:
        for place in ("127.0.0.1:9", f"ines.{TENANT}:80", f"tomas.{TENANT}:22", "10.0.0.1:443"):
            assert "administratively prohibited" in site.ssh("ines", "-W", place, "gate").stderr, place

    def test_gives_no_shell_and_no_way_back(self, site: Site) -> None:
        assert site.ssh("ines", "gate", "id").stdout.startswith("This is the gate")
        back = site.ssh("ines", "-o", "ExitOnForwardFailure=yes", "-R", "0:127.0.0.1:9", "gate", "true")
        assert "remote port forwarding failed" in back.stderr

    def test_knows_a_leaver_no_more(self, site: Site) -> None:
        """Taken out of the stack's file, as the ConfigMap then has it; nothing is restarted."""
        assert site.ssh("leaver", "gate").stdout.startswith("This is the gate")
        kept = {person: keys for person, keys in site.spec.keys.items() if person != LEAVER}
        changed = site.spec.model_copy(update={"keys": kept})
        (site.doors / "authorized_keys").write_text(gate_keys(changed, WORKSPACES))
        assert "Permission denied" in site.ssh("leaver", "gate").stderr


class TestAWorkspace:
    def test_keeps_its_host_key_in_its_home(self, site: Site) -> None:
        home = site.folder / "workspace-ines" / "home" / ".ssh"
        assert (home / "bedplate_host_ed25519_key.pub").read_text().startswith("ssh-ed25519 ")
        assert home.stat().st_mode & 0o777 == 0o700

    def test_lets_in_its_owner_alone(self, site: Site) -> None:
        """Whoever gets to its port some other way: at the network of a tenant, say."""
        direct = [*site.command("tomas"), "-o", "ProxyJump=none", "-o", f"HostName={ADDRESSES[INES_HOST]}", INES_HOST]
        ran = subprocess.run([*direct, "id"], capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)
        assert "Permission denied" in ran.stderr


class TestSessions:
    def test_are_counted_by_workspace(self, site: Site, tmp_path: Path) -> None:
        """The counting program beside the gate, which shares its table of connections."""
        pod = gate.deployment()["spec"]["template"]["spec"]
        objects = {
            "settings": gate.settings()["data"],
            "doors": gate.doors(site.spec, WORKSPACES)["data"],
            "programs": gate.program()["data"],
            "host-key": {},
        }
        surroundings = Surroundings(folder=tmp_path, objects=objects, hosts=ADDRESSES)
        program = contained(pod, surroundings, "sessions")
        with running(program, gate.METRICS_PORT, "127.0.0.1"):
            before = told()
            assert before == dict.fromkeys([f"{name}-0" for name in OWNERS], 0)
            session = subprocess.Popen([*site.command("ines"), INES_HOST, "sleep 30"], stdin=subprocess.DEVNULL)
            try:
                eventually(lambda: told()["ines-0"])
                assert told() == {**before, "ines-0": 1}
            finally:
                session.kill()
                session.wait(10)


def told() -> dict[str, int]:
    with urllib.request.urlopen(f"http://127.0.0.1:{gate.METRICS_PORT}/metrics", timeout=10) as answer:
        lines = [line for line in answer.read().decode().splitlines() if not line.startswith("#")]
    return {line.split('pod="')[1].split('"')[0]: int(line.rpartition(" ")[2]) for line in lines}
