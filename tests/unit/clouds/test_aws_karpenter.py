"""Karpenter on AWS: who scales what, by which machines, and what stands in the account for it."""

import json
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from aws_stack import FILE, documents, listed, of_type, with_karpenter
from bedplate.engine.engine import Recording
from bedplate.engine.resources import RELEASE_TYPE, Resource, revealed
from bedplate.services.nodes.karpenter import DEFINITIONS_VERSION, KARPENTER_VERSION
from bedplate.stack_file.reading import PLATFORM_KEY
from harness import objects, record, record_stack, refused

POOLS: dict[str, Any] = {
    "fixed": {"machine": {"cpu": 4, "memoryGib": 16}, "min": 2, "max": 2},
    "t4": {"accelerator": "nvidia-t4", "count": 4, "max": 3, "spot": True, "localDisks": True, "diskGib": 300},
}
GROUPS = {"fixed": 2, "general": 1, "h100": 4, "system": 3}
GROWING = {"general": 19, "l4": 12, "system": 3, "t4": 3}


@pytest.fixture(scope="module")
def recording() -> Recording:
    return record(with_karpenter(**POOLS))


def spec(recording: Recording, kind: str, name: str) -> dict[str, Any]:
    (found,) = [body for body in objects(recording, kind) if body.inputs["metadata"]["name"] == name]
    return revealed(found.inputs)["spec"]


def release(recording: Recording, name: str) -> Resource:
    (found,) = [r for r in recording.resources if r.type == RELEASE_TYPE and r.inputs["name"] == name]
    return found


class TestMachinesThatAreAlwaysThere:
    def test_are_node_groups_of_fixed_size(self, recording: Recording) -> None:
        groups = {
            g.inputs["labels"]["bedplate.dev/pool"]: g.inputs["scalingConfig"] for g in of_type(recording, "NodeGroup")
        }
        assert {name: sizes["desiredSize"] for name, sizes in groups.items()} == GROUPS
        assert all(sizes["minSize"] == sizes["maxSize"] == sizes["desiredSize"] for sizes in groups.values())


class TestMachinesThatCome:
    def test_are_as_many_as_the_pool_has_more(self, recording: Recording) -> None:
        pools = {p.inputs["metadata"]["name"]: p.inputs["spec"]["limits"] for p in objects(recording, "NodePool")}
        assert {name: int(limits["nodes"]) for name, limits in pools.items()} == GROWING
        assert pools["t4"]["nvidia.com/gpu"] == "12"
        assert pools["general"]["cpu"] == "608"

    def test_carry_label_and_taint_of_their_accelerator(self, recording: Recording) -> None:
        template = spec(recording, "NodePool", "t4")["template"]
        assert template["metadata"]["labels"] == {
            "bedplate.dev/pool": "t4",
            "bedplate.dev/accelerator": "nvidia-t4",
            "eks.amazonaws.com/capacityType": "SPOT",
        }
        taint = {"key": "nvidia.com/gpu", "value": "present", "effect": "NoSchedule"}
        assert template["spec"]["taints"] == [taint]
        assert "taints" not in spec(recording, "NodePool", "general")["template"]["spec"]

    def test_are_of_the_pools_type_and_price(self, recording: Recording) -> None:
        def required(pool: str) -> dict[str, Any]:
            template = spec(recording, "NodePool", pool)["template"]["spec"]
            return {one["key"].partition("/")[2]: one["values"] for one in template["requirements"]}

        assert required("t4") == {"instance-type": ["g4dn.12xlarge"], "capacity-type": ["spot"]}
        assert required("l4") == {"instance-type": ["g6.2xlarge"], "capacity-type": ["on-demand"]}

    def test_are_never_taken_from_work_that_must_not_be_moved(self, recording: Recording) -> None:
        """A grace period would let drift end such pods, and expiry drains before there is another machine."""
        for pool in objects(recording, "NodePool"):
            template = pool.inputs["spec"]["template"]["spec"]
            assert template["expireAfter"] == "Never"
            assert "terminationGracePeriod" not in template
        policies = {name: spec(recording, "NodePool", name)["disruption"]["consolidationPolicy"] for name in GROWING}
        assert {name for name, policy in policies.items() if policy == "WhenEmpty"} == {"l4", "t4"}

    def test_are_hardened_like_those_of_node_groups(self, recording: Recording) -> None:
        private = {s.name for s in of_type(recording, "Subnet") if "-private-" in s.name}
        for name in GROWING:
            body = spec(recording, "EC2NodeClass", name)
            assert body["metadataOptions"]["httpTokens"] == "required"
            assert body["metadataOptions"]["httpPutResponseHopLimit"] == 1
            assert body["associatePublicIPAddress"] is False
            assert len(body["subnetSelectorTerms"]) == len(private)
            (disk,) = body["blockDeviceMappings"]
            assert disk["ebs"]["encrypted"] is True
            assert ":key/" in disk["ebs"]["kmsKeyID"]
            assert body["tags"]["bedplate.dev/platform"] == "nordwind-ml"
            assert body["kubelet"] == {"maxPods": 110}

    def test_have_disk_and_image_of_their_pool(self, recording: Recording) -> None:
        spot, plain = spec(recording, "EC2NodeClass", "t4"), spec(recording, "EC2NodeClass", "general")
        assert spot["blockDeviceMappings"][0]["ebs"]["volumeSize"] == "300Gi"
        assert spot["instanceStorePolicy"] == "RAID0"
        assert "instanceStorePolicy" not in plain
        (image,) = plain["amiSelectorTerms"]
        assert "latest" not in image["alias"]

    def test_go_before_karpenter_does(self, recording: Recording) -> None:
        controller, definitions = release(recording, "karpenter"), release(recording, "karpenter-crd")
        assert definitions.urn in controller.dependencies
        for pool in objects(recording, "NodePool"):
            name = pool.inputs["metadata"]["name"]
            (of_class,) = [c for c in objects(recording, "EC2NodeClass") if c.inputs["metadata"]["name"] == name]
            assert {controller.urn, of_class.urn} <= set(pool.dependencies)
            assert controller.urn in of_class.dependencies


