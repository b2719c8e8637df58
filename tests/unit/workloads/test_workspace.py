"""What a workspace is made of, and what its spec refuses."""

from collections.abc import Mapping
from typing import Any, ClassVar

import pytest

from bedplate.engine.engine import Recording
from bedplate.errors import RehearsalError
from bedplate.workloads._interfaces import INTERFACES, InterfaceName
from harness import LOGIN, model_api, objects, platform, record, tenant

SERVICES: dict[str, Any] = {
    "certificates": {"issuer": "internal"},
    "login": LOGIN,
    "idle": {},
    "monitoring": {"diskGib": 500},
}
GPU = {"accelerator": "nvidia-l4", "count": 1}


def found(recording: Recording, kind: str, name: str) -> Mapping[str, Any]:
    (one,) = (
        resource.inputs
        for resource in recording.resources
        if resource.inputs.get("kind") == kind and resource.inputs["metadata"]["name"] == name
    )
    return one


def workspace(**changes: Any) -> dict[str, Any]:
    return {"kind": "workspace", "name": "lab", "owner": "ines@example.com", "image": "ghcr.io/acme/lab:1", **changes}


def stack(*workloads: dict[str, Any], **services: Any) -> dict[str, Any]:
    quota = {"cpu": 64, "memoryGib": 256, "gpus": {"nvidia-l4": 4}, "storageGib": 100}
    return platform(tenant("vision", *workloads, quota=quota), **{**SERVICES, **services})


def made(kind: str, name: str = "lab", **changes: Any) -> Mapping[str, Any]:
    return found(record(stack(workspace(**changes))), kind, name)


def pod(**changes: Any) -> Mapping[str, Any]:
    return made("StatefulSet", **changes)["spec"]["template"]


def variables(**changes: Any) -> dict[str, str]:
    return {entry["name"]: entry.get("value", "") for entry in pod(**changes)["spec"]["containers"][0]["env"]}


def refusal(**changes: Any) -> str:
    services = changes.pop("services", {})
    with pytest.raises(RehearsalError) as error:
        record({key: value for key, value in stack(workspace(**changes), **services).items() if value is not None})
    return str(error.value)


class TestTheHome:
    def test_is_a_claim_of_its_own_that_outlives_image_pool_and_hardware(self) -> None:
        """The StatefulSet makes none, and the claim is the same whatever changes."""
        before = made("PersistentVolumeClaim", "lab-home")
        changes = {"image": "ghcr.io/acme/lab:2", "gpu": GPU, "cpu": 4, "memoryGib": 16, "interface": "vscode"}
        assert made("PersistentVolumeClaim", "lab-home", **changes) == before
        assert "volumeClaimTemplates" not in made("StatefulSet")["spec"]
        assert before["metadata"]["annotations"]["bedplate.dev/on-removal"] == "disk-stays"

    def test_is_where_the_program_starts_and_writes(self) -> None:
        spec = pod()["spec"]
        mounts = {mount["mountPath"]: mount["name"] for mount in spec["containers"][0]["volumeMounts"]}
        assert mounts["/home/lab"] == "lab-home"
        assert spec["containers"][0]["workingDir"] == variables()["HOME"] == "/home/lab"

    def test_counts_in_the_tenants_storage(self) -> None:
        assert "quota.storageGib" in refusal(homeGib=101)
        assert "quota.storageGib" not in str(made("StatefulSet", homeGib=100))


class TestTheWayIn:
    def address(self, **changes: Any) -> str:
        return made("Middleware", "lab-vision-login", **changes)["spec"]["forwardAuth"]["address"]

    def test_asks_for_the_owner_beside_the_group(self) -> None:
        assert self.address().endswith("/?allowed_groups=ml-vision&allowed_emails=ines%40example.com")

    def test_asks_for_the_group_alone_where_the_team_may_come(self) -> None:
        assert self.address(openTo="team").endswith("/?allowed_groups=ml-vision")

    def test_is_none_where_nobody_may_come(self) -> None:
        recording = record(stack(workspace(openTo="nobody")))
        assert [
            one for one in objects(recording, "IngressRoute") if one.inputs["metadata"]["name"] == "lab-vision"
        ] == []

    @pytest.mark.parametrize("missing", ["certificates", "login"])
    def test_is_refused_where_nobody_could_be_asked(self, missing: str) -> None:
        said = refusal(services={missing: None})
        assert "workloads[0].openTo" in said
        assert f"`{missing}:`" in said


class TestStopping:
    def test_is_what_a_gpu_workspace_does_within_the_guardrail(self) -> None:
        assert made("StatefulSet", gpu=GPU)["metadata"]["annotations"]["bedplate.dev/idle-timeout-minutes"] == "30"
        assert made("ScaledObject", gpu=GPU)["spec"]["scaleTargetRef"]["kind"] == "StatefulSet"

    def test_cannot_be_switched_off_with_gpus(self) -> None:
        said = refusal(gpu=GPU, alwaysOn=True)
        assert "workloads[0].alwaysOn" in said
        assert "always stops while idle" in said

    def test_cannot_be_later_than_the_guardrail(self) -> None:
        said = refusal(gpu=GPU, idle={"afterMinutes": 10_000})
        assert "workloads[0].idle.afterMinutes" in said
        assert "guardrails.idle.maxMinutes" in said

    def test_needs_somebody_who_finds_out(self) -> None:
        assert "alwaysOn: true" in refusal(services={"idle": None})

    def test_is_left_out_by_choice_without_gpus(self) -> None:
        recording = record(stack(workspace(alwaysOn=True)))
        assert not [one for one in recording.resources if one.inputs.get("kind") == "ScaledObject"]

    def test_counts_no_get_of_what_the_page_asks_by_itself(self) -> None:
        (rule,) = made("IngressRoute", "lab-vision.polling")["spec"]["routes"]
        assert "Method(`GET`)" in rule["match"]
        assert "kernels" in rule["match"]


