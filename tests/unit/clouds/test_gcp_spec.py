"""Wrong descriptions of a cluster on Google Cloud: each is refused where it stands, with what to write instead."""

from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from bedplate.clouds.gcp.spec import GcpClusterSpec
from harness import ROOT, changed, refused

GCP = YAML(typ="safe").load(ROOT / "stacks" / "Pulumi.gcp.yaml")
GROUP = "group:ml@nordwind.example"


def cluster(**changes: Any) -> GcpClusterSpec:
    """The stack's cluster with other values."""
    return GcpClusterSpec.model_validate({**GCP["config"]["bedplate:platform"]["cloud"], **changes})


@pytest.mark.parametrize(
    ("path", "value", "place", "said"),
    [
        ("cloud.access.endpoint", "public", "cloud.access.allowedNetworks", "needs the networks that reach it"),
        ("cloud.access", {"endpoint": "public", "allowedNetworks": ["0.0.0.0/0"], "admins": [GROUP]},
         "cloud.access.allowedNetworks", "the whole internet would reach"),
        ("cloud.access.admins", ["allAuthenticatedUsers"], "cloud.access.admins[0]", "never everybody"),
        ("cloud.access.admins", ["ines@nordwind.example"], "cloud.access.admins[0]", "must be a group, user or"),
        ("cloud.access.admins", [], "cloud.access.admins", "at least"),
        ("cloud.access.securityGroup", "ml@nordwind.example", "cloud.access.securityGroup", "one name"),
        ("cloud.network.cidr", "10.64.0.0/28", "cloud.network.cidr", "of no use"),
        ("cloud.network.cidr", "10.64.1.0/20", "cloud.network.cidr", "without host bits"),
        ("cloud.network.podCidr", "10.68.0.0/21", "cloud.network.cidr", "too small: the pools have up to 42 nodes"),
        ("cloud.network.podCidr", "10.68.0.0/22", "cloud.network.podCidr", "no range of this size"),
        ("cloud.network.podCidr", "10.64.0.0/16", "cloud.network.podCidr", "overlaps with the network of the nodes"),
        ("cloud.network.podCidr", "172.20.0.0/14", "cloud.network.podCidr", "overlaps with the addresses of services"),
        ("cloud.network.podCidr", "10.40.0.0/14", "cloud.network.podCidr", "overlaps with a connected network"),
        ("cloud.network.podCidr", "8.0.0.0/14", "cloud.network.podCidr", "must be a private network"),
        ("cloud.network.serviceCidr", "10.64.0.0/20", "cloud.network.serviceCidr", "overlaps"),
        ("cloud.network.connectedNetworks", ["10.64.0.0/12"], "cloud.network.connectedNetworks", "overlaps"),
        ("cloud.kubernetesVersion", "1.21", "cloud.kubernetesVersion", "not supported"),
        ("cloud.projectId", "Nordwind ML", "cloud.projectId", "must be the id of a project"),
        ("cloud.projectId", "123456789012", "cloud.projectId", "must be the id of a project"),
        ("cloud.projectNumber", "nordwind-ml-prod", "cloud.projectNumber", "must be the number of a project"),
        ("cloud.region", "europe-west4-a", "cloud.region", "not a zone"),
        ("cloud.region", "eu-central-1", "cloud.region", "must be a region of Google Cloud"),
        ("cloud.availabilityZones", ["europe-west1-b", "europe-west1-c", "europe-west1-d"],
         "cloud.availabilityZones", "zones of europe-west4"),
        ("cloud.auditDays", 30, "cloud.auditDays", "at least 400"),
        ("cloud.maintenance", {"day": "sunday", "startHour": 2}, "cloud.maintenance", "48 hours of maintenance"),
        ("cloud.tags", {"Cost Center": "4410"}, "cloud.tags", "cannot be a label"),
        ("cloud.budget", {"dollarsPerMonth": 1, "emails": ["a@b.io"]}, "cloud.budget.billingAccountId", "required"),
        ("cloud.budget.billingAccountId", "4410", "cloud.budget.billingAccountId", "billing account"),
        ("cloud.budget.emails", [f"{name}@nordwind.example" for name in "abcdef"], "cloud.budget.emails", "at most 5"),
        ("nodePools.l4", {"accelerator": "nvidia-a10g", "count": 1, "max": 1}, "nodePools.l4", "no machine with 1"),
        ("nodePools.l4", {"accelerator": "nvidia-l4", "count": 1, "max": 12, "interconnect": True}, "nodePools.l4",
         "has no interconnect"),
        ("nodePools.h100", {"accelerator": "nvidia-h100", "count": 1, "max": 4}, "nodePools.h100",
         "sells a3-highgpu-1g as a spot machine only"),
        ("nodePools.h100", {"accelerator": "nvidia-h200", "count": 8, "max": 4}, "nodePools.h100",
         "as a spot machine or reserved capacity only"),
        ("nodePools.h100", {"accelerator": "nvidia-gb200", "count": 4, "max": 4, "spot": True}, "nodePools.h100",
         "as reserved capacity only"),
        ("nodePools.general", {"max": 1, "machineType": "g2-standard-4"}, "nodePools.general", "has 1 nvidia-l4"),
        ("nodePools.general", {"max": 1, "machine": {"cpu": 500, "memoryGib": 8}}, "nodePools.general", "this large"),
    ],
)  # fmt: skip
def test_a_wrong_input_is_located(path: str, value: Any, place: str, said: str, tmp_path: Path) -> None:
    problems = refused(changed(GCP, path, value), tmp_path)
    assert [(at, message) for at, message in problems if at == place and said in message], problems


class TestTheAddressPlan:
    @pytest.mark.parametrize(
        ("cidr", "pods", "nodes"),
        [
            ("10.64.0.0/20", "10.68.0.0/16", 256),
            ("10.64.0.0/24", "10.68.0.0/14", 124),
            ("10.64.0.0/16", "10.0.0.0/17", 128),
        ],
    )
    def test_bounds_the_nodes_by_their_own_addresses_and_by_those_of_pods(
        self, cidr: str, pods: str, nodes: int
    ) -> None:
        assert cluster(network={"cidr": cidr, "podCidr": pods}).most_nodes() == nodes


class TestZones:
    @pytest.mark.parametrize(
        ("region", "letters"), [("europe-west4", "abc"), ("us-east1", "bcd"), ("europe-west1", "bcd")]
    )
    def test_are_those_that_the_region_has(self, region: str, letters: str) -> None:
        assert cluster(region=region).availability_zones == tuple(f"{region}-{letter}" for letter in letters)


class TestNames:
    def test_of_buckets_fit_whatever_the_cluster_is_called(self) -> None:
        spec = cluster(name="a" * 24, projectNumber="9" * 15)
        assert all(len(spec.bucket(purpose)) <= 63 for purpose in ("artifacts", "audit"))

    def test_of_people_may_come_from_a_workforce_pool(self) -> None:
        people = "principalSet://iam.googleapis.com/locations/global/workforcePools/nordwind/group/ml-platform"
        assert cluster(access={"admins": [people]}).access.admins == (people,)
