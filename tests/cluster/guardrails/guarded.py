"""Objects for the tests of the guardrails: valid ones of each kind, and changes that break one rule each."""

import copy
import json
from collections.abc import Callable
from typing import Any

from bedplate.embedded_cluster.api_server import ApiServer
from bedplate.embedded_cluster.cluster_api import ApiError

Manifest = dict[str, Any]
Change = Callable[[Manifest, Manifest], None]
"""Changes an object; its second argument is the object's pod."""

GUARDED, MEMBERS = "guarded", "members"
OWNER = f"{GUARDED}_at_example.com"
LABELS = {"bedplate.dev/tenant": GUARDED, "bedplate.dev/project": GUARDED, "bedplate.dev/owner": OWNER}
LIMITS = {
    "approvedImages": ["ghcr.io/acme/", "quay.io/tools/etl"],
    "maxJobHours": 72,
    "maxPod": {"cpu": 8, "memoryGib": 32, "diskGib": 100, "gpus": 2},
    "idle": {"maxMinutes": 120},
    "podAnnotations": ["wandb.ai/"],
}
IDLE, GPU = "bedplate.dev/idle-timeout-minutes", "nvidia.com/gpu"
TURNS = "nvidia-l4-shared-4"


def pod() -> Manifest:
    return {
        "securityContext": {"runAsNonRoot": True, "runAsUser": 1000, "seccompProfile": {"type": "RuntimeDefault"}},
        "restartPolicy": "Never",
        "containers": [
            {
                "name": "main",
                "image": "ghcr.io/acme/app:1.0",
                "resources": {"requests": {"cpu": "1", "memory": "1Gi"}, "limits": {"memory": "1Gi"}},
                "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
            }
        ],
    }


