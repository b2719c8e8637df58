"""One workload, registered as the platform registers it, with what is offered in the place of the platform.

Runs inside the embedded engine alone (see `program`).
"""

import json
from typing import Any

import pulumi

from bedplate.clouds import ClusterFacts
from bedplate.kubernetes import KubernetesObject
from bedplate.labels import Identity, image_version
from bedplate.offers import Offers
from bedplate.tenants.offered import Offered
from bedplate.workloads import Workload, WorkloadArgs, WorkloadComponent
from bedplate.workloads.model_api import ModelApiSpec


def register() -> None:
    """What the configuration says."""
    said: dict[str, Any] = json.loads(pulumi.Config("bedplate").require("deployment"))
    spec, offered = ModelApiSpec.model_validate(said["workload"]), Offered(**said["offered"])
    namespace = KubernetesObject(
        "namespace",
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": said["namespace"]}},
        pulumi.ResourceOptions(),
    )
    args = WorkloadArgs(
        spec=spec,
        namespace=namespace,
        namespace_name=said["namespace"],
        identity=identity_of(spec, offered),
        groups=offered.groups,
        facts=ClusterFacts.model_construct(),
        secret=lambda name: pulumi.Output.from_input(name),
        offers=Offers(),
    )
    WorkloadComponent(spec.name, args)


def identity_of(spec: ModelApiSpec, offered: Offered) -> Identity:
    """Whose it is, as a stack would say it of the same workload."""
    template = Workload.of(spec)
    return Identity(
        name=template.component,
        component=template.component,
        owner=spec.owner or offered.owner,
        tenant=offered.tenant,
        project=spec.project or offered.project,
        workload=spec.name,
        version=image_version(spec.image),
    )
