"""The tickets that platform teams get most: each provoked, and each named with the change to make.

What a kubelet or a scheduler finds is found by theirs, or written as they write it.
"""

import json
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from bedplate.embedded_cluster.cluster_api import ClusterApi
from cluster.deploy.kubelet import now
from cluster.deploy.people import IMAGE, TENANT, Person, write
from cluster.deploy.test_deploying import up
from cluster.objects_under_test import eventually

pytestmark = pytest.mark.enable_socket
PODS = f"/api/v1/namespaces/{TENANT}/pods"
EVENTS = f"/api/v1/namespaces/{TENANT}/events"
JOBS = f"/apis/batch/v1/namespaces/{TENANT}/jobs"
MERGE = {"Content-Type": "application/merge-patch+json"}


def causes(person: Person, name: str) -> dict[str, dict[str, Any]]:
    """What is wrong, by its kind."""
    told = person.runs("why", name, "-o", "json")
    assert told.code == 0, told.said
    assert all(cause["fix"] for cause in told.json["causes"])
    return {cause["kind"]: cause for cause in told.json["causes"]}


def until(person: Person, name: str, kind: str) -> dict[str, Any]:
    """The cause of a kind, once it is seen."""
    eventually(lambda: kind in causes(person, name), f"{name} fails by {kind}")
    return causes(person, name)[kind]


class TestADeployThatFails:
    """Its own rollout says so, and `why` says it again."""

    @pytest.mark.parametrize(
        ("tag", "kind", "said", "fix"),
        [
            ("hungry", "memory", "exceeded memory limit (256Mi)", 'memory = "512Mi"'),
            ("missing", "image", "is not in its registry", "bedplate deploy --image"),
            ("crash", "crash", "ends with code 1", "correct the program"),
            ("offline", "network", "ConnectTimeout", "allowedNetworks"),
        ],
    )
    def test_says_why(
        self, alice: Person, app_name: str, tmp_path: Path, tag: str, kind: str, said: str, fix: str
    ) -> None:
        done = up(alice, write(tmp_path / "app", app_name), image=f"ghcr.io/acme/scorer:{tag}")
        assert (done.code, done.json["steps"][3]["outcome"]) == (1, "failed")
        cause = causes(alice, app_name)[kind]
        assert said in cause["cause"]
        assert fix in cause["fix"]
        if tag == "crash":
            assert cause["log"][-1] == "ModuleNotFoundError: No module named 'torch'"
        shown = alice.runs("why", app_name).out
        assert "fix: " in shown

    def test_by_its_probe_says_path_and_answer(self, alice: Person, app_name: str, tmp_path: Path) -> None:
        up(alice, write(tmp_path / "app", app_name), image="ghcr.io/acme/scorer:lost", wait=False)
        cause = until(alice, app_name, "probe")
        assert "/health does not answer 200" in cause["cause"]
        assert "healthPath" in cause["fix"]

    def test_by_a_secret_that_is_not_there_names_it(self, alice: Person, app_name: str, tmp_path: Path) -> None:
        more = '[app.secretEnv]\nHF_TOKEN = "nobody-made-it"\n'
        done = up(alice, write(tmp_path / "app", app_name, more))
        assert done.code == 1
        assert causes(alice, app_name)["secret"]["fix"] == "bedplate secret create nobody-made-it"

    def test_by_the_quota_says_what_is_used(self, alice: Person, app_name: str, tmp_path: Path) -> None:
        folder = write(tmp_path / "app", app_name, cpu=5, replicas="{min = 3, max = 3}")
        done = up(alice, folder)
        assert done.code == 1
        cause = causes(alice, app_name)["quota"]
        assert "requests.cpu=5" in cause["cause"]
        assert "raised" in cause["fix"]

    def test_by_a_guardrail_leaves_nothing(self, alice: Person, app_name: str, tmp_path: Path) -> None:
        more = '[app.env]\nLD_PRELOAD = "x"\n'
        done = up(alice, write(tmp_path / "app", app_name, more, cpu=9))
        assert done.code == 1
        assert "the largest pod may have 8" in done.json["problems"][0]["reason"]
        assert not alice.cluster().get("Deployment", app_name)

    def test_by_nodes_that_are_full_says_of_what(self, alice: Person, app_name: str, tmp_path: Path) -> None:
        """Both together have the quota, and none of them has the pod's part."""
        up(alice, write(tmp_path / "app", app_name, cpu=7, memory='"4Gi"'), wait=False)
        cause = until(alice, app_name, "unschedulable")
        assert "short of cpu" in cause["cause"]
        assert "7 cores" in cause["cause"]

    def test_by_a_volume_of_another_name_is_refused_at_once(self, alice: Person, app_name: str, tmp_path: Path) -> None:
        more = '[[app.mounts]]\nvolume = "date"\npath = "/data"\n'
        done = up(alice, write(tmp_path / "app", app_name, more))
        assert "there is no volume 'date'" in done.json["problems"][0]["reason"]
        assert "data" in done.json["problems"][0]["fix"]

    def test_by_a_volume_without_a_disk_says_whose_it_is(self, alice: Person, app_name: str, tmp_path: Path) -> None:
        """Nobody makes disks here."""
        more = '[[app.mounts]]\nvolume = "data"\npath = "/data"\n'
        up(alice, write(tmp_path / "app", app_name, more), wait=False)
        assert "'data'" in until(alice, app_name, "volume")["cause"]

    def test_cannot_be_reached_without_a_key(self, alice: Person, app_name: str, tmp_path: Path) -> None:
        """Whom it is open to stands in the file, and `open` says where it is."""
        assert up(alice, write(tmp_path / "app", app_name)).code == 0
        done = alice.runs("open", app_name, "-o", "json")
        assert "no way in from outside" in done.json["problems"][0]["reason"]
        assert "`route`" in done.json["problems"][0]["fix"]


