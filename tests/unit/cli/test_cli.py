"""The command line: exit codes, JSON with stable names, previews against a revision."""

import hashlib
import io
import json
import re
import shutil
import subprocess
import tomllib
from contextlib import chdir, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from bedplate.cli import main
from bedplate.kubernetes import RouteSpec
from bedplate.spec import is_secret_value
from harness import ROOT, job, model_api, platform, tenant, without_tenants


@dataclass
class Done:
    """How a command ended and what it printed."""

    returncode: int
    stdout: str
    stderr: str


def bedplate(*arguments: str, folder: Path = ROOT) -> Done:
    """The command in this process, as somebody standing in `folder` would run it."""
    printed, failed, code = io.StringIO(), io.StringIO(), 0
    with chdir(folder), redirect_stdout(printed), redirect_stderr(failed):
        try:
            main(list(arguments))
        except SystemExit as end:
            code = int(end.code or 0)
    return Done(code, printed.getvalue(), failed.getvalue())


def write_stack(folder: Path, data: dict[str, Any], name: str = "production") -> Path:
    file = folder / "stacks" / f"Pulumi.{name}.yaml"
    file.parent.mkdir(exist_ok=True)
    with file.open("w") as stream:
        YAML().dump({"config": {"bedplate:platform": data}}, stream)
    return file


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project of its own in a git repository, with one commit."""
    shutil.copy(ROOT / "Pulumi.yaml", tmp_path)
    shutil.copytree(ROOT / "platform", tmp_path / "platform", ignore=shutil.ignore_patterns("__pycache__"))
    write_stack(tmp_path, platform(tenant("vision", model_api("api"))))
    git(tmp_path, "init", "--quiet")
    commit(tmp_path)
    return tmp_path


def git(folder: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=test", "-c", "user.email=test@example.com", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", "-C", str(folder), *identity, *arguments], check=True, capture_output=True)


def commit(folder: Path) -> None:
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "a state")


class TestCheck:
    def test_of_a_valid_stack_ends_with_0_and_says_what_comes_next(self) -> None:
        done = bedplate("check", "local")
        assert done.returncode == 0, done.stderr
        assert "is valid" in done.stdout
        assert "Next: bedplate rehearse" in done.stdout

    def test_of_a_wrong_stack_ends_with_2_and_every_mistake(self, project: Path) -> None:
        write_stack(project, platform(tenant("vision", model_api("api", imagee="x")), domain="https://ml"), "wrong")
        done = bedplate("check", "wrong", folder=project)
        assert done.returncode == 2
        assert "Pulumi.wrong.yaml:" in done.stderr
        assert "imagee" in done.stderr
        assert "domain" in done.stderr
        assert "Traceback" not in done.stderr

    def test_prints_problems_as_json_with_stable_names(self, project: Path) -> None:
        write_stack(project, platform(domain="https://ml"), "wrong")
        done = bedplate("check", "wrong", "-o", "json", folder=project)
        assert done.returncode == 2
        result = json.loads(done.stdout)
        assert result["ok"] is False
        (problem,) = result["problems"]
        assert set(problem) == {"file", "line", "path", "message", "given", "allowed", "fix"}
        assert problem["path"] == "domain"

    def test_advises_nothing_where_a_stack_is_of_a_good_size(self) -> None:
        assert json.loads(bedplate("check", "local", "-o", "json").stdout)["advice"] == []

    def test_says_when_a_stack_outgrows_one_update(self, project: Path) -> None:
        tenants = [tenant(f"team-{number}", *(model_api(f"api-{each}") for each in range(6))) for number in range(51)]
        pools = {"general": {"machine": {"cpu": 64, "memoryGib": 256}, "min": 3, "max": 99}}
        write_stack(project, platform(*tenants, nodePools={**platform()["nodePools"], **pools}), "large")
        done = bedplate("check", "large", folder=project)
        assert done.returncode == 0, done.stderr
        assert "306 workloads of 51 tenants" in " ".join(done.stdout.split())
        assert "layers: [tenants]" in done.stdout

    def test_says_when_the_configuration_comes_near_its_limit(self, project: Path) -> None:
        env = {f"LONG_{number}": "x" * 1000 for number in range(100)}
        write_stack(project, platform(tenant("vision", model_api("api", env=env))), "wide")
        (advice,) = json.loads(bedplate("check", "wide", "-o", "json", folder=project).stdout)["advice"]
        assert "of at most 128 KiB" in advice["message"]
        assert "tenantsDir" in advice["fix"]

    def test_says_of_whom_nobody_is_that_a_budget_bounds(self, project: Path) -> None:
        """It is no mistake, or whoever leaves a tenant's file would stop everybody's updates."""
        budget = {"gpuHoursPerMonth": 100}
        budgets = {
            "tenants": {"visoin": budget},
            "projects": {"atlas": budget},
            "people": {"vison@example.com": budget},
        }
        write_stack(
            project, platform(tenant("vision"), cost={"budgets": budgets}, monitoring={"retentionDays": 63}), "nobodys"
        )
        done = bedplate("check", "nobodys", "-o", "json", folder=project)
        assert done.returncode == 0, done.stderr
        advised = json.loads(done.stdout)["advice"]
        assert [one["message"].partition(" ")[0] for one in advised] == [
            *("cost.budgets.tenants.visoin", "cost.budgets.projects.atlas", "cost.budgets.people.vison@example.com"),
        ]
        assert [one["fix"] for one in advised[::2]] == ["did you mean `vision`?", "did you mean `vision@example.com`?"]

    def test_says_when_the_month_before_is_not_kept_whole(self, project: Path) -> None:
        write_stack(project, platform(tenant("vision"), cost={}, monitoring={"retentionDays": 45}), "short")
        (advice,) = json.loads(bedplate("check", "short", "-o", "json", folder=project).stdout)["advice"]
        assert "whole only until day 14 of this one" in advice["message"]
        assert "retentionDays: 63" in advice["fix"]

    def test_of_an_unknown_stack_lists_those_there_are(self) -> None:
        done = bedplate("check", "nowhere")
        assert done.returncode == 2
        assert "there is no stack 'nowhere'" in done.stderr
        assert "local" in done.stderr

    def test_outside_a_project_says_so(self, tmp_path: Path) -> None:
        done = bedplate("check", "local", folder=tmp_path)
        assert done.returncode == 2
        assert "there is no Pulumi.yaml" in done.stderr


class TestPreview:
    def test_prints_the_plan_as_json_with_stable_names(self, project: Path) -> None:
        plan = json.loads(bedplate("preview", "production", "-o", "json", folder=project).stdout)
        assert set(plan) == {"stack", "resources", "charts", "summary"}
        assert plan["stack"] == "production"
        names = {"urn", "type", "name", "parent", "provider", "dependencies", "aliases", "protect", "inputs"}
        names |= {"ignoreChanges", "replaceOnChanges"}
        assert all(set(resource) == names for resource in plan["resources"])
        urns = {resource["urn"] for resource in plan["resources"]}
        assert len(urns) == len(plan["resources"]) == plan["summary"]["resources"]
        for resource in plan["resources"]:
            assert {*resource["dependencies"], resource["parent"], resource["provider"]} - {""} <= urns

    def test_shows_a_tree_without_colours_where_there_is_no_terminal(self, project: Path) -> None:
        done = bedplate("preview", "production", folder=project)
        assert "platform/vision/api ModelApi" in done.stdout
        assert "\x1b[" not in done.stdout

    def test_takes_a_stack_by_its_file(self, project: Path) -> None:
        done = bedplate("preview", "stacks/Pulumi.production.yaml", folder=project)
        assert done.returncode == 0, done.stderr


class TestPreviewAgainstARevision:
    def test_of_an_unchanged_tree_is_empty(self, project: Path) -> None:
        done = bedplate("preview", "production", "--against", "HEAD", "-o", "json", folder=project)
        shown = json.loads(done.stdout)
        lists = ("created", "updated", "replaced", "deleted", "renamed", "refused", "renamedTenants", "disks", "notes")
        assert {key: shown[key] for key in lists} == {key: [] for key in lists}
        assert shown["summary"]["before"] == shown["summary"]["after"]
        assert shown.keys() == {*lists, "summary"}
        assert "no change" in bedplate("preview", "production", "--against", "HEAD", folder=project).stdout

    def test_shows_a_tenant_that_was_added_and_only_that(self, project: Path) -> None:
        write_stack(project, platform(tenant("vision", model_api("api")), tenant("search")))
        done = bedplate("preview", "production", "--against", "HEAD", "-o", "json", folder=project)
        changes = json.loads(done.stdout)
        assert changes["created"]
        assert all("::platform/search" in urn for urn in changes["created"])
        assert (changes["updated"], changes["replaced"], changes["deleted"]) == ([], [], [])

    def test_shows_fields_with_both_values(self, project: Path) -> None:
        write_stack(project, platform(tenant("vision", model_api("api", memoryGib=4))))
        changes = json.loads(
            bedplate("preview", "production", "--against", "HEAD", "-o", "json", folder=project).stdout
        )
        fields = [field for change in changes["updated"] for field in change["fields"]]
        path = "spec.template.spec.containers[0].resources.limits.memory"
        assert {"path": path, "before": "2Gi", "after": "4Gi"} in fields

    def test_of_a_stack_that_did_not_exist_creates_everything(self, project: Path) -> None:
        write_stack(project, platform(), "fresh")
        done = bedplate("preview", "fresh", "--against", "HEAD", "-o", "json", folder=project)
        assert len(json.loads(done.stdout)["created"]) > 10

    def against_head(self, project: Path, *tenants: dict[str, Any], **changes: Any) -> str:
        """What people read where these tenants take the place of what is committed."""
        write_stack(project, platform(*tenants, **changes))
        done = bedplate("preview", "production", "--against", "HEAD", folder=project)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def test_begins_with_the_figures_that_people_think_in(self, project: Path) -> None:
        volume = {"name": "data", "sizeGib": 50, "retain": True}
        printed = self.against_head(
            project, tenant("vision", model_api("api")), tenant("search", job("etl"), volumes=[volume])
        )
        assert printed.splitlines()[0].startswith(
            "against HEAD: tenants +1 (search), workloads +1, GPUs +2, cores +64, memory +256 GiB, storage +50 GiB"
        )
        assert "+ Tenant platform/search: " in printed
        assert len(printed.splitlines()) < 8

    def test_shows_a_new_image_as_one_change_below_its_tenant(self, project: Path) -> None:
        printed = self.against_head(project, tenant("vision", model_api("api", image="ghcr.io/acme/scorer:2.0.0")))
        assert printed.count("~ ") == 1
        assert printed.index("tenant vision") < printed.index("~ Deployment platform/vision/api-deployment")

    def test_shows_of_a_long_text_the_lines_that_differ(self, project: Path) -> None:
        certificates = {"issuer": "internal"}
        write_stack(project, platform(certificates=certificates))
        commit(project)
        printed = self.against_head(project, certificates=certificates, domain="ai.example.com")
        assert "4 lines of the text" in printed
        assert all(len(line) <= 200 for line in printed.splitlines())
        removed = [line for line in printed.splitlines() if "  - …" in line and "[.]example" in line]
        assert removed
        assert all("ml[.]example" in line for line in removed), "a long line is cut so that what differs is seen"

    def test_calls_a_rename_what_it_is(self, project: Path) -> None:
        printed = self.against_head(project, tenant("perception", model_api("api")))
        assert "tenant vision goes and perception comes" in printed
        assert "a rename moves no data" in printed

    def test_stays_short_for_many_tenants(self, project: Path) -> None:
        teams = [tenant(f"team-{number:02}", job("etl")) for number in range(45)]
        printed = self.against_head(project, tenant("vision", model_api("api")), *teams)
        assert "tenants +45 (team-00, team-01, team-02, team-03, team-04, … 40 more)" in printed
        assert "… and changes of 15 more tenants; all of them: -o json" in printed
        assert len(printed.splitlines()) < 60
        commit(project)
        teams = [tenant(f"team-{number:02}", job("etl", cpu=2)) for number in range(45)]
        printed = self.against_head(project, tenant("vision", model_api("api")), *teams)
        assert "45 tenants (team-00," in printed
        assert "and 44 more in the same way" in printed
        plan = bedplate("preview", "production", folder=project).stdout
        assert "… and 6 more Tenant; all of them: -o json" in plan
        assert len(plan.splitlines()) < 80

    def test_tells_that_a_retained_disk_stays_and_refuses_to_lose_another(self, project: Path) -> None:
        volumes = [
            {"name": "kept", "sizeGib": 50, "retain": True},
            {"name": "gone", "sizeGib": 20, "retain": False},
        ]
        write_stack(project, platform(tenant("vision", volumes=volumes)))
        commit(project)
        write_stack(project, platform())
        done = bedplate("preview", "production", "--against", "HEAD", folder=project)
        assert done.returncode == 3
        assert "! disk of vision/kept (50 GiB) stays, released" in done.stdout
        assert "DATA LOST: disk of vision/gone (20 GiB)" in done.stderr
        assert "pulumi state unprotect" not in done.stderr, "a claim is not protected"
        name = "platform/vision-persistentvolumeclaim-gone"
        allowed = bedplate("preview", "production", "--against", "HEAD", "--allow", name, folder=project)
        assert allowed.returncode == 0
        assert "! DATA LOST: disk of vision/gone (20 GiB)" in allowed.stdout
        shown = json.loads(bedplate("preview", "production", "--against", "HEAD", "-o", "json", folder=project).stdout)
        assert [(disk["fate"], disk["size_gib"]) for disk in shown["disks"]] == [("lost", 20), ("released", 50)]

    def test_gives_another_cluster_as_one_reason_before_the_counts(self, project: Path) -> None:
        another = platform(tenant("vision", model_api("api")))
        another["cloud"]["name"] = "another"
        write_stack(project, another)
        printed = bedplate("preview", "production", "--against", "HEAD", folder=project).stdout
        assert len(printed.splitlines()) < 12
        assert 'options.provider.clusterIdentifier: "test" → "another"' in printed
        assert "objects for this reason" in printed

    def test_that_git_does_not_know_says_so(self, project: Path) -> None:
        done = bedplate("preview", "production", "--against", "nowhere", folder=project)
        assert done.returncode == 2
        assert "git has no revision 'nowhere'" in done.stderr
        assert "Traceback" not in done.stderr

    @pytest.mark.parametrize("revision", ["--output=written", "HEAD:stacks", "HEAD..HEAD", ""])
    def test_that_is_no_commit_is_refused_and_no_option_to_git(self, revision: str, project: Path) -> None:
        done = bedplate("preview", "production", f"--against={revision}", folder=project)
        assert done.returncode == 2
        assert f"git has no revision '{revision}'" in done.stderr
        assert not (project / "written").exists()

    def test_in_which_the_stack_was_wrong_shows_why(self, project: Path) -> None:
        write_stack(project, platform(domain="https://wrong"))
        commit(project)
        write_stack(project, platform())
        done = bedplate("preview", "production", "--against", "HEAD", folder=project)
        assert done.returncode == 2
        assert "cannot be previewed at HEAD:\nstacks/Pulumi.production.yaml:3: domain\n" in done.stderr
        assert "fix:     write it like 'ml.example.com'" in done.stderr

    def test_refuses_an_upgrade_that_no_cloud_takes(self, project: Path) -> None:
        aws = without_tenants(ROOT / "stacks" / "Pulumi.aws.yaml")
        for section in ("login", "ssh"):
            aws.pop(section)
        for version, after, code in (("1.34", "1.36", 3), ("1.36", "1.35", 3), ("1.35", "1.36", 0)):
            write_stack(project, {**aws, "cloud": {**aws["cloud"], "kubernetesVersion": version}})
            commit(project)
            write_stack(project, {**aws, "cloud": {**aws["cloud"], "kubernetesVersion": after}})
            done = bedplate("preview", "production", "--against", "HEAD", folder=project)
            assert done.returncode == code, done.stdout + done.stderr
            assert (f"cloud.kubernetesVersion: {version} → {after}" in done.stderr) == (code == 3)
            if code == 0:
                assert "addonVersion" in done.stdout


KEY = "urn:pulumi:prod::bedplate::bedplate:index:Platform$aws:kms/key:Key::platform-cluster-keys-data"
DELETED_KEY = {"op": "delete", "urn": KEY, "oldState": {"protect": True}}


class TestTheGuard:
    def test_refuses_another_cluster_below_the_stack_and_names_the_key(self, project: Path) -> None:
        another = platform(tenant("vision", model_api("api")))
        another["cloud"]["name"] = "another"
        write_stack(project, another)
        done = bedplate("preview", "production", "--against", "HEAD", folder=project)
        assert done.returncode == 3
        assert "stack file: cloud.name: test → another" in done.stderr
        assert "--allow NAME" in done.stderr
        shown = bedplate("preview", "production", "--against", "HEAD", "-o", "json", folder=project)
        assert shown.returncode == 3
        (refused,) = json.loads(shown.stdout)["refused"]
        assert (refused["action"], refused["fields"]) == ("replace", ["clusterIdentifier"])
        allowed = ("--allow", refused["name"])
        assert bedplate("preview", "production", "--against", "HEAD", *allowed, folder=project).returncode == 0

    def plan(self, folder: Path, *steps: dict[str, Any], **changes: Any) -> Path:
        stack = {"op": "same", "urn": "urn:pulumi:prod::bedplate::pulumi:pulumi:Stack::bedplate-prod"}
        file = folder / "plan.json"
        summary = {"same": 1, **({"delete": len(steps)} if steps else {})}
        file.write_text(json.dumps({"steps": [stack, *steps], "changeSummary": summary, **changes}))
        return file

    def test_reads_what_pulumi_prints(self, tmp_path: Path) -> None:
        self.plan(tmp_path, DELETED_KEY)
        done = bedplate("guard", "plan.json", folder=tmp_path)
        assert done.returncode == 3
        assert "platform-cluster-keys-data (aws:kms/key:Key) would be deleted" in done.stderr
        assert "1 resource that must not be lost" in done.stderr
        shown = json.loads(bedplate("guard", "plan.json", "-o", "json", folder=tmp_path).stdout)
        assert shown["ok"] is False
        assert shown["refused"][0]["urn"] == KEY
        assert bedplate("guard", "plan.json", "--allow", "platform-cluster-keys-data", folder=tmp_path).returncode == 0

    def test_does_not_believe_a_plan_that_failed(self, tmp_path: Path) -> None:
        failed = {"diagnostics": [{"message": "error: no valid credential sources", "severity": "error"}]}
        self.plan(tmp_path, **failed)
        done = bedplate("guard", "plan.json", folder=tmp_path)
        assert done.returncode == 2
        assert "no valid credential sources" in done.stderr
        assert "the plan failed with 1 error" in done.stderr
        assert "nothing that must be kept" not in done.stdout
        shown = json.loads(bedplate("guard", "plan.json", "-o", "json", folder=tmp_path).stdout)
        assert (shown["ok"], shown["refused"]) == (False, [])
        assert [problem["reason"] for problem in shown["problems"]] == ["error: no valid credential sources"]

    def test_refuses_a_loss_in_a_plan_that_failed_because_of_it(self, tmp_path: Path) -> None:
        self.plan(tmp_path, DELETED_KEY, diagnostics=[{"message": "it is protected", "severity": "error"}])
        done = bedplate("guard", "plan.json", folder=tmp_path)
        assert done.returncode == 3
        assert "it is protected" in done.stderr
        allowed = bedplate("guard", "plan.json", "--allow", "platform-cluster-keys-data", folder=tmp_path)
        assert allowed.returncode == 2

    @pytest.mark.parametrize("text", ["", "Previewing update (prod)", "[]", '{"steps": 3}', '{"steps": [{"op": "sa'])
    def test_says_what_it_needs_where_it_gets_something_else(self, text: str, tmp_path: Path) -> None:
        (tmp_path / "plan.json").write_text(text)
        done = bedplate("guard", "plan.json", folder=tmp_path)
        assert done.returncode == 2
        assert "pulumi preview --json" in done.stderr

    def test_shows_the_plan_by_tenant_and_bounded(self, tmp_path: Path) -> None:
        """As a comment on a pull request, which may have 65,536 characters."""
        tenants = "urn:pulumi:prod::bedplate::bedplate:index:Platform$bedplate:index:Tenant"
        steps: list[dict[str, Any]] = []
        for number in range(600):
            above = f"{tenants}::platform/team-{number:03}"
            urn = f"{tenants}$kubernetes:core/v1:Namespace::platform/team-{number:03}-namespace"
            labels = {"bedplate.dev/tenant": f"team-{number:03}"}
            state = {"parent": above, "provider": "p", "protect": False, "inputs": {"metadata": {"labels": labels}}}
            steps.append({"op": "delete", "urn": urn, "oldState": state})
        self.plan(tmp_path, *steps)
        done = bedplate("guard", "plan.json", folder=tmp_path)
        assert done.returncode == 0
        assert done.stdout.startswith("against what is there: tenants -600 (team-000, ")
        assert "- Namespace platform/team-000-namespace" in done.stdout
        assert "… and changes of 570 more tenants" in done.stdout
        assert "600 deleted" in done.stdout
        assert len(done.stdout) < 10_000

    def test_shows_of_an_update_the_fields_with_what_is_not_known_yet(self, tmp_path: Path) -> None:
        unknown = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
        urn = "urn:pulumi:prod::bedplate::bedplate:index:Tenant$kubernetes:core/v1:ResourceQuota::platform/vision-quota"
        labels = {"metadata": {"labels": {"bedplate.dev/tenant": "vision"}}}
        old = {"inputs": {**labels, "spec": {"hard": {"requests.nvidia.com/gpu": "4"}}}}
        new = {"inputs": {"metadata": unknown, "spec": unknown}}
        self.plan(tmp_path, changeSummary={"update": 1})
        document = json.loads((tmp_path / "plan.json").read_text())
        document["steps"].append({"op": "update", "urn": urn, "oldState": old, "newState": new})
        (tmp_path / "plan.json").write_text(json.dumps(document))
        done = bedplate("guard", "plan.json", folder=tmp_path)
        assert done.returncode == 0
        assert f'→ "{unknown}"' in done.stdout

    def test_names_the_variable_that_makes_pulumi_print_a_stream(self, tmp_path: Path) -> None:
        (tmp_path / "plan.json").write_text('{"sequence": 0, "preludeEvent": {}}\n{"sequence": 1, "cancelEvent": {}}\n')
        done = bedplate("guard", "plan.json", folder=tmp_path)
        assert done.returncode == 2
        assert "PULUMI_ENABLE_STREAMING_JSON_PREVIEW" in done.stderr


def test_a_command_of_deploy_that_is_misspelt_is_no_folder() -> None:
    done = bedplate("deploy", "lsit")
    assert done.returncode == 2
    assert "did you mean `list`?" in done.stderr
    assert "did you mean" not in bedplate("deploy", "components").stderr


OF_THE_PLATFORM = (
    "init",
    "check",
    "preview",
    "guard",
    "rehearse",
    "cluster",
    "api-key",
    "schema",
    "reference",
    "programs",
)
OF_MEMBERS = ("doctor", "why", "build", "scan", "open", "deploy", "logs", "secret", "domains")


class TestHelp:
    @pytest.mark.parametrize("command", OF_THE_PLATFORM + OF_MEMBERS)
    def test_of_every_command_has_an_example(self, command: str) -> None:
        done = bedplate(command, "--help")
        assert done.returncode == 0
        assert f"Example: bedplate {command}" in done.stdout

    def test_lists_what_begins_a_platform_first_and_what_members_use_apart(self) -> None:
        listed = re.findall(r"^│ ([a-z-]+) ", bedplate("--help").stdout, re.MULTILINE)
        assert [name for name in listed if not name.startswith("--")] == [*OF_THE_PLATFORM, *OF_MEMBERS]


class TestMakingAnApiKey:
    def test_shows_a_key_and_a_line_that_admits_it_and_nothing_that_leads_back(self) -> None:
        done = bedplate("api-key", "shop")
        key, line = done.stdout.splitlines()
        (printed,) = YAML(typ="safe").load(line)
        assert done.returncode == 0
        assert printed == {"name": "shop", "sha256": hashlib.sha256(key.encode()).hexdigest()}
        assert RouteSpec.model_validate({"access": "api", "apiKeys": [printed]})
        assert tomllib.loads(done.stderr.strip().splitlines()[-1]) == {"apiKeys": [printed]}
        assert key not in done.stderr

    def test_makes_another_one_each_time(self) -> None:
        keys = [json.loads(bedplate("api-key", "shop", "-o", "json").stdout) for _ in range(3)]
        assert len({made["key"] for made in keys}) == len({made["sha256"] for made in keys}) == 3
        assert {made["name"] for made in keys} == {"shop"}

    def test_is_a_secret_to_every_stack_file(self) -> None:
        assert is_secret_value(json.loads(bedplate("api-key", "shop", "-o", "json").stdout)["key"])

    def test_refuses_a_name_that_no_stack_file_takes(self) -> None:
        for name in ("The Shop", "x" * 64):
            done = bedplate("api-key", name)
            assert (done.returncode, done.stdout) == (2, "")
            assert "NAME" in done.stderr
