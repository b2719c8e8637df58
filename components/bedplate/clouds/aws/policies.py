"""IAM permissions as data.

Owns the form of statements and policies. `"Resource": "*"` stands only where AWS has no narrower one, which the
statement's Sid then says by its ending `Everywhere`; https://docs.aws.amazon.com/service-authorization/latest/reference/
lists the actions without resource types.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi

Statement = dict[str, Any]
EVERYTHING = "*"
AUDIENCE = "sts.amazonaws.com"
"""Whom tokens for AWS are made for."""


def allow(
    sid: str,
    actions: Sequence[str],
    resources: Sequence[pulumi.Input[str]] | str,
    condition: Mapping[str, Any] | None = None,
) -> Statement:
    """What a role may do."""
    statement = {"Sid": sid, "Effect": "Allow", "Action": list(actions), "Resource": resources}
    return {**statement, "Condition": condition} if condition else statement


def grant(
    sid: str,
    principal: Mapping[str, str],
    actions: Sequence[str],
    resources: Sequence[pulumi.Input[str]] | str,
    condition: Mapping[str, Any] | None = None,
) -> Statement:
    """What somebody may do with the resource that carries the policy."""
    return {**allow(sid, actions, resources, condition), "Principal": dict(principal)}


def policy(*statements: pulumi.Input[Statement]) -> pulumi.Output[str]:
    """The policy document."""
    return pulumi.Output.json_dumps({"Version": "2012-10-17", "Statement": list(statements)})


def trust(service: str, source_account: str, *, source_arn: str | None = None) -> Statement:
    """A service of AWS takes the role, on behalf of this account only (no confused deputy).

    https://docs.aws.amazon.com/IAM/latest/UserGuide/confused-deputy.html
    """
    condition: dict[str, Any] = {"StringEquals": {"aws:SourceAccount": source_account}}
    if source_arn:
        condition["ArnLike"] = {"aws:SourceArn": source_arn}
    return {
        "Effect": "Allow",
        "Principal": {"Service": service},
        "Action": "sts:AssumeRole",
        "Condition": condition,
    }


def trust_of_nodes() -> Statement:
    """Instances take the role; EC2 sends no source account (an instance can only take a role of its own account)."""
    return {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}


def trust_of_ecr() -> Statement:
    """ECR takes the role of a creation template; it is not documented to say for whom it does.

    Only somebody of this account can hand the role to a template (iam:PassRole).
    https://docs.aws.amazon.com/AmazonECR/latest/userguide/repository-creation-templates-create-iam.html
    """
    return {"Effect": "Allow", "Principal": {"Service": "ecr.amazonaws.com"}, "Action": "sts:AssumeRole"}


def trust_of_pods(source_account: str, cluster_arn: str) -> Statement:
    """Pods of this cluster take the role, through an association: https://docs.aws.amazon.com/eks/latest/userguide/pod-id-role.html."""
    return {
        **trust("pods.eks.amazonaws.com", source_account, source_arn=cluster_arn),
        "Action": ["sts:AssumeRole", "sts:TagSession"],
    }


def trust_of_tokens(provider_arn: str, issuer_url: str, namespace: str, service_account: str) -> Statement:
    """Who shows a token of this ServiceAccount takes the role: https://docs.aws.amazon.com/eks/latest/userguide/associate-service-account-role.html."""
    issuer = issuer_url.removeprefix("https://")
    return {
        "Effect": "Allow",
        "Principal": {"Federated": provider_arn},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {
            "StringEquals": {
                f"{issuer}:aud": AUDIENCE,
                f"{issuer}:sub": f"system:serviceaccount:{namespace}:{service_account}",
            }
        },
    }
