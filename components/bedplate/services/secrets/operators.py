"""External Secrets beside an API server: it brings every secret of the stack from a namespace of placeholders.

Owns its command line and what it must have done. Only where the cluster itself is the store: clouds and Vault are not
asked in a rehearsal.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bedplate.kubernetes import Manifest
from bedplate.labels import EXTERNAL_SECRETS, SECRET_SOURCE_NAMESPACE
from bedplate.services.operator import Launch, OperatorProgram, Ready, Sight, Surroundings, Work, readiness
from bedplate.services.secrets.external_secrets import API_VERSION
from bedplate.services.secrets.reloader import RELOADER
from bedplate.wording import counted

_PLACEHOLDER = "placeholder of a rehearsal"


def _launch(surroundings: Surroundings) -> Launch:
    """https://external-secrets.io/latest/api/controller-options/"""
    return Launch(
        arguments=[
            f"--metrics-addr=127.0.0.1:{surroundings.ports['metrics']}",
            "--loglevel=error",
            "--enable-leader-election=false",
            "--enable-cluster-store-reconciler=false",
            "--enable-cluster-external-secret-reconciler=false",
            "--enable-push-secret-reconciler=false",
            "--enable-cluster-push-secret-reconciler=false",
        ],
        environment={"KUBECONFIG": str(surroundings.kubeconfig)},
        objects=list(_placeholders(surroundings.objects)),
    )


def _placeholders(objects: Sequence[Manifest]) -> Iterator[Manifest]:
    """The Secrets that the stack's workloads name, each with the keys that they name."""
    asked: dict[str, set[str]] = {}
    for body in _of_kind(objects, "ExternalSecret"):
        for each in body["spec"]["data"]:
            asked.setdefault(each["remoteRef"]["key"], set()).add(each["remoteRef"]["property"])
    for name, keys in asked.items():
        yield {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": name, "namespace": SECRET_SOURCE_NAMESPACE},
            "stringData": dict.fromkeys(sorted(keys), _PLACEHOLDER),
        }


def _of_kind(objects: Sequence[Mapping[str, Any]], kind: str) -> list[Mapping[str, Any]]:
    return [body for body in objects if body["kind"] == kind]


def _absent(surroundings: Surroundings) -> str:
    stores = _of_kind(surroundings.objects, "SecretStore")
    if all("kubernetes" in store["spec"]["provider"] for store in stores):
        return ""
    return "its store is outside of the cluster, and a rehearsal asks nobody there"


def _work(sight: Sight) -> Work:
    ready, missing = readiness(sight, API_VERSION, "ExternalSecret", unready="is not there", teller="External Secrets")
    return Work(text=f"{counted(ready, 'secret')} brought", counts={"secretsBrought": ready}, missing=missing)


NOT_RUN: Mapping[str, str] = {RELOADER: "no program: Reloader is in no registry of modules"}
OPERATORS: Sequence[OperatorProgram] = (
    OperatorProgram(
        name="External Secrets",
        program=EXTERNAL_SECRETS,
        release=EXTERNAL_SECRETS,
        launch=_launch,
        work=_work,
        ready=Ready(port="metrics", path="/metrics"),
        ports=("metrics",),
        absent=_absent,
        without="its webhook, and what makes the webhook's certificate",
    ),
)
