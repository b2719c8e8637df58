"""The cluster of a rehearsal: an embedded one that lasts as long as a `with` block, or one that the user has.

Owns the way in and the embedded cluster's life. Nodes are another matter: see `simulation`.
"""

import contextlib
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bedplate.embedded_cluster.cluster_api import ApiError, ClusterApi, text
from bedplate.embedded_cluster.embedded import EmbeddedControlPlane, PortTakenError
from bedplate.embedded_cluster.kubeconfig import find_context
from bedplate.embedded_cluster.state import state_folder
from bedplate.errors import RehearsalError
from bedplate.programs import Progress, built

_START_ATTEMPTS = 3
WITHOUT_WEBHOOKS = ("--disable-admission-plugins=MutatingAdmissionWebhook,ValidatingAdmissionWebhook",)
"""Flags of an API server that asks no admission webhook. On a simulated cluster the pods behind them are simulated, and
nothing answers there: what such a webhook fails closed for could never be created. Policies are still enforced.
https://kubernetes.io/docs/reference/access-authn-authz/admission-controllers/

Conversion webhooks of custom kinds stay; the API server asks them only for a version other than the stored one.
"""


@dataclass(frozen=True)
class ClusterAccess:
    """How to reach a cluster.

    context: None for the kubeconfig's current one; version: of the server, such as `v1.35.4`; source: `embedded` or
    `context NAME`; is_disposable: whether it goes with all that is on it.
    """

    kubeconfig: Path
    context: str | None
    version: str
    source: str
    is_disposable: bool = False


@contextlib.contextmanager
def embedded_cluster(
    progress: Progress, api_server_flags: Sequence[str] = (), workloads: int = 0
) -> Generator[ClusterAccess]:
    """A real control plane on this machine, without nodes, that is gone when the block ends.

    api_server_flags: more of them, such as who signs people in. workloads: about as many as will run there. Its
    processes end with this one, however it ends.
    Raises `RehearsalError` when it cannot be built or started; the logs are kept then, and named.
    """
    program = built("control-plane", progress)
    progress("starting the embedded control plane")
    with contextlib.ExitStack() as running:
        kubeconfig = _start(program, api_server_flags, workloads, running)
        version = _version(ClusterApi(kubeconfig, None))
        progress(f"the embedded control plane is ready: Kubernetes {version}")
        yield ClusterAccess(kubeconfig=kubeconfig, context=None, version=version, source="embedded", is_disposable=True)


def existing_cluster(context: str) -> ClusterAccess:
    """The cluster of a context of the user's kubeconfig (KUBECONFIG, or ~/.kube/config).

    Raises `RehearsalError` if there is no such context, naming those there are, or if the cluster does not answer.
    """
    kubeconfig = find_context(context)
    server = "its server"
    try:
        api = ClusterApi(kubeconfig, context)
        server = api.server
        version = _version(api)
    except ApiError as error:
        raise RehearsalError(
            f"the cluster of context {context!r} ({server}) cannot be used: {error}",
            f"start the cluster or renew its credentials until `kubectl --context {context} version` works, "
            "or leave --context out to use an embedded cluster.",
        ) from error
    return ClusterAccess(kubeconfig=kubeconfig, context=context, version=version, source=f"context {context}")


def _start(program: Path, api_server_flags: Sequence[str], workloads: int, running: contextlib.ExitStack) -> Path:
    """Starts a control plane, to be stopped with `running`, and returns its kubeconfig."""
    for _ in range(_START_ATTEMPTS):
        with contextlib.ExitStack() as attempt:
            folder = attempt.enter_context(state_folder())
            control_plane = EmbeddedControlPlane(program, folder, api_server_flags, workloads)
            attempt.callback(control_plane.stop)
            try:
                kubeconfig = control_plane.start()
            except PortTakenError:
                continue
            except RehearsalError:
                control_plane.stop()
                folder.keep_logs()
                raise
            running.push(attempt.pop_all())
            return kubeconfig
    raise RehearsalError(
        f"every port chosen for the embedded API server was taken by another program, {_START_ATTEMPTS} times",
        "try again, or use a cluster that you have, with --context NAME.",
    )


def _version(api: ClusterApi) -> str:
    return text(api.get("/version"), "gitVersion")
