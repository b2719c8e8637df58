"""A cluster on every cloud, on the recording engine, and what tests of the contract ask of it."""

import json
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from bedplate.clouds.managed import ManagedClusterSpec
from bedplate.config import PlatformSpec
from bedplate.engine.engine import Recording, RecordingBackend, run
from bedplate.engine.resources import Resource
from harness import MINIMAL, ROOT, changed, program, spec, without_tenants, written_platform

CLOUDS = ("existing", "aws", "gcp", "azure")
MANAGED = tuple(cloud for cloud in CLOUDS if cloud != "existing")
FOLDERS = {cloud: ROOT / "components" / "bedplate" / "clouds" / cloud for cloud in MANAGED}

PROGRAM = """
import json, pulumi
from bedplate.clouds import ClusterArgs, create_cluster
from bedplate.clouds.contract import BucketGrant, SecretsGrant
from bedplate.clouds.facts import Facts
from bedplate.config import PlatformSpec

spec = PlatformSpec.model_validate(json.loads({data!r}))
args = ClusterArgs(spec=spec.cloud, node_pools=spec.node_pools, domain=spec.domain, secret=pulumi.Output.secret)
above = pulumi.ComponentResource("test:index:Above", "above", {{}})
cluster = create_cluster("above-cluster", args, pulumi.ResourceOptions(parent=above))

def plain(value):
    return {{key: plain(each) for key, each in vars(value).items()}} if isinstance(value, Facts) else value

bucket = cluster.facts.artifact_bucket or "bucket"
GRANTS = {{
    "reads": [BucketGrant(bucket=bucket, access="read")],
    "writes": [BucketGrant(bucket=bucket, access="write")],
    "below": [BucketGrant(bucket=bucket, access="write", prefix="models/")],
    "secrets": [SecretsGrant(prefix="vision/")],
    "all": [BucketGrant(bucket=bucket, access="read", prefix="data/"), SecretsGrant(prefix="vision/")],
}}

def identity(name, *who, grants):
    try:
        return plain(cluster.workload_identity(name, *who, grants))
    except ValueError as error:
        return {{"refused": str(error)}}

granted = {{
    **{{name: identity(name, "vision", name, grants=grants) for name, grants in GRANTS.items()}},
    "one": identity("one", "vision-batch", "reader", grants=GRANTS["reads"]),
    "other": identity("other", "vision", "batch-reader", grants=GRANTS["reads"]),
}} if {with_workloads} else {{}}
cluster.point_hosts("hosts", "192.0.2.10")
pulumi.export("facts", plain(cluster.facts))
pulumi.export("granted", granted)
"""
WORKLOADS = ("reads", "writes", "below", "secrets", "all", "one", "other")


def written(cloud: str) -> dict[str, Any]:
    """The platform on this cloud, as short as may be: with defaults where there are some."""
    if cloud == "existing":
        return changed({"config": {"bedplate:platform": MINIMAL}}, "cloud.kubeconfigRef", "kubeconfig")["config"][
            "bedplate:platform"
        ]
    data = without_tenants(ROOT / "stacks" / f"Pulumi.{cloud}.yaml")
    section = {key: value for key, value in data["cloud"].items() if key != "auditDays"}
    section["access"] = {key: value for key, value in section["access"].items() if key != "endpoint"}
    return {**data, "cloud": section}


def name_of(cloud: str) -> str:
    return written(cloud)["cloud"]["name"]


def platform_on(cloud: str) -> PlatformSpec:
    return spec(written(cloud))


def managed(cloud: str) -> ManagedClusterSpec:
    section = platform_on(cloud).cloud
    assert isinstance(section, ManagedClusterSpec)
    return section


def pushing(cloud: str, *tenants: str, **builds: Any) -> dict[str, Any]:
    """The shipped stack of a cloud, in which builds of these tenants act as identities of it. builds: more of them."""
    stack = written_platform(ROOT / "stacks" / f"Pulumi.{cloud}.yaml")
    places = [place for tenant in tenants if (place := managed(cloud).images_place(tenant))]
    approved = [*stack["guardrails"]["approvedImages"], *(f"{place.images}/" for place in places)]
    images = {**stack.get("images", {}), "builds": {"cloudIdentities": list(tenants), **builds}}
    return {**stack, "guardrails": {**stack["guardrails"], "approvedImages": approved}, "images": images}


@cache
def recorded(folder: Path, cloud: str, *, with_workloads: bool = False, attempt: int = 1) -> Recording:
    """What the cluster registers, alone or with the identities of some workloads."""
    place = folder / f"{cloud}-{with_workloads}-{attempt}"
    place.mkdir()
    text = PROGRAM.format(data=json.dumps(written(cloud)), with_workloads=with_workloads)
    (place / "__main__.py").write_text(text)
    return run(replace(program({}), folder=place), RecordingBackend(), is_preview=True)


def of_type(recording: Recording, *kinds: str) -> list[Resource]:
    """The resources of these types, of which there is at least one each."""
    assert set(kinds) <= {resource.type for resource in recording.resources}
    return [resource for resource in recording.resources if resource.type in kinds]


def at(value: Any, path: str) -> Any:
    """What lies at a dotted path, where `*` is every item or value."""
    for position, step in enumerate(steps := path.split(".")):
        if step == "*":
            rest = ".".join(steps[position + 1 :])
            items = value.values() if isinstance(value, dict) else value
            return [at(item, rest) if rest else item for item in items]
        value = value[step]
    return value


def leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, dict | list):
        for each in value.values() if isinstance(value, dict) else value:
            yield from leaves(each)
    else:
        yield value
