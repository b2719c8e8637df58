"""Reading stack files that are right: every way in leads to the same platform."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from bedplate.stack_file.reading import PLATFORM_KEY, Stack, StackFileError, load, load_for_program
from harness import ROOT, job, model_api, platform, tenant

LOCAL = ROOT / "stacks" / "Pulumi.local.yaml"


def write(folder: Path, data: dict[str, Any], **config: Any) -> Path:
    """A stack file; JSON is YAML too."""
    file = folder / "Pulumi.test.yaml"
    file.write_text(json.dumps({"config": {PLATFORM_KEY: data, **config}}))
    return file


def loaded(folder: Path, data: dict[str, Any], **config: Any) -> Stack:
    return load(write(folder, data, **config))


TENANTS = [tenant("language", model_api("intent"), job("distil", maxHours=12)), tenant("vision", model_api("reader"))]


class TestTenantsInAFolder:
    def test_mean_the_same_as_inline(self, tmp_path: Path) -> None:
        inline = loaded(tmp_path, platform(*TENANTS)).spec
        (tmp_path / "teams").mkdir()
        for data in TENANTS:
            (tmp_path / "teams" / f"{data['name']}.yaml").write_text(json.dumps(data))
        assert loaded(tmp_path, platform(tenantsDir="teams")).spec == inline

    def test_may_be_mixed_with_those_inline(self, tmp_path: Path) -> None:
        (tmp_path / "teams").mkdir()
        (tmp_path / "teams" / "vision.yml").write_text(json.dumps(TENANTS[1]))
        mixed = loaded(tmp_path, platform(TENANTS[0], tenantsDir="./teams/")).spec
        assert mixed == loaded(tmp_path, platform(*TENANTS)).spec

    def test_come_in_the_order_of_their_file_names(self, tmp_path: Path) -> None:
        (tmp_path / "teams").mkdir()
        for name in ("b", "c", "a"):
            (tmp_path / "teams" / f"{name}.yaml").write_text(json.dumps(tenant(name)))
        spec = loaded(tmp_path, platform(tenantsDir="teams")).spec
        assert [found.name for found in spec.tenants] == ["a", "b", "c"]

    def test_may_lie_beside_files_that_are_none(self, tmp_path: Path) -> None:
        (tmp_path / "teams").mkdir()
        for name in ("README.md", ".draft.yaml", "old.yaml.bak"):
            (tmp_path / "teams" / name).write_text("no: tenant")
        (tmp_path / "teams" / "vision.yaml").write_text(json.dumps(TENANTS[1]))
        assert [found.name for found in loaded(tmp_path, platform(tenantsDir="teams")).spec.tenants] == ["vision"]


class TestTheProgram:
    """It gets the configuration from the engine, and must come to what the command line comes to."""

    def test_reads_the_local_stack_as_the_command_line_does(self) -> None:
        stack = load(LOCAL)
        assert load_for_program(stack.config[PLATFORM_KEY], LOCAL) == stack.spec

    def test_reads_numbers_that_went_through_json(self) -> None:
        stack = load(LOCAL)
        assert load_for_program(json.loads(json.dumps(stack.config[PLATFORM_KEY])), LOCAL) == stack.spec

    def test_needs_no_file(self, tmp_path: Path) -> None:
        inline = platform(*TENANTS)
        assert load_for_program(inline, tmp_path / "Pulumi.none.yaml") == loaded(tmp_path, inline).spec

    def test_tells_the_same_mistakes_at_the_same_lines(self, tmp_path: Path) -> None:
        wrong = platform(tenant("vision", model_api("a", cpu="2"), model_api("a"), quota={"cpu": 1}), domain="ML")
        file = write(tmp_path, wrong)
        file.write_text(json.dumps(json.loads(file.read_text()), indent=1))
        said: list[str] = []
        for read in (lambda: load(file), lambda: load_for_program(wrong, file)):
            with pytest.raises(StackFileError) as error:
                read()
            said.append(str(error.value))
        assert said[0] == said[1]
        assert said[0].startswith("4 problems")

    def test_tells_mistakes_without_lines_where_there_is_no_file(self, tmp_path: Path) -> None:
        with pytest.raises(StackFileError, match=r"none\.yaml: domain\n  must be a domain"):
            load_for_program(platform(domain="ML"), tmp_path / "none.yaml")

    def test_finds_what_the_engine_has_decrypted(self, tmp_path: Path) -> None:
        """The engine hands on `env: {LEVEL: {secure: …}}` as plain text."""
        written = platform(tenant("vision", model_api("a", env={"LEVEL": {"secure": "v1:ciphertext"}})))
        decrypted = platform(tenant("vision", model_api("a", env={"LEVEL": "hunter2"})))
        with pytest.raises(StackFileError, match="an encrypted value cannot stand inside the platform") as error:
            load_for_program(decrypted, write(tmp_path, written))
        assert len(error.value.problems) == 1
        assert "hunter2" not in str(error.value)

    def test_asks_the_engine_for_its_secrets(self, tmp_path: Path) -> None:
        data, asked = platform(tenant("vision", model_api("a", secretEnv={"DB": "vision-database"}))), list[str]()
        file = write(tmp_path, data, **{"bedplate:oauth": {"secure": "v1:x"}})
        load_for_program(data, file, lambda name: not asked.append(name))
        assert asked == ["vision-database"]
        with pytest.raises(
            StackFileError, match=r"no config secret of this name\n.*\n  allowed: none, the stack has no such secrets\n"
        ):
            load_for_program(data, file, lambda _: False)

    def test_checks_no_secrets_where_nobody_can_be_asked(self, tmp_path: Path) -> None:
        data = platform(tenant("vision", model_api("a", secretEnv={"DB": "vision-database"})))
        assert load_for_program(data, tmp_path / "none.yaml").tenants[0].workloads[0].secret_env == {
            "DB": "vision-database"
        }

    def test_is_not_misled_by_a_file_of_another_shape(self, tmp_path: Path) -> None:
        (tmp_path / "Pulumi.test.yaml").write_text("- a\n- b\n")
        assert load_for_program(platform(*TENANTS), tmp_path / "Pulumi.test.yaml").domain == "ml.example.com"

    def test_refuses_numbers_that_cannot_even_be_printed(self, tmp_path: Path) -> None:
        data = platform(tenant("vision", model_api("a", port=10**5000)))
        with pytest.raises(StackFileError, match="given:   a number of more than 40 digits"):
            load_for_program(data, tmp_path / "none.yaml")

    @pytest.mark.parametrize("value", [None, [], "text", 5, {}, float("nan")])
    def test_refuses_what_is_no_platform(self, value: object, tmp_path: Path) -> None:
        with pytest.raises(StackFileError):
            load_for_program(value, tmp_path / "Pulumi.test.yaml")


class TestSecrets:
    WITH_SECRET = platform(tenant("vision", model_api("a", secretEnv={"DB": "vision-database"})))

    def test_are_known_by_name(self, tmp_path: Path) -> None:
        stack = loaded(
            tmp_path, self.WITH_SECRET, **{"bedplate:vision-database": {"secure": "v1:x"}, "aws:region": "eu-central-1"}
        )
        assert stack.secrets == {"vision-database"}

    def test_of_other_packages_do_not_count(self, tmp_path: Path) -> None:
        with pytest.raises(StackFileError, match="there is no config secret of this name"):
            loaded(tmp_path, self.WITH_SECRET, **{"other:database": {"secure": "v1:x"}})

    def test_may_come_from_an_environment_that_the_stack_imports(self, tmp_path: Path) -> None:
        file = write(tmp_path, self.WITH_SECRET)
        file.write_text(json.dumps({**json.loads(file.read_text()), "environment": ["acme/prod"]}))
        assert load(file).spec.tenants[0].workloads[0].secret_env == {"DB": "vision-database"}


class TestTheLocalStack:
    def test_means_the_same_anywhere(self, tmp_path: Path) -> None:
        shutil.copytree(LOCAL.parent, tmp_path / "stacks")
        assert load(tmp_path / "stacks" / LOCAL.name).spec == load(LOCAL).spec


class TestAProgramWithoutItsPlatform:
    """Under the real engine, whose own message asks for a value of a key that is there, misspelt."""

    def test_hears_of_the_key_that_was_meant(self, tmp_path: Path) -> None:
        file = tmp_path / "Pulumi.test.yaml"
        file.write_text(json.dumps({"config": {"bedplate:platfrom": platform()}}))
        with pytest.raises(StackFileError) as raised:
            load_for_program(None, file)
        assert "rename `bedplate:platfrom` to `bedplate:platform`" in str(raised.value)
        assert "pulumi config set" not in str(raised.value)

    def test_hears_of_a_file_that_is_not_there(self, tmp_path: Path) -> None:
        with pytest.raises(StackFileError, match=r"Pulumi\.none\.yaml"):
            load_for_program(None, tmp_path / "Pulumi.none.yaml")


class TestAHost:
    def test_may_have_other_characters_where_the_domain_has(self, tmp_path: Path) -> None:
        """Who sees them in the domain reads hosts with care anyhow."""
        data = platform(tenant("vision", model_api("xn--uth-7cd")))
        with pytest.raises(StackFileError, match="its host 'xn--uth-7cd-vision"):
            loaded(tmp_path, data)
        assert loaded(tmp_path, {**data, "domain": "ml.xn--bcher-kva.example"}).spec.domain


class TestAWorkload:
    def test_is_no_larger_than_its_objects_can_be(self, tmp_path: Path) -> None:
        """Whether its texts are written out or are aliases of one."""
        stack = write(tmp_path, platform(tenantsDir="teams"))
        (tmp_path / "teams").mkdir()
        file = tmp_path / "teams" / "vision.yaml"
        file.write_text(json.dumps(tenant("vision", model_api("reader", args=["x" * 250_000]))))
        assert load(stack).spec
        aliased = ", ".join(["&text '" + "y" * 3_000 + "'", *["*text"] * 99])
        file.write_text(json.dumps(tenant("vision", model_api("reader", args=["TEXT"]))).replace('"TEXT"', aliased))
        with pytest.raises(StackFileError, match=r"workloads\[0\]\.args\n.*aliases written out") as refused:
            load(stack)
        assert "at most 256 KiB" in str(refused.value)
