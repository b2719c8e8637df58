"""Every IAM policy of the AWS stack before a public linter, https://github.com/duo-labs/parliament.

It knows actions, the resources each takes and the conditions each offers, as AWS documented them in April 2025.
"""

import json
import re
import warnings
from typing import Any

import pytest

from aws_stack import FILE, act_as_themselves, cloud, documents, with_karpenter
from bedplate.clouds.aws.identity import permissions_of
from bedplate.clouds.aws.karpenter_permissions import karpenter_permissions
from bedplate.clouds.aws.policies import Statement
from bedplate.clouds.contract import BucketGrant, SecretsGrant
from harness import ROOT, record, record_stack

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # It imports pkg_resources, which announces its own end.
    import parliament

KEYS = ("platform-cluster-keys-data", "platform-cluster-keys-secrets")
EXPECTED = {
    **{
        # In a key's policy, * is that key: https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-overview.html
        (key, "RESOURCE_STAR"): "of a key's own policy"
        for key in KEYS
    },
    # The linter knows only single-word context keys after kms:EncryptionContext:, and takes them for strings; that of
    # logs holds an ARN: https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html
    (KEYS[0], "UNKNOWN_CONDITION_FOR_ACTION"): "kms:EncryptionContext:aws:logs:arn",
    (KEYS[0], "MISMATCHED_TYPE"): "kms:EncryptionContext:aws:logs:arn",
    # It knows the issuers of tokens that are everybody's, and not a cluster's own.
    **{
        (role, issue): "the cluster's issuer"
        for role in act_as_themselves()
        for issue in ("UNKNOWN_FEDERATION_SOURCE", "UNKNOWN_CONDITION_FOR_ACTION")
    },
}

KARPENTER = {
    # It wants every kind of resource of an action in one statement; they stand in several, each with its own condition.
    # And it does not know that Amazon's public parameters belong to no account.
    ("platform-cluster-identities-autoscaler-permissions", "RESOURCE_MISMATCH"): "spread over statements",
}


def findings(statements: list[Statement]) -> list[tuple[str, str]]:
    """What is wrong, and its detail. A trust policy has no resource; the linter wants one, so it gets the role."""
    role = "arn:aws:iam::123456789012:role/any"
    whole = [statement if "Resource" in statement else {**statement, "Resource": role} for statement in statements]
    analysed: Any = parliament.analyze_policy_string(json.dumps({"Version": "2012-10-17", "Statement": whole}))
    return [(finding.issue, str(finding.detail)) for finding in analysed.findings]


def test_every_policy_of_the_stack_passes() -> None:
    policies = list(documents(record_stack(FILE)))
    found = {(name, issue) for name, statements in policies for issue, _ in findings(statements)}
    assert found == set(EXPECTED)
    print(f"{len(policies)} policies, {sum(len(statements) for _, statements in policies)} statements")
    assert len(policies) >= 20


def test_every_policy_with_karpenter_passes() -> None:
    policies = dict(documents(record(with_karpenter())))
    found = {(name, issue) for name, statements in policies.items() for issue, _ in findings(statements)}
    assert found == {*EXPECTED, *KARPENTER}


def test_the_statements_of_karpenter_together_name_every_resource_of_starting_a_machine() -> None:
    starting = ["ec2:RunInstances", "ec2:CreateFleet"]
    statements = karpenter_permissions(cloud(), "arn:aws:iam::123456789012:role/nodes")
    resources = [arn for each in statements if starting[0] in each["Action"] for arn in each["Resource"]]
    whole = {"Sid": "Start", "Effect": "Allow", "Action": starting, "Resource": resources}
    assert findings([whole]) == []
    without = [arn for arn in resources if ":subnet/" not in arn]
    assert [issue for issue, _ in findings([{**whole, "Resource": without}])] == ["RESOURCE_MISMATCH"]


def test_every_grant_passes() -> None:
    grants = [
        BucketGrant(bucket="models", access="write"),
        BucketGrant(bucket="models", access="read", prefix="vision/"),
        SecretsGrant(prefix="vision/"),
    ]
    assert findings(permissions_of(grants, cloud(), "arn:aws:kms:eu-central-1:123456789012:key/k")) == []


def test_the_guides_policy_passes() -> None:
    """But for what it gives whole: services of one region, zones, and the list of trails, which has no resource."""
    (text,) = re.findall(r"```json\n(.*?)```", (ROOT / "docs" / "guides" / "aws.md").read_text(), re.DOTALL)
    statements = json.loads(text)["Statement"]
    # Whoever writes a bucket's policy can let themselves in; the guide says so.
    assert {issue for issue, _ in findings(statements)} == {"RESOURCE_STAR", "RESOURCE_POLICY_PRIVILEGE_ESCALATION"}
    whole = {statement["Sid"] for statement in statements if statement["Resource"] == "*"}
    assert whole == {"RegionalServices", "Zones", "FindTrails"}


@pytest.mark.parametrize(
    ("change", "issue"),
    [
        ({"Action": ["s3:GetObjet"]}, "UNKNOWN_ACTION"),
        ({"Resource": ["arn:aws:s3:::models"]}, "RESOURCE_MISMATCH"),
        ({"Condition": {"StringEquals": {"ec2:Region": "x"}}}, "UNKNOWN_CONDITION_FOR_ACTION"),
        ({"Effect": "Alow"}, "MALFORMED"),
    ],
)
def test_the_linter_sees(change: dict[str, Any], issue: str) -> None:
    right = {"Sid": "Read", "Effect": "Allow", "Action": ["s3:GetObject"], "Resource": ["arn:aws:s3:::models/*"]}
    assert findings([right]) == []
    assert issue in [found for found, _ in findings([{**right, **change}])]
