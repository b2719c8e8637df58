"""What adds and removes nodes, read off the real program."""

import copy
import ipaddress
from typing import Any

import pytest
from ruamel.yaml import YAML

from bedplate.clouds.contract import SUPPORTED_KUBERNETES_VERSIONS
from bedplate.engine.engine import Recording
from bedplate.services.nodes.cluster_autoscaler import VERSIONS
from bedplate.workloads.model_api import ModelApiSpec
from harness import ROOT, nobody, objects, platform, record, record_stack, tenant

FILE = ROOT / "stacks" / "Pulumi.aws.yaml"
AWS = YAML(typ="safe").load(FILE)["config"]["bedplate:platform"]
NAME, NAMESPACE = "cluster-autoscaler", "bedplate-autoscaling"


@pytest.fixture(scope="module")
def recording() -> Recording:
    return record_stack(FILE)


def pod(recording: Recording) -> dict[str, Any]:
    (found,) = [body for body in objects(recording, "Deployment") if body.inputs["metadata"]["name"] == NAME]
    return found.inputs["spec"]["template"]["spec"]


def flags(recording: Recording) -> dict[str, str]:
    (container,) = pod(recording)["containers"]
    return dict(argument.removeprefix("--").split("=", 1) for argument in container["args"])


def in_its_namespace(recording: Recording, kind: str) -> list[dict[str, Any]]:
    return [
        dict(body.inputs) for body in objects(recording, kind) if body.inputs["metadata"].get("namespace") == NAMESPACE
    ]


class TestItsVersion:
    def test_is_known_for_every_supported_minor_and_is_of_it(self) -> None:
        assert set(VERSIONS) == set(SUPPORTED_KUBERNETES_VERSIONS)
        assert all(version.startswith(f"v{minor}.") for minor, version in VERSIONS.items())

    @pytest.mark.parametrize("minor", SUPPORTED_KUBERNETES_VERSIONS)
    def test_follows_the_cluster(self, minor: str) -> None:
        data = copy.deepcopy(AWS)
        data["cloud"]["kubernetesVersion"] = minor
        data = nobody(data)
        (container,) = pod(record(data))["containers"]
        assert f":v{minor}." in container["image"]

    def test_is_pinned_where_renovate_finds_it(self) -> None:
        text = (ROOT / "components" / "bedplate" / "services" / "nodes" / "cluster_autoscaler.py").read_text()
        marker = "# renovate: datasource=docker depName=registry.k8s.io/autoscaling/cluster-autoscaler\n"
        assert text.count(marker) == len(VERSIONS)


class TestItFindsThePools:
    def test_by_the_tags_that_carry_the_clusters_name(self, recording: Recording) -> None:
        discovered = "asg:tag=k8s.io/cluster-autoscaler/enabled,k8s.io/cluster-autoscaler/nordwind-ml"
        assert flags(recording)["node-group-auto-discovery"] == discovered

    def test_as_the_service_account_that_the_cloud_trusts(self, recording: Recording) -> None:
        trusted = {
            (resource.inputs["namespace"], resource.inputs["serviceAccount"])
            for resource in recording.resources
            if resource.type.endswith(":PodIdentityAssociation")
        }
        assert (NAMESPACE, pod(recording)["serviceAccountName"]) in trusted

    def test_after_the_cloud_trusts_it(self, recording: Recording) -> None:
        """A pod gets its identity when it is made; one that is made too early never has it."""
        (association,) = [
            resource.urn
            for resource in recording.resources
            if resource.type.endswith(":PodIdentityAssociation") and resource.inputs["namespace"] == NAMESPACE
        ]
        (provider,) = [each for each in recording.resources if each.type == "pulumi:providers:kubernetes"]
        assert association in provider.dependencies

    def test_and_waits_for_their_gpus(self, recording: Recording) -> None:
        """It takes a node with this label for unready until the GPU is offered."""
        groups = [each.inputs for each in recording.resources if each.type.endswith(":NodeGroup")]
        assert groups
        for group in groups:
            accelerator = group["labels"].get("bedplate.dev/accelerator")
            assert group["labels"].get("k8s.amazonaws.com/accelerator") == accelerator


class TestItKillsNoWork:
    def test_and_lets_model_apis_drain_as_long_as_they_may_ask(self, recording: Recording) -> None:
        kinds = ModelApiSpec.model_json_schema(by_alias=True)["properties"]["drainSeconds"]["anyOf"]
        (longest,) = (kind["maximum"] for kind in kinds if "maximum" in kind)
        assert int(flags(recording)["max-graceful-termination-sec"]) > longest + 5

    def test_yet_scratch_space_keeps_no_node(self, recording: Recording) -> None:
        assert flags(recording)["skip-nodes-with-local-storage"] == "false"


class TestItStops:
    def test_before_half_of_the_cluster_is_unready_but_not_for_one_zone_of_three(self, recording: Recording) -> None:
        given = flags(recording)
        assert 100 / 3 < float(given["max-total-unready-percentage"]) < 50
        assert int(given["ok-total-unready-count"]) <= 3


class TestItIsAvailable:
    def test_with_a_second_replica_that_waits_for_the_lock(self, recording: Recording) -> None:
        (deployment,) = in_its_namespace(recording, "Deployment")
        (budget,) = in_its_namespace(recording, "PodDisruptionBudget")
        assert deployment["spec"]["replicas"] == 2
        assert flags(recording)["leader-elect"] == "true"
        assert budget["spec"]["maxUnavailable"] == 1
        assert budget["spec"]["selector"] == deployment["spec"]["selector"]

    def test_and_writes_only_what_its_role_names(self, recording: Recording) -> None:
        (role,) = in_its_namespace(recording, "Role")
        named = {name for rule in role["rules"] for name in rule.get("resourceNames", [])}
        given = flags(recording)
        assert named == {given["leader-elect-resource-name"], given["status-config-map-name"]}
        assert given["namespace"] == NAMESPACE


class TestItReaches:
    @pytest.mark.parametrize(
        ("address", "port", "is_open"),
        [
            ("172.20.0.1", 443, True),
            ("52.94.1.1", 443, True),
            ("169.254.170.23", 80, True),
            ("169.254.169.254", 80, False),
            ("169.254.169.254", 443, False),
            ("10.0.0.5", 5432, False),
        ],
    )
    def test_apis_and_its_credentials_and_not_the_nodes(
        self, recording: Recording, address: str, port: int, is_open: bool
    ) -> None:
        wanted = ipaddress.ip_address(address)
        reached = any(
            port == opened["port"]
            and wanted in ipaddress.ip_network(peer["ipBlock"]["cidr"])
            and not any(wanted in ipaddress.ip_network(never) for never in peer["ipBlock"].get("except", []))
            for policy in in_its_namespace(recording, "NetworkPolicy")
            for rule in policy["spec"].get("egress", [])
            for opened in rule["ports"]
            for peer in rule["to"]
            if "ipBlock" in peer
        )
        assert reached is is_open


def test_it_is_left_out_where_the_cloud_adds_nodes_itself() -> None:
    names = {body.inputs["metadata"]["name"] for body in objects(record(platform(tenant("vision"))))}
    assert NAME not in names
    assert NAMESPACE not in names
