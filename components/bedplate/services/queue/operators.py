"""Kueue and JobSet beside an API server: they queue, admit and make what the stack's jobs ask for.

Owns their command lines, which are the stack's with ports and a certificate of this machine. Their rights are those
that the stack gives their ServiceAccounts, and what they are asked about what its webhooks say.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bedplate.labels import QUEUE_NAMESPACE
from bedplate.services.operator import Launch, OperatorProgram, Ready, Shortfall, Sight, Surroundings, Work
from bedplate.services.queue.controllers import CONFIGURATION, JOBSET, KUEUE
from bedplate.services.queue.queues import API_VERSION
from bedplate.wording import counted

METRICS_CERTIFICATES = Path("/etc/kueue/metrics/certs")
"""Fixed in the program (https://github.com/kubernetes-sigs/kueue/blob/v0.19.2/cmd/kueue/main.go)."""
_PORTS = ("webhook", "health", "metrics")


def _launch(name: str, surroundings: Surroundings) -> Launch:
    said = surroundings.object("ConfigMap", f"{name}-configuration", QUEUE_NAMESPACE)["data"][CONFIGURATION]
    deployed = surroundings.object("Deployment", name, QUEUE_NAMESPACE)["spec"]["template"]["spec"]["containers"][0]
    folder, ports = surroundings.folder, surroundings.ports
    file = folder / CONFIGURATION
    flags = [flag for flag in deployed["args"] if not flag.startswith("--config=")]
    arguments = [f"--config={file}", f"--kubeconfig={surroundings.kubeconfig}", *flags]
    webhooks = [
        body
        for body in surroundings.objects
        if body["kind"].endswith("WebhookConfiguration") and body["metadata"]["name"].startswith(f"{name}-")
    ]
    environment = {"KUBECONFIG": str(surroundings.kubeconfig), "HTTP_PROXY": "", "HTTPS_PROXY": ""}
    written = configuration(json.loads(said), ports, folder / "webhook")
    return Launch(arguments=arguments, environment=environment, files={CONFIGURATION: written}, webhooks=webhooks)


def configuration(said: Mapping[str, Any], ports: Mapping[str, int], certificates: Path) -> str:
    """The stack's configuration, for this machine: one of each, which needs no election and makes no certificate."""
    here = {
        **said,
        "health": {"healthProbeBindAddress": f"127.0.0.1:{ports['health']}"},
        "metrics": {"bindAddress": f"127.0.0.1:{ports['metrics']}"},
        "webhook": {"host": "127.0.0.1", "port": ports["webhook"], "certDir": str(certificates)},
        "leaderElection": {"leaderElect": False},
        "internalCertManagement": {"enable": False},
    }
    return json.dumps(here)


def launch_jobset(surroundings: Surroundings) -> Launch:
    """JobSet's command line."""
    return _launch(JOBSET, surroundings)


def launch_kueue(surroundings: Surroundings) -> Launch:
    """Kueue's command line."""
    return _launch(KUEUE, surroundings)


def _not_here(_: Surroundings) -> str:
    """Without a certificate of its own making it reads one at a fixed place."""
    if all((METRICS_CERTIFICATES / name).is_file() for name in ("tls.crt", "tls.key")):
        return ""
    return (
        f"it reads a certificate at {METRICS_CERTIFICATES}, where none is: `make kueue-certificate` as a user who may "
        "write there"
    )


def _of_sets(sight: Sight) -> Work:
    """Each JobSet of the stack has ended well."""
    found = sight.cluster.objects("jobset.x-k8s.io/v1alpha2", "JobSet")
    missing = [
        Shortfall(
            object=f"JobSet {body['metadata']['namespace']}/{body['metadata']['name']}",
            reason=f"has not ended: {_said(body)}",
            fix="see what it waits for: kubectl get workloads,jobs,pods",
        )
        for body in found
        if not _is(body, "Completed")
    ]
    done = len(found) - len(missing)
    return Work(text=f"{counted(done, 'training')} completed", counts={"completed": done}, missing=missing)


def _of_queues(sight: Sight) -> Work:
    """Each queue is active, and what was queued got its turn."""
    queues = sight.cluster.objects(API_VERSION, "ClusterQueue")
    missing = [
        Shortfall(
            object=f"ClusterQueue {body['metadata']['name']}",
            reason=f"is not active: {_said(body)}",
            fix="see its conditions: kubectl describe clusterqueue",
        )
        for body in queues
        if not _is(body, "Active")
    ]
    admitted = sum(1 for body in sight.cluster.objects(API_VERSION, "Workload") if _is(body, "QuotaReserved"))
    text = f"{counted(len(queues), 'queue')}, {counted(admitted, 'run')} admitted"
    return Work(text=text, counts={"queues": len(queues), "admitted": admitted}, missing=missing)


def _is(body: Mapping[str, Any], condition: str) -> bool:
    return any(one["type"] == condition and one["status"] == "True" for one in _conditions(body))


def _conditions(body: Mapping[str, Any]) -> list[dict[str, Any]]:
    return body.get("status", {}).get("conditions", [])


def _said(body: Mapping[str, Any]) -> str:
    return "; ".join(str(one.get("message", "")) for one in _conditions(body)) or "its controller has said nothing yet"


NOT_RUN: Mapping[str, str] = {}
OPERATORS = (
    OperatorProgram(
        name="JobSet",
        program="jobset",
        deployment=f"{QUEUE_NAMESPACE}/{JOBSET}",
        account=f"{QUEUE_NAMESPACE}/{JOBSET}",
        launch=launch_jobset,
        work=_of_sets,
        ready=Ready(port="health", path="/readyz"),
        ports=_PORTS,
        without="its own making of certificates",
    ),
    OperatorProgram(
        name="Kueue",
        program="kueue",
        deployment=f"{QUEUE_NAMESPACE}/{KUEUE}",
        account=f"{QUEUE_NAMESPACE}/{KUEUE}",
        launch=launch_kueue,
        work=_of_queues,
        ready=Ready(port="health", path="/readyz"),
        ports=_PORTS,
        without="its own making of certificates",
        absent=_not_here,
    ),
)
