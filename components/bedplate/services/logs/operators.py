"""The operator of Elasticsearch and Kibana beside an API server: it makes of both what the stack's routes lead to.

Owns its command line and what it must have made. Nothing answers in the store's place, so that its users and spaces are
not looked at.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bedplate.kubernetes.plain_yaml import yaml_text
from bedplate.labels import LOG_COLLECTOR_NAMESPACE, LOGS_NAMESPACE
from bedplate.services.logs.roles import COLLECTOR
from bedplate.services.logs.store import AUTHORITY_SECRET, KIBANA_SERVICE, OPERATOR, STORE_SERVICE, STORE_SET
from bedplate.services.operator import Launch, OperatorProgram, Ready, Shortfall, Sight, Surroundings, Work
from bedplate.wording import counted

_SETTINGS = "eck.yaml"


def _launch(surroundings: Surroundings) -> Launch:
    """https://www.elastic.co/docs/deploy-manage/deploy/cloud-on-k8s/configure-eck"""
    settings = {
        "operator-namespace": LOGS_NAMESPACE,
        "namespaces": [LOGS_NAMESPACE],
        "log-verbosity": 0,
        "metrics-host": "127.0.0.1",
        "metrics-port": surroundings.ports["metrics"],
        "enable-webhook": False,
        "enable-leader-election": False,
        "validate-storage-class": False,
        "disable-telemetry": True,
        "kube-client-qps": 50,
    }
    return Launch(
        arguments=["manager", f"--config={surroundings.folder / _SETTINGS}"],
        environment={"KUBECONFIG": str(surroundings.kubeconfig), "POD_NAMESPACE": LOGS_NAMESPACE},
        files={_SETTINGS: yaml_text(settings)},
    )


def _wanted(objects: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, str, str]]:
    """Version, kind and name of what comes of the stack's objects."""
    kinds = {body["kind"] for body in objects}
    if "Elasticsearch" in kinds:
        yield "apps/v1", "StatefulSet", STORE_SET
        yield "v1", "Service", STORE_SERVICE
        yield "v1", "Secret", AUTHORITY_SECRET
    if "Kibana" in kinds:
        yield "v1", "Service", KIBANA_SERVICE


def _work(sight: Sight) -> Work:
    wanted, missing = list(_wanted(sight.surroundings.objects)), list[Shortfall]()
    for version, kind, name in wanted:
        there = {body["metadata"]["name"] for body in sight.cluster.objects(version, kind, LOGS_NAMESPACE)}
        if name not in there:
            missing.append(
                Shortfall(
                    object=f"{kind} {LOGS_NAMESPACE}/{name}",
                    reason="the operator of Elasticsearch has not made it",
                    fix=f"see what it says of its objects: kubectl describe -n {LOGS_NAMESPACE} elasticsearch,kibana",
                )
            )
    made = len(wanted) - len(missing)
    return Work(
        text=f"{counted(made, 'object')} of the log store made", counts={"logStoreObjects": made}, missing=missing
    )


NOT_RUN: Mapping[str, str] = {
    f"{LOG_COLLECTOR_NAMESPACE}/{COLLECTOR}": (
        "no program: Fluent Bit is in no registry, and simulated machines print nothing"
    )
}
OPERATORS: Sequence[OperatorProgram] = (
    OperatorProgram(
        name="Elasticsearch",
        program="eck",
        release=OPERATOR,
        launch=_launch,
        work=_work,
        ready=Ready(port="metrics", path="/metrics"),
        ports=("metrics",),
        without="a store behind it: Elasticsearch with its licensed parts is in no registry of programs",
    ),
)
