"""A tenant as a stack file describes it."""

import ipaddress
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, field_validator

from bedplate.clouds.networks import NAT64, network_form
from bedplate.kubernetes import METADATA_ADDRESSES
from bedplate.spec import DnsLabel, EmailAddress, GroupName, Spec, mistake, refuse, repeated
from bedplate.tenants.quota import QuotaSpec
from bedplate.tenants.volumes import VolumeSpec

_CREDENTIALS = (*METADATA_ADDRESSES, "fd00:ec2::/32", "fd20:ce::254/128")
"""Where clouds hand credentials to nodes and pods; Azure names no address of IPv6 for it.

AWS, instances and pods: https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-retrieval.html,
https://docs.aws.amazon.com/eks/latest/userguide/pod-id-how-it-works.html; Google Cloud:
https://cloud.google.com/compute/docs/metadata/querying-metadata; Azure:
https://learn.microsoft.com/azure/virtual-machines/instance-metadata-service. Those of IPv4: see `network.py`.
"""
_NEVER_ALLOWED = [ipaddress.ip_network(text) for text in (*_CREDENTIALS, "fe80::/10", "::ffff:0:0/96", str(NAT64))]
"""And link-local addresses, and IPv4 in addresses of IPv6."""


def _without_credentials(value: str) -> str:
    try:
        network = ipaddress.ip_network(value, strict=False)
    except ValueError:
        return value
    refused = [never for never in _NEVER_ALLOWED if network.version == never.version and network.overlaps(never)]
    if refused:
        # Within them, no smaller network is any better.
        is_within = any(network.prefixlen >= never.prefixlen for never in refused)
        raise mistake(
            f"contains addresses where clouds hand out credentials ({', '.join(_CREDENTIALS)})",
            "remove it; where pods ask for names is said in cloud.facts.dns"
            if is_within
            else "write the smaller network that is needed",
        )
    return value


_AllowedNetwork = Annotated[str, AfterValidator(_without_credentials), AfterValidator(network_form)]


class TenantSpec(Spec):
    """A team, a project or a person with a namespace of its own."""

    name: DnsLabel
    """Name of the tenant; with `tenantPrefix` before it, the name of its namespace."""
    groups: Annotated[tuple[GroupName, ...], Field(min_length=1)]
    """Groups of the identity provider whose members belong to the tenant."""
    owner: EmailAddress
    """Person or list that answers for the tenant."""
    project: DnsLabel | None = None
    """Project that cost is booked on; the tenant's name if absent."""
    quota: QuotaSpec
    """The most it may have at one time."""
    volumes: tuple[VolumeSpec, ...] = ()
    """Volumes that its workloads share."""
    allowed_networks: tuple[
        Annotated[str, AfterValidator(_without_credentials), AfterValidator(network_form)], ...
    ] = ()
    """Private networks (CIDR) that its pods may reach besides the internet, such as a database's subnet."""
    pod_security: Literal["restricted", "baseline"] = "restricted"
    """Pod Security level that the API server enforces on the tenant's pods."""

    @field_validator("volumes")
    @classmethod
    def _distinct(cls, volumes: tuple[VolumeSpec, ...]) -> tuple[VolumeSpec, ...]:
        twice = repeated(volume.name for volume in volumes)
        refuse(
            ((index, "name"), name, mistake("two volumes have this name", "give each its own name"))
            for index, name in twice.items()
        )
        return volumes

    @property
    def booked_project(self) -> str:
        """The project that cost is booked on."""
        return self.project or self.name
