"""Does an update of the stack's workloads end? Changes an image of each once, and waits for the last pod.

The image's name stays, so guardrails judge it as they judge a new version; nothing runs it. It comes after the second
run of the program, so nothing has to be put back.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from bedplate.embedded_cluster.api_server import ApiServer
from bedplate.embedded_cluster.cluster_api import ApiError, at_once
from bedplate.embedded_cluster.objects import Object, ObjectKey, key_of, serves
from bedplate.rehearsal.explanation import RehearsalProblem, explain_pod, explain_refusal, replica_failure
from bedplate.rehearsal.patience import Patience
from bedplate.rehearsal.report import RolloutCount
from bedplate.wording import counted

_KINDS = ("DaemonSet", "Deployment", "StatefulSet")
_SUFFIX = "-rehearsal"
_UNEXPLAINED = 4
"""How many times as long one is waited for that no pod keeps: a controller tries again later and later."""
_DIGEST = re.compile(r"@sha256:[0-9a-f]{64}$")


@dataclass
class Rollout:
    """Changes, waits and counts. stalled_seconds: how long no pod may move before the wait is given up."""

    api: ApiServer
    progress: Callable[[str], None]
    stalled_seconds: float
    count: RolloutCount = field(default_factory=RolloutCount)
    problems: list[RehearsalProblem] = field(default_factory=list[RehearsalProblem])

    def run(self, manifests: Sequence[Object]) -> None:
        """All workloads that roll out, at the same time: as when a library changes that all of them share."""
        rolling = [manifest for manifest in manifests if manifest["kind"] in _KINDS and _rolls(manifest)]
        self.progress(f"changing an image of each workload: {len(rolling)}")
        self.count.workloads = len(rolling)
        changed = [manifest for manifest in at_once(self._change, rolling) if manifest is not None]
        going = self._wait(changed, self.stalled_seconds)
        reasons = self._reasons(going)
        if None in reasons:
            self.progress(f"{counted(len(going), 'rollout')} left, and nothing that keeps all of them: waiting longer")
            going = self._wait(changed, _UNEXPLAINED * self.stalled_seconds)
            reasons = self._reasons(going)
        self.count.complete = len(changed) - len(going)
        pairs = zip(going, reasons, strict=True)
        self.problems += [reason or _unexplained(key_of(manifest)) for manifest, reason in pairs]

    def _change(self, manifest: Object) -> Object | None:
        container = manifest["spec"]["template"]["spec"]["containers"][0]
        image = {"name": container["name"], "image": next_image(container["image"])}
        try:
            self.api.merge(manifest, {"spec": {"template": {"spec": {"containers": [image]}}}})
        except ApiError as error:
            self.problems.append(explain_refusal(key_of(manifest), error.reason))
            return None
        return manifest

    def _wait(self, changed: Sequence[Object], stalled_seconds: float) -> list[Object]:
        """Those that are still going when nothing has moved for that long."""
        said, patience = -1, Patience(stalled_seconds)
        while True:
            patience.look()
            live = self._live(changed)
            going = [manifest for manifest in changed if not is_complete(live.get(key_of(manifest), {}))]
            complete = len(changed) - len(going)
            moved = sum(_updated(body) for body in live.values()) + complete
            if complete != said:
                said = complete
                self.progress(f"{complete} of {len(changed)} rollouts complete")
            if not going or patience.is_over(moved):
                return going
            patience.pause()

    def _live(self, changed: Sequence[Object]) -> dict[ObjectKey, Object]:
        kinds = sorted({(manifest["apiVersion"], manifest["kind"]) for manifest in changed})
        return {key_of(body): body for kind in kinds for body in self.api.objects(*kind)}

    def _reasons(self, going: Sequence[Object]) -> list[RehearsalProblem | None]:
        nodes = self.api.objects("v1", "Node") if going else []
        return [self._explain(manifest, nodes) for manifest in going]

    def _explain(self, manifest: Object, nodes: Sequence[Object]) -> RehearsalProblem | None:
        key = key_of(manifest)
        live = self.api.get(manifest) or manifest
        if failure := replica_failure(live):
            return explain_refusal(key, f"its rollout does not end: {failure}")
        labels: dict[str, str] = live["spec"]["selector"]["matchLabels"]
        selector = ",".join(f"{name}={value}" for name, value in labels.items())
        image = live["spec"]["template"]["spec"]["containers"][0]["image"]
        for pod in self.api.objects("v1", "Pod", key.namespace, selector):
            if pod["spec"]["containers"][0]["image"] == image and not serves(pod):
                claims = self.api.objects("v1", "PersistentVolumeClaim", key.namespace)
                found = explain_pod(key, pod, nodes, claims)
                reason = f"its rollout does not end: a new pod beside those of before finds no place: {found.reason}"
                return RehearsalProblem(object=str(key), reason=reason, fix=found.fix)
        return None


def _unexplained(key: ObjectKey) -> RehearsalProblem:
    reason = "its rollout does not end, and none of its new pods says why"
    return RehearsalProblem(object=str(key), reason=reason, fix="see its events: kubectl describe")


def next_image(image: str) -> str:
    """Another image of the same name: another digest, or another tag."""
    if found := _DIGEST.search(image):
        last = "0" if image.endswith("1") else "1"
        return image[: found.end() - 1] + last
    repository, _, tag = image.rpartition(":")
    if not repository or "/" in tag:
        return f"{image}:rehearsal"
    return f"{image}{_SUFFIX}"


def is_complete(live: Object) -> bool:
    """Whether all pods are of the newest template, ready, and those of before gone, as `kubectl rollout status` has it.

    https://github.com/kubernetes/kubernetes/blob/v1.35.4/staging/src/k8s.io/kubectl/pkg/polymorphichelpers/rollout_status.go
    """
    status = live.get("status", {})
    if not live or status.get("observedGeneration", 0) < live["metadata"]["generation"]:
        return False
    if live["kind"] == "DaemonSet":
        wanted = status.get("desiredNumberScheduled", 0)
        return status.get("updatedNumberScheduled", 0) == wanted == status.get("numberAvailable", 0)
    wanted = live["spec"].get("replicas", 1)
    total, ready = status.get("replicas", 0), status.get("readyReplicas", 0)
    return status.get("updatedReplicas", 0) == wanted == total == ready


def _updated(live: Object) -> int:
    status = live.get("status", {})
    return int(status.get("updatedReplicas", 0) or status.get("updatedNumberScheduled", 0)) + int(
        status.get("readyReplicas", 0) or status.get("numberAvailable", 0)
    )


def _rolls(manifest: Object) -> bool:
    strategy: Object = manifest["spec"].get("updateStrategy") or {}
    return strategy.get("type") != "OnDelete"
