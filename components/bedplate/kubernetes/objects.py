"""One Kubernetes object as a Pulumi resource, registered from its manifest.

A manifest is written as Kubernetes writes it (camelCase) and registered under the provider's own type token, so the
real engine treats it exactly as it treats the SDK's typed classes. Those cost 2.3 times as much time and memory per
object (ADR 0006); misspelt fields are found by strict field validation when the stack is rehearsed.
"""

import hashlib
from collections.abc import Mapping

import pulumi

from bedplate.kubernetes.manifests import Manifest
from bedplate.labels import CONFIGURATION_HASH, SECRETS_HASH


def secrets_hash(salt: str, secrets: Mapping[str, pulumi.Input[str]]) -> dict[str, pulumi.Output[str]]:
    """A pod annotation that changes with the secrets' values, so that pods roll when one is rotated.

    Whoever may read pods sees it, so it is a slow hash: a weak secret cannot be guessed from it at any speed.
    """

    def slow_hash(text: str) -> str:
        return hashlib.scrypt(text.encode(), salt=salt.encode(), n=2**14, r=8, p=1, dklen=8).hex()

    return {SECRETS_HASH: pulumi.Output.json_dumps(secrets).apply(slow_hash)}


def configuration_hash(text: pulumi.Input[str]) -> dict[str, pulumi.Input[str]]:
    """A pod annotation that changes with a file that pods read when they start."""

    def quick_hash(known: str) -> str:
        return hashlib.sha256(known.encode()).hexdigest()[:16]

    # What is known stays so in a preview.
    is_known = isinstance(text, str)
    return {CONFIGURATION_HASH: quick_hash(text) if is_known else pulumi.Output.from_input(text).apply(quick_hash)}


def type_token(api_version: str, kind: str) -> str:
    """`kubernetes:core/v1:Namespace`, `kubernetes:apps/v1:Deployment`: the provider's token of a kind."""
    return f"kubernetes:{api_version if '/' in api_version else f'core/{api_version}'}:{kind}"


class KubernetesObject(pulumi.CustomResource):
    """A Kubernetes object.

    It takes the provider of its parent, so it must stand below a component that got one. The fields of a Secret are
    always secret, whatever they were given as.
    """

    def __init__(self, name: str, manifest: Manifest, opts: pulumi.ResourceOptions) -> None:
        properties = dict(manifest)
        if manifest["kind"] == "Secret" and "stringData" in manifest:
            properties["stringData"] = pulumi.Output.secret(manifest["stringData"])
        super().__init__(type_token(manifest["apiVersion"], manifest["kind"]), name, properties, opts)
