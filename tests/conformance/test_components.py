"""Rules that hold for every component, shown on every stack file and on one stack with everything."""

import inspect
import typing
from collections import Counter
from typing import Any

import pulumi
import pytest

from aws_stack import with_karpenter
from bedplate.clouds import Cluster
from bedplate.engine.engine import Recording
from bedplate.engine.resources import Resource, Secret
from bedplate.guardrails.deployments import KINDS
from bedplate.labels import LOG_COLLECTOR_NAMESPACE, SECRET_SOURCE_NAMESPACE, SECRET_STORE
from bedplate.tenants.access import DATA_SCIENTIST_ROLE
from bedplate.workloads import Workload
from conformance.everything import EVERYTHING, PROVEN_OVER_HTTP, SECRETS, WITH_CERT_MANAGER
from harness import STACKS, library, objects, record, record_stack

OF_OTHERS = {"cert-manager"}
"""Namespaces that are not ours, in which the platform has objects."""
WRITTEN = {"everything": EVERYTHING, "http": PROVEN_OVER_HTTP, "provided": WITH_CERT_MANAGER}
BUILDS, BUILDER = "bedplate-builds-", "bedplate-builder"
PRIVILEGED = {
    "bedplate-gpu": "the device plugin mounts the kubelet's folder, which every other level forbids",
    "bedplate-gpu-metrics": "the exporter reads which pod has which GPU from the kubelet's folder",
    "bedplate-node-exporter": "it reads the node's own files and network",
    LOG_COLLECTOR_NAMESPACE: "it reads the node's files of what containers print",
}
"""Namespaces of the platform whose pods may do anything, and why."""


def every_component() -> list[type[pulumi.ComponentResource]]:
    found = {
        value
        for module in library()
        for value in vars(module).values()
        if inspect.isclass(value) and issubclass(value, pulumi.ComponentResource)
    } - {Cluster, pulumi.ComponentResource}
    return sorted(found, key=lambda component: component.__name__)


@pytest.fixture(scope="module", params=[*WRITTEN, "karpenter", *(file.stem for file in STACKS)])
def recording(request: pytest.FixtureRequest) -> Recording:
    if request.param in WRITTEN:
        return record(WRITTEN[request.param], SECRETS)
    if request.param == "karpenter":
        return record(with_karpenter())
    return record_stack(next(file for file in STACKS if file.stem == request.param))


@pytest.mark.parametrize("component", every_component(), ids=lambda component: component.__name__)
class TestEveryComponent:
    def test_is_constructed_from_name_args_and_opts(self, component: type[pulumi.ComponentResource]) -> None:
        parameters = list(inspect.signature(component).parameters)
        assert parameters in (["name", "args", "opts"], ["name", "opts"])

    def test_documents_itself(self, component: type[pulumi.ComponentResource]) -> None:
        assert component.__doc__


class TestEveryRegistration:
    def test_has_a_token_that_is_the_class_name(self, recording: Recording) -> None:
        tokens = {resource.type for resource in recording.resources if not resource.custom}
        # Of a workload, it is the template's.
        names = {kind.__name__ for kind in [*every_component(), *Workload.registry.values()]}
        assert {token.rpartition(":")[2] for token in tokens if token.startswith("bedplate:index:")} <= names
        assert tokens <= {f"bedplate:index:{name}" for name in names} | {"pulumi:pulumi:Stack"}

    def test_of_a_component_ends_with_its_annotated_outputs(self, recording: Recording) -> None:
        classes = {component.__name__: component for component in every_component()}
        for resource in recording.resources:
            component = classes.get(resource.type.rpartition(":")[2])
            if component is not None and not resource.custom:
                hints = inspect.get_annotations(component)
                outputs = {name for name, hint in hints.items() if typing.get_origin(hint) is pulumi.Output}
                assert set(recording.component_outputs[resource.urn]) == outputs

    def test_lies_below_its_component_and_is_named_after_it(self, recording: Recording) -> None:
        by_urn = recording.by_urn()
        for resource in recording.resources:
            parent = by_urn.get(resource.parent)
            if parent is not None and parent.type != "pulumi:pulumi:Stack":
                assert resource.name.startswith((f"{parent.name}-", f"{parent.name}/"))
            if resource.custom:
                assert parent is not None
                assert not parent.custom

    def test_uses_the_clusters_own_provider(self, recording: Recording) -> None:
        providers = {resource.provider for resource in objects(recording)}
        assert [provider.rpartition("::")[2] for provider in providers] == ["platform-cluster-kubernetes"]

    def test_raises_no_warning(self, recording: Recording) -> None:
        assert recording.warnings == []


