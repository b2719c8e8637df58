"""One fact is one fact on every cloud: what must not be decided anew for each of them."""

import ipaddress
import itertools
import json
import re
from collections.abc import Iterable
from pathlib import Path

import pytest

from bedplate.clouds.aws.addon_versions import VERSIONS
from bedplate.clouds.contract import SUPPORTED_KUBERNETES_VERSIONS
from bedplate.clouds.networks import not_internet
from bedplate.services.nodes.cluster_autoscaler import FLAGS
from every_cloud import CLOUDS, MANAGED, at, managed, of_type, recorded, written
from harness import ROOT, changed, nobody, record, refused

NETWORK = {
    "aws": [("aws:ec2/vpc:Vpc", "cidrBlock"), ("aws:eks/cluster:Cluster", "kubernetesNetworkConfig.serviceIpv4Cidr")],
    "gcp": [
        ("gcp:compute/subnetwork:Subnetwork", "ipCidrRange"),
        ("gcp:compute/subnetwork:Subnetwork", "secondaryIpRanges.*.ipCidrRange"),
    ],
    "azure": [
        ("azure-native:network:Subnet", "addressPrefix"),
        ("azure-native:containerservice:ManagedCluster", "networkProfile.podCidr"),
        ("azure-native:containerservice:ManagedCluster", "networkProfile.serviceCidr"),
    ],
}
"""Where a cloud is told the addresses of nodes, pods and services."""
_KUBERNETES_OWN = "169.254.20.10"
CACHES = {
    "aws": [_KUBERNETES_OWN],
    "gcp": [_KUBERNETES_OWN],
    "azure": ["169.254.10.10", "169.254.10.11", _KUBERNETES_OWN],
}
"""Addresses of a cache of names on each node that the cloud may run."""


def is_within(network: str, others: Iterable[str]) -> bool:
    """Of IPv4, which all networks of our clouds are."""
    return any(ipaddress.IPv4Network(network).subnet_of(ipaddress.IPv4Network(other)) for other in others)


class TestTheClustersOwnNetworks:
    def test_hold_every_address_that_the_cloud_is_told(self, managed_cloud: str, folder: Path) -> None:
        recording = recorded(folder, managed_cloud)
        own = recording.outputs["facts"]["networks"]
        for kind, path in NETWORK[managed_cloud]:
            for resource in of_type(recording, kind):
                found = at(resource.inputs, path)
                for network in found if isinstance(found, list) else [found]:
                    assert is_within(network, own), (path, network)

    def test_hold_what_is_joined_to_them(self, managed_cloud: str, folder: Path) -> None:
        joined = managed(managed_cloud).network.connected_networks
        assert set(joined) <= set(recorded(folder, managed_cloud).outputs["facts"]["networks"])

    def test_are_no_internet_of_any_tenant(self, managed_cloud: str, folder: Path) -> None:
        own = recorded(folder, managed_cloud).outputs["facts"]["networks"]
        assert own
        assert all(is_within(network, not_internet(own)[0]) for network in own)

    @pytest.mark.parametrize("cidr", ["127.0.0.0/16", "169.254.0.0/16", "0.0.0.0/16", "198.19.0.0/16", "240.10.0.0/16"])
    @pytest.mark.parametrize("key", ["cidr", "podCidr", "serviceCidr"])
    def test_are_private_on_every_cloud(self, managed_cloud: str, key: str, cidr: str, tmp_path: Path) -> None:
        if key == "podCidr" and managed_cloud == "aws":
            key = "cidr"
        stack = {"config": {"bedplate:platform": nobody(written(managed_cloud))}}
        problems = refused(changed(stack, f"cloud.network.{key}", cidr), tmp_path)
        assert (f"cloud.network.{key}", "must be a private network") in problems


class TestNames:
    def test_are_asked_of_pods_and_of_the_clouds_own_caches(self, managed_cloud: str, folder: Path) -> None:
        dns = recorded(folder, managed_cloud).outputs["facts"]["dns"]
        assert (dns["namespace"], dns["port"]) == ("kube-system", 53)
        assert {"k8s-app": "kube-dns"} in [dict(labels) for labels in dns["pods"]]
        opened = [ipaddress.ip_network(network) for network in dns["addresses"]]
        addresses = [str(address) for network in opened for address in network]
        assert addresses == CACHES[managed_cloud]

    def test_are_asked_of_nobody_who_hands_out_credentials(self, cloud: str, folder: Path) -> None:
        dns = recorded(folder, cloud).outputs["facts"]["dns"]
        for network, metadata in itertools.product(dns["addresses"], ("169.254.169.254", "169.254.170.23")):
            assert ipaddress.ip_address(metadata) not in ipaddress.ip_network(network)


class TestScratchSpace:
    def test_alone_holds_no_node_on_any_cloud(self, folder: Path) -> None:
        """GKE's own autoscaler has no such setting."""
        assert "--skip-nodes-with-local-storage=false" in FLAGS
        (cluster,) = of_type(recorded(folder, "azure"), "azure-native:containerservice:ManagedCluster")
        assert cluster.inputs["autoScalerProfile"]["skipNodesWithLocalStorage"] == "false"


class TestMeasuring:
    def test_is_done_on_every_cloud(self, managed_cloud: str, folder: Path) -> None:
        """GKE and AKS bring metrics-server themselves; EKS has it as an add-on."""
        recording = recorded(folder, managed_cloud)
        assert recording.outputs["facts"]["has_metrics_server"]
        if managed_cloud == "aws":
            assert "metrics-server" in {each.inputs["addonName"] for each in of_type(recording, "aws:eks/addon:Addon")}


class TestVersionsOfAddOns:
    def test_are_there_for_every_minor_and_add_on(self, folder: Path) -> None:
        addons = {each.inputs["addonName"] for each in of_type(recorded(folder, "aws"), "aws:eks/addon:Addon")}
        assert set(VERSIONS) == set(SUPPORTED_KUBERNETES_VERSIONS)
        assert all(set(versions) == addons for versions in VERSIONS.values())

    @pytest.mark.parametrize("minor", SUPPORTED_KUBERNETES_VERSIONS)
    def test_belong_to_the_clusters_minor(self, minor: str) -> None:
        data = nobody(written("aws"))
        data = {**data, "cloud": {**data["cloud"], "kubernetesVersion": minor}}
        addons = of_type(record(data), "aws:eks/addon:Addon")
        assert {each.inputs["addonName"]: each.inputs["addonVersion"] for each in addons} == VERSIONS[minor]
        assert VERSIONS[minor]["kube-proxy"].startswith(f"v{minor}.")

    def test_are_renewed_each_for_its_own_minor(self) -> None:
        text = (ROOT / "components/bedplate/clouds/aws/addon_versions.py").read_text()
        pins = re.findall(r'# renovate: datasource=aws-eks-addon depName=(\S+)\n([A-Z0-9_]+) = "([^"]+)"', text)
        found = {(pin["kubernetesVersion"], pin["addonName"]): (name, version) for pin, name, version in parsed(pins)}
        assert len(found) == sum(len(versions) for versions in VERSIONS.values())
        for (minor, addon), (name, version) in found.items():
            assert name == f"{addon.upper().replace('-', '_')}_{minor.replace('.', '_')}"
            assert VERSIONS[minor][addon] == version


def parsed(pins: list[tuple[str, str, str]]) -> list[tuple[dict[str, str], str, str]]:
    return [(json.loads(filter_), name, version) for filter_, name, version in pins]


def test_every_cloud_has_its_row() -> None:
    assert set(NETWORK) == set(CACHES) == set(MANAGED) == set(CLOUDS) - {"existing"}