def of_kind(kind: str, body: Manifest) -> Manifest:
    """A valid object of the kind around a pod."""
    metadata = {"name": "probe", "namespace": GUARDED, "labels": dict(LABELS)}
    template = {"metadata": {"labels": {**LABELS, "app": "probe"}}, "spec": body}
    job = {"activeDeadlineSeconds": 3600, "ttlSecondsAfterFinished": 600, "template": template}
    if kind == "Pod":
        return {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": metadata,
            "spec": {**body, "activeDeadlineSeconds": 3600},
        }
    if kind == "Job":
        return {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": job}
    if kind == "CronJob":
        spec = {"schedule": "0 1 * * *", "jobTemplate": {"metadata": {"labels": LABELS}, "spec": job}}
        return {"apiVersion": "batch/v1", "kind": "CronJob", "metadata": metadata, "spec": spec}
    body["restartPolicy"] = "Always"
    spec = {"selector": {"matchLabels": {"app": "probe"}}, "template": template}
    return {"apiVersion": "apps/v1", "kind": kind, "metadata": metadata, "spec": spec}


def manifest(kind: str, change: Change) -> Manifest:
    body = pod()
    whole = of_kind(kind, body)
    whole = copy.deepcopy(whole)
    change(whole, inner_pod(whole))
    return whole


def inner_pod(whole: Manifest) -> Manifest:
    if whole["kind"] == "Pod":
        return whole["spec"]
    template = whole["spec"]["jobTemplate"]["spec"] if whole["kind"] == "CronJob" else whole["spec"]
    return template["template"]["spec"]


def image(reference: str, part: str = "containers") -> Change:
    def change(_whole: Manifest, body: Manifest) -> None:
        container = {**copy.deepcopy(body["containers"][0]), "image": reference}
        body[part] = [container] if part == "containers" else [{**container, "name": "other"}]

    return change


def image_volume(_whole: Manifest, body: Manifest) -> None:
    body["volumes"] = [{"name": "weights", "image": {"reference": "docker.io/evil/weights:1"}}]


def without_label(label: str) -> Change:
    def change(whole: Manifest, _body: Manifest) -> None:
        del whole["metadata"]["labels"][label]

    return change


def of_another_tenant(whole: Manifest, _body: Manifest) -> None:
    whole["metadata"]["labels"]["bedplate.dev/tenant"] = "somebody-else"


def gpus(count: int, accelerator: str = "nvidia-l4", idle_minutes: str | None = None) -> Change:
    def change(whole: Manifest, body: Manifest) -> None:
        body["nodeSelector"] = {"bedplate.dev/accelerator": accelerator}
        body["priorityClassName"] = "bedplate-nvidia-l4"
        body["containers"][0]["resources"]["requests"][GPU] = str(count)
        body["containers"][0]["resources"]["limits"][GPU] = str(count)
        if idle_minutes is not None:
            whole["metadata"]["annotations"] = {IDLE: idle_minutes}

    return change


def turns(count: int, containers: int = 1) -> Change:
    """GPUs that many use in turns, asked for by each of so many containers."""

    def change(_whole: Manifest, body: Manifest) -> None:
        body["nodeSelector"] = {"bedplate.dev/accelerator": TURNS}
        body["priorityClassName"] = f"bedplate-{TURNS}"
        for part in ("requests", "limits"):
            body["containers"][0]["resources"][part][GPU] = str(count)
        body["containers"] += [{**copy.deepcopy(body["containers"][0]), "name": f"c{n}"} for n in range(1, containers)]

    return change


def serving(whole: Manifest, body: Manifest) -> None:
    gpus(1)(whole, body)
    whole["metadata"]["labels"]["app.kubernetes.io/component"] = "model-api"


def deadline(seconds: int | None) -> Change:
    def change(whole: Manifest, body: Manifest) -> None:
        limited = body if whole["kind"] == "Pod" else whole["spec"]
        if whole["kind"] == "CronJob":
            limited = whole["spec"]["jobTemplate"]["spec"]
        del limited["activeDeadlineSeconds"]
        if seconds is not None:
            limited["activeDeadlineSeconds"] = seconds

    return change


def size(resource: str, amount: str) -> Change:
    def change(_whole: Manifest, body: Manifest) -> None:
        resources = body["containers"][0]["resources"]
        resources["requests"][resource] = amount
        resources["limits"][resource] = amount

    return change


def two_containers_of(memory: str) -> Change:
    def change(_whole: Manifest, body: Manifest) -> None:
        second = {**copy.deepcopy(body["containers"][0]), "name": "second"}
        body["containers"].append(second)
        for container in body["containers"]:
            container["resources"] = {"requests": {"cpu": "1", "memory": memory}, "limits": {"memory": memory}}

    return change


def field(key: str, value: Any) -> Change:
    def change(_whole: Manifest, body: Manifest) -> None:
        body[key] = value

    return change


def host_path(_whole: Manifest, body: Manifest) -> None:
    body["volumes"] = [{"name": "host", "hostPath": {"path": "/"}}]


def privileged(_whole: Manifest, body: Manifest) -> None:
    body["containers"][0]["securityContext"] = {"privileged": True}


def host_port(_whole: Manifest, body: Manifest) -> None:
    body["containers"][0]["ports"] = [{"containerPort": 80, "hostPort": 80}]


def gpu_toleration(_whole: Manifest, body: Manifest) -> None:
    body["tolerations"] = [{"key": GPU, "operator": "Exists", "effect": "NoSchedule"}]


def tolerates_everything(_whole: Manifest, body: Manifest) -> None:
    body["tolerations"] = [{"operator": "Exists"}]


def unselected_gpu(whole: Manifest, body: Manifest) -> None:
    gpus(1)(whole, body)
    del body["nodeSelector"]


def nothing(_whole: Manifest, _body: Manifest) -> None:
    pass


def init(**resources: str) -> Change:
    """One more init container that requests and may take so much."""

    def change(_whole: Manifest, body: Manifest) -> None:
        large = {**copy.deepcopy(body["containers"][0]), "name": "init"}
        large["resources"] = {"requests": resources, "limits": resources}
        body["initContainers"] = [large]

    return change


def sidecar(**resources: str) -> Change:
    def change(whole: Manifest, body: Manifest) -> None:
        init(**resources)(whole, body)
        body["initContainers"][0]["restartPolicy"] = "Always"

    return change


def resources(**of_main: Manifest) -> Change:
    """The resources of the container, all of them."""

    def change(_whole: Manifest, body: Manifest) -> None:
        body["containers"][0]["resources"] = of_main

    return change


def template_labels(**labels: str | None) -> Change:
    """Labels of the pod template, below `bedplate.dev/` but for Kubernetes' `component`; None takes one away."""

    def change(whole: Manifest, _body: Manifest) -> None:
        template = whole["spec"]["jobTemplate"]["spec"] if whole["kind"] == "CronJob" else whole["spec"]
        metadata = whole["metadata"] if whole["kind"] == "Pod" else template["template"]["metadata"]
        for key, value in labels.items():
            label = "app.kubernetes.io/component" if key == "component" else f"bedplate.dev/{key}"
            metadata["labels"] = {k: v for k, v in metadata["labels"].items() if k != label}
            if value is not None:
                metadata["labels"][label] = value

    return change


def annotated(*keys: str) -> Change:
    """Annotations of the pods."""

    def change(whole: Manifest, _body: Manifest) -> None:
        template = whole["spec"]["jobTemplate"]["spec"] if whole["kind"] == "CronJob" else whole["spec"]
        metadata = whole["metadata"] if whole["kind"] == "Pod" else template["template"]["metadata"]
        metadata["annotations"] = dict.fromkeys(keys, "x")

    return change


def ttl(seconds: int | None) -> Change:
    def change(whole: Manifest, _body: Manifest) -> None:
        job = whole["spec"]["jobTemplate"]["spec"] if whole["kind"] == "CronJob" else whole["spec"]
        del job["ttlSecondsAfterFinished"]
        if seconds is not None:
            job["ttlSecondsAfterFinished"] = seconds

    return change


def of_container(**fields: Any) -> Change:
    def change(_whole: Manifest, body: Manifest) -> None:
        body["containers"][0].update(copy.deepcopy(fields))

    return change


def of_job(**fields: Any) -> Change:
    def change(whole: Manifest, _body: Manifest) -> None:
        whole["spec"].update(copy.deepcopy(fields))

    return change


def of_metadata(**fields: Any) -> Change:
    def change(whole: Manifest, _body: Manifest) -> None:
        whole["metadata"].update(copy.deepcopy(fields))

    return change


def owned_by(kind: str, api_version: str, *, is_controller: bool = True) -> Change:
    """A pod or Job that something else is said to have made, without what only makers are asked for."""

    def change(whole: Manifest, body: Manifest) -> None:
        owner = {
            "apiVersion": api_version,
            "kind": kind,
            "name": "anchor",
            "uid": "7a1c7a35-2a3b-4a8e-9c55-3a7a3ee6a001",
        }
        whole["metadata"]["ownerReferences"] = [{**owner, "controller": True} if is_controller else owner]
        if whole["kind"] == "Pod":
            del body["activeDeadlineSeconds"]

    return change


def anti_affinity(**term: Any) -> Change:
    term = {"labelSelector": {"matchLabels": {"app": "x"}}, "topologyKey": "kubernetes.io/os", **term}
    return field("affinity", {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}})


def on_pool(pool: str, part: str = "requiredDuringSchedulingIgnoredDuringExecution") -> Change:
    """Node affinity to a pool, among other terms."""
    chosen = {"matchExpressions": [{"key": "bedplate.dev/pool", "operator": "In", "values": ["general", pool]}]}
    terms: Any = {"nodeSelectorTerms": [chosen]}
    if part.startswith("preferred"):
        terms = [{"weight": 1, "preference": chosen}]
    return field("affinity", {"nodeAffinity": {part: terms}})


def all_of(*changes: Change) -> Change:
    def change(whole: Manifest, body: Manifest) -> None:
        for each in changes:
            each(whole, body)

    return change


def in_namespace(body: Manifest, tenant: str) -> Manifest:
    """The object as another tenant's."""
    return json.loads(json.dumps(body).replace(GUARDED, tenant))


def refusal(api: ApiServer, body: Manifest) -> str | None:
    """What the API server says of an object, or None where it admits it; nothing is created."""
    try:
        api.apply(body, is_dry_run=True)
    except ApiError as error:
        return error.reason
    return None
