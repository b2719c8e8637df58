"""Do the stack's workloads run? Waits for what runs for ever, and starts each job once.

Jobs of one tenant run one after the other, those of different tenants side by side: nobody promised that all of a
tenant's jobs fit its quota at once. A trial run is made as people make one: `kubectl create job --from=cronjob/NAME`.
Where no controller runs a JobSet, its first Job is run in its place.
"""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from bedplate.embedded_cluster.api_server import ApiServer
from bedplate.embedded_cluster.cluster_api import ApiError, at_once
from bedplate.embedded_cluster.objects import Object, ObjectKey, key_of, serves
from bedplate.labels import ACCELERATOR, GPU_RESOURCE
from bedplate.rehearsal.explanation import (
    RehearsalProblem,
    explain_pod,
    explain_refusal,
    pod_requests,
    replica_failure,
)
from bedplate.rehearsal.patience import POLL_SECONDS, Patience
from bedplate.rehearsal.report import PodCount

_OURS = "app.kubernetes.io/part-of=bedplate"
STALLED_SECONDS = 12.0
"""Longer than the pauses that controllers make between tries (the job controller's is 10 s at first)."""
_TRIAL = "rehearsal"
_SET = "JobSet"


@dataclass(frozen=True, kw_only=True)
class _Expected:
    """A controller and the pods it should bring. owner_kind: of the object that owns the pods."""

    controller: Object
    selector: Mapping[str, str]
    pods: int


@dataclass
class Trial:
    """Waits and counts. problems: what did not run, and why. stalled_seconds: how long nothing may move before the
    wait is given up."""

    api: ApiServer
    progress: Callable[[str], None]
    pods: PodCount = field(default_factory=PodCount)
    problems: list[RehearsalProblem] = field(default_factory=list[RehearsalProblem])
    stalled_seconds: float = STALLED_SECONDS

    def run(self, manifests: Sequence[Object]) -> None:
        """Everything that runs for ever first, then the jobs, round by round."""
        minimum = {
            (hpa["metadata"]["namespace"], hpa["spec"]["scaleTargetRef"]["name"]): int(hpa["spec"]["minReplicas"])
            for hpa in manifests
            if hpa["kind"] == "HorizontalPodAutoscaler"
        }
        self._wait(
            [
                _Expected(controller=manifest, selector=_selector(manifest), pods=_replicas(manifest, minimum))
                for manifest in manifests
                if manifest["kind"] in ("Deployment", "StatefulSet")
            ]
            + [
                _Expected(controller=manifest, selector=_selector(manifest), pods=self._daemons(manifest))
                for manifest in manifests
                if manifest["kind"] == "DaemonSet"
            ]
        )
        for round_number, makers in enumerate(_rounds(self._makers(manifests)), 1):
            self.progress(f"trial runs of jobs, round {round_number}: {len(makers)}")
            jobs = [job for job in at_once(self._start, makers) if job is not None]
            self._wait(
                [
                    _Expected(
                        controller=job,
                        selector={"batch.kubernetes.io/job-name": job["metadata"]["name"]},
                        pods=int(job["spec"]["parallelism"]),
                    )
                    for job in jobs
                ]
            )
            at_once(self.api.delete, jobs)

    def _daemons(self, daemon_set: Object) -> int:
        """How many nodes it is for, as its controller counts them; one where the controller does not answer."""
        deadline = time.monotonic() + self.stalled_seconds
        while time.monotonic() < deadline:
            live = self.api.get(daemon_set) or {}
            status = live.get("status", {})
            if status.get("observedGeneration") == live.get("metadata", {}).get("generation"):
                return int(status.get("desiredNumberScheduled", 0))
            time.sleep(POLL_SECONDS)
        return 1

    def _makers(self, manifests: Sequence[Object]) -> list[Object]:
        """What is run once: each CronJob, and each JobSet that no controller runs."""
        sets = [manifest for manifest in manifests if manifest["kind"] == _SET]
        idle = [body for body in sets if not (self.api.get(body) or {}).get("status")]
        return [*(manifest for manifest in manifests if manifest["kind"] == "CronJob"), *idle]

    def _start(self, maker: Object) -> Object | None:
        live = self.api.get(maker)
        if live is None:
            return None
        metadata, template = live["metadata"], _template(live)
        owner = {"apiVersion": maker["apiVersion"], "kind": maker["kind"]}
        is_set = maker["kind"] == _SET
        job = {
            "apiVersion": "batch/v1",
            "kind": "Job",
            "metadata": {
                **template.get("metadata", {}),
                "name": f"{metadata['name'][:52]}-{_TRIAL}",
                "namespace": metadata["namespace"],
                "ownerReferences": [{**owner, "name": metadata["name"], "uid": metadata["uid"]}],
            },
            # Of a JobSet all is removed by the JobSet.
            "spec": {**template["spec"], **({"ttlSecondsAfterFinished": 0} if is_set else {})},
        }
        try:
            return self.api.create(job) | {"apiVersion": "batch/v1", "kind": "Job"}
        except ApiError as error:
            self.problems.append(explain_refusal(key_of(job), error.reason))
            return None

    def _wait(self, expected: Sequence[_Expected]) -> None:
        """Until all is ready, or nothing has moved for a while."""
        total = sum(item.pods for item in expected)
        said, patience = (-1, -1), Patience(self.stalled_seconds)
        while True:
            patience.look()
            pods = self._pods(expected)
            scheduled = sum(min(item.pods, _count(pods[key_of(item.controller)], _is_scheduled)) for item in expected)
            ready = sum(min(item.pods, _count(pods[key_of(item.controller)], _is_ready)) for item in expected)
            if (scheduled, ready) != said:
                said = scheduled, ready
                self.progress(f"{ready} of {total} pods ready, {scheduled} scheduled")
            if ready >= total or patience.is_over(said):
                break
            patience.pause()
        self.pods.expected += total
        self.pods.scheduled += scheduled
        self.pods.ready += ready
        nodes = self.api.objects("v1", "Node")
        for item in expected:
            self._judge(item, pods[key_of(item.controller)], nodes)

    def _pods(self, expected: Sequence[_Expected]) -> dict[ObjectKey, list[Object]]:
        """The pods of each controller, of one list of the platform's."""
        by_namespace: dict[str, list[Object]] = {}
        for pod in self.api.objects("v1", "Pod", selector=_OURS):
            by_namespace.setdefault(pod["metadata"]["namespace"], []).append(pod)
        return {
            key_of(item.controller): [
                pod
                for pod in by_namespace.get(item.controller["metadata"]["namespace"], ())
                if item.selector.items() <= pod["metadata"].get("labels", {}).items()
            ]
            for item in expected
        }

    def _judge(self, item: _Expected, pods: Sequence[Object], nodes: Sequence[Object]) -> None:
        key = key_of(item.controller)
        labels = {node["metadata"]["name"]: node["metadata"].get("labels", {}) for node in nodes}
        for pod in pods:
            # A daemon set's own controller chooses the nodes.
            chosen = item.controller["kind"] != "DaemonSet" and _is_scheduled(pod)
            if chosen and (text := _wrong_pool(pod, labels.get(pod["spec"]["nodeName"], {}))):
                fix = "give the pod the accelerator's node selector and toleration"
                self.problems.append(RehearsalProblem(object=str(key_of(pod)), reason=text, fix=fix))
        if _count(pods, _is_ready) >= item.pods:
            return
        waiting = [pod for pod in pods if not _is_ready(pod)]
        if waiting:
            claims = self.api.objects("v1", "PersistentVolumeClaim", key.namespace)
            self.problems.append(explain_pod(key, waiting[0], nodes, claims))
        else:
            self.problems.append(explain_refusal(key, self._why_no_pods(item)))

    def _why_no_pods(self, item: _Expected) -> str:
        live = self.api.get(item.controller) or item.controller
        if failure := replica_failure(live):
            return failure
        name, namespace = live["metadata"]["name"], live["metadata"]["namespace"]
        events = [
            event
            for event in self.api.objects("v1", "Event", namespace)
            if event["reason"] == "FailedCreate" and event["involvedObject"]["name"].startswith(name)
        ]
        events.sort(key=lambda event: str(event.get("lastTimestamp") or event.get("eventTime") or ""))
        return str(events[-1]["message"]) if events else "its controller made no pods and says nothing about why"