class TestTheProgram:
    @pytest.mark.parametrize("interface", INTERFACES)
    def test_has_a_port_that_its_probes_ask(self, interface: InterfaceName) -> None:
        (container,) = pod(interface=interface)["spec"]["containers"]
        assert container["ports"][0]["containerPort"] == INTERFACES[interface].port
        assert str(INTERFACES[interface].port) in " ".join(container["args"])
        assert {
            container[probe]["httpGet"]["port"] for probe in ("startupProbe", "readinessProbe", "livenessProbe")
        } == {"http"}

    def test_is_rolled_when_a_release_brings_other_files(self, monkeypatch: pytest.MonkeyPatch) -> None:
        before = pod(interface="rstudio")["metadata"]["annotations"]["bedplate.dev/configuration-hash"]
        monkeypatch.setitem(INTERFACES["rstudio"].files, "database.conf", "provider=other\n")
        after = pod(interface="rstudio", cpu=2)["metadata"]["annotations"]["bedplate.dev/configuration-hash"]
        assert after != before

    def test_runs_as_whom_its_images_know(self) -> None:
        assert pod()["spec"]["securityContext"]["runAsUser"] == 65532
        rstudio = pod(interface="rstudio")["spec"]
        assert (rstudio["securityContext"]["runAsUser"], rstudio["containers"][0]["workingDir"]) == (
            1000,
            "/home/rstudio",
        )
        assert pod(interface="rstudio", user=2000)["spec"]["securityContext"]["runAsUser"] == 2000

    def test_commits_in_the_owners_name_unless_said_otherwise(self) -> None:
        assert variables()["GIT_AUTHOR_EMAIL"] == "ines@example.com"
        said = variables(git={"name": "Ines Castro", "email": "ines@acme.example"})
        assert (said["GIT_COMMITTER_NAME"], said["GIT_COMMITTER_EMAIL"]) == ("Ines Castro", "ines@acme.example")

    def test_finds_its_dotfiles_or_starts_without_them(self) -> None:
        (first,) = pod(dotfiles="https://github.com/acme/dotfiles")["spec"]["initContainers"]
        assert first["args"] == ["https://github.com/acme/dotfiles"]
        assert first["securityContext"]["readOnlyRootFilesystem"] is True
        assert "initContainers" not in pod()["spec"]


class TestTheOwner:
    def test_must_be_said(self) -> None:
        said = refusal(owner=None)
        assert "workloads[0].owner" in said


def test_a_workspace_beside_a_model_api_takes_nothing_of_it() -> None:
    policy = found(record(stack(workspace(), model_api("scorer"))), "NetworkPolicy", "same-tenant")["spec"]
    assert policy["podSelector"]["matchExpressions"] == [
        {"key": "app.kubernetes.io/component", "operator": "NotIn", "values": ["workspace"]}
    ]


class TestRStudio:
    """Its server is in no registry that tests have: its settings are held to RStudio's own list of options instead."""

    OPTIONS: ClassVar[Mapping[str, str]] = {
        **dict.fromkeys(("server-daemonize", "auth-none", "www-verify-user-agent"), "bool"),
        **dict.fromkeys(("server-user", "www-address", "www-port", "www-frame-origin"), "string"),
        **dict.fromkeys(("server-data-dir", "server-pid-file", "secure-cookie-key-file"), "written path"),
        "database-config-file": "read path",
    }
    """Of https://github.com/rstudio/rstudio/blob/0536be6403b69fbce5aa759139748287d6464066/src/cpp/server/server-options.json,
    those that are used here."""

    def test_is_started_by_options_that_it_has(self) -> None:
        args = pod(interface="rstudio", image="ghcr.io/acme/rstudio:4.5.2")["spec"]["containers"][0]["args"]
        given = dict(arg.removeprefix("--").split("=", 1) for arg in args)
        assert given.keys() <= self.OPTIONS.keys()
        kinds = {name: self.OPTIONS[name] for name in given}
        assert {given[name] for name, kind in kinds.items() if kind == "bool"} <= {"0", "1"}
        written = [given[name] for name, kind in kinds.items() if kind == "written path"]
        assert written
        assert all(path.startswith("/tmp/") for path in written), "the rest of the file system is read-only"
        assert given["server-user"] == "rstudio"
        assert given["www-port"] == "8787"

    def test_finds_the_database_that_it_is_told(self) -> None:
        """https://docs.posit.co/ide/server-pro/database/configuration.html: a database of its own in a file."""
        body = pod(interface="rstudio", image="ghcr.io/acme/rstudio:4.5.2")["spec"]
        (container,) = body["containers"]
        (told,) = (arg.partition("=")[2] for arg in container["args"] if arg.startswith("--database-config-file="))
        assert told.rpartition("/")[0] in {mount["mountPath"] for mount in container["volumeMounts"]}
        settings = dict(line.split("=") for line in INTERFACES["rstudio"].files["database.conf"].splitlines())
        assert settings == {"provider": "sqlite", "directory": "/tmp"}
