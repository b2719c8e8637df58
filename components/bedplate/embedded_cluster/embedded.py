"""The processes of the embedded control plane: their command lines, their start, their readiness.

Owns one attempt to start. The only port is the API server's, on the loopback interface: etcd, which would let any user
of this machine read and write everything, listens on sockets in the private state folder, and the controller manager
and the scheduler serve nothing.
"""

import os
import secrets
import socket
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from bedplate.embedded_cluster import kubeconfig
from bedplate.embedded_cluster.cluster_api import ClusterApi
from bedplate.embedded_cluster.state import StateFolder
from bedplate.errors import RehearsalError
from bedplate.programs.processes import BackgroundProcess, stop

_START_SECONDS = 90.0
_POLL_SECONDS = 0.05
_ADMIN = "bedplate-admin"
_CONTROLLER_MANAGER = "kube-controller-manager"
_SCHEDULER = "kube-scheduler"
_NAMESPACE_CONTROLLER = "namespace-controller"
# What each of them may do is bound to these users by the API server's own bootstrap policy
# (https://kubernetes.io/docs/reference/access-authn-authz/rbac/#core-component-roles).
_NAMESPACE_ACCOUNT = "system:serviceaccount:kube-system:namespace-controller"
_GROUPS = {
    _ADMIN: "system:masters",
    f"system:{_CONTROLLER_MANAGER}": "",
    f"system:{_SCHEDULER}": "",
    _NAMESPACE_ACCOUNT: "",
}
# Relative to the folder that the processes run in: the path of a socket is limited to about 100 bytes.
_ETCD_CLIENT = "unix://etcd.sock:0"
_ETCD_PEER = "unix://etcd-peer.sock:0"
_CERTIFICATES = "certificates"
_KEY = "service-account.key"


# What looks after namespaces here does not wait: programs/go/control-plane/namespaces.go. Endpoints are what came
# before EndpointSlices (https://kubernetes.io/docs/concepts/services-networking/service/#endpoints): nothing here reads
# them. Of policies one only writes into their status what it thinks of the types in their expressions, for every kind
# that they match, which took half of the controllers' time; the API server compiles and enforces them by itself
# (https://kubernetes.io/docs/reference/access-authn-authz/validating-admission-policy/#type-checking).
_ABSENT_CONTROLLERS = (
    "namespace-controller",
    "endpoints-controller",
    "endpointslice-mirroring-controller",
    "validatingadmissionpolicy-status-controller",
)
_WORKLOADS_AT_ONCE = 40
_FEW_WORKLOADS = 100
_AUTOSCALING_SECONDS = 15


class PortTakenError(Exception):
    """Someone else took the API server's port between our choice and its start: try again with another."""


class EmbeddedControlPlane:
    """etcd, API server, controllers and scheduler, in a state folder of their own."""

    def __init__(
        self, program: Path, folder: StateFolder, api_server_flags: Sequence[str] = (), workloads: int = 0
    ) -> None:
        self._program = program
        self._more_flags = api_server_flags
        self._workloads = workloads
        self._folder = folder
        self._port = _free_port()
        self._tokens = {user: secrets.token_hex(32) for user in _GROUPS}
        self._processes: list[BackgroundProcess] = []
        self._deadline = time.monotonic() + _START_SECONDS

    def start(self) -> Path:
        """Starts everything and returns an administrator's kubeconfig when it is usable.

        Raises `RehearsalError` with the log of what failed, or `PortTakenError`. Call `stop` in any case.
        """
        rows = [f'{token},{user},{user},"{_GROUPS[user]}"' for user, token in self._tokens.items()]
        self._folder.write_private("tokens.csv", "\n".join(rows))
        key = self._launch("service-account-key", [_KEY])
        etcd = self._launch("etcd", _etcd_flags())
        self._wait(lambda: key.exit_code == 0, key)
        server = self._launch("kube-apiserver", [*_api_server_flags(self._port), *self._more_flags])
        self._wait((self._folder.path / _CERTIFICATES / "apiserver.key").exists, etcd, server)
        configs = {user: self._write_kubeconfig(user) for user in _GROUPS}
        api = ClusterApi(configs[_ADMIN], None)
        self._wait(lambda: api.answers("/readyz"), etcd, server)
        # Not before: they would take time from it, and wait seconds after each refusal.
        manager_config = configs[f"system:{_CONTROLLER_MANAGER}"]
        manager = self._launch(_CONTROLLER_MANAGER, _controller_manager_flags(manager_config, self._workloads))
        scheduler = self._launch(_SCHEDULER, _scheduler_flags(configs[f"system:{_SCHEDULER}"]))
        namespaces = self._launch(_NAMESPACE_CONTROLLER, [str(configs[_NAMESPACE_ACCOUNT])])
        # Made by the controller manager: without it no pod can be created.
        account = "/api/v1/namespaces/default/serviceaccounts/default"
        self._wait(lambda: api.answers(account), manager, scheduler, namespaces)
        return configs[_ADMIN]

    def stop(self) -> None:
        """Stops everything and returns when it is gone. Nothing is saved: the data goes with the folder."""
        stop(self._processes)
        self._processes.clear()

    def _launch(self, component: str, flags: list[str]) -> BackgroundProcess:
        process = BackgroundProcess(
            component,
            [str(self._program), component, *flags],
            log=self._folder.logs / f"{component}.log",
            folder=self._folder.path,
            # Nothing else of our environment: etcd reads ETCD_*, client-go reads KUBERNETES_* and proxies.
            environment={"PATH": os.defpath, "HOME": str(self._folder.path), "GOGC": _garbage_percent(self._workloads)},
        )
        self._processes.append(process)
        return process

    def _wait(self, ready: Callable[[], bool], *needed: BackgroundProcess) -> None:
        while not ready():
            for process in needed:
                if process.exit_code is not None and not ready():
                    raise self._failed(process, f"{process.name} ended with exit code {process.exit_code}")
            if time.monotonic() > self._deadline:
                names = " and ".join(process.name for process in needed)
                raise self._failed(needed[-1], f"{names} did not become ready within {_START_SECONDS:.0f} s")
            time.sleep(_POLL_SECONDS)

    def _failed(self, process: BackgroundProcess, what: str) -> Exception:
        tail = process.log_tail()
        if process.name == "kube-apiserver" and "address already in use" in tail:
            return PortTakenError()
        for token in self._tokens.values():
            tail = tail.replace(token, "[token]")
        return RehearsalError(
            f"the embedded control plane did not start: {what}. Its last lines:\n{tail}",
            f"read the logs in {self._folder.logs}; it needs 1 GB of free memory and 1 GB of disk. "
            "Or use a cluster that you have, with --context NAME.",
        )

    def _write_kubeconfig(self, user: str) -> Path:
        authority = self._folder.path / _CERTIFICATES / "apiserver.crt"
        content = kubeconfig.for_token(f"https://127.0.0.1:{self._port}", authority, self._tokens[user])
        return self._folder.write_private(f"{user.rpartition(':')[2]}.kubeconfig", content)