class TestEveryObject:
    def test_carries_the_labels_of_its_identity(self, recording: Recording) -> None:
        for resource in objects(recording):
            labels = resource.inputs["metadata"]["labels"]
            assert labels["app.kubernetes.io/part-of"] == "bedplate"
            assert labels["app.kubernetes.io/managed-by"] == "pulumi"
            assert labels["bedplate.dev/owner"], resource.name
            assert all(len(value) <= 63 and "@" not in value for value in labels.values())

    def test_that_is_a_service_waits_for_no_pods(self, recording: Recording) -> None:
        """Its pods may come after it, or from zero: Pulumi would wait for ten minutes, and fail."""
        for resource in objects(recording, "Service"):
            if resource.inputs["spec"]["type"] != "LoadBalancer":
                assert resource.inputs["metadata"]["annotations"]["pulumi.com/skipAwait"] == "true", resource.name

    def test_in_a_namespace_comes_after_it_and_goes_with_it(self, recording: Recording) -> None:
        namespaces = {resource.inputs["metadata"]["name"]: resource.urn for resource in objects(recording, "Namespace")}
        for resource in objects(recording):
            namespace = resource.inputs["metadata"].get("namespace")
            if namespace is not None and namespace not in OF_OTHERS - namespaces.keys():
                assert namespaces[namespace] in resource.dependencies
                # The rights of a tenant's members end before their namespace begins to.
                goes_first = (
                    resource.inputs["kind"] == "RoleBinding" and resource.inputs["metadata"]["name"] == "members"
                )
                assert resource.deleted_with == ("" if goes_first else namespaces[namespace])

    def test_in_no_namespace_is_deleted_by_itself(self, recording: Recording) -> None:
        """With a namespace only what is in it goes."""
        for resource in objects(recording):
            if "namespace" not in resource.inputs["metadata"]:
                assert resource.deleted_with == "", resource.name

    def test_of_a_tenant_says_which_tenant(self, recording: Recording) -> None:
        tenants = {
            resource.inputs["metadata"]["name"]: resource.inputs["metadata"]["labels"]["bedplate.dev/tenant"]
            for resource in objects(recording, "Namespace")
            if "bedplate.dev/tenant" in resource.inputs["metadata"]["labels"]
        }
        for resource in objects(recording):
            metadata = resource.inputs["metadata"]
            if (namespace := metadata.get("namespace")) in tenants:
                assert metadata["labels"]["bedplate.dev/tenant"] == tenants[namespace]
                assert metadata["labels"]["bedplate.dev/project"]

    def test_has_a_name_of_its_own(self, recording: Recording) -> None:
        keys = Counter(
            (body["kind"], body["metadata"].get("namespace"), body["metadata"]["name"])
            for body in (resource.inputs for resource in objects(recording))
        )
        assert [key for key, count in keys.items() if count > 1] == []


