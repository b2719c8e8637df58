"""Outputs that a provider would compute, made up by type, so that the whole program resolves without one."""

from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from bedplate.engine.aws import AWS_LOAD_BALANCER, AWS_OUTPUTS, load_balancer_name
from bedplate.engine.azure import AZURE_ANSWERS, AZURE_OUTPUTS
from bedplate.engine.gcp import GCP_OUTPUTS
from bedplate.engine.resources import KUBERNETES_PROVIDER_TYPE, RELEASE_TYPE, Resource
from bedplate.errors import RehearsalError

RANDOM_PASSWORD_TYPE = "random:index/randomPassword:RandomPassword"
_DOCUMENTATION_ADDRESS = "192.0.2.10"
"""Nobody's: https://www.rfc-editor.org/rfc/rfc5737."""
_BCRYPT = "$2a$10$"
"""How a hash by bcrypt begins; what is made up after it is of no password."""
_CLOUD_OUTPUTS = {**AWS_OUTPUTS, **AZURE_OUTPUTS, **GCP_OUTPUTS}


def synthesised_outputs(resource: Resource) -> tuple[str, dict[str, Any]]:
    """The id and computed outputs of a custom resource.

    Raises RehearsalError for a type that nobody wrote outputs for: a made-up value that happens to fit would hide a
    mistake until production.
    """
    if resource.is_kubernetes_object:
        metadata = resource.inputs["metadata"]
        namespace = metadata.get("namespace")
        return f"{namespace}/{metadata['name']}" if namespace else str(metadata["name"]), _object(resource)
    if resource.type == KUBERNETES_PROVIDER_TYPE:
        return f"{resource.name}-id", {}
    if resource.type == RELEASE_TYPE:
        return _release(resource)
    if resource.type == RANDOM_PASSWORD_TYPE:
        password = _always_the_same(resource)
        return "none", {"result": password, "bcryptHash": _BCRYPT + sha256(password.encode()).hexdigest()[:53]}
    if resource.type in _CLOUD_OUTPUTS:
        return _CLOUD_OUTPUTS[resource.type](resource)
    raise RehearsalError(
        f"no outputs are known for the resource type {resource.type} ('{resource.name}')",
        "write what its provider computes into bedplate/engine, beside its neighbours",
    )


def _object(resource: Resource) -> dict[str, Any]:
    """What the program reads of an object: of a Service, the load balancer that is waited for.

    No cluster is asked, not even in a rehearsal on one: where nobody makes load balancers none comes, and where
    somebody does, what the rehearsal makes of its address must not depend on it.
    """
    if resource.type != "kubernetes:core/v1:Service" or resource.inputs["spec"]["type"] != "LoadBalancer":
        return {}
    annotations: Mapping[str, str] = resource.inputs["metadata"].get("annotations", {})
    if annotations.get("pulumi.com/skipAwait") == "true":
        return {"status": {"loadBalancer": {}}}
    by_name = AWS_LOAD_BALANCER in annotations
    first = {"hostname": load_balancer_name(resource)} if by_name else {"ip": _DOCUMENTATION_ADDRESS}
    return {"status": {"loadBalancer": {"ingress": [first]}}}


def _release(resource: Resource) -> tuple[str, dict[str, Any]]:
    """What Helm says of a release that has just been installed; the names of what it made are the chart's secret.

    https://www.pulumi.com/registry/packages/kubernetes/api-docs/helm/v3/release/#outputs
    """
    inputs = resource.inputs
    status = {key: inputs[key] for key in ("name", "namespace", "chart", "version")}
    return f"{inputs['namespace']}/{inputs['name']}", {
        "status": {**status, "revision": 1, "status": "deployed"},
        "resourceNames": {},
    }


def _always_the_same(resource: Resource) -> str:
    """Of the length that was asked for, and known to everybody: a rehearsal keeps no state that could hold a secret."""
    digits = sha256(resource.urn.encode()).hexdigest()
    length = int(resource.inputs["length"])
    return (digits * (length // len(digits) + 1))[:length]


def synthesised_answer(function: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """What a provider's function answers about a resource that the program made.

    Raises RehearsalError for every other: a program that asks a cloud cannot run without one.
    """
    if function in AZURE_ANSWERS:
        return AZURE_ANSWERS[function](arguments)
    raise RehearsalError(
        f"the program asks a cloud ({function}), which the embedded engine never does",
        "take the value from the stack file or from a resource",
    )
