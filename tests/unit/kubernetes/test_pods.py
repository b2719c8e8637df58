"""Pods as common programs need them: a home, a name, disk and shared memory."""

from typing import Any

import pytest

from harness import job, objects, platform, record, tenant


def pod(**changes: Any) -> dict[str, Any]:
    stack = platform(tenant("vision", job("etl", **changes)))
    (cron_job,) = objects(record(stack, frozenset({"vision-user"})), "CronJob")
    return cron_job.inputs["spec"]["jobTemplate"]["spec"]["template"]["spec"]


def environment(spec: dict[str, Any]) -> list[tuple[str, Any]]:
    return [(entry["name"], entry.get("value")) for entry in spec["containers"][0]["env"]]


def shared_memory(spec: dict[str, Any]) -> Any:
    """The volume at /dev/shm."""
    names = [m["name"] for m in spec["containers"][0]["volumeMounts"] if m["mountPath"] == "/dev/shm"]
    return [volume["emptyDir"] for volume in spec["volumes"] if volume["name"] in names]


class TestTheEnvironment:
    def test_names_a_home_that_can_be_written_and_a_user_whom_no_passwd_file_knows(self) -> None:
        assert environment(pod()) == [("HOME", "/tmp"), ("LOGNAME", "etl"), ("USER", "etl")]

    def test_may_name_others(self) -> None:
        assert ("USER", "ines") in environment(pod(env={"USER": "ines"}))

    def test_puts_secrets_before_what_may_be_made_of_them(self) -> None:
        """Kubernetes leaves $(NAME) as it is where NAME comes later."""
        made = {"ADDRESS": "postgres://etl:$(PASS)@db/x", "ZONE": "a"}
        names = [name for name, _ in environment(pod(env=made, secretEnv={"PASS": "vision-user"}))]
        assert names.index("PASS") < names.index("ADDRESS")

    def test_has_each_name_once_where_a_secret_has_it(self) -> None:
        names = [name for name, _ in environment(pod(secretEnv={"USER": "vision-user", "HOME": "vision-user"}))]
        assert sorted(names) == ["HOME", "LOGNAME", "USER"]


class TestDisk:
    @pytest.mark.parametrize(("scratch_gib", "quantity"), [(1, "1280Mi"), (40, "41216Mi"), (0.75, "1Gi")])
    def test_is_requested_and_limited_with_room_for_logs(self, scratch_gib: float, quantity: str) -> None:
        resources = pod(scratchGib=scratch_gib)["containers"][0]["resources"]
        assert {kind: sizes["ephemeral-storage"] for kind, sizes in resources.items()} == {
            "requests": quantity,
            "limits": quantity,
        }


class TestSharedMemory:
    GPU = {"gpu": {"accelerator": "nvidia-l4"}}  # noqa: RUF012

    def test_is_half_of_the_memory_of_pods_with_gpus(self) -> None:
        assert shared_memory(pod(memoryGib=8, **self.GPU)) == [{"medium": "Memory", "sizeLimit": "4Gi"}]

    def test_is_the_runtimes_own_without_gpus(self) -> None:
        assert shared_memory(pod()) == []

    @pytest.mark.parametrize("gpu", [{}, GPU], ids=["without", "with"])
    def test_has_the_size_that_is_asked_for(self, gpu: dict[str, Any]) -> None:
        spec = pod(memoryGib=4, sharedMemoryGib=3, **gpu)
        assert shared_memory(spec) == [{"medium": "Memory", "sizeLimit": "3Gi"}]
