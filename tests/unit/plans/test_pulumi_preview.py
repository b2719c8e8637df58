"""What the guard makes of `pulumi preview --json`, in the shapes that the CLI prints."""

import json
from io import StringIO
from typing import Any

import pytest

from bedplate.errors import RehearsalError
from bedplate.plans.protection import Loss
from bedplate.plans.pulumi_preview import losses_of_plan, read_document, read_plan
from pulumi_plans import STACK, WARNED, digest, step

VPC = "urn:pulumi:prod::bedplate::bedplate:index:Platform$aws:ec2/vpc:Vpc::platform-cluster-network-vpc"
JOB = "urn:pulumi:prod::bedplate::bedplate:index:Platform$kubernetes:batch/v1:CronJob::platform/vision/etl"
FAILED = {"urn": STACK, "message": "error: update failed\n", "severity": "error"}


def lost(document: object, *allowed: str) -> list[Loss]:
    return losses_of_plan(read_plan(document), allowed)


@pytest.mark.parametrize("printed", ["", "\n", "{}"])
def test_of_a_pulumi_that_made_no_plan_the_reason_stands_above(printed: str) -> None:
    with pytest.raises(RehearsalError, match="Pulumi made no plan") as raised:
        read_plan(read_document(StringIO(printed)))
    assert "its reason stands above" in raised.value.fix


class TestAPlan:
    @pytest.mark.parametrize("operation", ["replace", "delete", "delete-replaced", "create-replacement"])
    def test_is_refused_where_it_loses_what_was_protected(self, operation: str) -> None:
        (loss,) = lost(digest(step(operation, VPC, protect=True, reasons=("cidrBlock",))))
        assert (loss.name, loss.type, loss.fields) == (
            "platform-cluster-network-vpc",
            "aws:ec2/vpc:Vpc",
            ("cidrBlock",),
        )

    def test_is_refused_by_type_where_protection_was_lifted_before(self) -> None:
        assert lost(digest(step("delete", VPC)))

    def test_with_three_steps_for_one_replacement_names_it_once(self) -> None:
        (loss,) = lost(
            digest(
                step("delete-replaced", VPC, protect=True),
                step("replace", VPC, protect=True, reasons=("cidrBlock",)),
                step("create-replacement", VPC, protect=True),
            )
        )
        assert loss.fields == ("cidrBlock",)

    @pytest.mark.parametrize("operation", ["update", "same", "create", "refresh", "read", "import"])
    def test_passes_what_loses_nothing(self, operation: str) -> None:
        assert lost(digest(step(operation, VPC, protect=True))) == []

    def test_passes_a_job_that_goes(self) -> None:
        assert lost(digest(step("delete", JOB))) == []

    def test_passes_what_is_allowed_by_name(self) -> None:
        assert lost(digest(step("delete", VPC, protect=True)), VPC.rpartition("::")[2]) == []

    @pytest.mark.parametrize("operation", ["discard", "read-discarded", "remove-pending-replace", "DELETE", "abandon"])
    def test_with_an_operation_that_nobody_knows_is_refused_for_what_is_kept_alone(self, operation: str) -> None:
        (loss,) = lost(digest(step(operation, VPC, protect=True), step(operation, JOB)))
        assert (loss.name, loss.action) == ("platform-cluster-network-vpc", "unknown")


