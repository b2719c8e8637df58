"""The registry of images that the platform builds.

Owns one Docker repository of Artifact Registry: tags that cannot be moved, a scan on every push, a rule that cleans up,
and the nodes' right to pull from it. It deliberately deletes no tagged image: a rollback needs the old one.
"""

from dataclasses import dataclass

import pulumi
from pulumi_gcp import artifactregistry

from bedplate.clouds.gcp.identity import GcpIdentities
from bedplate.clouds.gcp.keys import GcpKeys
from bedplate.clouds.gcp.spec import GcpClusterSpec

_UNTAGGED_DAYS = 7


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
        repository = artifactregistry.Repository(
            f"{name}-images",
            repository_id=spec.name,
            location=spec.region,
            format="DOCKER",
            mode="STANDARD_REPOSITORY",
            docker_config=artifactregistry.RepositoryDockerConfigArgs(immutable_tags=True),
            # Scans where the project's Container Scanning API is on.
            vulnerability_scanning_config=artifactregistry.RepositoryVulnerabilityScanningConfigArgs(
                enablement_config="INHERITED"
            ),
            kms_key_name=args.keys.data_id,
            cleanup_policies=[_untagged()],
            cleanup_policy_dry_run=False,
            opts=pulumi.ResourceOptions(parent=self, protect=True, depends_on=args.keys.usable),
        )
        artifactregistry.RepositoryIamMember(
            f"{name}-pulled-by-nodes",
            project=spec.project_id,
            location=spec.region,
            repository=repository.name,
            role="roles/artifactregistry.reader",
            member=args.identities.nodes.member,
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.register_outputs({})


def registry_address(spec: GcpClusterSpec) -> str:
    """What an image's reference begins with."""
    return f"{spec.region}-docker.pkg.dev/{spec.project_id}/{spec.name}/images"


def _untagged() -> artifactregistry.RepositoryCleanupPolicyArgs:
    """https://cloud.google.com/artifact-registry/docs/repositories/cleanup-policy"""
    return artifactregistry.RepositoryCleanupPolicyArgs(
        id="untagged",
        action="DELETE",
        condition=artifactregistry.RepositoryCleanupPolicyConditionArgs(
            tag_state="UNTAGGED", older_than=f"{_UNTAGGED_DAYS * 86_400}s"
        ),
    )
