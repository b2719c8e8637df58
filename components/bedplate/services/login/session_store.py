"""Where sessions are: one Valkey with a disk, which only the login proxy may ask.

Owns its StatefulSet, Service, claim, configuration and password. It deliberately has one replica: what it holds is
small, a restart reads it back from disk within seconds, and losing it makes everybody sign in again, which the provider
answers without a question. While it is away nobody is let in anew (docs/guides/login.md).

Its one user may do what the proxy does and no more: it can neither list the sessions nor change the server.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
import pulumi_random as random

from bedplate.kubernetes import (
    CRITICAL_PRIORITY_CLASS,
    PLATFORM_TOLERATIONS,
    SKIP_AWAIT,
    Container,
    KubernetesObject,
    Manifest,
    PlatformNamespace,
    configuration_hash,
    manifest,
    pod_spec,
    secrets_hash,
    service_account,
    template_metadata,
)
from bedplate.labels import LOGIN_NAMESPACE, NOTHING_OF_VALUE, ON_REMOVAL, SESSION_COOKIE, Identity

# renovate: datasource=docker depName=docker.io/valkey/valkey
VERSION = "9.0.7-alpine"
NAME = "session-store"
PORT = 6379
ADDRESS = f"{NAME}.{LOGIN_NAMESPACE}.svc.cluster.local:{PORT}"
USER = "oauth2-proxy"
IDENTITY = Identity(name=NAME, component="login", version=VERSION)
_VALKEY_USER = 999
"""https://github.com/valkey-io/valkey-container/blob/mainline/9.0/alpine/Dockerfile"""
_CONFIGURATION_FOLDER, _USERS_FOLDER, _DATA_FOLDER = "/etc/session-store", "/etc/session-store-users", "/data"
_DISK_GIB, _MEMORY_GIB, _MEMORY_FOR_SESSIONS_MIB = 4, 0.5, 256
"""A session with its tokens takes some 10 KiB, so tens of thousands fit; the rest of the memory is for the copy of
pages while the file is rewritten, as the rest of the disk is for the second file
(https://valkey.io/topics/persistence/#log-rewriting)."""
_COMMANDS = "+@string +del +exists +expire +pexpire +ttl +pttl +eval +evalsha +script|load +ping +hello +auth"
"""What the proxy's library says: sessions, the scripts that lock one while it is renewed, and the greeting."""


@dataclass(frozen=True, kw_only=True)
class SessionStoreArgs:
    """place: where it stands. storage_class: of a disk that goes with its claim."""

    place: PlatformNamespace
    storage_class: str


