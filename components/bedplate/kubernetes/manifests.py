"""Kubernetes objects as plain data: written as Kubernetes writes them, in camelCase.

Owns what every object has. It deliberately registers nothing (see `objects`), so that it needs no Pulumi.
"""

from collections.abc import Mapping
from typing import Any

from bedplate.labels import Identity

Manifest = dict[str, Any]
SKIP_AWAIT = {"pulumi.com/skipAwait": "true"}
"""An annotation: an update goes on without waiting for the object.

https://www.pulumi.com/registry/packages/kubernetes/installation-configuration/#pulumicomskipawait
"""


_STARTS_PODS = frozenset({"CronJob", "DaemonSet", "Deployment", "Job", "StatefulSet"})


def manifest(
    api_version: str,
    kind: str,
    name: str,
    identity: Identity,
    *,
    namespace: str | None = None,
    annotations: Mapping[str, str] | None = None,
    **body: Any,
) -> Manifest:
    """An object with the identity's labels and annotations; `body` is what stands beside `metadata`."""
    named = {"name": name} if namespace is None else {"name": name, "namespace": namespace}
    labels = identity.running_labels() if kind in _STARTS_PODS else identity.labels()
    return {
        "apiVersion": api_version,
        "kind": kind,
        "metadata": {**named, **_metadata(labels, identity, annotations)},
        **body,
    }


def template_metadata(identity: Identity, annotations: Mapping[str, Any] | None = None) -> Manifest:
    """Labels and annotations of pods, as a template has them: without a name, with the version that runs."""
    return _metadata(identity.running_labels(), identity, annotations)


def _metadata(labels: Mapping[str, str], identity: Identity, annotations: Mapping[str, Any] | None) -> Manifest:
    all_annotations = {**identity.annotations(), **(annotations or {})}
    return {"labels": dict(labels), **({"annotations": all_annotations} if all_annotations else {})}
