"""Queues and trainings with the real Kueue and the real JobSet: all or none, all again, lent and given back."""

import re
import ssl
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest

from bedplate.embedded_cluster.cluster import ClusterAccess
from bedplate.embedded_cluster.cluster_api import ApiError
from bedplate.labels import DEFAULT_QUEUE, MAX_EXECUTION_SECONDS, MONITORING_NAMESPACE
from bedplate.services.monitoring.kube_prometheus import PROMETHEUS_ACCOUNT
from bedplate.services.monitoring.rights import rights
from cluster.objects_under_test import eventually
from cluster.queue_under_test import ACCELERATOR, HELD, KUEUE, Queues, running_queues, stack, training
from harness import objects, record

pytestmark = pytest.mark.enable_socket

LABEL = re.compile(r'(\w+)="([^"]*)"')


@pytest.fixture(scope="module")
def queues(cluster_access: ClusterAccess) -> Iterator[Queues]:
    with running_queues(cluster_access) as running:
        yield running


@pytest.fixture(autouse=True)
def _alone(queues: Queues) -> Iterator[None]:
    yield
    queues.clear()


def test_four_pods_of_four_run_or_none(queues: Queues) -> None:
    """Eight GPUs, of which the tenant may have all while the other has none: two of four, and the third gets none."""
    first, second, third = (training(f"gang-{number}", 4) for number in (1, 2, 3))
    queues.submit(first)
    queues.submit(second)
    queues.runs("gang-1", 4)
    queues.runs("gang-2", 4)
    body = queues.submit(third)
    eventually(lambda: "conditions" in queues.workload("gang-3").get("status", {}), "a word about the third", 30)
    said = [one["message"] for one in queues.workload("gang-3")["status"]["conditions"]]
    assert any("insufficient" in text for text in said), said
    assert (queues.api.get(body) or {})["spec"]["suspend"] is True
    selector = "jobset.sigs.k8s.io/jobset-name=gang-3"
    assert queues.api.objects("v1", "Pod", "vision", selector) == []
    queues.remove(("gang-1", "vision"))
    queues.runs("gang-3", 4)


def test_a_failure_of_one_pod_has_all_made_again(queues: Queues) -> None:
    mounts = [{"volume": "runs", "path": "/runs"}]
    body = queues.submit(training("restarted", 4, mounts=mounts, checkpoints="/runs", restarts=1))
    queues.runs("restarted", 4)
    before = {pod["metadata"]["uid"] for pod in queues.pods("restarted")}
    queues.end(queues.pods("restarted")[2], "Failed")
    eventually(
        lambda: (
            len(queues.pods("restarted")) == 4
            and not before & {pod["metadata"]["uid"] for pod in queues.pods("restarted")}
        ),
        "four other pods",
    )
    assert queues.status(body)["restarts"] == 1
    queues.end(queues.pods("restarted")[0], "Failed")
    eventually(lambda: queues.is_so(body, "Failed"), "the end after the second failure")


def test_what_a_nodes_end_took_is_made_again_and_does_not_count(queues: Queues) -> None:
    body = queues.submit(training("evicted", 2))
    queues.runs("evicted", 2)
    before = {pod["metadata"]["uid"] for pod in queues.pods("evicted")}
    queues.end(queues.pods("evicted")[1], "Failed", "DisruptionTarget")
    eventually(
        lambda: (
            len(queues.pods("evicted")) == 2 and not before & {pod["metadata"]["uid"] for pod in queues.pods("evicted")}
        ),
        "two other pods",
    )
    assert queues.status(body).get("restartsCountTowardsMax", 0) == 0
    assert queues.status(body)["restarts"] == 1
    assert not queues.is_so(body, "Failed")


def test_what_was_lent_is_given_back_to_its_owner(queues: Queues) -> None:
    """The borrower has all eight; the lender wants its four, gets them, and the borrower's second waits."""
    queues.submit(training("own", 4))
    queues.runs("own", 4)
    queues.submit(training("lent", 4))
    queues.runs("lent", 4)
    queues.submit(training("owner", 4), "audio")
    queues.runs("owner", 4, "audio")
    assert {len(queues.pods(name)) for name in ("own", "lent")} == {0, 4}
    evicted = next(name for name in ("own", "lent") if not queues.pods(name))
    queues.remove(("owner", "audio"))
    queues.runs(evicted, 4)


def test_the_time_limit_holds_over_all_attempts(queues: Queues) -> None:
    """Shortened to seconds: each attempt is younger than the limit, all of them together are not."""
    written = training("limited", 2, maxHours=0.01)
    body = queues.submit(written)
    assert body["metadata"]["labels"][MAX_EXECUTION_SECONDS] == "36"
    queues.runs("limited", 2)
    for _ in range(2):
        eventually(lambda: len(queues.pods("limited")) == 2, "an attempt", 30)
        queues.end(queues.pods("limited")[0], "Failed", "DisruptionTarget")
    eventually(
        lambda: queues.workload("limited")["spec"].get("active") is False,
        "the end of the time of all attempts",
        60,
    )
    eventually(lambda: queues.pods("limited") == [], "no pod", 30)
    assert queues.status(body)["restarts"] == 2


def test_a_run_ends_and_is_done(queues: Queues) -> None:
    body = queues.submit(training("short", 2), is_held=False)
    eventually(lambda: queues.is_so(body, "Completed"), "its end")


