"""Objects of custom kinds."""

import pulumi

from bedplate.kubernetes.definitions import Definitions
from bedplate.kubernetes.manifests import Manifest
from bedplate.kubernetes.objects import KubernetesObject
from bedplate.kubernetes.provided import ProvidedOperator
from bedplate.kubernetes.release import Release

Operator = Release | ProvidedOperator | Definitions
"""What brings custom kinds: a chart that the platform or somebody else has installed, or definitions."""


class CustomObject(KubernetesObject):
    """An object of a custom kind: it comes after the operator that brings its kind, and goes before it.

    Without that order an update tries for a minute and fails, and a deletion may hang on a finalizer whose controller
    is gone. Raises ValueError where the operator does not bring the kind, or the namespace is missing or too
    much: Pulumi cannot find out the scope of a kind that is not there yet.
    """

    def __init__(self, name: str, manifest: Manifest, operator: Operator, opts: pulumi.ResourceOptions) -> None:
        api_version, kind = manifest["apiVersion"], manifest["kind"]
        custom = next((custom for custom in operator.kinds if custom.serves(api_version, kind)), None)
        if custom is None:
            raise ValueError(f"'{name}': what it comes after does not bring {kind} of {api_version}")
        if (custom.scope == "Namespaced") != ("namespace" in manifest["metadata"]):
            raise ValueError(f"'{name}': {kind} is {custom.scope.lower()}; name a namespace exactly where that is so")
        after = pulumi.ResourceOptions(depends_on=[operator.bringing(custom)])
        super().__init__(name, manifest, pulumi.ResourceOptions.merge(opts, after))
