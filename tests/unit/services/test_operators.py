"""What operators are started with, made of what the stack has."""

from pathlib import Path
from typing import Any

import pytest

from bedplate.clouds import Allocatable
from bedplate.engine.resources import RELEASE_TYPE, revealed
from bedplate.rehearsal.applying import manifest_of
from bedplate.rehearsal.webhooks import on_loopback
from bedplate.services.certificates.operators import not_issued
from bedplate.services.front_door.operators import OPERATORS as FRONT_DOOR
from bedplate.services.front_door.operators import flags_here
from bedplate.services.login.operators import OPERATORS as LOGINS
from bedplate.services.nodes.operators import instance_type, node_pool
from bedplate.services.operator import GrowingPool, Surroundings
from conformance.everything import EVERYTHING, PROVEN_OVER_HTTP, SECRETS
from harness import objects, record

OFFER = Allocatable(cpu=7.5, memory_gib=28, disk_gib=80, pods=58, gpus=2)
POOL = GrowingPool(name="l4", nodes=3, offer=OFFER, accelerator="nvidia-l4")


def surroundings(stack: dict[str, Any], **ports: int) -> Surroundings:
    recording = record(stack, SECRETS)
    values = [
        r.inputs["values"] for r in recording.resources if r.type == RELEASE_TYPE and r.name.endswith("traefik-helm")
    ]
    return Surroundings(
        objects=[manifest_of(resource) for resource in objects(recording)],
        values=revealed(values[0]) if values else {},
        namespace="bedplate-front-door",
        server="https://127.0.0.1:6443",
        authority=Path("/state/ca.crt"),
        token=Path("/state/token"),
        kubeconfig=Path("/state/kubeconfig"),
        folder=Path("/state/folder"),
        ports=ports,
        network="http://127.0.0.1:1",
    )


class TestMachines:
    def test_offer_pods_what_a_kubelet_leaves(self) -> None:
        """The provider sets aside 100m and 10Mi of whatever it is given."""
        resources = instance_type(POOL)["resources"]
        assert resources == {
            "cpu": "7600m",
            "memory": "28682Mi",
            "ephemeral-storage": "81920Mi",
            "pods": "58",
            "nodes": "1",
            "nvidia.com/gpu": "2",
        }

    def test_have_the_pools_label_taint_and_most_nodes(self) -> None:
        spec = node_pool(POOL)["spec"]
        assert spec["template"]["metadata"]["labels"]["bedplate.dev/accelerator"] == "nvidia-l4"
        assert spec["template"]["spec"]["taints"] == [
            {"key": "nvidia.com/gpu", "value": "present", "effect": "NoSchedule"}
        ]
        assert spec["limits"] == {"nodes": 3}
        (requirement,) = spec["template"]["spec"]["requirements"]
        assert requirement["values"] == [instance_type(POOL)["name"]]

    def test_without_gpus_take_every_pod(self) -> None:
        plain = GrowingPool(name="general", nodes=1, offer=OFFER)
        assert "taints" not in node_pool(plain)["spec"]["template"]["spec"]
        assert "nvidia.com/gpu" not in instance_type(plain)["resources"]


class TestTraefik:
    def test_runs_with_the_flags_that_are_shipped(self) -> None:
        ports = {"websecure": 1, "web": 2, "metrics": 3, "traefik": 4}
        here = surroundings(EVERYTHING, **ports)
        ours = flags_here(here.values, ports)
        assert "--entryPoints.websecure.address=127.0.0.1:1" in ours
        assert "--providers.kubernetescrd.allowCrossNamespace=true" in ours
        (traefik,) = FRONT_DOOR
        launched = traefik.launch(here).arguments
        assert set(ours) < set(launched)
        assert "--providers.kubernetescrd.token=/state/token" in launched

    def test_does_not_run_where_no_certificate_is_issued(self) -> None:
        (traefik,) = FRONT_DOOR
        assert traefik.absent(surroundings(EVERYTHING)) == ""
        assert "public authority" in not_issued(surroundings(PROVEN_OVER_HTTP))
        assert "public authority" in traefik.absent(surroundings(PROVEN_OVER_HTTP))


class TestTheLoginProxy:
    def test_runs_with_its_own_file_environment_and_arguments(self) -> None:
        (proxy,) = LOGINS
        launched = proxy.launch(surroundings(EVERYTHING, http=5, metrics=6))
        assert launched.arguments == ["--config=/state/folder/oauth2-proxy.cfg"]
        assert "OAUTH2_PROXY_COOKIE_SECRET" in launched.environment
        written = launched.files["oauth2-proxy.cfg"]
        assert 'http_address = "127.0.0.1:5"' in written
        assert 'client_id = "ml-platform"' in written
        assert "redis" not in written


class TestAWebhooksConfiguration:
    @pytest.mark.parametrize(("service", "path"), [({"path": "/judge", "name": "a"}, "/judge"), ({"name": "a"}, "/")])
    def test_leads_to_the_port_and_trusts_its_certificate(self, service: dict[str, Any], path: str) -> None:
        upstream = {"webhooks": [{"name": "a", "clientConfig": {"service": service, "caBundle": "Og=="}}]}
        (webhook,) = on_loopback(upstream, 7, b"authority")["webhooks"]
        assert webhook["clientConfig"] == {"url": f"https://127.0.0.1:7{path}", "caBundle": "YXV0aG9yaXR5"}
        assert upstream["webhooks"][0]["clientConfig"]["service"] == service
