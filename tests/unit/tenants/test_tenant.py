"""What a tenant is made of, read off the real program."""

import ipaddress
from typing import Any

import pytest

from bedplate.guardrails.sight import DEFAULT_CPU, DEFAULT_DISK, DEFAULT_MEMORY
from bedplate.labels import Identity
from bedplate.tenants.access import DATA_SCIENTIST_RULES, role_binding
from harness import job, objects, platform, record, spec, tenant

VOLUMES = [
    {"name": "keep", "sizeGib": 10, "retain": True, "access": "manyNodes"},
    {"name": "drop", "sizeGib": 5, "retain": False},
]


def bodies(kind: str, **changes: Any) -> dict[str, dict[str, Any]]:
    """The tenant's objects of a kind, by name."""
    found = objects(record(platform(tenant("vision", **changes))), kind)
    return {body["metadata"]["name"]: dict(body) for body in (resource.inputs for resource in found)}


class TestAccess:
    def test_is_never_given_to_a_group_of_kubernetes_own(self) -> None:
        """Stack files are refused before; a program that uses the library has this."""
        identity = Identity(name="tenant", component="tenant")
        for prefix, group in (("", "system:masters"), ("system:", "masters"), ("sys", "tem:authenticated")):
            with pytest.raises(ValueError, match="Kubernetes' own system:"):
                role_binding("vision", identity, [group], prefix)


class TestNetworkPolicies:
    @pytest.fixture(scope="module")
    @staticmethod
    def policies() -> dict[str, dict[str, Any]]:
        return {name: body["spec"] for name, body in bodies("NetworkPolicy", allowedNetworks=["10.9.0.0/16"]).items()}

    def test_deny_everything_that_no_other_opens(self, policies: dict[str, dict[str, Any]]) -> None:
        assert policies["default-deny"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}

    def test_all_hold_for_every_pod_of_the_namespace(self, policies: dict[str, dict[str, Any]]) -> None:
        """But workspaces, which tenants' pods do not reach."""
        workspaces = {"key": "app.kubernetes.io/component", "operator": "NotIn", "values": ["workspace"]}
        but = {name: policy["podSelector"] for name, policy in policies.items() if policy["podSelector"]}
        assert but == {"same-tenant": {"matchExpressions": [workspaces]}}

    def test_let_in_the_tenant_and_metrics_and_nobody_else(self, policies: dict[str, dict[str, Any]]) -> None:
        peers = [peer for policy in policies.values() for rule in policy.get("ingress", []) for peer in rule["from"]]
        namespaces = {
            peer["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"]
            for peer in peers
            if "namespaceSelector" in peer
        }
        assert namespaces == {"bedplate-monitoring"}
        assert [peer for peer in peers if "namespaceSelector" not in peer] == [{"podSelector": {}}]

    @pytest.mark.parametrize("address", ["169.254.169.254", "168.63.129.16", "10.0.0.1", "172.20.0.1", "192.168.1.1"])
    def test_let_no_pod_out_to_metadata_or_private_networks(
        self, policies: dict[str, dict[str, Any]], address: str
    ) -> None:
        assert not reachable(policies["internet"], address)

    @pytest.mark.parametrize("address", ["1.1.1.1", "140.82.112.3", "2606:4700::1111", "10.9.8.7"])
    def test_let_pods_out_to_the_internet_and_to_allowed_networks(
        self, policies: dict[str, dict[str, Any]], address: str
    ) -> None:
        assert reachable(policies["internet"], address)

    def test_let_pods_ask_the_cluster_dns(self, policies: dict[str, dict[str, Any]]) -> None:
        (rule,) = policies["dns"]["egress"]
        assert {(port["protocol"], port["port"]) for port in rule["ports"]} == {("UDP", 53), ("TCP", 53)}
        assert rule["to"][0]["podSelector"] == {"matchLabels": {"k8s-app": "kube-dns"}}


def reachable(policy: dict[str, Any], address: str) -> bool:
    """Whether an egress policy's IP blocks let a pod reach an address."""
    target = ipaddress.ip_address(address)
    blocks = [peer["ipBlock"] for rule in policy["egress"] for peer in rule["to"]]
    return any(
        target in ipaddress.ip_network(block["cidr"])
        and not any(target in ipaddress.ip_network(hole) for hole in block.get("except", []))
        for block in blocks
    )