class TestPlatformNamespaces:
    def test_are_closed_and_as_strict_as_their_pods_allow(self, recording: Recording) -> None:
        closed = {
            policy.inputs["metadata"]["namespace"]
            for policy in objects(recording, "NetworkPolicy")
            if policy.inputs["spec"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
        }
        for namespace in objects(recording, "Namespace"):
            metadata = namespace.inputs["metadata"]
            if "bedplate.dev/tenant" not in metadata["labels"]:
                assert metadata["name"].startswith("bedplate-")
                assert metadata["name"] in closed
                is_free = metadata["name"] in PRIVILEGED or metadata["name"].startswith(BUILDS)
                level = "privileged" if is_free else "restricted"
                for mode in ("enforce", "audit", "warn"):
                    assert metadata["labels"][f"pod-security.kubernetes.io/{mode}"] == level


class TestTenants:
    def test_have_a_limit_range_wherever_they_have_a_quota(self, recording: Recording) -> None:
        """A quota without defaults refuses every pod that states no resources."""
        quotas = {
            resource.inputs["metadata"]["namespace"]
            for resource in objects(recording, "ResourceQuota")
            if resource.inputs["spec"]["hard"].keys() != {"pods"}
        }
        ranges = {resource.inputs["metadata"]["namespace"] for resource in objects(recording, "LimitRange")}
        # Where images are built, a policy lets in nothing but pods that state everything.
        assert {name for name in quotas if not name.startswith(BUILDS)} == ranges

    def test_get_a_namespace_only_when_the_guardrails_are_there(self, recording: Recording) -> None:
        bindings = {
            resource.urn
            for resource in objects(recording, "ValidatingAdmissionPolicyBinding")
            if not resource.inputs["metadata"]["name"].startswith("bedplate-builds")
        }
        for namespace in objects(recording, "Namespace"):
            if "bedplate.dev/tenant" in namespace.inputs["metadata"]["labels"]:
                assert bindings <= set(namespace.dependencies)

    def test_reach_no_metadata_address(self, recording: Recording) -> None:
        for policy in objects(recording, "NetworkPolicy"):
            for rule in policy.inputs["spec"].get("egress", []):
                for block in (peer["ipBlock"] for peer in rule.get("to", []) if "ipBlock" in peer):
                    assert block["cidr"] != "0.0.0.0/0" or "169.254.0.0/16" in block["except"]


class TestAccess:
    def test_names_every_right(self, recording: Recording) -> None:
        for role in [*objects(recording, "ClusterRole"), *objects(recording, "Role")]:
            for rule in role.inputs["rules"]:
                assert not any("*" in name for names in rule.values() for name in names)

    def test_of_people_writes_jobs_and_marks_and_what_a_policy_holds_and_reads_no_secret(
        self, recording: Recording
    ) -> None:
        people = {
            binding.inputs["roleRef"]["name"]
            for binding in [*objects(recording, "ClusterRoleBinding"), *objects(recording, "RoleBinding")]
            if any(subject["kind"] != "ServiceAccount" for subject in binding.inputs["subjects"])
        }
        roles = [role for role in objects(recording, "ClusterRole") if role.inputs["metadata"]["name"] in people]
        assert len(roles) == len(people)
        for role in roles:
            for rule in role.inputs["rules"]:
                assert not {"pods/exec", "serviceaccounts/token"} & set(rule.get("resources", ()))
                if "secrets" in rule.get("resources", ()):
                    # An answer to a change shows the object, as reading it does.
                    assert set(rule["verbs"]) == {"create", "delete"}
                if role.inputs["metadata"]["name"] == BUILDER and rule["resources"] == ["pods/attach"]:
                    # The folder goes to a build that way, and the policy bedplate-builds says what a build is.
                    assert set(rule["verbs"]) == {"get", "create"}
                    continue
                if set(rule["verbs"]) - {"get", "list", "watch"}:
                    # What of it may be written is said by the policies bedplate-deployments and bedplate-activity.
                    assert (
                        rule["resources"] == ["jobs"]
                        or set(rule["resources"]) <= set(KINDS.get(rule["apiGroups"][0], ()))
                        or (
                            rule["resources"] == ["scaledobjects"]
                            and set(rule["verbs"]) <= {"get", "list", "watch", "patch"}
                        )
                    )

    def test_of_the_platforms_own_pods_reads_no_secret_and_runs_nothing(self, recording: Recording) -> None:
        """But for Traefik, which watches Secrets wherever it watches Services (ADR 0017), and for those that keep
        something in Secrets of their own namespace: the operator of Prometheus its configuration (ADR 0029), Kueue and
        JobSet a certificate each (ADR 0035). A tenant's store gets Secrets of the source each by its name, and External
        Secrets signs in as that store's ServiceAccount (ADR 0039)."""
        keepers = {
            ("prometheus-operator", "bedplate-monitoring"),
            ("bedplate-kueue", "bedplate-queue"),
            ("bedplate-jobset", "bedplate-queue"),
        }
        refused = {"secrets", "pods/exec", "pods/attach", "serviceaccounts/token", "clusterroles", "roles"}
        readers = {"bedplate-traefik": {"secrets"}}
        for role in [*objects(recording, "ClusterRole"), *objects(recording, "Role")]:
            metadata = role.inputs["metadata"]
            if (metadata["name"], metadata.get("namespace")) in keepers:
                continue
            by_name = _of_a_store(metadata)
            for rule in role.inputs["rules"]:
                if by_name:
                    assert (rule["resources"], rule["verbs"]) == by_name
                    assert rule["resourceNames"]
                    continue
                if metadata["name"] == BUILDER:  # people's, in namespaces of builds
                    assert not (refused - {"pods/attach"}) & set(rule["resources"])
                    continue
                if metadata["name"] == DATA_SCIENTIST_ROLE:  # people's, see above
                    continue
                allowed = readers.get(role.inputs["metadata"]["name"], set[str]())
                assert not (refused - allowed) & set(rule.get("resources", ()))
                assert not allowed & set(rule.get("resources", ())) or set(rule["verbs"]) <= {"get", "list", "watch"}
                if "pods" in rule.get("resources", ()):
                    assert set(rule["verbs"]) <= {"get", "list", "watch"}

    def test_to_the_whole_cluster_is_bound_to_the_platforms_own_service_accounts_only(
        self, recording: Recording
    ) -> None:
        for binding in objects(recording, "ClusterRoleBinding"):
            for subject in binding.inputs["subjects"]:
                assert subject["kind"] == "ServiceAccount"
                assert subject["namespace"].startswith("bedplate-")


def _of_a_store(metadata: dict[str, Any]) -> tuple[list[str], list[str]] | None:
    """What a role around a tenant's store may, each object by its name; None of another role."""
    if metadata["name"] == SECRET_STORE and "bedplate.dev/tenant" in metadata["labels"]:
        return ["serviceaccounts/token"], ["create"]
    return (["secrets"], ["get"]) if metadata.get("namespace") == SECRET_SOURCE_NAMESPACE else None


def secrets_in(value: Any) -> list[Any]:
    if isinstance(value, Secret):
        return [value.value]
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else []
    return [secret for item in items for secret in secrets_in(item)]


class TestSecrets:
    def test_never_leave_their_envelope(self) -> None:
        resources: list[Resource] = record(EVERYTHING, SECRETS).resources
        canary = "placeholder for the config secret token"
        assert [resource.name for resource in resources if canary in repr(resource.inputs)] == []
        held = [resource for resource in resources if canary in str(secrets_in(resource.inputs))]
        assert [resource.inputs["kind"] for resource in held] == ["Secret", "Secret"]

    def test_roll_the_pods_when_they_change(self) -> None:
        deployment = next(
            resource
            for resource in objects(record(EVERYTHING, SECRETS), "Deployment")
            if resource.name.endswith("vision/api-deployment")
        )
        assert "bedplate.dev/secrets-hash" in deployment.inputs["spec"]["template"]["metadata"]["annotations"]