def test_queues_and_quotas_agree_by_accelerator(queues: Queues) -> None:
    """What the queue may let through at the most, with what is borrowed, is what the API server lets run."""
    for name in ("vision", "audio"):
        queue = next(one for one in queues.api.objects(KUEUE, "ClusterQueue") if one["metadata"]["name"] == name)
        flavors = {flavor["name"]: flavor for group in queue["spec"]["resourceGroups"] for flavor in group["flavors"]}
        (gpus,) = flavors[ACCELERATOR]["resources"]
        quotas = {one["metadata"]["name"]: one for one in queues.api.objects("v1", "ResourceQuota", name)}
        hard = quotas[ACCELERATOR]["spec"]["hard"]["requests.nvidia.com/gpu"]
        assert int(gpus["nominalQuota"]) + int(gpus["borrowingLimit"]) == int(hard) == 8


def test_a_job_that_names_no_queue_waits_in_the_tenants(queues: Queues) -> None:
    """Nobody starts a job past the queue."""
    labels = {
        **{"bedplate.dev/tenant": "audio", "bedplate.dev/project": "audio"},
        **{"bedplate.dev/owner": "audio_at_example.com", "app.kubernetes.io/name": "by-hand"},
        "app.kubernetes.io/component": "batch",
    }
    amounts = {"cpu": "1", "memory": "1Gi", "ephemeral-storage": "1Gi"}
    container = {
        **{"name": "main", "image": "ghcr.io/acme/etl:1.0.0", "resources": {"requests": amounts, "limits": amounts}},
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
    }
    nobody = {"runAsNonRoot": True, "runAsUser": 65532, "seccompProfile": {"type": "RuntimeDefault"}}
    spec = {"restartPolicy": "Never", "securityContext": nobody, "containers": [container]}
    job = {
        **{"apiVersion": "batch/v1", "kind": "Job"},
        "metadata": {"name": "by-hand", "namespace": "audio", "labels": labels},
        "spec": {
            **{"activeDeadlineSeconds": 3600, "ttlSecondsAfterFinished": 600},
            "template": {"metadata": {"labels": labels, "annotations": HELD}, "spec": spec},
        },
    }
    made = queues.api.create(job)
    assert made["spec"]["suspend"] is True
    assert made["metadata"]["labels"]["kueue.x-k8s.io/queue-name"] == DEFAULT_QUEUE
    eventually(lambda: (queues.api.get(job) or {}).get("status", {}).get("active") == 1, "its turn", 30)
    queues.api.delete(job)


def test_a_job_set_that_a_rule_denies_says_so_at_once(queues: Queues) -> None:
    (body,) = (one.inputs for one in objects(record(stack(training("elsewhere", 2))), "JobSet"))
    body["spec"]["replicatedJobs"][0]["template"]["spec"]["template"]["spec"]["containers"][0]["image"] = "python:3.11"
    with pytest.raises(ApiError, match="approved-images"):
        queues.api.create(body)


def test_names_of_pods_are_those_that_the_first_is_looked_for_under(queues: Queues) -> None:
    queues.submit(training("named", 2))
    queues.runs("named", 2)
    pods = {
        pod["metadata"]["annotations"]["batch.kubernetes.io/job-completion-index"]: pod for pod in queues.pods("named")
    }
    environment = {one["name"]: one.get("value") for one in pods["1"]["spec"]["containers"][0]["env"]}
    spec = pods["0"]["spec"]
    assert environment["MASTER_ADDR"] == f"{spec['hostname']}.{spec['subdomain']}"
    services = queues.api.objects("v1", "Service", "vision")
    assert [one["spec"]["clusterIP"] for one in services if one["metadata"]["name"] == spec["subdomain"]] == ["None"]


class TestMetrics:
    """As Prometheus reads them: by the token of its own ServiceAccount."""

    @pytest.fixture
    def token(self, queues: Queues) -> Iterator[str]:
        namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": MONITORING_NAMESPACE}}
        where = {"name": PROMETHEUS_ACCOUNT, "namespace": MONITORING_NAMESPACE}
        account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": where}
        own = [body for body in rights() if body["metadata"]["name"] == f"bedplate-{PROMETHEUS_ACCOUNT}"]
        assert [body["kind"] for body in own] == ["ClusterRole", "ClusterRoleBinding"]
        for body in (namespace, account, *own):
            queues.api.apply(body)
        yield queues.api.token(MONITORING_NAMESPACE, PROMETHEUS_ACCOUNT, 600)
        for body in (*own, namespace):
            queues.api.delete(body)

    def test_tell_prometheus_what_the_alerts_of_queues_read(self, queues: Queues, token: str) -> None:
        assert {read(port, token)[0] for port in queues.metrics.values()} == {200}
        queues.submit(training("large", 8))
        queues.runs("large", 8)
        queues.submit(training("late", 1))

        def told() -> dict[str, float]:
            text = read(queues.metrics["Kueue"], token)[1]
            series = re.findall(r"^kueue_(\w+_workloads)\{(.*)\} (\S+)$", text, re.MULTILINE)
            of_vision = [(name, dict(LABEL.findall(labels)), float(value)) for name, labels, value in series]
            return {
                " ".join([name, labels.get("status", "")]).strip(): value
                for name, labels, value in of_vision
                if labels.get("cluster_queue") == "vision"
            }

        wanted = {"pending_workloads inadmissible": 1.0, "admitted_active_workloads": 1.0}
        eventually(lambda: wanted.items() <= told().items(), f"one that waits and one that runs, not {told()}", 30)

    def test_tell_nobody_else(self, queues: Queues) -> None:
        stranger = queues.api.token("vision", "default", 600)
        assert {read(port, stranger)[0] for port in queues.metrics.values()} == {403}
        assert {read(port, "")[0] for port in queues.metrics.values()} == {401}


def read(port: int, token: str) -> tuple[int, str]:
    """Status and text of the answer. The certificate is the controller's own."""
    trusting = ssl.create_default_context()
    trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    request = urllib.request.Request(f"https://127.0.0.1:{port}/metrics", headers=headers)
    try:
        with urllib.request.urlopen(request, context=trusting, timeout=20) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, ""