@contextmanager
def changed_pod(
    admin: ClusterApi, name: str, status: dict[str, Any], reason: str = "", said: str = ""
) -> Iterator[None]:
    """The pod of a workload of the stack with another status, and an event that says why; as before afterwards."""
    (pod,) = (dict(each) for each in admin.items(PODS, labelSelector=f"bedplate.dev/workload={name}"))
    metadata: Any = pod["metadata"]
    before: Any = pod["status"]
    path = f"{PODS}/{metadata['name']}/status"
    admin.call("patch", path, body={"status": status}, headers=MERGE)
    if reason:
        of = {"kind": "Pod", "name": metadata["name"], "namespace": TENANT, "uid": metadata["uid"]}
        event = {"involvedObject": of, "reason": reason, "message": said, "lastTimestamp": now()}
        admin.create(EVENTS, {"metadata": {"generateName": "seen."}, **event})
    yield
    admin.call("patch", path, body={"status": before}, headers=MERGE)


class TestAWorkspace:
    def test_that_ran_out_of_memory_is_mended_in_the_tenants_file(self, alice: Person, admin: ClusterApi) -> None:
        (pod,) = (dict(each) for each in admin.items(PODS, labelSelector="bedplate.dev/workload=ines"))
        spec: Any = pod["spec"]
        one = {"name": spec["containers"][0]["name"], "image": "x", "imageID": "", "ready": False, "restartCount": 1}
        ended = {"terminated": {"reason": "OOMKilled", "exitCode": 137}}
        status = {
            "containerStatuses": [{**one, "state": {"running": {}}, "lastState": ended}],
            "conditions": [{"type": "Ready", "status": "False"}, {"type": "PodScheduled", "status": "True"}],
        }
        with changed_pod(admin, "ines", status):
            told = alice.runs("why", "ines", "-o", "json").json
            assert (told["kind"], told["of_stack"]) == ("workspace", True)
            (cause,) = told["causes"]
            assert cause["kind"] == "memory"
            assert "memoryGib: 1 in the tenant's file" in cause["fix"]

    def test_whose_volume_is_attached_elsewhere_says_so(self, alice: Person, admin: ClusterApi) -> None:
        said = "Multi-Attach error for volume pvc-1: Volume is already used by pod(s) ines-old"
        status = {
            "containerStatuses": [],
            "conditions": [{"type": "Ready", "status": "False"}, {"type": "PodScheduled", "status": "True"}],
        }
        with changed_pod(admin, "ines", status, "FailedAttachVolume", said):
            assert "Multi-Attach" in causes(alice, "ines")["volume"]["cause"]