class TestKarpenter:
    def test_replaces_the_cluster_autoscaler(self, recording: Recording) -> None:
        (association,) = [a for a in of_type(recording, "PodIdentityAssociation") if a.name.endswith("-autoscaler")]
        account = (association.inputs["namespace"], association.inputs["serviceAccount"])
        values = release(recording, "karpenter").inputs["values"]
        assert account == ("bedplate-karpenter", values["serviceAccount"]["name"])
        assert not [d for d in objects(recording, "Deployment") if d.inputs["metadata"]["name"] == "cluster-autoscaler"]

    def test_can_take_the_cluster_autoscalers_place(self, recording: Recording) -> None:
        """What is new is made before the old goes, so no object of one may have the name of one of the other."""

        def own(stack: Recording, component: str) -> set[tuple[str, str, str]]:
            bodies = [o.inputs for o in objects(stack) if o.name.startswith(f"platform-{component}-")]
            return {(b["kind"], b["metadata"].get("namespace", ""), b["metadata"]["name"]) for b in bodies}

        former = record_stack(FILE)
        before, after = own(former, "autoscaler"), own(recording, "karpenter")
        assert before
        assert after
        assert not before & after
        kept = {(r.type, r.name) for r in recording.resources if r.protect}
        assert kept >= {(r.type, r.name) for r in former.resources if r.protect}

    def test_has_definitions_of_its_own_version(self) -> None:
        assert KARPENTER_VERSION == DEFINITIONS_VERSION

    def test_tries_no_feature_and_stands_apart_on_machines_that_it_did_not_start(self, recording: Recording) -> None:
        values = release(recording, "karpenter").inputs["values"]
        assert not any(values["settings"]["featureGates"].values())
        assert values["replicas"] == 2
        affinity = json.dumps(values["affinity"])
        assert '{"key": "karpenter.sh/nodepool", "operator": "DoesNotExist"}' in affinity
        assert "kubernetes.io/hostname" in affinity

    def test_hears_of_interruptions_in_an_encrypted_queue_that_only_its_rules_fill(self, recording: Recording) -> None:
        (queue,) = of_type(recording, "Queue")
        settings = release(recording, "karpenter").inputs["values"]["settings"]
        assert queue.inputs["name"] == settings["interruptionQueue"]
        assert queue.inputs["sqsManagedSseEnabled"] is True
        (statements,) = [s for name, s in documents(recording) if name.endswith("-queue-policy")]
        allowed, denied = statements
        assert len(allowed["Condition"]["ArnEquals"]["aws:SourceArn"]) == len(of_type(recording, "EventRule")) == 4
        assert (denied["Effect"], denied["Condition"]) == ("Deny", {"Bool": {"aws:SecureTransport": "false"}})
        targets = {target.inputs["arn"] for target in of_type(recording, "EventTarget")}
        assert targets == {f"arn:aws:sqs:eu-central-1:123456789012:{queue.inputs['name']}"}

    def test_changes_only_what_it_tagged_and_hands_on_one_role(self, recording: Recording) -> None:
        (statements,) = [s for name, s in documents(recording) if name.endswith("-autoscaler-permissions")]
        for statement in statements:
            if "*" in listed(statement["Resource"]):
                assert statement["Sid"].endswith("Everywhere")
                assert {action.partition(":")[2][:3] for action in statement["Action"]} <= {"Des", "Get", "Lis"}
            if {"ec2:TerminateInstances", "ec2:CreateTags"} & set(statement["Action"]):
                assert "kubernetes.io/cluster/nordwind-ml" in json.dumps(statement["Condition"])
        (handed,) = [s["Resource"] for s in statements if "iam:PassRole" in s["Action"]]
        (nodes,) = [r for r in of_type(recording, "Role") if r.name.endswith("-nodes-role")]
        assert handed[0].partition("role/")[2].startswith(nodes.name)
        written = [action for s in statements for action in s["Action"] if action.startswith("iam:")]
        assert sorted(written) == ["iam:ListInstanceProfiles", "iam:PassRole"]

    def test_has_alerts_that_lead_to_the_guide(self, recording: Recording) -> None:
        (alerts,) = [r for r in objects(recording, "PrometheusRule") if r.inputs["metadata"]["name"] == "bedplate"]
        rules = json.dumps(alerts.inputs["spec"])
        assert "BedplateKarpenterDown" in rules
        assert "BedplateMachineLaunchFailed" in rules
        assert "cluster_autoscaler" not in rules


