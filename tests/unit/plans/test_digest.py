"""What is folded in a difference, and under which heading, on the real program."""

from typing import Any

from bedplate.plans.difference import difference
from bedplate.plans.digest import Renamed, Section, renamed_tenants, sections
from bedplate.plans.figures import figures
from harness import job, model_api, platform, record, tenant

VOLUME = {"name": "data", "sizeGib": 50, "retain": True}
PUBLIC = {"access": "public"}


def shown(data: dict[str, Any]) -> list[dict[str, Any]]:
    return [resource.shown() for resource in record(data, frozenset({"key"})).resources]


def folded(before: dict[str, Any], after: dict[str, Any]) -> list[Section]:
    old, new = shown(before), shown(after)
    found = difference(old, new)
    folds = sections(found, old, new)
    told = [urn for section in folds for entry in section.entries for urn in entry.urns]
    changed = [change.urn for change in (*found.updated, *found.replaced)]
    assert sorted(told) == sorted([*found.created, *found.deleted, *changed]), (
        "nothing is told twice, nothing is missing"
    )
    return folds


def team(name: str, tag: str = "1.0.0", **changes: Any) -> dict[str, Any]:
    return tenant(name, model_api("api", image=f"ghcr.io/acme/scorer:{tag}"), job("etl"), **changes)


class TestATenantAdded:
    def test_is_one_entry_that_counts_its_objects(self) -> None:
        (section,) = folded(platform(team("vision")), platform(team("vision"), team("search")))
        assert section.tenants == ("search",)
        (entry,) = section.entries
        assert (entry.sign, entry.urns[0].rpartition("::")[2]) == ("created", "platform/search")
        assert entry.kinds["CronJob"] == 1
        assert "ModelApi" not in entry.kinds

    def test_in_a_stack_that_is_new_stands_beside_the_platforms_parts(self) -> None:
        old: list[dict[str, Any]] = []
        new = shown(platform(team("vision")))
        first, second = sections(difference(old, new), old, new)
        assert (first.tenants, second.tenants) == (("",), ("vision",))
        parts = {entry.urns[0].rpartition("::")[2] for entry in first.entries}
        assert {"platform-guardrails", "platform-alerts"} <= parts
        assert len(second.entries) == 1


class TestAWorkloadAdded:
    def test_is_one_entry_below_its_tenant(self) -> None:
        (section,) = folded(platform(tenant("vision")), platform(tenant("vision", job("etl"))))
        assert section.tenants == ("vision",)
        added, told = section.entries
        assert added.kinds == {"CronJob": 1, "ServiceAccount": 1}
        # Members find it in what the platform says of their tenant.
        assert not told.kinds


class TestTheSameChangeForManyTenants:
    def test_is_one_entry_though_each_has_its_own_name_in_it(self) -> None:
        before = platform(*(team(f"team-{letter}") for letter in "abc"), team("vision"))
        after = platform(*(team(f"team-{letter}", "2.0.0", project="next") for letter in "abc"), team("vision"))
        common = [section for section in folded(before, after) if len(section.tenants) == 3]
        assert [section.tenants for section in common] == [("team-a", "team-b", "team-c")]
        assert all(len(entry.urns) >= 3 for entry in common[0].entries)

    def test_is_told_apart_from_another_change(self) -> None:
        before = platform(team("one"), team("two"))
        found = folded(before, platform(team("one", "2.0.0"), team("two", "3.0.0")))
        assert [section.tenants for section in found] == [("one",), ("two",)]


class TestAnotherCluster:
    def test_is_one_cause_for_all_that_is_replaced(self) -> None:
        before, after = platform(team("vision")), platform(team("vision"))
        after["cloud"]["name"] = "another"
        entries = [entry for section in folded(before, after) for entry in section.entries]
        assert sorted(len(entry.urns) for entry in entries)[0] == 1
        assert len(entries) == 2
        assert [change.path for change in entries[1].fields] == ["options.provider.clusterIdentifier"]


class TestARenamedTenant:
    def test_is_recognised(self) -> None:
        before = platform(team("vision", volumes=[VOLUME]), team("search", "3.0.0"))
        after = platform(team("perception", volumes=[VOLUME]), team("search", "3.0.0"))
        assert renamed_tenants(shown(before), shown(after)) == [Renamed(before="vision", after="perception")]

    def test_is_recognised_where_it_keeps_its_groups_and_owner_and_has_secrets(self) -> None:
        def named(name: str) -> dict[str, Any]:
            api = model_api("api", secretEnv={"TOKEN": "key"})
            return platform({**tenant("vision", api), "name": name}, tenantSecrets={name: ["key"]})

        assert renamed_tenants(shown(named("vision")), shown(named("sight"))) == [
            Renamed(before="vision", after="sight")
        ]

    def test_is_not_seen_in_one_that_runs_something_else(self) -> None:
        assert renamed_tenants(shown(platform(team("vision"))), shown(platform(team("search", "2.0.0")))) == []

    def test_is_not_seen_in_one_that_comes_while_all_stay(self) -> None:
        assert renamed_tenants(shown(platform(team("vision"))), shown(platform(team("vision"), team("search")))) == []


class TestFigures:
    def test_are_those_of_the_stack_file(self) -> None:
        found = figures(shown(platform(team("vision", volumes=[VOLUME]), team("search"))))
        assert found.tenants == {"vision", "search"}
        assert (found.workloads, found.gpus, found.cpu, found.memory_gib, found.storage_gib) == (4, 4, 128, 512, 50)

    def test_count_the_hosts_that_routes_lead_to(self) -> None:
        data = platform(
            tenant("vision", model_api("api", route=PUBLIC)),
            certificates={"issuer": "internal"},
        )
        data["guardrails"] = {**data["guardrails"], "publicRoutes": True}
        assert figures(shown(data)).hosts == {"api-vision.ml.example.com"}

    def test_of_nothing_are_nothing(self) -> None:
        assert figures([]).shown() == {
            "tenants": [],
            "workloads": 0,
            "hosts": [],
            "gpus": 0,
            "cpu": 0,
            "memoryGib": 0,
            "storageGib": 0,
        }
