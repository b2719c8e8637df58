"""The registry of images that the platform builds.

Owns one ECR repository: tags that cannot be moved, a scan on every push, and rules that clean up. It deliberately
deletes no tagged image while there are fewer than `_KEPT_IMAGES`: a rollback needs the old one.
"""

import json
from dataclasses import dataclass

import pulumi
from pulumi_aws import ecr

from bedplate.clouds.aws.keys import AwsKeys
from bedplate.clouds.aws.spec import AwsClusterSpec

_KEPT_IMAGES = 1000
_UNTAGGED_DAYS = 7


@dataclass(frozen=True, kw_only=True)
class AwsRegistryArgs:
    """keys: of this cluster."""

    spec: AwsClusterSpec
    keys: AwsKeys


class AwsRegistry(pulumi.ComponentResource):
    """The platform's image repository."""

    def __init__(self, name: str, args: AwsRegistryArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("bedplate:index:AwsRegistry", name, {}, opts)
        repository = ecr.Repository(
            f"{name}-images",
            name=repository_name(args.spec),
            image_tag_mutability="IMMUTABLE",
            image_scanning_configuration=ecr.RepositoryImageScanningConfigurationArgs(scan_on_push=True),
            encryption_configurations=[
                ecr.RepositoryEncryptionConfigurationArgs(encryption_type="KMS", kms_key=args.keys.data_arn)
            ],
            force_delete=False,
            opts=pulumi.ResourceOptions(parent=self, protect=True),
        )
        ecr.LifecyclePolicy(
            f"{name}-cleanup",
            repository=repository.name,
            policy=json.dumps({"rules": cleanup_rules()}),
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.register_outputs({})


def repository_name(spec: AwsClusterSpec) -> str:
    """Name of the repository in the account's registry."""
    return f"{spec.name}/images"


def registry_address(spec: AwsClusterSpec) -> str:
    """What an image's reference begins with."""
    return f"{spec.account_id}.dkr.ecr.{spec.region}.amazonaws.com/{repository_name(spec)}"


def cleanup_rules() -> list[dict[str, object]]:
    """https://docs.aws.amazon.com/AmazonECR/latest/userguide/lifecycle_policy_parameters.html"""
    untagged = {
        "tagStatus": "untagged",
        "countType": "sinceImagePushed",
        "countUnit": "days",
        "countNumber": _UNTAGGED_DAYS,
    }
    oldest = {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": _KEPT_IMAGES}
    return [
        {"rulePriority": priority, "description": text, "selection": selection, "action": {"type": "expire"}}
        for priority, text, selection in (
            (1, "Images that lost their tag", untagged),
            (2, "The oldest beyond those kept", oldest),
        )
    ]
