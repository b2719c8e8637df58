"""What a preview against another revision says, shown on the real program."""

from typing import Any

from bedplate.plans.difference import Difference, FieldChange, difference
from harness import job, model_api, platform, record, tenant


def changes(before: dict[str, Any], after: dict[str, Any]) -> Difference:
    sides = [[resource.shown() for resource in record(data).resources] for data in (before, after)]
    return difference(*sides)


def names(urns: list[str]) -> list[str]:
    return [urn.rpartition("::")[2] for urn in urns]


VISION, SEARCH = tenant("vision", model_api("api"), job("etl")), tenant("search", model_api("api"))


class TestAnUnchangedStack:
    def test_has_no_difference(self) -> None:
        assert changes(platform(VISION), platform(VISION)).is_empty

    def test_has_none_when_tenants_only_change_places(self) -> None:
        assert changes(platform(VISION, SEARCH), platform(SEARCH, VISION)).is_empty


class TestATenantAdded:
    def test_shows_only_that_tenants_resources(self) -> None:
        found = changes(platform(VISION), platform(VISION, SEARCH))
        assert found.created
        assert all(name.startswith("platform/search") for name in names(found.created))
        assert (found.updated, found.replaced, found.deleted) == ([], [], [])

    def test_and_removed_again_shows_the_same_resources_deleted(self) -> None:
        added = changes(platform(VISION), platform(VISION, SEARCH))
        removed = changes(platform(VISION, SEARCH), platform(VISION))
        assert removed.deleted == added.created
        assert removed.created == []


class TestAChangedField:
    def test_is_an_update_that_names_the_field_and_both_values(self) -> None:
        found = changes(
            platform(tenant("vision", model_api("api", startupSeconds=60))),
            platform(tenant("vision", model_api("api", startupSeconds=90))),
        )
        (change,) = found.updated
        assert change.urn.endswith("platform/vision/api-deployment")
        path = "spec.template.spec.containers[0].startupProbe.failureThreshold"
        assert FieldChange(path=path, before=12, after=18) in change.fields
        assert found.replaced == []

    def test_of_a_mapping_with_dots_is_written_in_brackets(self) -> None:
        before, after = tenant("vision", model_api("api")), tenant("vision", model_api("api", project="maps"))
        paths = {field.path for change in changes(platform(before), platform(after)).updated for field in change.fields}
        assert 'metadata.labels["bedplate.dev/project"]' in paths

    def test_of_an_image_is_a_change_of_what_runs_it_alone(self) -> None:
        sides = [
            platform(tenant("vision", model_api("api", image=f"ghcr.io/acme/scorer:{tag}")))
            for tag in ("1.0.0", "1.1.0")
        ]
        found = changes(*sides)
        assert names([change.urn for change in found.updated]) == ["platform/vision/api-deployment"]
        (change,) = found.updated
        assert {field.after for field in change.fields} == {"1.1.0", "ghcr.io/acme/scorer:1.1.0"}

    def test_of_ownership_replaces_nothing(self) -> None:
        before, after = tenant("vision", model_api("api")), tenant("vision", model_api("api"), owner="new@example.com")
        found = changes(platform(before), platform(after))
        assert found.updated
        assert (found.created, found.replaced, found.deleted) == ([], [], [])


class TestAnImmutableField:
    def test_is_a_replacement(self) -> None:
        volume = {"name": "data", "sizeGib": 10, "retain": True}
        found = changes(
            platform(tenant("vision", volumes=[volume])),
            platform(tenant("vision", volumes=[{**volume, "retain": False}])),
        )
        (change,) = found.replaced
        assert change.causes == (
            FieldChange(path="spec.storageClassName", before="standard-retained", after="standard"),
        )
        assert found.updated == []

    def test_does_not_make_a_growing_volume_a_replacement(self) -> None:
        volume = {"name": "data", "sizeGib": 10, "retain": True}
        found = changes(
            platform(tenant("vision", volumes=[volume])),
            platform(tenant("vision", volumes=[{**volume, "sizeGib": 20}])),
        )
        assert len(found.updated) == 1
        assert found.replaced == []

    def test_of_the_provider_replaces_everything_on_the_cluster(self) -> None:
        before, after = platform(SEARCH), platform(SEARCH)
        after["cloud"] = {**after["cloud"], "name": "another"}
        found = changes(before, after)
        objects = [resource for resource in record(after).resources if resource.is_kubernetes_object]
        assert len(found.replaced) == len(objects) + 1


class TestAWorkloadRenamed:
    def test_is_created_and_deleted(self) -> None:
        found = changes(platform(tenant("vision", job("old"))), platform(tenant("vision", job("new"))))
        assert [name.startswith("platform/vision/new") for name in names(found.created)] == [True] * 3
        assert [name.startswith("platform/vision/old") for name in names(found.deleted)] == [True] * 3