def _template(maker: Object) -> Object:
    """Of the Jobs that a CronJob or a JobSet makes; of several groups of a JobSet that of the first."""
    spec = maker["spec"]
    return spec["replicatedJobs"][0]["template"] if maker["kind"] == _SET else spec["jobTemplate"]


def _rounds(makers: Sequence[Object]) -> Iterable[list[Object]]:
    """The n-th of each namespace together."""
    by_namespace: dict[str, list[Object]] = {}
    for maker in makers:
        by_namespace.setdefault(maker["metadata"]["namespace"], []).append(maker)
    longest = max((len(own) for own in by_namespace.values()), default=0)
    for position in range(longest):
        yield [own[position] for own in by_namespace.values() if position < len(own)]


def _replicas(manifest: Object, minimum: dict[tuple[str, str], int]) -> int:
    name = (manifest["metadata"]["namespace"], manifest["metadata"]["name"])
    return minimum.get(name, int(manifest["spec"].get("replicas", 1)))


def _selector(manifest: Object) -> Mapping[str, str]:
    return manifest["spec"]["selector"]["matchLabels"]


def _count(pods: Sequence[Object], is_so: Callable[[Object], bool]) -> int:
    return sum(1 for pod in pods if is_so(pod))


def _is_scheduled(pod: Object) -> bool:
    return bool(pod["spec"].get("nodeName"))


def _is_ready(pod: Object) -> bool:
    return pod.get("status", {}).get("phase") == "Succeeded" or serves(pod)


def _wrong_pool(pod: Object, labels: Object) -> str | None:
    asked, got = pod["spec"].get("nodeSelector", {}).get(ACCELERATOR), labels.get(ACCELERATOR)
    if asked != got:
        return f"runs on a node with {got or 'no GPU'}, but asks for {asked or 'no GPU'}"
    if got and not pod_requests(pod).get(GPU_RESOURCE):
        return f"takes a place on a node with {got} and uses no GPU"
    return None
