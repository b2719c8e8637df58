"""Whoever owns a tenant's file, and writes into it what would reach others."""

import copy
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from bedplate.stack_file.reading import LocatedProblem, StackFileError, load
from harness import LOGIN, MINIMAL
from isolation.keys import KEYS, Bounded, attacked

OTHER = "b-a"
"""A tenant whose workload `scorer` has the name at the front door that `scorer-b` of the tenant `a` would have."""
CEILINGS = {
    "quota": {
        **{"cpu": 64, "memoryGib": 512, "gpus": {"nvidia-l4": 4}, "storageGib": 1000},
        **{"scratchGib": 2000, "pods": 300, "jobs": 2000, "claims": 200},
    },
    "allowedNetworks": ["10.40.0.0/16"],
    "podSecurity": "restricted",
    "publicRoutes": [OTHER],
}
"""What the stack's own file says of all tenants."""
HOSTILE = {key: decision for key, decision in KEYS.items() if isinstance(decision, Bounded)}


def stack() -> dict[str, Any]:
    limits = {**MINIMAL["guardrails"], "maxPod": {"cpu": 8, "memoryGib": 32, "diskGib": 100, "gpus": 2}}
    platform = copy.deepcopy(
        {
            **MINIMAL,
            "tenantsDir": "tenants",
            "certificates": {"issuer": "internal"},
            "login": LOGIN,
            "guardrails": {**limits, "publicRoutes": True, "maxTenant": CEILINGS},
        }
    )
    del platform["tenants"]
    for pool in platform["nodePools"].values():
        pool["max"] = 20
    secrets = {
        f"bedplate:{name}": {"secure": "placeholder"} for name in ("client", "a-token", "b-a-token", "a-b-token")
    }
    return {"config": {**secrets, "bedplate:platform": platform}}


def told(folder: Path, *tenants: dict[str, Any], platform: dict[str, Any] | None = None) -> list[LocatedProblem]:
    """What is said of a stack of these tenants; nothing where it is taken. platform: the stack's own file."""
    (folder / "tenants").mkdir(exist_ok=True)
    for file in (folder / "tenants").iterdir():
        file.unlink()
    for position, tenant in enumerate(tenants):
        # The first file stays what it is, whatever its owner writes into it.
        name = tenant["name"] if position else "a"
        with (folder / "tenants" / f"{name}.yaml").open("w") as file:
            YAML().dump(tenant, file)
    with (folder / "Pulumi.test.yaml").open("w") as file:
        YAML().dump(platform or stack(), file)
    try:
        load(folder / "Pulumi.test.yaml")
    except StackFileError as error:
        return list(error.problems)
    return []


def neighbour() -> dict[str, Any]:
    """The other tenant."""
    other = attacked(OTHER)
    other["workloads"][0] |= {"secretEnv": {"TOKEN": f"{OTHER}-token"}}
    other["workloads"][0]["route"] = {"access": "api", "apiKeys": [{"name": "shop", "sha256": "5" * 64}]}
    return other


def with_value(tenant: dict[str, Any], path: tuple[str | int, ...], value: Any) -> dict[str, Any]:
    changed = copy.deepcopy(tenant)
    place: Any = changed
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return changed


def by_name(found: list[LocatedProblem], file: str) -> list[LocatedProblem]:
    return [problem for problem in found if Path(problem.file).name == file]


class TestEachKey:
    def test_is_taken_as_it_should_be(self, tmp_path: Path) -> None:
        assert told(tmp_path, attacked(), neighbour()) == []

    @pytest.mark.parametrize("key", HOSTILE)
    def test_goes_no_further_than_it_may(self, key: str, tmp_path: Path) -> None:
        path, value = HOSTILE[key].tried
        found = told(tmp_path, with_value(attacked(), path, value), neighbour())
        assert [problem for problem in found if HOSTILE[key].said in f"{problem.message} {problem.fix}"], found


