"""The gate as it runs: OpenSSH that forwards connections and does nothing else.

Owns its manifests and its configuration. It runs as nobody in particular: one user for all people, told apart by their
keys; what a key may is in `keys`. Options: https://man.openbsd.org/sshd_config. Beside it runs a program of ours that
counts the connections to each workspace in the pod's own table of them.
"""

import json
from collections.abc import Sequence
from importlib import resources
from typing import Any

from bedplate.clouds import ClusterFacts
from bedplate.kubernetes import (
    CRITICAL_PRIORITY_CLASS,
    PLATFORM_TOLERATIONS,
    SKIP_AWAIT,
    Container,
    Manifest,
    configuration_hash,
    disruption_budget,
    manifest,
    network_policy,
    pod_spec,
    service_account,
    spread_over_zones_and_nodes,
    template_metadata,
)
from bedplate.kubernetes.by_the_clock import PYTHON_IMAGE
from bedplate.labels import SSH_GATE, SSH_NAMESPACE, SSH_PORT, TENANT, WORKSPACE_SSH_PORT, Identity
from bedplate.services.ssh import programs
from bedplate.services.ssh.keys import Reached, gate_keys
from bedplate.services.ssh.spec import SshSpec

# renovate: datasource=docker depName=ghcr.io/linuxserver/openssh-server versioning=loose
GATE_VERSION = "10.3_p1-r2-ls243"
"""OpenSSH of Alpine; the image's own start is not used. Its publisher runs this program as an ordinary user too
(https://github.com/linuxserver/docker-openssh-server/blob/master/root/etc/s6-overlay/s6-rc.d/svc-openssh-server/run)."""
IDENTITY = Identity(name=SSH_GATE, component="ssh", version=GATE_VERSION)
PEOPLE = "people"
"""The one user of the gate, as whom everybody comes."""
REPLICAS = 2
PORT, METRICS_PORT = 2222, 9222
_USER = 65532
_SETTINGS, _KEYS, _HOST_KEY, _PROGRAMS = "/etc/gate", "/etc/gate-keys", "/etc/gate-host-key", "/programs"
_FOR_PEOPLE = "This is the gate: ssh -J people@THIS-HOST workspace@NAME.TENANT leads to a workspace."


def configuration(keys: str, host_key: str, port: int = PORT) -> str:
    """The file that sshd reads. keys, host_key: paths of files."""
    options = {
        "Port": port,
        "HostKey": host_key,
        "PidFile": "none",
        "AuthorizedKeysFile": keys,
        # The files are Kubernetes' own and read-only, in folders that it opens to the pod's group.
        "StrictModes": "no",
        "AllowUsers": PEOPLE,
        "AuthenticationMethods": "publickey",
        "PasswordAuthentication": "no",
        "KbdInteractiveAuthentication": "no",
        "UsePAM": "no",
        "AllowTcpForwarding": "local",
        "AllowStreamLocalForwarding": "no",
        "AllowAgentForwarding": "no",
        "GatewayPorts": "no",
        "PermitTunnel": "no",
        "PermitTTY": "no",
        "PermitUserRC": "no",
        "PermitUserEnvironment": "no",
        "X11Forwarding": "no",
        "ForceCommand": f"echo '{_FOR_PEOPLE}'",
        "LoginGraceTime": 20,
        "MaxStartups": "30:50:100",
        # Load balancers forget connections on which nothing moves, AWS' after 350 seconds.
        "ClientAliveInterval": 30,
        "ClientAliveCountMax": 4,
        "LogLevel": "VERBOSE",
    }
    return "".join(f"{name} {value}\n" for name, value in options.items())


def users() -> str:
    """sshd asks who the user is, and an image knows only its own."""
    return f"root:x:0:0::/:/sbin/nologin\n{PEOPLE}:x:{_USER}:{_USER}::/tmp:/bin/sh\n"


def counted(workspaces: Sequence[Reached]) -> str:
    """What the counting program is told: the pod is that of a StatefulSet of one."""
    told = [
        {"host": each.host, "port": SSH_PORT, "namespace": each.namespace, "pod": f"{each.workspace}-0"}
        for each in sorted(workspaces, key=lambda each: each.host)
    ]
    return json.dumps(told, indent=1)


def settings() -> Manifest:
    """What changes with the platform's version alone."""
    data = {"sshd_config": configuration(f"{_KEYS}/authorized_keys", f"{_HOST_KEY}/host_key"), "passwd": users()}
    return manifest("v1", "ConfigMap", "settings", IDENTITY, namespace=SSH_NAMESPACE, data=data)


def doors(spec: SshSpec, workspaces: Sequence[Reached]) -> Manifest:
    """Who gets where. A change is there within a minute or two, without a restart that would cut everybody off."""
    data = {"authorized_keys": gate_keys(spec, workspaces), "workspaces.json": counted(workspaces)}
    return manifest("v1", "ConfigMap", "doors", IDENTITY, namespace=SSH_NAMESPACE, data=data)


