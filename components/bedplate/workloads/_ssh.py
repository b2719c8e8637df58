"""How a workspace is reached by SSH: by the SSH server of its own image, beside its program.

Owns the server's configuration, the list of users without which it knows nobody, and the scripts that start it. A
container beside the workspace's would have neither its GPUs nor its processes, so server and program are started in
one. It runs as the workspace's user and lets in one person; where it may be reached from is the network's to say. Its
host key is made once and lives in the home. Options: https://man.openbsd.org/sshd_config.
"""

from collections.abc import Sequence
from dataclasses import replace

from bedplate.kubernetes import Container, Manifest, manifest, pods_of
from bedplate.labels import NAME, SSH_GATE, SSH_NAMESPACE, WORKSPACE_SSH_PORT
from bedplate.workloads._base import WorkloadArgs
from bedplate.workloads._interfaces import file_text

SSH_PATH = "/etc/bedplate-ssh"
USER = "workspace"
"""Whom people come as, whatever the image calls its user."""


def configuration(keys: str, port: int = WORKSPACE_SSH_PORT) -> str:
    """What the server reads, but for its host key and the variables. keys: path of a file.

    Editors need what is forwarded to ports and sockets of the workspace. Where else that leads is bound by the network:
    who is let in could ask for it from a shell as well.
    """
    options = {
        "Port": port,
        "PidFile": "none",
        "AuthorizedKeysFile": keys,
        # Kubernetes' own files, read-only, in folders that it opens to the pod's group.
        "StrictModes": "no",
        "AuthenticationMethods": "publickey",
        "PasswordAuthentication": "no",
        "KbdInteractiveAuthentication": "no",
        "AllowAgentForwarding": "yes",
        "AllowTcpForwarding": "local",
        "AllowStreamLocalForwarding": "yes",
        "StreamLocalBindUnlink": "yes",
        "GatewayPorts": "no",
        "PermitTunnel": "no",
        "X11Forwarding": "no",
        "PrintMotd": "no",
        "AcceptEnv": "LANG LC_*",
        "ClientAliveInterval": 30,
        "Subsystem": "sftp internal-sftp",
    }
    return "".join(f"{name} {value}\n" for name, value in options.items())


def users(login: str, user: int, home: str) -> str:
    """The server asks who a user is, and an image need not know the number that it runs as."""
    names = dict.fromkeys((login, USER))
    known = [f"{name}:x:{user}:{user}::{home}:{SSH_PATH}/shell\n" for name in names]
    return "".join(["root:x:0:0:root:/root:/sbin/nologin\n", *known, "nobody:x:65534:65534::/:/sbin/nologin\n"])


def files(name: str, user: int, login: str, home: str, args: WorkloadArgs) -> Manifest:
    """All of it, as a ConfigMap. Whoever is let in is there within a minute or two of a change, without a restart."""
    shell = args.offers.shell
    data = {
        "authorized_keys": shell.authorized_keys(args.identity.owner) if shell else "",
        "passwd": users(login, user, home),
        "shell": file_text("ssh_shell.sh"),
        "sshd_config": configuration(f"{SSH_PATH}/authorized_keys"),
        "start": file_text("ssh_start.sh"),
    }
    return manifest("v1", "ConfigMap", files_name(name), args.identity, namespace=args.namespace_name, data=data)


def files_name(name: str) -> str:
    """Of the ConfigMap of a workspace."""
    return f"{name}-ssh"


def from_the_gate() -> Manifest:
    """Who may reach the server, as a rule of ingress."""
    return {
        "from": [{**pods_of(SSH_NAMESPACE), "podSelector": {"matchLabels": {NAME: SSH_GATE}}}],
        "ports": [{"protocol": "TCP", "port": WORKSPACE_SSH_PORT}],
    }


def with_ssh(container: Container, name: str) -> Container:
    """The container, with the server beside its program."""
    source = files_name(name)
    program: Sequence[str] = [*container.command, *container.args]
    ports = [*container.extra.get("ports", ()), {"name": "ssh", "containerPort": WORKSPACE_SSH_PORT, "protocol": "TCP"}]
    return replace(
        container,
        command=["/bin/sh", f"{SSH_PATH}/start"],
        args=program,
        files={**container.files, SSH_PATH: {"configMap": {"name": source, "defaultMode": 0o555}}},
        single_files={**container.single_files, "/etc/passwd": (source, "passwd")},
        extra={**container.extra, "ports": ports},
    )
