"""From a folder to pods, and back to nothing, by a member with the rights of the tenant's role alone."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bedplate.deploy import records
from bedplate.deploy.cluster import Cluster
from bedplate.embedded_cluster.cluster_api import ClusterApi
from bedplate.kubernetes import new_api_key
from cluster.deploy.people import IMAGE, TENANT, Person, Result, write
from cluster.objects_under_test import eventually

pytestmark = pytest.mark.enable_socket
DEPLOYMENTS = f"/apis/apps/v1/namespaces/{TENANT}/deployments"


def up(person: Person, folder: Path, *arguments: str, image: str = IMAGE, wait: bool = True) -> Result:
    waited = ("--wait", "--timeout", "60") if wait else ()
    named = () if "--same-image" in arguments else ("--image", image)
    return person.runs("deploy", str(folder), *named, *waited, "-o", "json", *arguments)


class TestADeploy:
    def test_goes_from_a_folder_to_ready_pods(self, alice: Person, app_name: str, tmp_path: Path) -> None:
        done = up(alice, write(tmp_path / "app", app_name))
        assert done.code == 0, done.said
        told = done.json
        assert [step["name"] for step in told["steps"]] == ["build", "push", "apply", "roll out", "smoke test"]
        assert [step["outcome"] for step in told["steps"]] == ["skipped", "skipped", "done", "done", "skipped"]
        assert (told["status"], told["progress"], told["version"]) == ("Healthy", 100, 1)
        found = alice.runs("-o", "json", "deploy", "get", app_name).json
        assert found["memory_request"] == found["memory_limit"] == "256Mi"
        assert (found["owned_by"], found["image"], found["ready_replicas"]) == ("member", IMAGE, 1)
        assert found["deployment_id"] == told["deployment_id"]
        assert "Healthy" in alice.runs("deploy", "status", app_name).out
        assert "is well" in alice.runs("why", app_name).out

    def test_without_wait_ends_when_all_is_applied(self, alice: Person, app_name: str, tmp_path: Path) -> None:
        told = up(alice, write(tmp_path / "app", app_name), image="ghcr.io/acme/scorer:slow", wait=False)
        assert told.code == 0, told.said
        assert [step["outcome"] for step in told.json["steps"]][2:] == ["done", "skipped", "skipped"]
        assert told.json["status"] in ("NotReady", "Updating")

    def test_is_led_to_by_the_platforms_own_checks(self, alice: Person, app_name: str, tmp_path: Path) -> None:
        key = new_api_key("shop")
        route = f'[app.route]\naccess = "api"\napiKeys = [{{name = "shop", sha256 = "{key.sha256}"}}]\n'
        done = up(alice, write(tmp_path / "app", app_name, route))
        assert done.code == 0, done.said
        host = f"{app_name}-{TENANT}.ml.example.com"
        assert (done.json["domain"], done.json["url"]) == (host, f"https://{host}")
        hosts = {row["domain"]: row["owned_by"] for row in alice.runs("domains", "list", "-o", "json").json}
        assert hosts[host] == "member"
        again = up(alice, write(tmp_path / "app", app_name))
        assert again.json["domain"] is None, "what a deploy no longer has is taken away"
        assert not alice.cluster().list("IngressRoute", {"bedplate.dev/workload": app_name})

    def test_of_more_memory_needs_no_build(self, alice: Person, app_name: str, tmp_path: Path) -> None:
        folder = write(tmp_path / "app", app_name)
        failed = up(alice, folder, image="ghcr.io/acme/scorer:hungry")
        assert failed.code == 1
        assert "exceeded memory limit (256Mi)" in failed.json["steps"][3]["detail"]
        told = alice.runs("why", app_name, "-o", "json").json
        assert [cause["kind"] for cause in told["causes"]] == ["memory"]
        assert 'memory = "512Mi"' in told["causes"][0]["fix"]
        mended = up(alice, write(tmp_path / "app", app_name, memory='"1Gi"'), "--same-image")
        assert mended.code == 0, mended.said
        assert mended.json["image"] == "ghcr.io/acme/scorer:hungry"
        assert alice.runs("deploy", "get", app_name, "-o", "json").json["memory_limit"] == "1Gi"

    def test_is_not_judged_by_the_pods_of_the_release_before(
        self, alice: Person, app_name: str, tmp_path: Path
    ) -> None:
        """They go on failing until the new one is ready, which takes its time."""
        failed = up(alice, write(tmp_path / "app", app_name), image="ghcr.io/acme/scorer:hungry")
        assert "exceeded memory limit" in failed.json["steps"][3]["detail"]
        folder = write(tmp_path / "app", app_name, memory='"1Gi"')
        waiting = up(alice, folder, "--timeout", "8", image="ghcr.io/acme/scorer:slow")
        assert waiting.json["steps"][3]["detail"].startswith("not complete after 8 s"), waiting.said
        told = alice.runs("why", app_name, "-o", "json").json
        assert "memory" not in [cause["kind"] for cause in told["causes"]]
        assert alice.runs("deploy", "status", app_name, "-o", "json").json["status"] == "NotReady"

    def test_that_nobody_could_run_leaves_nothing(self, alice: Person, app_name: str, tmp_path: Path) -> None:
        for image, said in (("docker.io/evil/app:1", "approved registry"), ("scorer", "registry")):
            done = up(alice, write(tmp_path / "app", app_name), image=image)
            assert done.code == 1
            assert said in done.json["problems"][0]["reason"]
        assert "nothing of" in alice.runs("deploy", "destroy", app_name, "-y").said


class TestReleases:
    def test_are_kept_and_brought_back(self, alice: Person, app_name: str, tmp_path: Path) -> None:
        folder = write(tmp_path / "app", app_name)
        assert up(alice, folder).code == 0
        assert up(alice, write(tmp_path / "app", app_name, memory='"512Mi"'), image="ghcr.io/acme/scorer:2").code == 0
        rows = alice.runs("deploy", "releases", app_name, "-o", "json").json
        assert [(row["version"], row["status"], row["memory_limit"]) for row in rows] == [
            (2, "active", "0.5Gi"),
            (1, "superseded", "0.25Gi"),
        ]
        assert rows[0]["deployed_by"] == "alice@example.com"
        back = alice.runs("deploy", "rollback", app_name, "--wait", "-o", "json")
        assert back.code == 0, back.said
        found = alice.runs("deploy", "get", app_name, "-o", "json").json
        assert (found["version"], found["image"], found["memory_limit"]) == (3, IMAGE, "256Mi")
        newest = alice.runs("deploy", "releases", app_name, "-o", "json").json[0]
        assert (newest["status"], newest["rolled_back_to"]) == ("active", 1)
        assert "choose one of: 3, 2, 1" in alice.runs("deploy", "rollback", app_name, "--to", "9").said

    def test_of_other_bounds_are_scaled_at_once(self, alice: Person, app_name: str, tmp_path: Path) -> None:
        assert up(alice, write(tmp_path / "app", app_name)).code == 0
        assert alice.runs("deploy", "scale", app_name, "--min", "2", "--max", "3", "--wait").code == 0
        found = alice.runs("deploy", "get", app_name, "-o", "json").json
        assert (found["ready_replicas"], found["min_replicas"], found["max_replicas"]) == (2, 2, 3)

    def test_are_restarted_pod_by_pod(self, alice: Person, app_name: str, tmp_path: Path) -> None:
        assert up(alice, write(tmp_path / "app", app_name)).code == 0
        marked = {"bedplate.dev/workload": app_name}
        before = {pod["metadata"]["uid"] for pod in alice.cluster().list("Pod", marked)}
        assert alice.runs("deploy", "restart", app_name).code == 0
        eventually(
            lambda: not before & {pod["metadata"]["uid"] for pod in alice.cluster().list("Pod", marked)}, "new pods"
        )


class TestTwoAtOnce:
    def test_are_refused_by_name_and_wait_if_asked(self, alice: Person, app_name: str, tmp_path: Path) -> None:
        folder = write(tmp_path / "app", app_name)
        with records.held(alice.cluster(), app_name, "bob@example.com", 0):
            done = up(alice, folder)
            assert done.code == 1
            assert "bob@example.com is deploying" in done.json["problems"][0]["reason"]
            waiting: list[Result] = []
            thread = threading.Thread(target=lambda: waiting.append(up(alice, folder, "--lock-timeout", "30")))
            thread.start()
            thread.join(3)
            assert not waiting
        thread.join(60)
        assert waiting[0].code == 0, waiting[0].said

    def test_is_taken_from_one_who_died(self, alice: Person, app_name: str, tmp_path: Path) -> None:
        held = {"heldBy": "bob (1)", "heldUntil": "2020-01-01T00:00:00Z"}
        body: dict[str, Any] = {"apiVersion": "v1", "kind": "ConfigMap", "data": held}
        marked = records.labels(app_name, records.RECORD)
        alice.cluster().create({**body, "metadata": {"name": records.record_name(app_name), "labels": marked}})
        assert up(alice, write(tmp_path / "app", app_name)).code == 0


class TestDestroy:
    def test_leaves_nothing_and_says_what_stays(self, alice: Person, app_name: str, tmp_path: Path) -> None:
        secret = f"{app_name}-token"
        assert alice.runs("secret", "create", secret, given="hf_x\n").code == 0
        folder = write(tmp_path / "app", app_name, f'[app.secretEnv]\nHF_TOKEN = "{secret}"\n')
        assert up(alice, folder).code == 0
        assert "is read by" in alice.runs("secret", "delete", secret).said
        assert alice.runs("deploy", "destroy", app_name).code == 1, "nobody is there to ask"
        done = alice.runs("deploy", "destroy", app_name, "--secrets", "-y", "-o", "json")
        assert done.code == 0, done.said
        assert done.json["left"] == []
        assert {"Deployment", "Service", "Secret"} <= {each.partition(" ")[0] for each in done.json["removed"]}
        cluster = alice.cluster()
        for kind in ("Deployment", "Service", "ServiceAccount", "ConfigMap", "Pod", "HorizontalPodAutoscaler"):
            assert not cluster.list(kind, {"bedplate.dev/workload": app_name})
        assert secret not in [row["name"] for row in alice.runs("secret", "list", "-o", "json").json]

    def test_names_the_volumes_that_it_leaves(self, alice: Person, app_name: str, tmp_path: Path) -> None:
        more = '[[app.mounts]]\nvolume = "data"\npath = "/data"\n'
        assert up(alice, write(tmp_path / "app", app_name, more), wait=False).code == 0
        (kept,) = (
            each
            for each in alice.runs("deploy", "destroy", app_name, "-y", "-o", "json").json["kept"]
            if each.startswith("volumes")
        )
        assert kept.startswith("volumes data: the tenant's")
        assert alice.cluster().get("PersistentVolumeClaim", "data")

    def test_works_on_half_a_deploy(self, alice: Person, app_name: str, tmp_path: Path) -> None:
        assert up(alice, write(tmp_path / "app", app_name)).code == 0
        cluster = alice.cluster()
        for kind in ("Service", "HorizontalPodAutoscaler"):
            cluster.delete(kind, app_name)
        cluster.delete("ConfigMap", records.record_name(app_name))
        assert alice.runs("deploy", "destroy", app_name, "-y", "-o", "json").json["left"] == []


class TestAConnectionThatBreaks:
    """After each request of a deploy in turn: nobody answers any more, as far as this command can see."""

    def test_leaves_nothing_that_a_repeat_does_not_mend(
        self, alice: Person, app_name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        # Who was cut off holds the app for so long.
        monkeypatch.setattr(records, "HELD_SECONDS", 1)
        key = new_api_key("shop").sha256
        keyed = f'[app.route]\naccess = "api"\napiKeys = [{{name = "shop", sha256 = "{key}"}}]\n'
        cut, number = 0, 0
        while True:
            cut, number = cut + 1, number + 1
            # Each has a way in that the one before had not, or lacks what the one before had.
            folder = write(tmp_path / "app", app_name, keyed if number % 2 else "")
            image = f"ghcr.io/acme/scorer:{number}"
            with cut_off_after(cut) as left:
                done = up(alice, folder, image=image, wait=False)
            if not left():
                assert done.code == 0, done.said
                break
            assert done.code == 1, f"after {cut} requests: {done.said}"
            assert "run the same command again" in done.json["problems"][0]["fix"]
            assert up(alice, folder, image=image, wait=False).code == 0, f"after {cut} requests"
            found = alice.runs("deploy", "get", app_name, "-o", "json").json
            assert (found["image"], bool(found["domain"])) == (image, bool(number % 2)), f"after {cut} requests"
            routes = alice.cluster().list("IngressRoute", {"bedplate.dev/workload": app_name})
            assert len(routes) == number % 2, f"after {cut} requests"
        assert cut > 12, "as many as a deploy asks"
        versions = [row["version"] for row in alice.runs("deploy", "releases", app_name, "-o", "json").json]
        assert versions == sorted(set(versions), reverse=True)
        assert alice.runs("deploy", "destroy", app_name, "-y", "-o", "json").json["left"] == []


@contextmanager
def cut_off_after(requests: int) -> Iterator[Callable[[], bool]]:
    """The API server's address is nobody's after so many requests of this process. Tells whether it came to that."""
    send, asked, lock = Cluster._send, 0, threading.Lock()  # pyright: ignore[reportPrivateUsage]

    def counted(self: Cluster, *arguments: Any, **named: Any) -> Any:
        nonlocal asked
        with lock:
            asked += 1
            if asked > requests:
                self.access = replace(self.access, server="https://127.0.0.1:1")
        return send(self, *arguments, **named)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Cluster, "_send", counted)
        yield lambda: asked > requests


class TestAStacksApp:
    def test_is_read_and_refused_for_change(self, alice: Person, tmp_path: Path, admin: ClusterApi) -> None:
        found = alice.runs("deploy", "get", "label-reader", "-o", "json").json
        assert (found["owned_by"], found["type"]) == ("stack", "model-api")
        assert alice.runs("logs", "tail", "label-reader", "--lines", "1").code == 0
        before = admin.get(f"{DEPLOYMENTS}/label-reader")
        for refused in (
            up(alice, write(tmp_path / "app", "label-reader")),
            alice.runs("deploy", "scale", "label-reader", "--min", "2", "-o", "json"),
            alice.runs("deploy", "rollback", "label-reader", "-o", "json"),
            alice.runs("deploy", "destroy", "label-reader", "-y", "-o", "json"),
        ):
            assert refused.code == 1
            assert "stack's own" in refused.json["problems"][0]["reason"]
            assert "vision.yaml" in refused.json["problems"][0]["fix"]
        assert admin.get(f"{DEPLOYMENTS}/label-reader")["spec"] == before["spec"]


class TestSomebodyElse:
    def test_without_rights_is_told_so_and_leaves_nothing(
        self, people: Callable[..., Person], admin: ClusterApi, tmp_path: Path
    ) -> None:
        mallory = people("mallory@example.com", "ml-nobody")
        for done in (
            up(mallory, write(tmp_path / "app", "mine")),
            mallory.runs("deploy", "list", "-o", "json"),
            mallory.runs("secret", "create", "mine", "-o", "json", given="x"),
            mallory.runs("why", "label-reader", "-o", "json"),
        ):
            assert done.code == 1, done.said
            assert done.json["problems"][0]["fix"]
        assert not admin.answers(f"{DEPLOYMENTS}/mine")
        assert "may not read" in mallory.runs("doctor").out

    @pytest.mark.parametrize("name", ["../../secrets", "a b", "x\x1b[31m", "-x" * 40, "UPPER"])
    def test_with_a_hostile_name_gets_nowhere(self, alice: Person, name: str, tmp_path: Path) -> None:
        for arguments in (("deploy", "get"), ("why",), ("logs", "tail"), ("deploy", "destroy", "-y")):
            done = alice.runs(*arguments, "--", name)
            assert done.code in (1, 2)
            assert "\x1b[31m" not in done.said
        done = up(alice, write(tmp_path / "app", name.replace("\x1b", "?")))
        assert done.code == 2

    def test_has_no_host_of_another_tenants(self, alice: Person, tmp_path: Path) -> None:
        """`x-low` of `vision` would be `x` of `low-vision`."""
        route = '[app.route]\naccess = "api"\n'
        done = up(alice, write(tmp_path / "app", "x-low", route))
        assert done.code == 1
        assert "deployments: a route of yours" in done.json["problems"][0]["reason"]
        assert not alice.cluster().get("Deployment", "x-low"), "judged as a whole before anything is there"
        alice.runs("deploy", "destroy", "x-low", "-y")