class TestQuota:
    def test_counts_everything_that_costs_and_forbids_open_ports(self) -> None:
        hard = bodies("ResourceQuota")["tenant"]["spec"]["hard"]
        assert hard == {
            "requests.cpu": "64",
            "requests.memory": "256Gi",
            "limits.memory": "256Gi",
            "requests.ephemeral-storage": "1000Gi",
            "limits.ephemeral-storage": "1000Gi",
            "requests.storage": "500Gi",
            "requests.nvidia.com/gpu": "2",
            "pods": "200",
            "count/pods": "2000",
            "count/jobs.batch": "1000",
            "persistentvolumeclaims": "100",
            **dict.fromkeys(
                (
                    *("count/configmaps", "count/secrets", "count/serviceaccounts", "count/services"),
                    *("count/deployments.apps", "count/horizontalpodautoscalers.autoscaling"),
                    "count/poddisruptionbudgets.policy",
                ),
                "2100",
            ),
            "count/resourceclaims.resource.k8s.io": "0",
            "count/resourceclaimtemplates.resource.k8s.io": "0",
            "services.loadbalancers": "0",
            "services.nodeports": "0",
        }

    def test_counts_whatever_members_may_make(self) -> None:
        hard = bodies("ResourceQuota")["tenant"]["spec"]["hard"]
        made = [
            f"{resource}.{group}".rstrip(".")
            for rule in DATA_SCIENTIST_RULES
            if {"create", "*"} & set(rule["verbs"])
            for group in rule["apiGroups"]
            for resource in rule["resources"]
        ]
        assert made
        routes = {"ingressroutes.traefik.io", "middlewares.traefik.io"}  # see tenants/quota.py
        assert [kind for kind in made if f"count/{kind}" not in hard and kind not in routes] == []

    def test_defaults_are_those_that_the_guardrails_reckon_with(self) -> None:
        (limits,) = bodies("LimitRange")["defaults"]["spec"]["limits"]
        expected = {"cpu": DEFAULT_CPU, "memory": DEFAULT_MEMORY, "ephemeral-storage": DEFAULT_DISK}
        assert limits["defaultRequest"] == expected
        assert {**limits["default"], "cpu": DEFAULT_CPU} == expected

    def test_defaults_refuse_no_request_that_fits(self) -> None:
        """A default CPU limit below the largest pod refuses whoever states a request alone."""
        (limits,) = bodies("LimitRange")["defaults"]["spec"]["limits"]
        assert int(limits["default"]["cpu"]) >= spec(platform()).guardrails.max_pod.cpu

    def test_grants_nothing_of_an_accelerator_that_is_not_named(self) -> None:
        pools = platform()["nodePools"]
        h100 = {"accelerator": "nvidia-h100", "count": 8, "machine": {"cpu": 208, "memoryGib": 1800}, "max": 1}
        data = platform(tenant("vision"), nodePools={**pools, "h100": h100})
        quotas = {
            body.inputs["metadata"]["name"]: body.inputs["spec"] for body in objects(record(data), "ResourceQuota")
        }
        others = quotas["other-accelerators"]
        assert others["hard"] == {"requests.nvidia.com/gpu": "0"}
        assert others["scopeSelector"]["matchExpressions"][0]["values"] == ["bedplate-nvidia-h100"]
        assert quotas["nvidia-l4"]["hard"] == {"requests.nvidia.com/gpu": "2"}

    def test_without_gpus_forbids_all_of_them(self) -> None:
        quotas = bodies("ResourceQuota", quota={"cpu": 4, "memoryGib": 8})
        assert list(quotas) == ["tenant", "other-namespaces"]
        assert quotas["tenant"]["spec"]["hard"]["requests.nvidia.com/gpu"] == "0"


class TestVolumes:
    def test_are_kept_or_deleted_with_their_class(self) -> None:
        claims = bodies("PersistentVolumeClaim", volumes=VOLUMES)
        assert claims["keep"]["spec"]["storageClassName"] == "standard-retained"
        assert claims["drop"]["spec"]["storageClassName"] == "standard"

    def test_are_shared_among_nodes_only_on_request(self) -> None:
        claims = bodies("PersistentVolumeClaim", volumes=VOLUMES)
        assert claims["keep"]["spec"]["accessModes"] == ["ReadWriteMany"]
        assert claims["drop"]["spec"]["accessModes"] == ["ReadWriteOnce"]


class TestTheNamespace:
    def test_enforces_the_pod_security_level_of_the_clusters_version(self) -> None:
        labels = bodies("Namespace")["vision"]["metadata"]["labels"]
        assert labels["pod-security.kubernetes.io/enforce"] == "restricted"
        assert labels["pod-security.kubernetes.io/enforce-version"] == "v1.35"

    def test_carries_the_prefix_and_the_owner_in_full(self) -> None:
        data = platform(tenant("vision", owner="ines+ml@example.com"), tenantPrefix="ml-")
        namespaces = [namespace.inputs["metadata"] for namespace in objects(record(data), "Namespace")]
        (metadata,) = [each for each in namespaces if "bedplate.dev/tenant" in each["labels"]]
        assert metadata["name"] == "ml-vision"
        assert metadata["annotations"]["bedplate.dev/owner-email"] == "ines+ml@example.com"
        assert metadata["labels"]["bedplate.dev/owner"] == "ines-ml_at_example.com"

    def test_lists_the_projects_and_owners_of_its_workloads(self) -> None:
        data = platform(tenant("vision", job("etl", owner="mei@example.com", project="eta")))
        namespaces = [namespace.inputs["metadata"] for namespace in objects(record(data), "Namespace")]
        (metadata,) = [each for each in namespaces if each["name"] == "vision"]
        assert metadata["annotations"]["bedplate.dev/projects"] == "eta,vision"
        assert metadata["annotations"]["bedplate.dev/owners"] == "mei_at_example.com,vision_at_example.com"


class TestMembers:
    def test_are_the_groups_of_the_identity_provider(self) -> None:
        binding = bodies("RoleBinding", groups=["ml-vision", "planners"])["members"]
        assert [subject["name"] for subject in binding["subjects"]] == ["ml-vision", "planners"]
        assert {subject["kind"] for subject in binding["subjects"]} == {"Group"}
        assert binding["roleRef"]["name"] == "bedplate-data-scientist"
