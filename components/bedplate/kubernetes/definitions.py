"""Definitions of custom kinds that the platform registers itself, where upstream has no chart that could keep them.

Owns the CustomResourceDefinitions of the cluster for as long as the stack is there, and leaves them behind: deleting a
definition deletes every object of its kind, other people's too. It deliberately runs nothing that acts on such objects.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi

from bedplate.kubernetes.charts import CustomKind
from bedplate.kubernetes.manifests import Manifest, manifest
from bedplate.labels import Identity

_API_VERSION, _KIND = "apiextensions.k8s.io/v1", "CustomResourceDefinition"
_ANNOTATIONS = {
    # Its definitions stay when a stack goes, so that the next one must take them over, from Helm and `kubectl` too.
    "pulumi.com/patchForce": "true",
    "pulumi.com/patchFieldManager": "bedplate",
    # Objects of the kind come when the API server serves it.
    "pulumi.com/waitFor": "condition=Established",
}
"""https://www.pulumi.com/registry/packages/kubernetes/how-to-guides/managing-resources-with-server-side-apply/ and
https://www.pulumi.com/registry/packages/kubernetes/installation-configuration/#pulumicomwaitfor"""


@dataclass(frozen=True, kw_only=True)
class DefinitionsArgs:
    """bodies: CustomResourceDefinitions as upstream publishes them. identity: of the software that they belong to."""

    bodies: Sequence[Mapping[str, Any]]
    identity: Identity


class Definitions(pulumi.ComponentResource):
    """Definitions in the cluster: made where they are missing, brought up to date where they are there.

    They are registered as patches, which Pulumi applies on the server whether the object is there or not; of a plain
    resource it only creates what is not there
    (https://github.com/pulumi/pulumi-kubernetes/blob/v4.32.0/provider/pkg/await/await.go, `Creation`).
    """

    kinds: Sequence[CustomKind]
    """What they define."""

    def __init__(self, name: str, args: DefinitionsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("bedplate:index:Definitions", name, {}, opts)
        self.kinds = tuple(CustomKind.defined_by(body) for body in args.bodies)
        options = pulumi.ResourceOptions(parent=self, retain_on_delete=True)
        self._by_kind: dict[CustomKind, pulumi.Resource] = {
            kind: pulumi.CustomResource(
                f"kubernetes:{_API_VERSION}:{_KIND}Patch", f"{name}-{kind.plural}", _registered(body, args), options
            )
            for kind, body in zip(self.kinds, args.bodies, strict=True)
        }
        self.register_outputs({})

    def bringing(self, kind: CustomKind) -> pulumi.Resource:
        """What an object of the kind comes after."""
        return self._by_kind[kind]


def _registered(body: Mapping[str, Any], args: DefinitionsArgs) -> Manifest:
    metadata: Mapping[str, Any] = body["metadata"]
    annotations = {**metadata.get("annotations", {}), **_ANNOTATIONS}
    return manifest(
        _API_VERSION, _KIND, metadata["name"], args.identity, annotations=annotations, spec=dict(body["spec"])
    )
