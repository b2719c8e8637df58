"""Whose change it is when something changes while a tenant is removed."""

from typing import Any

from bedplate.embedded_cluster.objects import ObjectKey, key_of
from bedplate.rehearsal.rehearse import changed_for_others


def pod(name: str, owner: str, node: str) -> dict[str, Any]:
    metadata = {"name": name, "namespace": "bedplate-gpu", "ownerReferences": [{"kind": owner, "name": "plugin"}]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {"nodeName": node}}


def changed(*gone: dict[str, Any], steady: set[str]) -> list[ObjectKey]:
    return changed_for_others({key_of(body): body for body in gone}, {}, "vision", "vision", steady)


def test_a_pod_of_a_daemon_set_goes_with_its_node() -> None:
    assert changed(pod("plugin-a", "DaemonSet", "gone"), steady={"stays"}) == []


def test_a_pod_of_a_node_that_stays_is_somebody_elses_change() -> None:
    found = changed(pod("plugin-a", "DaemonSet", "stays"), pod("api-b", "ReplicaSet", "gone"), steady={"stays"})
    assert [key.name for key in found] == ["api-b", "plugin-a"]


def test_what_runs_for_the_tenant_outside_of_its_namespace_is_the_tenants() -> None:
    places = ("bedplate-grafana-vision", "bedplate-builds-vision")
    own = [pod("grafana-a", "ReplicaSet", "stays") for _ in places]
    for body, place in zip(own, places, strict=True):
        body["metadata"]["namespace"] = place
    named = [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}, "spec": {}} for name in places]
    other = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "bedplate-grafana-audio"}, "spec": {}}
    found = changed(*own, *named, other, steady={"stays"})
    assert [key.name for key in found] == ["bedplate-grafana-audio"]
