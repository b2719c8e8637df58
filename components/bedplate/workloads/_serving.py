"""Pods that answer HTTP, whatever the template: Deployment, Service and autoscaler of what rolls without a gap.

Owns these objects as data. It deliberately decides neither what runs in the pods nor how many there are.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from pydantic import Field, field_validator, model_validator

from bedplate.kubernetes import (
    SKIP_AWAIT,
    Manifest,
    accelerator_placement,
    manifest,
    pod_spec,
    spread_over_zones_and_nodes,
    template_metadata,
)
from bedplate.kubernetes.pods import Container
from bedplate.labels import RELOADED_WITH, Identity
from bedplate.spec import PositiveCount, Spec, mistake, not_below_min
from bedplate.workloads._base import WorkloadArgs, secrets_hash
from bedplate.workloads._external import external_secret_name

SERVICE_PORT = 80
_HEARD_SECONDS = 5
_HIGHEST_CPU_PERCENT = 180
"""A pod is limited to 200 percent of its request, and an autoscaler acts on a tenth above its target: no pod would ever
be added for a higher one
(https://kubernetes.io/docs/concepts/workloads/autoscaling/horizontal-pod-autoscale/#algorithm-details)."""


class ReplicasSpec(Spec):
    """How many pods serve; equal bounds mean a fixed number."""

    min: Annotated[PositiveCount, Field(le=500)] = 2
    """Fewest pods; two survive the loss of a node."""
    max: Annotated[PositiveCount, Field(le=500, validate_default=True)] = 10
    """Most pods."""
    cpu_percent: Annotated[PositiveCount, Field(le=_HIGHEST_CPU_PERCENT)] = 70
    """Average CPU use, in percent of the request, above which pods are added."""

    _not_below_min = field_validator("max")(not_below_min)

    @model_validator(mode="before")
    @classmethod
    def _written_out(cls, given: object) -> object:
        return written_out(given)


def written_out(given: object) -> object:
    """Refuses a number in place of both bounds."""
    if isinstance(given, int) and not isinstance(given, bool):
        raise mistake("must say the fewest and the most pods", f"write {{min: {given}, max: {given}}}")
    return given


def probes(path: str, startup_seconds: int, period_seconds: int = 5) -> dict[str, Manifest]:
    """No request before the program answers at `path`; a restart where it never does, or stops to."""

    def asked(failures: int) -> Manifest:
        answer = {"path": path, "port": "http"}
        return {
            "httpGet": answer,
            "periodSeconds": period_seconds,
            "timeoutSeconds": 3,
            "failureThreshold": failures,
        }

    return {
        "startupProbe": asked(math.ceil(startup_seconds / period_seconds)),
        "readinessProbe": asked(2),
        "livenessProbe": asked(6),
    }


def served(port: int, probed: Mapping[str, Manifest], heard_seconds: int = _HEARD_SECONDS) -> dict[str, Any]:
    """What a container that serves has beside its program.

    A pod that stops is still in some routers' lists for a moment: it goes on serving until they have heard
    (https://kubernetes.io/docs/tutorials/services/pods-and-endpoint-termination-flow/).
    """
    return {
        "ports": [{"name": "http", "containerPort": port, "protocol": "TCP"}],
        **probed,
        "lifecycle": {"preStop": {"sleep": {"seconds": heard_seconds}}},
        # So that the status of a pod that failed says what its program said last.
        "terminationMessagePolicy": "FallbackToLogsOnError",
    }


def pod_template(
    args: WorkloadArgs,
    container: Container,
    grace_seconds: int,
    annotations: Mapping[str, str] | None = None,
    before: Sequence[Container] = (),
    **extra: Any,
) -> Manifest:
    """The pods: apart from each other, on the nodes of their accelerator, with this time to stop in."""
    spec = args.spec
    placement = accelerator_placement(spec.gpu.accelerator) if spec.gpu else {}
    pod = pod_spec(
        container,
        spec.name,
        before,
        terminationGracePeriodSeconds=grace_seconds,
        topologySpreadConstraints=spread_over_zones_and_nodes(args.identity.selector()),
        **placement,
        **extra,
    )
    said = {**(annotations or {}), **secrets_hash(args)}
    return {"metadata": template_metadata(args.identity, said), "spec": pod}


def strategy(adds_first: bool, pods_most: int) -> Manifest:
    """One pod that goes before its successor comes lets go of its volume too: only Recreate waits for that
    (https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#recreate-deployment)."""
    if adds_first:
        return {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}
    if pods_most == 1:
        return {"type": "Recreate"}
    return {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}}


def deployment(
    args: WorkloadArgs, template: Manifest, replaced: Manifest, *, replicas: int, startup_seconds: int, is_awaited: bool
) -> Manifest:
    """replaced: its strategy. replicas: at first; the number belongs to an autoscaler. is_awaited: whether an update
    waits until it serves: a GPU node may take longer to come from zero than any sensible wait, and must not hold up
    other tenants."""
    waits = {"pulumi.com/timeoutSeconds": str(startup_seconds + 600)} if is_awaited else SKIP_AWAIT
    # What a store has changed reaches pods that serve; those of jobs and of people are left alone.
    reloaded = {RELOADED_WITH: external_secret_name(args.spec.name)} if args.spec.external_env() else {}
    return manifest(
        "apps/v1",
        "Deployment",
        args.spec.name,
        args.identity,
        namespace=args.namespace_name,
        annotations={**waits, **reloaded},
        spec={
            "replicas": replicas,
            "selector": {"matchLabels": args.identity.selector()},
            "strategy": replaced,
            "progressDeadlineSeconds": startup_seconds + 600,
            "revisionHistoryLimit": 5,
            "template": template,
        },
    )


def service(args: WorkloadArgs, identity: Identity | None = None) -> Manifest:
    """Nothing waits for its endpoints, and the engine would for ten seconds each."""
    identity = identity or args.identity
    return manifest(
        "v1",
        "Service",
        args.spec.name,
        identity,
        namespace=args.namespace_name,
        annotations=SKIP_AWAIT,
        spec={
            "type": "ClusterIP",
            "selector": identity.selector(),
            "ports": [{"name": "http", "port": SERVICE_PORT, "targetPort": "http", "protocol": "TCP"}],
        },
    )


def autoscaler(args: WorkloadArgs, fewest: int, most: int, cpu_percent: int) -> Manifest:
    """Also of a fixed number: the number of pods belongs to it in every shape of a spec, and never changes hands."""
    target = {"type": "Utilization", "averageUtilization": cpu_percent}
    return manifest(
        "autoscaling/v2",
        "HorizontalPodAutoscaler",
        args.spec.name,
        args.identity,
        namespace=args.namespace_name,
        spec={
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": args.spec.name},
            "minReplicas": fewest,
            "maxReplicas": most,
            "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": target}}],
        },
    )
