"""A platform over two stacks is the same platform: the upper one knows of the cloud what the lower one's facts say.

That is also what makes the clouds alike: everything above a cluster follows from its facts and the stack file.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from bedplate.engine.engine import Recording
from bedplate.engine.resources import RELEASE_TYPE, hidden
from bedplate.plans.planning import written_platform
from bedplate.stack_file.reading import load
from harness import STACKS, model_api, objects, platform, record, tenant

MANAGED = [file for file in STACKS if load(file).spec.cloud.owns_cluster]


def on_the_cluster(*recordings: Recording) -> dict[str, Any]:
    """All that is on the cluster, by name, but what members are offered who deploy: a stack of tenants alone has no
    front door to lead to them."""
    return {
        resource.name: hidden(resource.inputs)
        for recording in recordings
        for resource in recording.resources
        if (resource.is_kubernetes_object or resource.type == RELEASE_TYPE) and not _is_offered(resource.name)
    }


def _is_offered(name: str) -> bool:
    return name.endswith(("-configmap-bedplate", "-networkpolicy-deployed")) or ("/" in name and "-deployed-" in name)


def upper(whole: dict[str, Any], lower: Recording, layers: list[str]) -> dict[str, Any]:
    cloud = whole["cloud"]
    version = cloud["kubernetesVersion"]
    existing = {
        "provider": "existing",
        "name": cloud["name"],
        "kubernetesVersion": version,
        "facts": lower.outputs["facts"],
    }
    sizes = {"cpu": 192, "memoryGib": 1900}
    pools = {
        name: {**{key: pool[key] for key in pool if key in ("accelerator", "count", "min", "max")}, "machine": sizes}
        for name, pool in whole["nodePools"].items()
    }
    return {**whole, "cloud": existing, "nodePools": pools, "layers": layers}


def splittable(whole: Mapping[str, Any]) -> dict[str, Any]:
    """A platform without what a stack above its cluster cannot have, and says so: prices of the cloud's list, and
    workloads' own identities of the cloud; those of secret stores come with the facts. Trainings and workspaces, their
    queues and who stops them stay with the services."""
    of_services = ("cost", "buckets", "queue", "idle", "ssh")
    rest = {key: value for key, value in whole.items() if key not in of_services}
    return {**rest, "tenants": [_splittable(one) for one in whole["tenants"]]}


def _splittable(one: dict[str, Any]) -> dict[str, Any]:
    workloads = [
        {key: workload[key] for key in workload if key != "grants"}
        for workload in one["workloads"]
        if workload["kind"] not in ("training", "workspace")
    ]
    return {**one, "workloads": workloads}


@pytest.mark.parametrize("file", MANAGED, ids=lambda file: file.stem)
@pytest.mark.parametrize("below", [["cluster"], ["cluster", "services"]], ids=", ".join)
def test_two_stacks_make_what_one_makes(file: Path, below: list[str]) -> None:
    whole = splittable(written_platform(file))
    above = [layer for layer in ("services", "tenants") if layer not in below]
    lower = record({**whole, "layers": below})
    assert on_the_cluster(lower, record(upper(whole, lower, above))) == on_the_cluster(record(whole))


ASKED = {"INDEX_TOKEN": {"external": "index", "key": "token"}}
TENANTS = (tenant("vision", model_api("reader", secretEnv=ASKED)), tenant("search", model_api("ranker")))
VAULT = {"store": "vault", "url": "https://vault.example.com:8200", "prefixes": {"vision": "teams/vision/"}}


class TestExternalSecretsInAStackOfTenants:
    @pytest.mark.parametrize(
        "secrets",
        [{"store": "kubernetes"}, VAULT, {**VAULT, "operators": {"provided": True, "namespace": "eso"}}],
        ids=["kubernetes", "vault", "somebody else's operators"],
    )
    def test_are_those_of_one_stack(self, secrets: dict[str, Any]) -> None:
        whole = platform(*TENANTS, secrets=secrets)
        lower = record({**whole, "layers": ["services"]})
        above = record(upper(whole, lower, ["tenants"]))
        assert objects(above, "ExternalSecret")
        assert on_the_cluster(lower, above) == on_the_cluster(record(whole))

    def test_need_nothing_but_the_facts(self) -> None:
        """What the upper file says of secrets itself is another stack's to say, and changes nothing."""
        whole = platform(*TENANTS, secrets=VAULT)
        written = upper(whole, record({**whole, "layers": ["services"]}), ["tenants"])
        without = {key: value for key, value in written.items() if key != "secrets"}
        other = {**without, "secrets": {**VAULT, "prefixes": {"vision": "teams/search/"}}}
        assert on_the_cluster(record(without)) == on_the_cluster(record(written)) == on_the_cluster(record(other))

    @pytest.mark.parametrize("file", MANAGED, ids=lambda file: file.stem)
    def test_are_read_by_identities_of_the_stack_with_the_cluster(self, file: Path) -> None:
        """Each tenant's is bound to its ServiceAccount there, and the stack of tenants has no identity to give."""
        written = splittable(written_platform(file))
        lower = record({**written, "layers": ["cluster", "services"]})
        stores = lower.outputs["facts"]["secretStores"]
        assert set(stores) == {one["name"] for one in written["tenants"]}
        above = record(upper(written, lower, ["tenants"]))
        assert not [each.name for each in above.resources if each.type.startswith(("aws:", "gcp:", "azure-native:"))]
        for store in objects(above, "SecretStore"):
            facts = stores[store.inputs["metadata"]["namespace"]]
            assert hidden(store.inputs["spec"]["provider"]) == hidden(facts["provider"])
