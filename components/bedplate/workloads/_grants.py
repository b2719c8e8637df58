"""What a workload may do with buckets: the grants of its spec, and what makes its pods act on them.

Owns the spec, and what the identity that a cloud made means for a workload's objects. It deliberately makes no
identity: that is the cloud's (`Cluster.workload_identity`).
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, cast

from pydantic import AfterValidator

from bedplate.clouds.buckets import BucketAccess, Prefix
from bedplate.kubernetes import Manifest, addresses, network_policy
from bedplate.labels import Identity
from bedplate.spec import DnsLabel, Spec, mistake, refuse, repeated

if TYPE_CHECKING:
    from bedplate.clouds.facts import WorkloadIdentity

_CREDENTIAL_PORTS = (80, 988)
"""HTTP, and where GKE's metadata server listens
(https://cloud.google.com/kubernetes-engine/docs/how-to/network-policy#network-policy-and-workload-identity)."""


class GrantSpec(Spec):
    """Objects of a bucket that the workload's pods reach, as an identity of the cloud and without a key."""

    bucket: DnsLabel
    """One of the stack's `buckets`, by its name there."""
    access: BucketAccess = "read"
    """`read` to read and list, `write` to write and delete too."""
    prefix: Prefix | None = None
    """Folder below the bucket's own prefix, such as 'checkpoints/'; all of it if absent."""


def _once(grants: tuple[GrantSpec, ...]) -> tuple[GrantSpec, ...]:
    twice = repeated(f"{grant.bucket}/{grant.prefix or ''}" for grant in grants)
    refuse(
        ((index, "bucket"), grants[index].bucket, mistake("is granted twice", "keep the one with more access"))
        for index in twice
    )
    return grants


Grants = Annotated[tuple[GrantSpec, ...], AfterValidator(_once)]


def acting_as(part: Manifest, identity: "WorkloadIdentity") -> Manifest:
    """The object of a workload whose pods act as the identity: its ServiceAccount, and whatever makes pods."""
    if part["kind"] == "ServiceAccount" and identity.annotations:
        annotations = {**part["metadata"].get("annotations", {}), **identity.annotations}
        return {**part, "metadata": {**part["metadata"], "annotations": annotations}}
    return cast(Manifest, _with_labels(part, identity.labels)) if identity.labels else part


def _with_labels(value: Any, labels: Mapping[str, str]) -> Any:
    """The same with labels at each template of pods, wherever a kind has it."""
    if isinstance(value, list):
        return [_with_labels(each, labels) for each in cast(list[Any], value)]
    if not isinstance(value, dict):
        return value
    body = {key: _with_labels(each, labels) for key, each in cast(dict[str, Any], value).items()}
    spec: Any = body.get("spec")
    if isinstance(spec, dict) and "containers" in spec:
        metadata = cast(dict[str, Any], body.get("metadata", {}))
        return {**body, "metadata": {**metadata, "labels": {**metadata.get("labels", {}), **labels}}}
    return body


def ways_to_buckets(name: str, namespace: str, identity: Identity, acts_as: "WorkloadIdentity") -> list[Manifest]:
    """What the workload's pods, and no others, reach besides what every pod of a tenant does."""
    credentials = {
        "to": [addresses(network) for network in acts_as.credentials_networks],
        "ports": [{"protocol": "TCP", "port": port} for port in _CREDENTIAL_PORTS],
    }
    stored = {
        "to": [addresses(network) for network in acts_as.storage_networks],
        "ports": [{"protocol": "TCP", "port": 443}],
    }
    ways = [way for way in (credentials, stored) if way["to"]]
    if not ways:
        return []
    pods = {"matchLabels": identity.selector()}
    return [network_policy(name, namespace, identity, podSelector=pods, policyTypes=["Egress"], egress=ways)]