class TestATenantsFile:
    def test_is_of_the_tenant_that_it_is_called_after(self, tmp_path: Path) -> None:
        """With the name go the namespace, the hosts and the secrets."""
        (problem,) = by_name(told(tmp_path, attacked("c"), neighbour()), "a.yaml")
        assert "whoever owns it decides about no other" in problem.message

    @pytest.mark.parametrize("key", ["tenantSecrets", "guardrails", "tenants", "login", "tenantPrefix"])
    def test_holds_no_key_of_the_stacks(self, key: str, tmp_path: Path) -> None:
        found = by_name(told(tmp_path, {**attacked(), key: {}}, neighbour()), "a.yaml")
        assert [problem.message for problem in found] == ["unknown key"]

    @pytest.mark.parametrize(
        "name",
        [
            *(
                "default",
                "kube-system",
                "bedplate-login",
                "argocd",
                "cert-manager",
                "gatekeeper-system",
                "istio-system",
            ),
            *("karpenter", "external-secrets", "monitoring", "traefik", "calico-system", "gmp-system"),
        ],
    )
    def test_takes_no_namespace_of_other_software(self, name: str, tmp_path: Path) -> None:
        found = told(tmp_path, attacked(), neighbour(), attacked(name) | {"workloads": []})
        assert [problem.path for problem in by_name(found, f"{name}.yaml")] == ["name"]


class TestAWorkloadsSecret:
    @pytest.mark.parametrize("secret", ["client", "b-a-token", "a-b-token", "loginClientSecret"])
    def test_is_nobody_elses(self, secret: str, tmp_path: Path) -> None:
        stolen = with_value(attacked(), ("workloads", 0, "secretEnv"), {"STOLEN": secret})
        other = attacked("a-b") | {"workloads": []}
        found = by_name(told(tmp_path, stolen, neighbour(), other), "a.yaml")
        assert [problem.path for problem in found] == ["workloads[0].secretEnv.STOLEN"]
        assert "b-a-token" not in str(found[0].allowed)

    def test_is_its_own(self, tmp_path: Path) -> None:
        own = with_value(attacked(), ("workloads", 0, "secretEnv"), {"TOKEN": "a-token"})
        assert told(tmp_path, own, neighbour()) == []


class TestAWorkloadsHost:
    @pytest.mark.parametrize(
        "host",
        [
            *("auth.ml.example.com", "scorer-b-a.ml.example.com", "ml.example.com", "a.b.ml.example.com"),
            *("www.example.org", "*.ml.example.com", "AUTH.ml.example.com", "auth.ml.example.com."),
            *("x`) || Host(`auth.ml.example.com", "auth.ml.example.com:443", "reports.ml.example.com.evil.org"),
        ],
    )
    def test_is_nobody_elses(self, host: str, tmp_path: Path) -> None:
        taken = with_value(attacked(), ("workloads", 0, "route", "host"), host)
        found = told(tmp_path, taken, neighbour())
        assert any("host" in problem.message or "domain" in problem.message for problem in found), found

    def test_looks_like_nobody_elses(self, tmp_path: Path) -> None:
        for at, value in ((("route", "host"), "xn--uth-7cd.ml.example.com"), (("name",), "xn--uth-7cd")):
            found = told(tmp_path, with_value(attacked(), ("workloads", 0, *at), value), neighbour())
            assert any("may look like another host" in problem.message for problem in found), found

    @pytest.mark.parametrize("name", ["sign", "client", "credentials"])
    def test_is_none_of_the_platforms_names(self, name: str, tmp_path: Path) -> None:
        """`sign` of a tenant `in` would be the login's own route."""
        tenant = {"sign": "in", "client": "headers", "credentials": "x"}[name]
        taken = with_value(attacked(tenant), ("workloads", 0, "name"), name)
        taken = with_value(taken, ("workloads", 0, "route", "apiKeys"), [])
        taken = with_value(taken, ("workloads", 0, "route", "host"), "mine.ml.example.com")
        found = by_name(told(tmp_path, attacked(), neighbour(), taken), f"{tenant}.yaml")
        assert bool(found) is (tenant != "x"), found
