"""Charts: where they are taken from, what they leave behind, and what a preview says of them."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from bedplate.engine.engine import Recording
from bedplate.engine.resources import RELEASE_TYPE, Resource
from bedplate.errors import RehearsalError
from bedplate.kubernetes import Chart, ChartsSpec, CustomKind, CustomObject, Release
from bedplate.plans.difference import FieldChange, difference
from bedplate.rehearsal.definitions import real_definition, stand_in
from harness import platform, record

KIND = CustomKind(group="example.com", versions=("v1", "v1beta1"), kind="Widget", plural="widgets")
KEEPING = {"crds": {"keep": True}}


def chart(**changes: Any) -> Chart:
    return Chart(**{"name": "widgets", "repository": "oci://example.com/charts", "version": "1.2.3", **changes})


def release(**changes: Any) -> Resource:
    recording = record(platform(certificates={"issuer": "internal"}, **changes))
    releases = (resource for resource in recording.resources if resource.type == RELEASE_TYPE)
    return next(found for found in releases if found.inputs["name"] == "cert-manager")


class TestAChart:
    def test_of_its_publisher_is_named_by_the_registry(self) -> None:
        assert chart().located(None) == ("oci://example.com/charts/widgets", None)

    def test_of_a_repository_is_looked_for_in_it(self) -> None:
        assert chart(repository="https://example.com/charts").located(None) == ("widgets", "https://example.com/charts")

    @pytest.mark.parametrize(
        ("source", "found"),
        [
            ("oci://mirror.internal:5000/charts", ("oci://mirror.internal:5000/charts/widgets", None)),
            ("https://mirror.internal", ("widgets", "https://mirror.internal")),
            ("../charts", ("../charts/widgets-1.2.3.tgz", None)),
            ("/srv/charts", ("/srv/charts/widgets-1.2.3.tgz", None)),
        ],
    )
    def test_of_a_mirror_comes_from_there(self, source: str, found: tuple[str, str | None]) -> None:
        assert chart().located(source) == found

    def test_that_brings_kinds_must_say_how_they_outlive_it(self) -> None:
        with pytest.raises(ValueError, match="does not say how they outlive it"):
            chart(kinds=(KIND,))

    def test_keeps_its_kinds_whatever_the_values_say(self) -> None:
        one = chart(kinds=(KIND,), keeping=KEEPING)
        assert one.with_kept_kinds({"replicas": 2}) == {"replicas": 2, **KEEPING}
        with pytest.raises(ValueError, match="set crds, which the chart's declaration decides"):
            one.with_kept_kinds({"crds": {"enabled": False}})

    def test_brings_a_kind_in_the_versions_it_declares(self) -> None:
        assert KIND.serves("example.com/v1beta1", "Widget")
        assert not KIND.serves("example.com/v2", "Widget")
        assert not KIND.serves("example.org/v1", "Widget")
        assert not KIND.serves("example.com/v1", "Gadget")


class TestChartSources:
    @pytest.mark.parametrize(
        "source",
        ["oci://mirror.internal:5000/charts", "https://mirror.internal/helm", "../charts", "./charts", "/srv/charts"],
    )
    def test_may_be_a_registry_a_repository_or_a_folder(self, source: str) -> None:
        assert ChartsSpec(source=source).source == source

    @pytest.mark.parametrize(
        ("source", "nearest"),
        [
            ("http://mirror.internal/helm", "https://mirror.internal/helm"),
            ("oci://mirror.internal/charts/", "oci://mirror.internal/charts"),
            ("oci://robot:hunter2@mirror.internal/charts", ""),
            ("mirror.internal/charts", ""),
            ("charts", ""),
            ("../charts/", "../charts"),
        ],
    )
    def test_are_nothing_else(self, source: str, nearest: str) -> None:
        with pytest.raises(ValidationError) as raised:
            ChartsSpec.model_validate({"source": source})
        (detail,) = raised.value.errors()
        assert detail.get("ctx", {})["nearest"] == nearest


class TestACustomObject:
    def body(self, kind: str, **metadata: str) -> dict[str, Any]:
        return {"apiVersion": "example.com/v1", "kind": kind, "metadata": {"name": "one", **metadata}}

    @pytest.mark.parametrize(
        ("kind", "metadata", "said"),
        [
            ("Gadget", {"namespace": "there"}, "does not bring Gadget of example.com/v1"),
            ("Widget", {}, "Widget is namespaced"),
        ],
    )
    def test_is_refused_before_it_is_registered(self, kind: str, metadata: dict[str, str], said: str) -> None:
        owner = object.__new__(Release)
        owner.kinds = (KIND,)
        with pytest.raises(ValueError, match=said):
            CustomObject("one", self.body(kind, **metadata), owner, None)  # pyright: ignore[reportArgumentType]


class TestAReleaseInAStack:
    def test_comes_from_where_the_stack_says(self) -> None:
        assert release(charts={"source": "oci://mirror.internal/charts"}).inputs["chart"] == (
            "oci://mirror.internal/charts/cert-manager"
        )

    def test_of_a_repository_names_it(self) -> None:
        inputs = release(charts={"source": "https://mirror.internal/helm"}).inputs
        assert (inputs["chart"], inputs["repositoryOpts"]) == ("cert-manager", {"repo": "https://mirror.internal/helm"})

    def test_of_another_version_is_an_update_that_names_both(self) -> None:
        shown = release().shown()
        other = {**shown, "inputs": {**shown["inputs"], "version": "v1.20.0"}}
        found = difference([other], [shown])
        assert [change.fields for change in found.updated] == [
            (FieldChange(path="version", before="v1.20.0", after=shown["inputs"]["version"]),)
        ]
        assert found.replaced == []

    def test_of_another_name_is_replaced(self) -> None:
        shown = release().shown()
        other = {**shown, "inputs": {**shown["inputs"], "name": "cert-manager-2"}}
        assert [change.urn for change in difference([other], [shown]).replaced] == [shown["urn"]]


class TestDefinitions:
    def test_stand_in_for_every_version_and_store_the_newest(self) -> None:
        versions = stand_in(KIND.shown())["spec"]["versions"]
        assert [(one["name"], one["served"], one["storage"]) for one in versions] == [
            ("v1", True, True),
            ("v1beta1", True, False),
        ]

    def test_of_upstream_are_found_by_name_without_their_conversion(self, tmp_path: Path) -> None:
        (tmp_path / "widgets").mkdir()
        (tmp_path / "widgets" / "widgets.example.com.yaml").write_text(
            "kind: CustomResourceDefinition\n"
            "metadata: {name: widgets.example.com, creationTimestamp: null}\n"
            "spec: {group: example.com, conversion: {strategy: Webhook}}\n"
        )
        found = real_definition(tmp_path, KIND.shown())
        assert found is not None
        assert found["metadata"] == {"name": "widgets.example.com", "annotations": {}}
        assert found["spec"] == {"group": "example.com"}
        assert real_definition(tmp_path / "widgets", {**KIND.shown(), "plural": "gadgets"}) is None

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("kind: ConfigMap\nmetadata: {name: widgets.example.com}\n", "does not define widgets.example.com"),
            ("- one\n- two\n", "cannot be used"),
            ("a: [\n", "cannot be used"),
        ],
    )
    def test_that_are_none_are_refused(self, tmp_path: Path, text: str, said: str) -> None:
        (tmp_path / "widgets.example.com.yaml").write_text(text)
        with pytest.raises(RehearsalError, match=said):
            real_definition(tmp_path, KIND.shown())


def test_a_preview_lists_charts_apart_from_objects() -> None:
    recording: Recording = record(platform(certificates={"issuer": "internal"}))
    assert not any(resource.is_kubernetes_object for resource in recording.resources if resource.type == RELEASE_TYPE)
