"""The platform's spec as a whole, and its JSON schemas for editors."""

import json
from typing import Any

import jsonschema
import pytest
from pydantic import ValidationError

from bedplate.config import PlatformSpec, json_schema, tenant_json_schema
from bedplate.stack_file.consistency import refuse_inconsistent
from bedplate.stack_file.documents import Document
from bedplate.workloads import Workload
from harness import ROOT, STACKS, job, model_api, platform, spec, tenant


def is_valid(data: Any, schema: dict[str, object]) -> bool:
    return jsonschema.Draft202012Validator(schema).is_valid(data)


def stack(data: dict[str, Any], **config: Any) -> dict[str, Any]:
    return {"config": {"bedplate:platform": data, **config}}


class TestLayers:
    def test_are_all_there_unless_said_otherwise(self) -> None:
        assert spec(platform()).layers == ("cluster", "services", "tenants")

    @pytest.mark.parametrize("layers", [["cluster"], ["services", "tenants"], ["tenants"]])
    def test_may_be_split_over_stacks(self, layers: list[str]) -> None:
        assert spec(platform(layers=layers)).layers == tuple(layers)

    @pytest.mark.parametrize("layers", [[], ["cluster", "workloads"], "cluster", None, [None]])
    def test_are_known_ones(self, layers: object) -> None:
        with pytest.raises(ValidationError):
            spec(platform(layers=layers))


class TestAPlatform:
    def test_names_each_accelerator_of_its_pools_once(self) -> None:
        pool = {"accelerator": "nvidia-h100", "count": 8, "machine": {"cpu": 208, "memoryGib": 1872}, "max": 1}
        data = platform()
        data["nodePools"] |= {"h100": pool, "h100-spare": pool}
        assert spec(data).accelerators == ("nvidia-h100", "nvidia-l4")

    def test_puts_its_prefix_before_a_tenants_namespace(self) -> None:
        assert spec(platform(tenantPrefix="ml-")).namespace("vision") == "ml-vision"
        assert spec(platform()).namespace("vision") == "vision"

    def test_keeps_what_it_was_written_as(self) -> None:
        """A spec written out and read again is the same spec: no field is lost or renamed."""
        found = spec(platform(tenant("vision", model_api("a"), job("b", schedule="@daily"))))
        assert (
            PlatformSpec.model_validate(json.loads(found.model_dump_json(by_alias=True, exclude_unset=True))) == found
        )


class TestAnInconsistentPlatform:
    def test_is_refused_by_the_library_too_with_every_problem(self) -> None:
        wrong = spec(platform(tenant("vision", model_api("a"), model_api("a"), job("b", image="docker.io/x/y:1"))))
        with pytest.raises(ValueError, match="two workloads") as error:
            refuse_inconsistent(wrong)
        assert [line.partition(":")[0] for line in str(error.value).splitlines()] == [
            "tenants[0].workloads[1].name",
            "tenants[0].workloads[2].image",
        ]

    def test_does_not_pass_for_a_template_with_a_fault(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A check leaves out a workload that could not be read in full, but hides no fault of the template itself."""

        def faulty(_: object) -> None:
            raise AttributeError("no such attribute")

        monkeypatch.setattr(Workload.registry["job"].Spec, "footprint", faulty)
        with pytest.raises(AttributeError, match="no such attribute"):
            refuse_inconsistent(spec(platform(tenant("vision", job("a")))))

    def test_is_not_refused_for_secrets_that_only_the_stack_knows(self) -> None:
        refuse_inconsistent(spec(platform(tenant("vision", model_api("a", secretEnv={"DB": "vision-database"})))))


class TestTheJsonSchema:
    @pytest.mark.parametrize("schema", [json_schema(), tenant_json_schema()], ids=["stack", "tenant"])
    def test_is_one(self, schema: dict[str, Any]) -> None:
        jsonschema.Draft202012Validator.check_schema(schema)

    @pytest.mark.parametrize("file", STACKS, ids=lambda file: file.name)
    def test_takes_the_stacks_of_this_repository(self, file: Any) -> None:
        assert is_valid(Document.read(file).data, json_schema())

    def test_takes_their_tenants_in_files(self) -> None:
        files = sorted((ROOT / "stacks" / "local-tenants").glob("*.yaml"))
        assert files
        assert all(is_valid(Document.read(file).data, tenant_json_schema()) for file in files)

    def test_refuses_what_the_specs_refuse(self) -> None:
        for wrong in (
            platform(domian="ml.example.com"),
            platform(tenant("vision", model_api("a", cpu="2"))),
            platform(tenant("vision", model_api("a", cpu=0))),
            platform(tenant("vision", model_api("a", port=80800))),
            platform(tenant("vision", job("a", startWithinSeconds=5))),
            platform(tenant("vision", job("a" * 53))),
            platform(tenant("vision", job("a", parallelism=0))),
            platform(tenant("vision", {"kind": "unknown"})),
            platform(layers=[]),
        ):
            assert not is_valid(stack(wrong), json_schema()), wrong

    def test_refuses_a_secret_that_is_not_encrypted(self) -> None:
        assert is_valid(stack(platform(), **{"bedplate:oauth": {"secure": "v1:x"}}), json_schema())
        assert not is_valid(stack(platform(), **{"bedplate:oauth": "hunter2"}), json_schema())

    def test_knows_every_workload(self) -> None:
        text = json.dumps(tenant_json_schema())
        assert all(f'"const": "{kind}"' in text for kind in Workload.registry)

    def test_uses_no_word_that_editors_do_not_know(self) -> None:
        """A limit in the wrong place of an annotation becomes a word like `ge`, which is silently ignored."""
        text = json.dumps([json_schema(), tenant_json_schema()])
        assert not [word for word in ("ge", "gt", "le", "lt", "min_length", "max_length") if f'"{word}":' in text]
