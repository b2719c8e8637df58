"""Labels and names: what stands on every object, and what must never change."""

import re

import pytest

from bedplate.labels import Identity, accelerator_class, host_label, image_version, label_value

VALUE = re.compile(r"([A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?)?")
"""https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#syntax-and-character-set"""
WORKLOAD = Identity(
    name="job",
    component="batch",
    owner="ines@example.com",
    tenant="vision",
    project="parcels",
    workload="refit",
    version="1.4.0",
)


class TestALabelValue:
    @pytest.mark.parametrize("text", [
        "", "a", "ines@example.com", "Ines Müller", "-a-", "..", "_", "@", "a" * 200, "a" * 62 + "--b",
        "first.last+tag@example.com", "1.4.0-rc.1", "sha256:abc", "🙂", "a\nb",
    ])  # fmt: skip
    def test_is_one_that_kubernetes_takes(self, text: str) -> None:
        assert VALUE.fullmatch(label_value(text))

    def test_keeps_what_is_allowed(self) -> None:
        assert label_value("1.4.0-rc_1") == "1.4.0-rc_1"

    def test_keeps_an_address_readable(self) -> None:
        assert label_value("ines@example.com") == "ines_at_example.com"


class TestTheLabelsOfAWorkload:
    def test_are_values_that_kubernetes_takes(self) -> None:
        assert all(VALUE.fullmatch(value) for value in WORKLOAD.running_labels().values())

    def test_name_tenant_project_owner_and_workload(self) -> None:
        own = {key: value for key, value in WORKLOAD.labels().items() if key.startswith("bedplate.dev/")}
        assert own == {
            "bedplate.dev/tenant": "vision",
            "bedplate.dev/project": "parcels",
            "bedplate.dev/owner": "ines_at_example.com",
            "bedplate.dev/workload": "refit",
        }

    @pytest.mark.parametrize(("fields", "instance"), [
        ({"tenant": "vision", "workload": "refit"}, "refit"), ({"tenant": "vision"}, "vision"), ({}, "job"),
    ])  # fmt: skip
    def test_name_the_instance_that_people_look_for(self, fields: dict[str, str], instance: str) -> None:
        labels = Identity(name="job", component="batch", **fields).labels()
        assert labels["app.kubernetes.io/instance"] == instance

    def test_leave_out_what_does_not_apply(self) -> None:
        assert "bedplate.dev/workload" not in Identity(name="guardrails", component="admission").labels()

    def test_stay_as_they_are_in_another_version(self) -> None:
        assert Identity(**{**vars(WORKLOAD), "version": "1.5.0"}).labels() == WORKLOAD.labels()

    def test_have_the_version_besides_where_it_runs(self) -> None:
        assert WORKLOAD.running_labels() == {**WORKLOAD.labels(), "app.kubernetes.io/version": "1.4.0"}
        assert Identity(name="guardrails", component="admission").running_labels().keys() >= {"bedplate.dev/owner"}
        assert "app.kubernetes.io/version" not in Identity(name="guardrails", component="admission").running_labels()

    def test_come_with_the_owners_full_address_as_an_annotation(self) -> None:
        assert WORKLOAD.annotations() == {"bedplate.dev/owner-email": "ines@example.com"}
        assert Identity(name="guardrails", component="admission").annotations() == {}


class TestASelector:
    """A Deployment's selector cannot change, so nothing that changes in a workload's life may be in it."""

    @pytest.mark.parametrize("changed", [{"owner": "mei@example.com"}, {"project": "routes"}, {"version": "1.5.0"}])
    def test_outlives_a_change_of(self, changed: dict[str, str]) -> None:
        fields = {**vars(WORKLOAD), **changed}
        assert Identity(**fields).selector() == WORKLOAD.selector()
        assert Identity(**fields).running_labels() != WORKLOAD.running_labels()

    @pytest.mark.parametrize("other", [{"workload": "backtest"}, {"tenant": "routing"}, {"component": "model-api"}])
    def test_picks_no_pod_of_another(self, other: dict[str, str]) -> None:
        assert Identity(**{**vars(WORKLOAD), **other}).selector() != WORKLOAD.selector()

    def test_is_part_of_the_labels(self) -> None:
        assert WORKLOAD.selector().items() <= WORKLOAD.labels().items()

    def test_is_never_empty(self) -> None:
        assert Identity(name="guardrails", component="admission").selector()


class TestAnImagesVersion:
    @pytest.mark.parametrize(("image", "version"), [
        ("ghcr.io/acme/scorer:1.4.0", "1.4.0"),
        ("registry:5000/scorer:1.4.0", "1.4.0"),
        (f"registry:5000/scorer@sha256:{'ab' * 32}", "abababababab"),
        (f"ghcr.io/acme/scorer:1.4.0@sha256:{'ab' * 32}", "1.4.0"),
    ])  # fmt: skip
    def test_is_its_tag_or_the_start_of_its_digest(self, image: str, version: str) -> None:
        assert image_version(image) == version


class TestNames:
    def test_of_a_host_begin_with_the_workload(self) -> None:
        assert host_label("vision", "scorer") == "scorer-vision"

    def test_of_a_quota_class_say_whose_they_are(self) -> None:
        assert accelerator_class("nvidia-l4") == "bedplate-nvidia-l4"
