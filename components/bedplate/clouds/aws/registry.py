"""The registry of images that the platform builds.

Owns one ECR repository, and a template after which ECR makes others when somebody pushes to a new name below the
platform's: tags that cannot be moved but the one of a build's cache, our key, and rules that clean up. It deliberately
deletes no tagged image while there are fewer than `_KEPT_IMAGES`: a rollback needs the old one. What ECR makes is not
Pulumi's: it stays after a teardown. A template says nothing of scans, which are then a setting of the account's whole
registry.
https://docs.aws.amazon.com/AmazonECR/latest/userguide/repository-creation-templates.html
"""

import json
from dataclasses import dataclass

import pulumi
from pulumi_aws import ecr

from bedplate.clouds.aws.identity import AwsRole, AwsRoleArgs
from bedplate.clouds.aws.keys import AwsKeys
from bedplate.clouds.aws.policies import Statement, allow, trust_of_ecr
from bedplate.clouds.aws.spec import AwsClusterSpec
from bedplate.labels import CACHE_TAG

_KEPT_IMAGES = 1000
_UNTAGGED_DAYS = 7
_MUTABILITY = "IMMUTABLE_WITH_EXCLUSION"
"""https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-tag-mutability.html"""


@dataclass(frozen=True, kw_only=True)
class AwsRegistryArgs:
    """keys: of this cluster."""

    spec: AwsClusterSpec
    keys: AwsKeys


class AwsRegistry(pulumi.ComponentResource):
    """The platform's image repositories."""

    def __init__(self, name: str, args: AwsRegistryArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("bedplate:index:AwsRegistry", name, {}, opts)
        spec, child = args.spec, pulumi.ResourceOptions(parent=self)
        cleanup = json.dumps({"rules": cleanup_rules()})
        repository = ecr.Repository(
            f"{name}-images",
            name=spec.images_repository,
            image_tag_mutability=_MUTABILITY,
            image_tag_mutability_exclusion_filters=[
                ecr.RepositoryImageTagMutabilityExclusionFilterArgs(filter=CACHE_TAG, filter_type="WILDCARD")
            ],
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
            policy=cleanup,
            opts=child,
        )
        creator = AwsRole(
            f"{name}-creator",
            AwsRoleArgs(
                trust=[trust_of_ecr()],
                description=f"Makes repositories below {spec.name}/",
                statements=creator_permissions(spec, args.keys.data_arn),
            ),
            child,
        )
        ecr.RepositoryCreationTemplate(
            f"{name}-template",
            prefix=spec.name,
            description=f"Repositories of {spec.name}",
            applied_fors=["CREATE_ON_PUSH"],
            custom_role_arn=creator.arn,
            image_tag_mutability=_MUTABILITY,
            image_tag_mutability_exclusion_filters=[
                ecr.RepositoryCreationTemplateImageTagMutabilityExclusionFilterArgs(
                    filter=CACHE_TAG, filter_type="WILDCARD"
                )
            ],
            encryption_configurations=[
                ecr.RepositoryCreationTemplateEncryptionConfigurationArgs(
                    encryption_type="KMS", kms_key=args.keys.data_arn
                )
            ],
            lifecycle_policy=cleanup,
            opts=child,
        )
        self.register_outputs({})


def creator_permissions(spec: AwsClusterSpec, key_arn: pulumi.Input[str]) -> list[Statement]:
    """What a template's role does, with one prefix and one key.

    https://docs.aws.amazon.com/AmazonECR/latest/userguide/repository-creation-templates-custom.html
    """
    below = f"arn:aws:ecr:{spec.region}:{spec.account_id}:repository/{spec.name}/*"
    return [
        allow("Create", ["ecr:CreateRepository", "ecr:TagResource"], [below]),
        allow("Encrypt", ["kms:CreateGrant", "kms:DescribeKey", "kms:RetireGrant"], [key_arn]),
    ]


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
