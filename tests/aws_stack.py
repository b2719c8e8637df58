"""The AWS stack on the recording engine, and what tests ask of it."""

import json
from collections.abc import Iterator
from typing import Any

from ruamel.yaml import YAML

from bedplate.clouds.aws.policies import Statement
from bedplate.clouds.aws.spec import AwsClusterSpec
from bedplate.clouds.buckets import identity_name
from bedplate.engine.engine import Recording
from bedplate.engine.resources import Resource
from bedplate.labels import SECRET_STORE
from bedplate.stack_file.reading import PLATFORM_KEY, load
from harness import ROOT

FILE = ROOT / "stacks" / "Pulumi.aws.yaml"


def act_as_themselves() -> list[str]:
    """Roles that are a workload's or a tenant's secret store's, in the order of the stack. They can be made again, and
    go with what they serve; both pods and tokens of one ServiceAccount take them."""
    workloads = {"vision": ["fine-tune"], "forecasting": ["nightly-refit"], "routing": list[str]()}
    of_tenants = [identity_name(who, name) for who, own in workloads.items() for name in (SECRET_STORE, *own)]
    return [f"platform-cluster-{name}-pods-role" for name in ("usage-rows", *of_tenants)]


def with_karpenter(**pools: dict[str, Any]) -> dict[str, Any]:
    """The platform of the stack file under Karpenter; its pool of H100, which has an interconnect, does not grow."""
    stack: dict[str, Any] = YAML(typ="safe").load(FILE)["config"][PLATFORM_KEY]
    h100 = {**stack["nodePools"]["h100"], "min": 4}
    return {
        **stack,
        "cloud": {**stack["cloud"], "autoscaler": "karpenter"},
        "nodePools": {**stack["nodePools"], "h100": h100, **pools},
    }


def cloud() -> AwsClusterSpec:
    """The cluster of the stack file."""
    spec = load(FILE).spec.cloud
    assert isinstance(spec, AwsClusterSpec)
    return spec


def of_type(recording: Recording, end: str) -> list[Resource]:
    """The resources of one type, of which there is at least one."""
    found = [
        resource
        for resource in recording.resources
        if resource.type.startswith(("aws:", "pulumi:")) and resource.type.endswith(f":{end}")
    ]
    assert found, f"there is no {end}"
    return found


def documents(recording: Recording) -> Iterator[tuple[str, list[Statement]]]:
    """The statements of every policy, by resource."""
    for resource in recording.resources:
        for key in ("policy", "assumeRolePolicy"):
            text = resource.inputs.get(key)
            if isinstance(text, str) and "Statement" in text:
                yield resource.name, json.loads(text)["Statement"]


def listed(value: Any) -> list[Any]:
    """One or many, as policies write both."""
    return value if isinstance(value, list) else [value]