def _etcd_flags() -> list[str]:
    return [
        "--name=embedded",
        "--data-dir=etcd",
        "--unsafe-no-fsync",  # the data does not outlive the process anyway
        f"--listen-client-urls={_ETCD_CLIENT}",
        f"--advertise-client-urls={_ETCD_CLIENT}",
        f"--listen-peer-urls={_ETCD_PEER}",
        f"--initial-advertise-peer-urls={_ETCD_PEER}",
        f"--initial-cluster=embedded={_ETCD_PEER}",
    ]


def _api_server_flags(port: int) -> list[str]:
    return [
        f"--etcd-servers={_ETCD_CLIENT}",
        "--bind-address=127.0.0.1",
        "--advertise-address=127.0.0.1",
        "--endpoint-reconciler-type=none",  # a loopback address is not a valid endpoint
        f"--secure-port={port}",
        f"--cert-dir={_CERTIFICATES}",
        "--authorization-mode=Node,RBAC",
        "--enable-admission-plugins=NodeRestriction",
        "--token-auth-file=tokens.csv",
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--service-account-key-file={_KEY}",
        f"--service-account-signing-key-file={_KEY}",
        "--service-cluster-ip-range=10.96.0.0/16",  # the default has 254 addresses: too few for many tenants
        "--allow-privileged",
        "--enable-priority-and-fairness=false",  # nobody has to be protected from anybody
    ]


def _controller_manager_flags(config: Path, workloads: int) -> list[str]:
    return [
        f"--kubeconfig={config}",
        "--secure-port=0",
        "--leader-elect=false",
        "--use-service-account-credentials",
        "--controllers=" + ",".join(["*", *(f"-{name}" for name in _ABSENT_CONTROLLERS)]),
        f"--service-account-private-key-file={_KEY}",
        f"--root-ca-file={_CERTIFICATES}/apiserver.crt",
        f"--horizontal-pod-autoscaler-sync-period={_autoscaling_seconds(workloads)}s",
        "--node-monitor-grace-period=5m",  # a laptop that slept must not lose its nodes
        "--kube-api-qps=500",
        "--kube-api-burst=1000",
    ]


def _garbage_percent(workloads: int) -> str:
    """Go collects garbage when that much more than what is in use was allocated: more than the default of 100, for less
    time (a sixth of the API server's is collecting at 200), where there is little in use.

    https://go.dev/doc/gc-guide#GOGC
    """
    return "400" if workloads <= _FEW_WORKLOADS else "200"


def _autoscaling_seconds(workloads: int) -> int:
    """How often autoscalers are looked at, the first time included: after that time a workload has its least pods.

    Without metrics each look costs four requests, so the many autoscalers of a large stack are looked at less often; at
    most as seldom as by default (https://kubernetes.io/docs/reference/command-line-tools-reference/kube-controller-manager/).
    """
    return min(max(workloads // _WORKLOADS_AT_ONCE, 1), _AUTOSCALING_SECONDS)


def _scheduler_flags(config: Path) -> list[str]:
    flags = [f"--kubeconfig={config}", "--secure-port=0", "--leader-elect=false"]
    return [*flags, "--kube-api-qps=500", "--kube-api-burst=1000"]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
