"""The platform team: whoever merges into the stack's file, and whoever is an administrator of the cluster."""

from pathlib import Path

import pytest

from bedplate.engine.resources import revealed
from bedplate.labels import tenant_grafana_namespace
from cluster.guardrails.guarded import field, image
from isolation.keys import attacked
from isolation.reviewed import VISION, Review
from isolation.test_contributor import OTHER, neighbour, stack, told, with_value


class TestTheStacksFile:
    """What only it may say, each by the answer to a tenant's file that asks for it."""

    @pytest.mark.parametrize(
        ("path", "value", "of_a_tenant"),
        [
            (("guardrails", "maxTenant", "quota", "cpu"), 9000, (("quota", "cpu"), 8000)),
            (("guardrails", "maxTenant", "allowedNetworks"), ["10.0.0.0/8"], (("allowedNetworks", 0), "10.9.0.0/16")),
            (("guardrails", "maxTenant", "podSecurity"), "baseline", (("podSecurity",), "baseline")),
            (
                ("guardrails", "maxTenant", "publicRoutes"),
                [OTHER, "a"],
                (("workloads", 0, "route"), {"access": "public"}),
            ),
            (("tenantSecrets",), {"a": ["b-a-token"]}, (("workloads", 0, "secretEnv"), {"TOKEN": "b-a-token"})),
            (("guardrails", "maxJobHours"), 700, (("workloads", 1, "maxHours"), 600)),
            (("guardrails", "approvedImages"), ["docker.io/"], None),
        ],
        ids=lambda value: ".".join(map(str, value)) if isinstance(value, tuple) and isinstance(value[0], str) else "",
    )
    def test_grants_what_no_tenants_own_file_can(
        self,
        path: tuple[str, ...],
        value: object,
        of_a_tenant: tuple[tuple[str | int, ...], object] | None,
        tmp_path: Path,
    ) -> None:
        granted = with_value(stack(), ("config", "bedplate:platform", *path), value)
        tenant = with_value(attacked(), *of_a_tenant) if of_a_tenant else attacked()
        if of_a_tenant is None:
            for position, workload in enumerate(tenant["workloads"]):
                tenant = with_value(tenant, ("workloads", position, "image"), "docker.io/library/app:1")
                if "canary" in workload:
                    tenant = with_value(tenant, ("workloads", position, "canary", "image"), "docker.io/library/app:2")
                if "source" in workload:
                    tenant = with_value(tenant, ("workloads", position, "source", "image"), "docker.io/library/git:1")
        others = [] if of_a_tenant is None else [neighbour()]
        assert told(tmp_path, tenant, *others) != []
        assert told(tmp_path, tenant, *others, platform=granted) == []


@pytest.mark.enable_socket
class TestAnAdministrator:
    def test_is_held_to_the_guardrails_in_a_tenants_namespace(self, review: Review) -> None:
        told = review.told_of(review.of_kind("Deployment", image("docker.io/evil/app:1"), field("hostPID", True)))
        assert "approved-images: " in told
        assert "pod-isolation: " in told

    def test_finds_the_tenants_secrets_where_they_belong_and_nowhere_else(self, review: Review) -> None:
        """Values stand in Secrets alone, of the tenant or of the platform."""
        texts = {
            f"{body['kind']} {body['metadata']['name']}": str(revealed(body))
            for body in review.all_objects()
            if body["kind"] != "Secret"
        }
        values = {
            str(value)
            for body in review.all_objects()
            if body["kind"] == "Secret"
            for value in revealed(body).get("stringData", {}).values()
        }
        assert values
        assert [name for name, text in texts.items() for value in values if len(value) > 12 and value in text] == []

    def test_finds_no_tenants_objects_outside_its_namespace_but_its_routes(self, review: Review) -> None:
        outside = [
            body
            for body in review.all_objects()
            if body["metadata"]["labels"].get("bedplate.dev/tenant") == VISION
            and body["metadata"].get("namespace") not in (VISION, tenant_grafana_namespace(VISION), None)
        ]
        assert {body["metadata"]["namespace"] for body in outside} == {"bedplate-front-door"}
        assert {body["kind"] for body in outside} == {"IngressRoute", "Middleware"}
