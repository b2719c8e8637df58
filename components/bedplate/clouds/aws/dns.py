"""The platform's DNS zone, and who may prove to a certificate authority that it is ours.

Owns the public zone, cert-manager's role, and the form of the one record that is ours. It deliberately owns no other:
delegating the domain to the zone's name servers is done once, by whoever holds the parent domain. Nor does it sign the
zone (DNSSEC): that needs a record in the parent, and a key in us-east-1 without which the whole domain fails to
resolve; certificates prove the hosts in any case.
https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/dns-configuring-dnssec.html
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi_aws import route53

from bedplate.clouds.aws.identity import AwsWorkloadIdentity, AwsWorkloadIdentityArgs
from bedplate.clouds.aws.policies import Statement, allow
from bedplate.clouds.aws.spec import AwsClusterSpec
from bedplate.labels import CERT_MANAGER, CERTIFICATES_NAMESPACE

_SECONDS_TO_LIVE = 60


@dataclass(frozen=True, kw_only=True)
class AwsDnsArgs:
    """domain: of the platform's hosts. after: what an association needs."""

    spec: AwsClusterSpec
    domain: str
    after: Sequence[pulumi.Resource]


class AwsDns(pulumi.ComponentResource):
    """The zone of the platform's domain."""

    zone_id: pulumi.Output[str]
    """Id of the zone."""
    name_servers: pulumi.Output[Sequence[str]]
    """Where the parent domain must delegate to."""

    def __init__(self, name: str, args: AwsDnsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("bedplate:index:AwsDns", name, {}, opts)
        zone = route53.Zone(
            f"{name}-zone",
            name=args.domain,
            comment=f"Hosts of {args.spec.name}",
            opts=pulumi.ResourceOptions(parent=self, protect=True),
        )
        AwsWorkloadIdentity(
            f"{name}-challenges",
            AwsWorkloadIdentityArgs(
                spec=args.spec,
                namespace=CERTIFICATES_NAMESPACE,
                service_account=CERT_MANAGER,
                statements=challenge_permissions(zone.arn),
                protect=True,
                after=args.after,
            ),
            pulumi.ResourceOptions(parent=self),
        )
        self.zone_id, self.name_servers = zone.zone_id, zone.name_servers
        self.register_outputs({"zone_id": self.zone_id, "name_servers": self.name_servers})


def host_record(
    name: str, zone_id: pulumi.Input[str], host: str, hostname: pulumi.Input[str], opts: pulumi.ResourceOptions
) -> None:
    """A host of the domain, or all by a wildcard, as another name of a load balancer's.

    An alias would need the id of the load balancer's own zone, which only AWS can be asked for. A wildcard of this type
    answers for challenges too, while they have no record of their own; hence the short time to live.
    """
    route53.Record(
        name,
        zone_id=zone_id,
        name=host,
        type=route53.RecordType.CNAME,
        ttl=_SECONDS_TO_LIVE,
        records=[hostname],
        opts=opts,
    )


def challenge_permissions(zone_arn: pulumi.Input[str]) -> list[Statement]:
    """TXT records of challenges in this zone, nothing else: https://cert-manager.io/docs/configuration/acme/dns01/route53/."""
    challenges_only = {
        "ForAllValues:StringEquals": {"route53:ChangeResourceRecordSetsRecordTypes": ["TXT"]},
        "ForAllValues:StringLike": {"route53:ChangeResourceRecordSetsNormalizedRecordNames": ["_acme-challenge.*"]},
    }
    return [
        allow("ReadChanges", ["route53:GetChange"], ["arn:aws:route53:::change/*"]),
        allow("ReadRecords", ["route53:ListResourceRecordSets"], [zone_arn]),
        allow("WriteChallenges", ["route53:ChangeResourceRecordSets"], [zone_arn], challenges_only),
    ]


def solver(spec: AwsClusterSpec, zone_id: pulumi.Input[str]) -> Mapping[str, Any]:
    """cert-manager's DNS-01 solver; the credentials are those of its pod. By its id, the zone need not be searched."""
    return {"route53": {"region": spec.region, "hostedZoneID": zone_id}}
