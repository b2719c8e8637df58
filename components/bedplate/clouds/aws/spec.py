"""What the stack file says of a cluster on AWS.

Owns names, regions and principals as AWS writes them, and the arithmetic of its network. It deliberately looks nothing
up: account and zones are written down, so that a preview needs no credentials and means the same everywhere.
"""

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field, ValidationInfo, field_validator

from bedplate.clouds.allocatable import CPU_STEPS, stepped
from bedplate.clouds.aws.fabric import efa
from bedplate.clouds.catalogue import MachineShape
from bedplate.clouds.contract import ImagesPlace, NodePoolSpec
from bedplate.clouds.facts import FabricFacts
from bedplate.clouds.managed import (
    PODS_OF_A_NODE,
    AccessSpec,
    MaintenanceSpec,
    ManagedClusterSpec,
    NetworkSpec,
    lettered_zones,
    refuse_large_tags,
)
from bedplate.clouds.sharing import refuse_partitions_but
from bedplate.errors import MissingExtraError
from bedplate.spec import ClientId, HttpsUrl, Spec, matching, mistake

if TYPE_CHECKING:
    from bedplate.clouds.cluster import ClusterImplementation

_PREFIX_ADDRESSES = 16
ADDRESSES_OF_A_NODE = (-(-PODS_OF_A_NODE // _PREFIX_ADDRESSES) + 1) * _PREFIX_ADDRESSES
"""Pods get addresses in blocks of 16; a node keeps one block in reserve, in which its own addresses are counted.

https://docs.aws.amazon.com/eks/latest/best-practices/prefix-mode-linux.html
"""
_KARPENTER_PODS = 2
"""One acts, one stands by, each on a machine of its own."""
_RESERVED_ADDRESSES = 5
"""Of each subnet: https://docs.aws.amazon.com/vpc/latest/userguide/subnet-sizing.html."""

PEOPLE_PREFIX = "oidc:"
"""Before the names of people and groups that a provider says, so that none of them is one of Kubernetes' own."""

_Account = Annotated[
    str,
    matching(r"[0-9]{12}", "must be the twelve digits of an AWS account", "write it in quotes, like '123456789012'"),
]

_Region = Annotated[
    str,
    matching(
        r"(?!us-gov-|cn-|us-iso)[a-z]{2}(-[a-z]+)+-[0-9]",
        "must be a region of AWS's public partition; those of China and the US government are not supported",
        "write it like 'eu-central-1'",
    ),
]

_RoleArn = Annotated[
    str,
    matching(
        r"arn:aws:iam::[0-9]{12}:role/[\w+=,.@/-]+",
        "must be the ARN of an IAM role; people take a role, they have no keys of their own",
        "write it like 'arn:aws:iam::123456789012:role/platform-admin'",
    ),
]


@dataclass(frozen=True, kw_only=True)
class Reservation:
    """Capacity of EC2 that is reserved in one zone. is_block: for a time that was bought, a Capacity Block for ML."""

    zone: str
    id: str
    is_block: bool


class IdentityProviderSpec(Spec):
    """The provider of OpenID Connect whose tokens kubectl presents; EKS takes one, which must be on the internet."""

    issuer_url: HttpsUrl
    """The issuer, exactly as it stands in its tokens; EKS reads its keys there, under a certificate that is public."""
    client_id: ClientId
    """Id of the application that people sign in to for kubectl."""
    username_claim: ClientId = "email"
    """Claim by which the audit log knows a person; an address counts where the provider has verified it."""
    groups_claim: ClientId = "groups"
    """Claim that lists a person's groups, as tenants name them."""


class AwsAccessSpec(AccessSpec):
    """Who reaches the API server, and which IAM roles administer the cluster."""

    admins: Annotated[tuple[_RoleArn, ...], Field(min_length=1)]
    """ARNs of the IAM roles that administer the cluster; the one that runs Pulumi must be among them."""
    identity_provider: IdentityProviderSpec | None = None
    """Who signs people in to kubectl; without it IAM alone does, which knows no groups of people."""


class AddressPlan(Spec):
    """The subnets of a VPC: a quarter of it to the nodes of each zone, the last quarter for load balancers and NAT."""

    private: tuple[str, ...]
    public: tuple[str, ...]

    @classmethod
    def of(cls, network: NetworkSpec) -> "AddressPlan":
        """The plan of a network; never changes with the number of zones, so that a zone can be added."""
        *private, last = ipaddress.IPv4Network(network.cidr).subnets(prefixlen_diff=2)
        public = list(last.subnets(prefixlen_diff=2))
        return cls.model_construct(
            private=tuple(str(subnet) for subnet in private[: network.zones]),
            public=tuple(str(subnet) for subnet in public[: network.zones]),
        )


class AwsNetworkSpec(NetworkSpec):
    """The VPC's address plan."""

    @field_validator("cidr")
    @classmethod
    def _as_vpcs_are(cls, cidr: str) -> str:
        if not 16 <= ipaddress.IPv4Network(cidr).prefixlen <= 22:
            raise mistake("a VPC of this size cannot be divided", "write one like '10.20.0.0/16'", allowed="/16 to /22")
        return cidr


class AwsClusterSpec(ManagedClusterSpec):
    """A cluster of Amazon EKS in a VPC of its own."""

    cloud: ClassVar[str] = "aws"

    provider: Literal["aws"]
    """Which cloud: `aws` creates an EKS cluster."""
    account_id: _Account
    """Account that everything is created in, quoted; credentials of another account are refused."""
    region: _Region
    """Region, such as eu-central-1."""
    network: AwsNetworkSpec  # pyright: ignore[reportIncompatibleVariableOverride] - specs are frozen
    """Addresses and zones."""
    availability_zones: tuple[str, ...] = Field(default=(), validate_default=True)
    """Zones by name, as many as `network.zones`; the region's a, b and c where nothing is written."""
    access: AwsAccessSpec  # pyright: ignore[reportIncompatibleVariableOverride]
    """Who reaches and administers the cluster."""
    autoscaler: Literal["clusterAutoscaler", "karpenter"] = "clusterAutoscaler"
    """What adds and removes machines: the cluster autoscaler sizes node groups, Karpenter starts single machines."""
    maintenance: MaintenanceSpec | None = None
    """EKS has none: nothing changes but by an update of the stack."""

    @field_validator("availability_zones")
    @classmethod
    def _of_the_region(cls, zones: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        region, network = info.data.get("region"), info.data.get("network")
        if region is None or network is None:
            return zones
        return lettered_zones(zones, region, network.zones)

    @field_validator("maintenance")
    @classmethod
    def _has_no_window(cls, maintenance: MaintenanceSpec | None) -> MaintenanceSpec | None:
        if maintenance is not None:
            raise mistake("EKS has no maintenance window: nodes and versions change with the stack only", "remove it")
        return maintenance

    @field_validator("tags")
    @classmethod
    def _as_aws_takes(cls, tags: Mapping[str, str]) -> Mapping[str, str]:
        """https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-ecs-taskdefinition-tag.html"""
        refuse_large_tags(tags)
        for text in (each for pair in tags.items() for each in pair):
            if not re.fullmatch(r"[\w .:/=+@-]*", text):
                allowed = "letters, digits, spaces and . _ : / = + - @"
                raise mistake(f"'{text}' holds what no tag of AWS may", "write it with hyphens", allowed=allowed)
        if taken := [key for key in tags if key.lower().startswith("aws:")]:
            raise mistake(f"the tag '{taken[0]}' begins like those of AWS's own", "give it another name")
        return tags

    @property
    def cluster_arn(self) -> str:
        """ARN of the cluster, known before it exists."""
        return f"arn:aws:eks:{self.region}:{self.account_id}:cluster/{self.name}"

    @property
    def trail(self) -> str:
        """Name of the trail."""
        return f"{self.name}-audit"

    @property
    def trail_arn(self) -> str:
        """ARN of the trail, known before it exists."""
        return f"arn:aws:cloudtrail:{self.region}:{self.account_id}:trail/{self.trail}"

    @property
    def interruption_queue(self) -> str:
        """Name of the queue in which Karpenter hears of machines that go."""
        return f"{self.name}-interruptions"

    @property
    def interruption_queue_arn(self) -> str:
        """ARN of that queue, known before it exists."""
        return f"arn:aws:sqs:{self.region}:{self.account_id}:{self.interruption_queue}"

    @property
    def has_karpenter(self) -> bool:
        """Whether Karpenter adds machines; a section that could be read only in part may not say."""
        return getattr(self, "autoscaler", None) == "karpenter"

    def bucket_form(self) -> tuple[re.Pattern[str], str]:
        """A bucket of S3: https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html."""
        return re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]"), "nordwind-parcels"

    def secret_form(self) -> tuple[re.Pattern[str], str]:
        """Secrets Manager's. A hyphen before the last six characters is kept for what it appends to an ARN.

        https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_CreateSecret.html
        """
        return re.compile(r"(?!.*-.{6}$)[A-Za-z0-9/_+=.@-]{1,256}"), "database/reader"

    def bucket(self, purpose: str) -> str:
        """Name of a bucket; names are unique among all accounts."""
        return f"{self.name}-{self.account_id}-{self.region}-{purpose}"

    def set_aside(self, shape: MachineShape, disk_gib: float) -> tuple[float, float, float]:
        """As the EKS images do it, for the pods that we allow on a node.

        https://github.com/awslabs/amazon-eks-ami/blob/main/nodeadm/internal/kubelet/config.go: 11 MiB a pod and 255
        MiB, and 1 GiB of disk.
        """
        return stepped(shape.cpu, CPU_STEPS), 255.0 + 11 * PODS_OF_A_NODE, 1.0

    def shape_of(self, pool: NodePoolSpec) -> MachineShape:
        """As on every cloud; the reservation, if any, is one of AWS's; and somebody scales what is to be scaled."""
        self.reservation_of(pool)
        self._refuse_unscaled(pool)
        return super().shape_of(pool)

    def _refuse_unscaled(self, pool: NodePoolSpec) -> None:
        """A pool that could be read only in part may not say how many machines it has."""
        is_grouped = pool.interconnect or pool.reservation is not None
        if self.has_karpenter and is_grouped and getattr(pool, "min", 0) < getattr(pool, "max", 0):
            raise mistake(
                "Karpenter scales no machines with `interconnect` or `reservation`; their number is fixed",
                f"write `min: {pool.max}`, or `autoscaler: clusterAutoscaler` in `cloud`",
            )

    def fabrics(self, pools: Mapping[str, NodePoolSpec]) -> Mapping[str, FabricFacts]:
        """EFA, where every pool of an accelerator has it: a pod cannot say on which of them it runs."""
        joined = {name for pool in pools.values() if pool.interconnect and (name := pool.offers)}
        apart = {name for pool in pools.values() if not pool.interconnect and (name := pool.offers)}
        shapes = {pool.offers: self.shape_of(pool) for pool in pools.values() if pool.offers in joined - apart}
        return {name: efa(shape.interconnects, shape.gpus) for name, shape in sorted(shapes.items()) if name}

    def driver_of_gpus(self) -> int:
        """Of the image with NVIDIA's driver, of every supported minor.

        https://github.com/aws-samples/sample-eks-enterprise-quickstart/blob/main/docs/AMI_VERSIONS.md
        """
        return 580

    def refuse_sharing(self, pool: NodePoolSpec) -> None:
        """EKS' images cut no GPU, and what would (NVIDIA's MIG manager) runs as root of every node, so it is not here.

        https://docs.aws.amazon.com/eks/latest/userguide/ml-eks-optimized-ami.html,
        https://github.com/NVIDIA/mig-parted/tree/main/deployments/container
        """
        if pool.sharing and pool.accelerator:
            refuse_partitions_but(pool.sharing, pool.accelerator, (), "nobody on EKS' nodes: the image")

    def refuse_pools(self, pools: Mapping[str, NodePoolSpec]) -> None:
        """Karpenter's own pods run on machines that it did not add: https://karpenter.sh/docs/concepts/scheduling/."""
        if self.has_karpenter and not any(
            pool.min >= _KARPENTER_PODS and not pool.accelerator and not pool.spot for pool in pools.values()
        ):
            raise mistake(
                "Karpenter's own pods need a pool without GPUs and `spot`, with machines that are always there",
                f"write `min: {_KARPENTER_PODS}` or more for one, or `autoscaler: clusterAutoscaler` in `cloud`",
            )

    def group_of(self, pool: NodePoolSpec) -> NodePoolSpec | None:
        """The part of a pool that is a managed node group: all of it, or under Karpenter what is always there."""
        if not self.has_karpenter:
            return pool
        return pool.model_copy(update={"max": pool.min}) if pool.min else None

    def reservation_of(self, pool: NodePoolSpec) -> Reservation | None:
        """What `reservation` names: `ZONE/cr-…`, or `ZONE/block/cr-…` for a Capacity Block.

        Ids look alike, and both kinds stand in one zone; a preview looks neither up, so both are written down.
        https://docs.aws.amazon.com/eks/latest/userguide/capacity-blocks-mng.html
        """
        if pool.reservation is None:
            return None
        example = f"{self.availability_zones[0]}/cr-0123456789abcdef0"
        parts = re.fullmatch(r"(?P<zone>[a-z0-9-]+)/(?P<block>block/)?(?P<id>cr-[0-9a-f]{17})", pool.reservation)
        if not parts:
            raise mistake(
                f"{pool.reservation} names no capacity reservation",
                f"write zone and id, like '{example}', and 'block/' between them for a Capacity Block",
            )
        if parts["zone"] not in self.availability_zones:
            raise mistake(
                f"the reservation's zone, {parts['zone']}, is none of the cluster's",
                "write the zone that it was made in, and add it to `availabilityZones` if it is missing",
                allowed=", ".join(self.availability_zones),
            )
        if pool.spot:
            raise mistake("reserved machines are not taken away at short notice", "remove `spot` or `reservation`")
        return Reservation(zone=parts["zone"], id=parts["id"], is_block=bool(parts["block"]))

    @property
    def images_repository(self) -> str:
        """Name of the repository in the account's registry."""
        return f"{self.name}/images"

    @property
    def registry_address(self) -> str:
        """What an image's reference begins with."""
        return f"{self.account_id}.dkr.ecr.{self.region}.amazonaws.com/{self.images_repository}"

    def images_place(self, tenant: str) -> ImagesPlace:
        """Repositories of its own below the platform's; ECR makes them when somebody pushes."""
        place = f"{self.registry_address}/{tenant}"
        return ImagesPlace(images=place, caches=place)

    def implementation(self) -> "ClusterImplementation":
        """The EKS cluster; imports pulumi_aws. Raises MissingExtraError."""
        try:
            from bedplate.clouds.aws.aws_cluster import AwsCluster
        except ModuleNotFoundError as error:
            raise MissingExtraError(error, "bedplate[aws]") from error

        return AwsCluster

    def most_nodes(self) -> int:
        """Each node may run 110 pods, each of which has an address of the private subnets."""
        subnets = (ipaddress.IPv4Network(subnet) for subnet in AddressPlan.of(self.network).private)
        return sum((subnet.num_addresses - _RESERVED_ADDRESSES) // ADDRESSES_OF_A_NODE for subnet in subnets)
