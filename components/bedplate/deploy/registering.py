"""One workload, registered as the platform registers it, with what is offered in the place of the platform.

Runs inside the embedded engine alone (see `program`).
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pulumi

from bedplate.clouds import ClusterFacts
from bedplate.kubernetes import KubernetesObject
from bedplate.labels import Identity, image_version
from bedplate.offered import Offered
from bedplate.offers import Offers, RouteRequest, TenantImages
from bedplate.services.front_door.deployed import deployed_host, deployed_route
from bedplate.workloads import Workload, WorkloadArgs, WorkloadComponent
from bedplate.workloads.model_api import ModelApiSpec


@dataclass(frozen=True)
class MembersRoutes:
    """Ways in as members may write them: in their own namespace, by the platform's own checks."""

    offered: Offered
    serves_any_host: bool = True

    def admit(self, name: str, groups: Sequence[str], identity: Identity, parent: pulumi.Resource) -> None:
        """Nothing: the platform has."""

    def open(self, name: str, request: RouteRequest, parent: pulumi.Resource) -> None:
        """The route, and the keys that it asks for."""
        host = deployed_host(request.identity.tenant, request.identity.workload, self.offered.domain)
        keys = {key.name: key.sha256 for key in request.spec.api_keys}
        parts = deployed_route(
            request.identity,
            request.namespace_name,
            host,
            request.spec.access,
            keys,
            has_login=self.offered.has_login,
        )
        for suffix, part in parts:
            KubernetesObject(f"{name}-{suffix}", part, pulumi.ResourceOptions(parent=parent))


@dataclass(frozen=True)
class MembersImages:
    """By what members' images are pulled; all else of images is the platform's."""

    pull_secrets: Sequence[str]

    def repository(self, tenant: str) -> str:
        """Not asked for here."""
        return ""

    def caches(self, tenant: str) -> str:
        """Not asked for here."""
        return ""

    def builds_for(self, tenant: str) -> bool:
        """Not asked for here."""
        return False

    def open(self, name: str, request: TenantImages, parent: pulumi.Resource) -> None:
        """Nothing: the platform has."""


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
        offers=Offers(
            front_door=MembersRoutes(offered) if offered.has_front_door else None,
            images=MembersImages(pull_secrets=offered.pull_secrets) if offered.pull_secrets else None,
        ),
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