def program() -> Manifest:
    """What counts."""
    data = {"sessions.py": resources.files(programs).joinpath("sessions.py").read_text()}
    return manifest("v1", "ConfigMap", "programs", IDENTITY, namespace=SSH_NAMESPACE, data=data)


def host_key(key: Any) -> Manifest:
    """key: a private key as OpenSSH writes it. Another one makes clients refuse to connect, so it is the stack's."""
    secret = manifest("v1", "Secret", "host-key", IDENTITY, namespace=SSH_NAMESPACE, type="Opaque")
    return {**secret, "stringData": {"host_key": key}}


def deployment() -> Manifest:
    """Two pods, each of which knows everybody."""
    gate = Container(
        name="sshd",
        image=f"ghcr.io/linuxserver/openssh-server:{GATE_VERSION}",
        cpu=0.1,
        memory_gib=0.25,
        scratch_gib=0.0625,
        command=["/usr/sbin/sshd.pam", "-D", "-e", "-f", f"{_SETTINGS}/sshd_config"],
        files={
            _SETTINGS: {"configMap": {"name": "settings"}},
            _KEYS: {"configMap": {"name": "doors"}},
            _HOST_KEY: {"secret": {"secretName": "host-key", "defaultMode": 0o440}},
        },
        # The image's list of users knows nobody of this number.
        single_files={"/etc/passwd": ("settings", "passwd")},
        user=_USER,
        extra={
            "ports": [{"name": "ssh", "containerPort": PORT, "protocol": "TCP"}],
            "readinessProbe": {"tcpSocket": {"port": "ssh"}, "periodSeconds": 10},
            "livenessProbe": {"tcpSocket": {"port": "ssh"}, "periodSeconds": 20, "failureThreshold": 6},
        },
    )
    sessions = Container(
        name="sessions",
        image=PYTHON_IMAGE,
        cpu=0.02,
        memory_gib=0.125,
        scratch_gib=0.0625,
        command=["python3", f"{_PROGRAMS}/sessions.py", f"{_KEYS}/workspaces.json", str(METRICS_PORT)],
        files={_PROGRAMS: {"configMap": {"name": "programs"}}, _KEYS: {"configMap": {"name": "doors"}}},
        user=_USER,
        extra={"ports": [{"name": "metrics", "containerPort": METRICS_PORT, "protocol": "TCP"}]},
    )
    pod = pod_spec(
        gate,
        SSH_GATE,
        beside=[sessions],
        priorityClassName=CRITICAL_PRIORITY_CLASS,
        tolerations=PLATFORM_TOLERATIONS,
        topologySpreadConstraints=spread_over_zones_and_nodes(IDENTITY.selector()),
    )
    # sshd and the program read these when they start.
    read = json.dumps([settings()["data"], program()["data"]], sort_keys=True)
    spec = {
        "replicas": REPLICAS,
        "selector": {"matchLabels": IDENTITY.selector()},
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
        "revisionHistoryLimit": 5,
        "template": {"metadata": template_metadata(IDENTITY, configuration_hash(read)), "spec": pod},
    }
    return manifest("apps/v1", "Deployment", SSH_GATE, IDENTITY, namespace=SSH_NAMESPACE, spec=spec)


def service(spec: SshSpec, facts: ClusterFacts) -> Manifest:
    """Where the cloud's load balancer leads to. An update waits for its address only where one is sure to come."""
    awaited = {} if facts.has_load_balancers else SKIP_AWAIT
    return manifest(
        "v1",
        "Service",
        SSH_GATE,
        IDENTITY,
        namespace=SSH_NAMESPACE,
        annotations={**facts.load_balancer_annotations, **awaited},
        spec={
            "type": "LoadBalancer",
            "externalTrafficPolicy": "Local",
            "selector": IDENTITY.selector(),
            "ports": [{"name": "ssh", "port": SSH_PORT, "targetPort": "ssh", "protocol": "TCP"}],
            **({"loadBalancerSourceRanges": list(spec.allowed_networks)} if spec.allowed_networks else {}),
        },
    )


def others() -> list[Manifest]:
    """Its account, and that one of its pods at a time may be moved."""
    return [
        service_account(SSH_GATE, SSH_NAMESPACE, IDENTITY),
        disruption_budget(SSH_GATE, SSH_NAMESPACE, IDENTITY),
    ]


def policies() -> list[Manifest]:
    """People come in, and get to the port for SSH of tenants' pods."""
    tenants = {"namespaceSelector": {"matchExpressions": [{"key": TENANT, "operator": "Exists"}]}}
    come_in = {"ports": [{"protocol": "TCP", "port": PORT}]}
    go_on = {"to": [tenants], "ports": [{"protocol": "TCP", "port": WORKSPACE_SSH_PORT}]}
    return [
        network_policy("people", SSH_NAMESPACE, IDENTITY, policyTypes=["Ingress"], ingress=[come_in]),
        network_policy("workspaces", SSH_NAMESPACE, IDENTITY, policyTypes=["Egress"], egress=[go_on]),
    ]
