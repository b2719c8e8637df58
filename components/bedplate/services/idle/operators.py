"""KEDA beside an API server: it takes every ScaledObject, and asks the Prometheus of the rehearsal what each is to do.

Owns its command line and what it must have done. Nothing tells of use in a rehearsal, so by the rules everything that
runs is in use, and stays up.
"""

from collections.abc import Mapping, Sequence

from bedplate.labels import IDLE_NAMESPACE, KEDA, WAKER
from bedplate.services.idle.scaled_objects import API_VERSION
from bedplate.services.operator import Launch, OperatorProgram, Ready, Sight, Surroundings, Work, readiness
from bedplate.wording import counted


def _launch(surroundings: Surroundings) -> Launch:
    """https://keda.sh/docs/latest/operate/cluster/"""
    ports = surroundings.ports
    paces = surroundings.values.get("extraArgs", {}).get("keda", {})
    return Launch(
        arguments=[
            f"--metrics-bind-address=127.0.0.1:{ports['metrics']}",
            f"--health-probe-bind-address=127.0.0.1:{ports['health']}",
            f"--metrics-service-bind-address=127.0.0.1:{ports['service']}",
            f"--cert-dir={surroundings.folder / 'webhook'}",
            *("--enable-cert-rotation=false", "--leader-elect=false", "--zap-log-level=error"),
            *(f"--{flag}={value}" for flag, value in paces.items()),
        ],
        environment={
            "KUBECONFIG": str(surroundings.kubeconfig),
            "WATCH_NAMESPACE": "",
            "POD_NAMESPACE": surroundings.namespace,
            "KEDA_CLUSTER_OBJECT_NAMESPACE": surroundings.namespace,
            "POD_NAME": "keda-operator",
        },
    )


def _absent(surroundings: Surroundings) -> str:
    if any(body["kind"] == "PrometheusRule" for body in surroundings.objects):
        return ""
    return "it decides by what Prometheus records, and the stack's Prometheus is somebody else's"


def _work(sight: Sight) -> Work:
    ready, missing = readiness(sight, API_VERSION, "ScaledObject", unready="is not ready", teller="KEDA")
    return Work(text=f"{counted(ready, 'ScaledObject')} ready", counts={"scaledObjectsReady": ready}, missing=missing)


NOT_RUN: Mapping[str, str] = {f"{IDLE_NAMESPACE}/{WAKER}": "nobody visits, so nobody is told of it"}
OPERATORS: Sequence[OperatorProgram] = (
    OperatorProgram(
        name=KEDA,
        program="keda",
        release=KEDA,
        launch=_launch,
        work=_work,
        ready=Ready(port="health", path="/readyz"),
        ports=("metrics", "health", "service", "webhook"),
        absent=_absent,
        without="its metrics API, by which autoscalers ask for more than one replica",
    ),
)
