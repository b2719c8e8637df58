"""The registry of images that the platform builds.

Owns one Docker repository of Artifact Registry: tags that cannot be moved, a scan on every push, a rule that cleans up,
and the nodes' right to pull from it; and two for each tenant whose builds act as an identity: one for images, like the
platform's, and one for the caches of builds, whose tag moves with each. It deliberately deletes no tagged image: a
rollback needs the old one. A cache is deleted that no build has written for a month.
"""

from dataclasses import dataclass
from typing import Literal

import pulumi
from pulumi_gcp import artifactregistry

from bedplate.clouds.gcp.identity import GcpIdentities, Permission
from bedplate.clouds.gcp.keys import GcpKeys
from bedplate.clouds.gcp.spec import GcpClusterSpec

_UNTAGGED_DAYS = 7
_CACHE_DAYS = 30
_ROLES = {"pull": "roles/artifactregistry.reader", "push": "roles/artifactregistry.writer"}
"""https://cloud.google.com/artifact-registry/docs/access-control#roles"""


@dataclass(frozen=True, kw_only=True)
class GcpRegistryArgs:
    """keys, identities: of this cluster."""

    spec: GcpClusterSpec
    keys: GcpKeys
    identities: GcpIdentities


class GcpRegistry(pulumi.ComponentResource):
    """The platform's image repository."""

    def __init__(self, name: str, args: GcpRegistryArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("bedplate:index:GcpRegistry", name, {}, opts)
        spec = args.spec
        repository = _repository(f"{name}-images", spec.name, args, self, immutable_tags=True, cleanup=_untagged())
        _pulled_by_nodes(f"{name}-pulled-by-nodes", repository, args, self)
        self.register_outputs({})


@dataclass(frozen=True, kw_only=True)
class GcpTenantImagesArgs(GcpRegistryArgs):
    """tenant: whose images."""

    tenant: str


class GcpTenantImages(pulumi.ComponentResource):
    """The repositories of one tenant."""

    def __init__(self, name: str, args: GcpTenantImagesArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("bedplate:index:GcpTenantImages", name, {}, opts)
        images, cache = (args.spec.tenant_repository(args.tenant, purpose) for purpose in ("images", "cache"))
        repositories = [
            _repository(f"{name}-images", images, args, self, immutable_tags=True, cleanup=_untagged()),
            _repository(f"{name}-cache", cache, args, self, immutable_tags=False, cleanup=_old(_CACHE_DAYS)),
        ]
        _pulled_by_nodes(f"{name}-pulled-by-nodes", repositories[0], args, self)
        self._repositories = repositories
        self.register_outputs({})

    def permissions(self, access: Literal["pull", "push"]) -> list[Permission]:
        """What lets an identity pull, or push too, and delete nothing. Who pulls needs no cache."""
        kept = self._repositories if access == "push" else self._repositories[:1]
        return [Permission(role=_ROLES[access], repository=repository.name) for repository in kept]


def _repository(
    name: str,
    repository_id: str,
    args: GcpRegistryArgs,
    parent: pulumi.Resource,
    *,
    immutable_tags: bool,
    cleanup: artifactregistry.RepositoryCleanupPolicyArgs,
) -> artifactregistry.Repository:
    return artifactregistry.Repository(
        name,
        repository_id=repository_id,
        location=args.spec.region,
        format="DOCKER",
        mode="STANDARD_REPOSITORY",
        docker_config=artifactregistry.RepositoryDockerConfigArgs(immutable_tags=immutable_tags),
        # Scans where the project's Container Scanning API is on.
        vulnerability_scanning_config=artifactregistry.RepositoryVulnerabilityScanningConfigArgs(
            enablement_config="INHERITED"
        ),
        kms_key_name=args.keys.data_id,
        cleanup_policies=[cleanup],
        cleanup_policy_dry_run=False,
        opts=pulumi.ResourceOptions(parent=parent, protect=True, depends_on=args.keys.usable),
    )


def _pulled_by_nodes(
    name: str, repository: artifactregistry.Repository, args: GcpRegistryArgs, parent: pulumi.Resource
) -> None:
    artifactregistry.RepositoryIamMember(
        name,
        project=args.spec.project_id,
        location=args.spec.region,
        repository=repository.name,
        role=_ROLES["pull"],
        member=args.identities.nodes.member,
        opts=pulumi.ResourceOptions(parent=parent),
    )


def _untagged() -> artifactregistry.RepositoryCleanupPolicyArgs:
    """https://cloud.google.com/artifact-registry/docs/repositories/cleanup-policy"""
    return artifactregistry.RepositoryCleanupPolicyArgs(
        id="untagged",
        action="DELETE",
        condition=artifactregistry.RepositoryCleanupPolicyConditionArgs(
            tag_state="UNTAGGED", older_than=f"{_UNTAGGED_DAYS * 86_400}s"
        ),
    )


def _old(days: int) -> artifactregistry.RepositoryCleanupPolicyArgs:
    return artifactregistry.RepositoryCleanupPolicyArgs(
        id="old",
        action="DELETE",
        condition=artifactregistry.RepositoryCleanupPolicyConditionArgs(
            tag_state="ANY", older_than=f"{days * 86_400}s"
        ),
    )