class TestATraining:
    """As a JobSet makes its Jobs; the kinds of Kueue and JobSet are not read, because members may not."""

    @pytest.fixture
    def training(self, admin: ClusterApi) -> Iterator[str]:
        name = f"resnet-{uuid.uuid4().hex[:5]}"
        etl: Any = admin.get(f"/apis/batch/v1/namespaces/{TENANT}/cronjobs/etl")
        template = json.loads(json.dumps(etl["spec"]["jobTemplate"]))
        marks = {"bedplate.dev/workload": name, "app.kubernetes.io/component": "training"}
        for labels in (template["metadata"]["labels"], template["spec"]["template"]["metadata"]["labels"]):
            labels |= marks
        metadata = {**template["metadata"], "name": f"{name}-workers-0"}
        body = {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": template["spec"]}
        body["spec"]["suspend"] = True
        admin.create(JOBS, body)
        yield name
        admin.call("delete", f"{JOBS}/{name}-workers-0", body={"propagationPolicy": "Background"})

    def test_that_waits_its_turn_says_so(self, alice: Person, training: str, admin: ClusterApi) -> None:
        said = "couldn't assign flavors to pod set workers: insufficient unused quota for nvidia.com/gpu"
        of = {"kind": "Workload", "name": f"jobset-{training}-ab12c", "namespace": TENANT}
        event = {"involvedObject": of, "reason": "Pending", "message": said, "lastTimestamp": now()}
        admin.create(EVENTS, {"metadata": {"generateName": "queue."}, **event})
        cause = causes(alice, training)["queue"]
        assert "insufficient unused quota for nvidia.com/gpu" in cause["cause"]

    def test_whose_pods_the_quota_refuses_says_what_is_used(
        self, alice: Person, training: str, admin: ClusterApi
    ) -> None:
        path = f"{JOBS}/{training}-workers-0"
        admin.call("patch", path, body={"spec": {"suspend": False, "parallelism": 0}}, headers=MERGE)
        said = 'pods "x" is forbidden: exceeded quota: tenant, requested: pods=1, used: pods=20, limited: pods=20'
        of = {"kind": "Job", "name": f"{training}-workers-0", "namespace": TENANT}
        event = {"involvedObject": of, "reason": "FailedCreate", "message": said, "lastTimestamp": now()}
        admin.create(EVENTS, {"metadata": {"generateName": "quota."}, **event})
        assert "in use pods=20, limit pods=20" in causes(alice, training)["quota"]["cause"]


class TestStartingUp:
    """To start must not take longer than to ask."""

    @pytest.mark.parametrize(
        "arguments",
        [
            ("deploy", ".", "--image", IMAGE), ("deploy", "list"),
            ("deploy", "get", "label-reader"), ("deploy", "status", "label-reader"),
            ("deploy", "releases", "label-reader"), ("why", "label-reader"), ("logs", "label-reader", "--tail", "1"),
            ("secret", "list"), ("domains", "list"), ("doctor",),
        ],
        ids=" ".join,
    )  # fmt: skip
    def test_imports_neither_pulumi_nor_the_clouds(
        self, alice: Person, app_name: str, tmp_path: Path, arguments: tuple[str, ...]
    ) -> None:
        shown = (
            "import sys\nfrom bedplate.cli import main\n"
            "try:\n    main(sys.argv[1:])\nexcept SystemExit as ended:\n    assert not ended.code\n"
            "print(*{name.partition('.')[0] for name in sys.modules}, file=sys.stderr)"
        )
        done = subprocess.run(
            [sys.executable, "-c", shown, *arguments],
            env={"KUBECONFIG": str(alice.kubeconfig), "PATH": "/usr/bin:/bin"},
            cwd=write(tmp_path / "app", app_name),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert not set(done.stderr.splitlines()[-1].split()) & {"pulumi", "grpc", "kubernetes", "pulumi_kubernetes"}