class TestAPlanThatFailed:
    def test_says_its_errors(self) -> None:
        assert read_plan(digest(diagnostics=[WARNED, FAILED])).errors == ["error: update failed"]

    def test_is_no_plan_without_errors_even_where_no_step_was_reached(self) -> None:
        """Pulumi leaves out empty lists."""
        plan = read_plan({"config": {}, "diagnostics": [FAILED]})
        assert (plan.steps, plan.errors) == ([], ["error: update failed"])

    @pytest.mark.parametrize("severity", ["error", "fatal", "", None])
    def test_is_one_whatever_the_word_for_an_error(self, severity: str | None) -> None:
        assert read_plan(digest(diagnostics=[{"message": "boom", "severity": severity}])).errors == ["boom"]

    @pytest.mark.parametrize("severity", ["info", "info#err", "warning", "debug"])
    def test_is_none_where_pulumi_only_says_something(self, severity: str) -> None:
        assert read_plan(digest(diagnostics=[{"message": "note", "severity": severity}])).errors == []

    def test_still_shows_what_it_would_lose(self) -> None:
        """Pulumi ends with an error where a protected resource would be deleted."""
        said = {"urn": VPC, "message": "error: cannot be deleted because it is protected", "severity": "error"}
        plan = read_plan({"steps": [step("delete", VPC, protect=True)], "diagnostics": [said]})
        assert [loss.action for loss in losses_of_plan(plan, ())] == ["delete"]
        assert plan.errors


class TestAPlanThatIsNotWhole:
    @pytest.mark.parametrize("document", [[], "text", {"steps": {}}, None, 3, {"resourcePlans": {}}, {"steps": [1]}])
    def test_because_it_is_something_else_is_refused_with_the_command(self, document: object) -> None:
        with pytest.raises(RehearsalError, match="no `steps`") as raised:
            read_plan(document)
        assert "pulumi preview --json" in raised.value.fix

    def test_because_the_stack_is_missing_is_refused(self) -> None:
        with pytest.raises(RehearsalError, match="the stack itself is not among its steps"):
            read_plan({**digest(), "steps": [step("update", VPC)]})
        with pytest.raises(RehearsalError, match="the stack itself"):
            read_plan({**digest(), "steps": []})

    def test_because_it_was_interrupted_is_refused(self) -> None:
        """On a cancellation Pulumi prints what it has, without the summary."""
        document = digest(step("update", VPC))
        del document["changeSummary"]
        with pytest.raises(RehearsalError, match="no `changeSummary`"):
            read_plan(document)

    @pytest.mark.parametrize("operation", ["delete", "replace"])
    def test_because_steps_were_taken_out_is_refused(self, operation: str) -> None:
        document = {**digest(), "changeSummary": {"same": 3, operation: 1}}
        with pytest.raises(RehearsalError, match=f"counts 1 × {operation}, its steps are 0"):
            read_plan(document)

    def test_because_pulumi_doubts_its_state_is_refused(self) -> None:
        with pytest.raises(RehearsalError, match="maybeCorrupt"):
            read_plan(digest(maybeCorrupt=True))

    @pytest.mark.parametrize("operation", ["delete", "replace", "discard"])
    def test_because_it_hides_what_was_there_is_refused(self, operation: str) -> None:
        """Without the former state nobody knows whether it was protected."""
        hidden = {key: value for key, value in step(operation, JOB).items() if key != "oldState"}
        with pytest.raises(RehearsalError, match="has no `oldState`"):
            lost(digest(hidden))

    @pytest.mark.parametrize("wrong", [{"op": "update"}, {"urn": VPC}, {"op": "", "urn": VPC}, {"op": 3, "urn": VPC}, {
        "op": "delete", "urn": "platform-cluster-network-vpc",
    }])  # fmt: skip
    def test_because_a_step_does_not_say_what_it_does_to_what_is_refused(self, wrong: dict[str, Any]) -> None:
        with pytest.raises(RehearsalError, match="no `steps`"):
            read_plan({**digest(), "steps": [step("same", STACK), wrong]})

    def test_because_its_diagnostics_are_no_list_is_refused(self) -> None:
        with pytest.raises(RehearsalError, match="diagnostics"):
            read_plan(digest(diagnostics="error: update failed"))


def test_a_plan_survives_the_way_through_a_file() -> None:
    document = json.loads(json.dumps(digest(step("delete", VPC, protect=True)), indent=4))
    assert [loss.name for loss in lost(document)] == ["platform-cluster-network-vpc"]
