"""The platform's DNS zone, and who may prove to a certificate authority that it is ours.

Owns the public, signed zone, cert-manager's role in it, and the form of the one record that is ours. It deliberately
owns no other: delegating the domain to the zone's name servers, and the DS record, is done once, by whoever holds the
parent.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi_gcp import dns, projects

from bedplate.clouds.gcp.identity import principal
from bedplate.clouds.gcp.spec import GcpClusterSpec
from bedplate.labels import CERTIFICATES_NAMESPACE

CERT_MANAGER = "cert-manager"
CHALLENGE_PERMISSIONS = (
    "dns.changes.create",
    "dns.changes.get",
    "dns.changes.list",
    "dns.resourceRecordSets.create",
    "dns.resourceRecordSets.delete",
    "dns.resourceRecordSets.get",
    "dns.resourceRecordSets.list",
    "dns.resourceRecordSets.update",
)
"""What cert-manager does in a zone that it need not look for: https://cert-manager.io/docs/configuration/acme/dns01/google/.

Google's IAM cannot bound them to TXT records.
"""

_SECONDS_TO_LIVE = 300


@dataclass(frozen=True, kw_only=True)
class GcpDnsArgs:
    """domain: of the platform's hosts. after: what a principal needs."""

    spec: GcpClusterSpec
    domain: str
    after: Sequence[pulumi.Resource]


class GcpDns(pulumi.ComponentResource):
    """The zone of the platform's domain."""

    zone: pulumi.Output[str]
    """Name of the zone."""
    name_servers: pulumi.Output[Sequence[str]]
    """Where the parent domain must delegate to."""

    def __init__(self, name: str, args: GcpDnsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("bedplate:index:GcpDns", name, {}, opts)
        spec = args.spec
        zone = dns.ManagedZone(
            f"{name}-zone",
            name=spec.name,
            dns_name=f"{args.domain}.",
            description=f"Hosts of {spec.name}",
            visibility="public",
            dnssec_config=dns.ManagedZoneDnssecConfigArgs(state="on", non_existence="nsec3"),
            force_destroy=False,
            opts=pulumi.ResourceOptions(parent=self, protect=True),
        )
        role = projects.IAMCustomRole(
            f"{name}-challenger",
            role_id=f"{spec.name.replace('-', '_')}_dns_challenger",
            title=f"DNS challenges of {spec.name}",
            permissions=list(CHALLENGE_PERMISSIONS),
            opts=pulumi.ResourceOptions(parent=self),
        )
        dns.DnsManagedZoneIamMember(
            f"{name}-challenges",
            project=spec.project_id,
            managed_zone=zone.name,
            role=role.name,
            member=principal(spec, CERTIFICATES_NAMESPACE, CERT_MANAGER),
            opts=pulumi.ResourceOptions(parent=self, depends_on=args.after),
        )
        self.zone, self.name_servers = zone.name, zone.name_servers
        self.register_outputs({"zone": self.zone, "name_servers": self.name_servers})


def host_record(
    name: str, zone: pulumi.Input[str], host: str, address: pulumi.Input[str], opts: pulumi.ResourceOptions
) -> None:
    """A host of the domain, or all by a wildcard, at a load balancer's address."""
    dns.RecordSet(
        name, managed_zone=zone, name=f"{host}.", type="A", ttl=_SECONDS_TO_LIVE, rrdatas=[address], opts=opts
    )


def solver(spec: GcpClusterSpec) -> Mapping[str, Any]:
    """cert-manager's DNS-01 solver; the credentials are those of its pod, the zone is named to spare it a search."""
    return {"cloudDNS": {"project": spec.project_id, "hostedZoneName": spec.name}}