H100 = {"accelerator": "nvidia-h100", "count": 8, "max": 4}
SYSTEM = {"machine": {"cpu": 4, "memoryGib": 16}, "min": 1, "max": 6}


def changed_platform(platform: dict[str, Any]) -> dict[str, Any]:
    """The stack file of AWS, its secrets included, with another platform."""
    stack = YAML(typ="safe").load(FILE)
    return {**stack, "config": {**stack["config"], PLATFORM_KEY: platform}}


class TestAWrongInput:
    @pytest.mark.parametrize(
        ("pools", "place", "said"),
        [
            ({"h100": {**H100, "interconnect": True}}, "nodePools.h100", "Karpenter scales no machines"),
            ({"h100": {**H100, "reservation": "eu-central-1a/cr-0123456789abcdef0"}}, "nodePools.h100",
             "Karpenter scales no machines"),
            ({"system": SYSTEM}, "nodePools", "Karpenter's own pods"),
            ({"system": {**SYSTEM, "min": 2, "spot": True}}, "nodePools", "Karpenter's own pods"),
            ({"system": {"accelerator": "nvidia-l4", "count": 1, "min": 2, "max": 6}}, "nodePools",
             "Karpenter's own pods"),
        ],
    )  # fmt: skip
    def test_is_located(self, pools: dict[str, Any], place: str, said: str, tmp_path: Path) -> None:
        found = refused(changed_platform(with_karpenter(**pools)), tmp_path)
        assert any(at == place and said in message for at, message in found), found

    def test_of_the_key_itself_is_located_beside_pools_that_cannot_be_judged(self, tmp_path: Path) -> None:
        platform = with_karpenter(h100={**H100, "interconnect": True})
        wrong = {**platform, "cloud": {**platform["cloud"], "autoscaler": "karpentr"}}
        ((at, _),) = refused(changed_platform(wrong), tmp_path)
        assert at == "cloud.autoscaler"

    def test_of_a_size_is_located_as_ever(self, tmp_path: Path) -> None:
        wrong = with_karpenter(h100={**H100, "interconnect": True, "max": "four"})
        ((at, _),) = refused(changed_platform(wrong), tmp_path)
        assert at == "nodePools.h100.max"
