"""Namespaces with the Pod Security level that the API server enforces in them."""

from typing import Literal

from bedplate.kubernetes.objects import Manifest, manifest
from bedplate.labels import Identity

PodSecurityLevel = Literal["restricted", "baseline", "privileged"]
"""https://kubernetes.io/docs/concepts/security/pod-security-standards/"""


def namespace_manifest(name: str, identity: Identity, level: PodSecurityLevel, kubernetes_version: str) -> Manifest:
    """The namespace; its level is that of the cluster's minor, so that an upgrade changes it in a plan."""
    namespace = manifest("v1", "Namespace", name, identity)
    for mode in ("enforce", "audit", "warn"):
        namespace["metadata"]["labels"][f"pod-security.kubernetes.io/{mode}"] = level
        namespace["metadata"]["labels"][f"pod-security.kubernetes.io/{mode}-version"] = f"v{kubernetes_version}"
    return namespace