class SessionStore(pulumi.ComponentResource):
    """The sessions of everybody who is signed in."""

    password: pulumi.Output[str]
    """Of its one user."""

    def __init__(self, name: str, args: SessionStoreArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("bedplate:index:SessionStore", name, {}, opts)
        password = random.RandomPassword(
            f"{name}-password", length=43, special=False, opts=pulumi.ResourceOptions(parent=self)
        )
        self.password = pulumi.Output.secret(password.result)
        users = manifest("v1", "Secret", f"{NAME}-users", IDENTITY, namespace=LOGIN_NAMESPACE, type="Opaque")
        users["stringData"] = {"users.acl": self.password.apply(users_file)}
        inside = args.place.inside(self)
        parts = (
            ("service-account", service_account(NAME, LOGIN_NAMESPACE, IDENTITY)),
            ("configuration", _configuration()),
            ("users", users),
            ("disk", _claim(args.storage_class)),
            ("service", _service()),
        )
        before = [KubernetesObject(f"{name}-{suffix}", part, inside) for suffix, part in parts]
        KubernetesObject(
            f"{name}-stateful-set",
            _stateful_set({**configuration_hash(configuration_file()), **secrets_hash(NAME, {USER: self.password})}),
            pulumi.ResourceOptions(parent=self, depends_on=[args.place, *before], deleted_with=args.place.namespace),
        )
        self.register_outputs({"password": self.password})


def configuration_file() -> str:
    """https://valkey.io/topics/valkey.conf/: at most a second of sessions is lost by a crash, and a full store forgets
    those first that end first."""
    return (
        f"port {PORT}\n"
        f"dir {_DATA_FOLDER}\n"
        f"aclfile {_USERS_FOLDER}/users.acl\n"
        "appendonly yes\n"
        "appendfsync everysec\n"
        'save ""\n'
        f"maxmemory {_MEMORY_FOR_SESSIONS_MIB}mb\n"
        "maxmemory-policy volatile-ttl\n"
    )


def users_file(password: str) -> str:
    """https://valkey.io/topics/acl/: the proxy's user on the proxy's keys; nobody without a password."""
    return f"user default off\nuser {USER} on >{password} resetchannels ~{SESSION_COOKIE}-* -@all {_COMMANDS}\n"


def _configuration() -> Manifest:
    data = {"valkey.conf": configuration_file()}
    return manifest("v1", "ConfigMap", f"{NAME}-configuration", IDENTITY, namespace=LOGIN_NAMESPACE, data=data)


def _claim(storage_class: str) -> Manifest:
    # It binds when the pod arrives; waiting for it would wait for a pod that is yet to come.
    return manifest(
        "v1",
        "PersistentVolumeClaim",
        NAME,
        IDENTITY,
        namespace=LOGIN_NAMESPACE,
        # Whoever is signed in signs in again.
        annotations={**SKIP_AWAIT, ON_REMOVAL: NOTHING_OF_VALUE},
        spec={
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": f"{_DISK_GIB}Gi"}},
            "storageClassName": storage_class,
        },
    )


def _service() -> Manifest:
    return manifest(
        "v1",
        "Service",
        NAME,
        IDENTITY,
        namespace=LOGIN_NAMESPACE,
        annotations=SKIP_AWAIT,
        spec={
            "type": "ClusterIP",
            "selector": IDENTITY.selector(),
            "ports": [{"name": "valkey", "port": PORT, "targetPort": "valkey", "protocol": "TCP"}],
        },
    )


def _stateful_set(hashes: Mapping[str, pulumi.Input[str]]) -> Manifest:
    """Never two pods at once, because there is one disk."""
    return manifest(
        "apps/v1",
        "StatefulSet",
        NAME,
        IDENTITY,
        namespace=LOGIN_NAMESPACE,
        # A zone without a free node must not hold up the platform's updates; the alert tells of it.
        annotations=SKIP_AWAIT,
        spec={
            "replicas": 1,
            "serviceName": NAME,
            "selector": {"matchLabels": IDENTITY.selector()},
            "revisionHistoryLimit": 5,
            "template": {"metadata": template_metadata(IDENTITY, hashes), "spec": _pod()},
        },
    )


def _pod() -> Manifest:
    listens = {"tcpSocket": {"port": "valkey"}, "periodSeconds": 5, "timeoutSeconds": 3}
    container = Container(
        name=NAME,
        image=f"docker.io/valkey/valkey:{VERSION}",
        cpu=0.1,
        memory_gib=_MEMORY_GIB,
        command=["valkey-server", f"{_CONFIGURATION_FOLDER}/valkey.conf"],
        volume_mounts={_DATA_FOLDER: NAME},
        files={
            _CONFIGURATION_FOLDER: {"configMap": {"name": f"{NAME}-configuration"}},
            _USERS_FOLDER: {"secret": {"secretName": f"{NAME}-users"}},
        },
        user=_VALKEY_USER,
        extra={
            "ports": [{"name": "valkey", "containerPort": PORT, "protocol": "TCP"}],
            "readinessProbe": listens,
            "livenessProbe": {**listens, "periodSeconds": 10, "failureThreshold": 6},
        },
    )
    return pod_spec(container, NAME, priorityClassName=CRITICAL_PRIORITY_CLASS, tolerations=PLATFORM_TOLERATIONS)
