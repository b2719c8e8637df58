"""What a tenant's own file decides: every key of it, and what keeps it from deciding for others.

A key of a new template, or a new key of an old one, is refused by a test until somebody has decided about it here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bedplate.config import TenantEntry
from bedplate.workloads import Workload
from bedplate.workloads._base import WorkloadSpec

Path = tuple[str | int, ...]


@dataclass(frozen=True)
class Bounded:
    """The stack's file, or what the platform knows, says how far the key may go. by: what does; tried: where in the
    tenant of `attacked` a hostile value is put, and the value; said: what the answer holds."""

    by: str
    tried: tuple[Path, Any]
    said: str


@dataclass(frozen=True)
class Free:
    """The key reaches nobody else. because: why."""

    because: str


Decision = Bounded | Free
_OWN_PODS = Free("it changes the tenant's own pods, within their sizes and rights")
_OWN_RUNS = Free("it changes when the tenant's own runs start and how long they are kept, within its quota")
_OWN_ROUTE = Free("it changes how the workload's own route answers")
_OWN_WAY_IN = Free("it says who else comes in to the tenant's own workload")
_OWN_PLACE = Free("it changes what people find in the tenant's own workspace")
_REVIEWED = Free("whoever reviews the file looks at it: what it names is not checked against the tenant")
_CEILING = "guardrails.maxTenant"
_WORKLOAD, _JOB, _WORKSPACE, _APP, _LLM = (("workloads", at) for at in range(5))
TRAINING: dict[str, Any] = {
    "kind": "training",
    "name": "gang",
    "image": "ghcr.io/acme/trainer:1.0.0",
    "nodes": 1,
    "command": ["python", "train.py"],
}
WORKSPACE: dict[str, Any] = {
    "kind": "workspace",
    "name": "studio",
    "owner": "ines@example.com",
    "image": "ghcr.io/acme/lab:1.0.0",
}


def _quota(key: str, value: Any = 9000) -> Bounded:
    return Bounded(f"{_CEILING}.quota.{key}", (("quota", key), value), _CEILING)


def _size(key: str, value: Any, said: str = "max-pod-size") -> Bounded:
    return Bounded("guardrails.maxPod, and the tenant's quota", ((*_WORKLOAD, key), value), said)


KEYS: Mapping[str, Decision] = {
    "Tenant.name": Bounded(
        "the file's own name, guardrails.reservedNamespaces and the namespaces of well-known software",
        (("name",), "argocd"),
        "other software's",
    ),
    "Tenant.groups": Bounded("the names that are Kubernetes' own", (("groups", 0), "system:authenticated"), "system:"),
    "Tenant.owner": _REVIEWED,
    "Tenant.project": _REVIEWED,
    "Tenant.allowedNetworks": Bounded(
        f"{_CEILING}.allowedNetworks", (("allowedNetworks", 0), "10.0.0.0/8"), "no tenant may reach this network"
    ),
    "Tenant.podSecurity": Bounded(f"{_CEILING}.podSecurity", (("podSecurity",), "baseline"), "held to less"),
    "Quota.cpu": _quota("cpu"),
    "Quota.memoryGib": _quota("memoryGib", 90_000),
    "Quota.gpus": _quota("gpus", {"nvidia-l4": 90}),
    "Quota.borrowedGpus": _quota("borrowedGpus", {"nvidia-l4": 90}),
    "Quota.storageGib": _quota("storageGib", 90_000),
    "Quota.scratchGib": _quota("scratchGib", 90_000),
    "Quota.pods": _quota("pods"),
    "Quota.jobs": _quota("jobs"),
    "Quota.claims": _quota("claims"),
    "Volume.name": Free("claims stand in the tenant's own namespace"),
    "Volume.sizeGib": Bounded("the tenant's quota.storageGib", (("volumes", 0, "sizeGib"), 4000), "quota.storageGib"),
    "Volume.retain": Free("what stays after the tenant is named in the plan, and counts as its storage until then"),
    "Volume.access": Free("it changes the tenant's own claims"),
    "Workload.name": Bounded(
        "the names at the front door, which are one for all tenants", ((*_WORKLOAD, "name"), "scorer-b"), "is taken by"
    ),
    "Workload.owner": _REVIEWED,
    "Workload.project": _REVIEWED,
    "Workload.image": Bounded(
        "guardrails.approvedImages", ((*_WORKLOAD, "image"), "docker.io/evil/app:1"), "approved-images"
    ),
    "Workload.command": _OWN_PODS,
    "Workload.args": _OWN_PODS,
    "Workload.cpu": _size("cpu", 60),
    "Workload.memoryGib": _size("memoryGib", 600),
    "Workload.scratchGib": _size("scratchGib", 900),
    "Workload.sharedMemoryGib": _size("sharedMemoryGib", 900, "memoryGib"),
    "Workload.user": Bounded("no root", ((*_WORKLOAD, "user"), 0), "at least 1"),
    "Workload.env": Bounded(
        "the variable that shows GPUs of others", ((*_WORKLOAD, "env"), {"NVIDIA_VISIBLE_DEVICES": "all"}), "GPUs"
    ),
    "Workload.secretEnv": Bounded(
        "the secrets that are the tenant's by their name, or by tenantSecrets",
        ((*_WORKLOAD, "secretEnv"), {"STOLEN": "client"}),
        "the platform's own",
    ),
    "ExternalSecret.external": Bounded(
        "the tenant's own prefix in the store, which `secrets.prefixes` of the stack's file gives it",
        ((*_WORKLOAD, "secretEnv"), {"STOLEN": {"external": "../search/index", "key": "token"}}),
        "without '..'",
    ),
    "ExternalSecret.key": Free("it chooses a value of a secret that is the tenant's"),
    "Mount.volume": Bounded(
        "the tenant's own volumes", ((*_WORKLOAD, "mounts"), [{"volume": "others", "path": "/b"}]), "no such volume"
    ),
    "Mount.path": Bounded(
        "no path by which GPUs are shown",
        ((*_WORKLOAD, "mounts"), [{"volume": "data", "path": "/var/run/nvidia-container-devices/all"}]),
        "nvidia-container-devices",
    ),
    "Gpu.accelerator": _size("gpu", {"accelerator": "nvidia-h100", "count": 1}, "no node pool"),
    "Gpu.count": _size("gpu", {"accelerator": "nvidia-l4", "count": 60}),
    "Gpu.cuda": Free("it is compared with the driver of the nodes, and changes nothing"),
    "Job.schedule": _OWN_RUNS,
    "Job.timeZone": _OWN_RUNS,
    "Job.retries": _OWN_RUNS,
    "Job.maxHours": Bounded("guardrails.maxJobHours", ((*_JOB, "maxHours"), 700), "job-run-time"),
    # The attacked stack is on a cluster of somebody else's; others' buckets: wrong_stacks/buckets.txt.
    "Grant.bucket": Bounded(
        "the stack's buckets", ((*_WORKLOAD, "grants"), [{"bucket": "others"}]), "an identity of the cloud"
    ),
    "Grant.access": Bounded(
        "the stack's buckets",
        ((*_WORKLOAD, "grants"), [{"bucket": "others", "access": "write"}]),
        "an identity of the cloud",
    ),
    "Grant.prefix": Free("it narrows what the stack's buckets allow, below their own prefix"),
    "Job.trigger": Free("it lets an account of the tenant's own create runs of the tenant's own job"),
    "Job.parallelism": Bounded("the tenant's quota", ((*_JOB, "parallelism"), 9000), "raise quota.pods"),
    "Job.concurrency": _OWN_RUNS,
    "Job.startWithinSeconds": _OWN_RUNS,
    "Job.keepDays": Bounded(
        "400 days at most, and the tenant's quota.jobs", ((*_JOB, "keepDays"), 9000), "at most 400"
    ),
    "History.succeeded": Bounded("100 at most", ((*_JOB, "history", "succeeded"), 9000), "at most 100"),
    "History.failed": Bounded("100 at most", ((*_JOB, "history", "failed"), 9000), "at most 100"),
    "ModelApi.port": _OWN_PODS,
    "ModelApi.healthPath": _OWN_PODS,
    "ModelApi.startupSeconds": _OWN_PODS,
    "ModelApi.drainSeconds": Bounded("600 seconds at most", ((*_WORKLOAD, "drainSeconds"), 90_000), "at most 600"),
    "ModelApi.update": _OWN_PODS,
    "Canary.image": Bounded(
        "guardrails.approvedImages", ((*_WORKLOAD, "canary", "image"), "docker.io/evil/app:1"), "approved-images"
    ),
    "Canary.weightPercent": _OWN_ROUTE,
    "App.framework": _OWN_PODS,
    "App.file": _OWN_PODS,
    "App.port": _OWN_PODS,
    "App.healthPath": _OWN_PODS,
    "App.startupSeconds": _OWN_PODS,
    "App.replicas": Bounded("100 at most, and the tenant's quota", ((*_APP, "replicas"), 90), "than the quota"),
    "Code.repository": Free("its pods fetch it with the tenant's own token, and run it within their sizes and rights"),
    "Code.ref": _OWN_PODS,
    "Code.commit": _OWN_PODS,
    "Code.tokenEnv": Bounded("the workload's own secretEnv", ((*_APP, "source", "tokenEnv"), "OTHERS"), "secretEnv"),
    "Code.image": Bounded(
        "guardrails.approvedImages", ((*_APP, "source", "image"), "docker.io/evil/git:1"), "approved-images"
    ),
    "Llm.model": _OWN_PODS,
    "Llm.contextTokens": Bounded("the model's own", ((*_LLM, "contextTokens"), 900_000), "was made for"),
    "Llm.fullRequests": Bounded("the GPUs' memory", ((*_LLM, "fullRequests"), 9000), "of each GPU"),
    "Llm.runningRequests": _OWN_PODS,
    "Llm.cacheType": _OWN_PODS,
    "Llm.memoryShare": _OWN_PODS,
    "Llm.startupSeconds": _OWN_PODS,
    "Llm.drainSeconds": Bounded("600 seconds at most", ((*_LLM, "drainSeconds"), 90_000), "at most 600"),
    "Llm.update": _OWN_PODS,
    "LlmReplicas.min": Bounded("the tenant's quota", ((*_LLM, "replicas"), {"min": 40, "max": 40}), "than the quota"),
    "LlmReplicas.max": Bounded("the tenant's quota", ((*_LLM, "replicas"), {"min": 40, "max": 40}), "than the quota"),
    "Weights.volume": Bounded("the tenant's own volumes", ((*_LLM, "weights", "volume"), "others"), "no such volume"),
    "Weights.folder": Bounded("folders of the volume", ((*_LLM, "weights", "folder"), "../../b"), "without `..`"),
    "Weights.bucket": Free("what is in the bucket is read with the rights of the workload's own identity"),
    "Weights.image": Bounded(
        "guardrails.approvedImages", ((*_LLM, "weights"), {"image": "docker.io/evil/weights:1"}), "approved-images"
    ),
    "Preload.repository": Free("it is fetched from where everybody publishes models, with the tenant's own token"),
    "Preload.revision": _OWN_PODS,
    "Replicas.min": Bounded(
        "the tenant's quota", ((*_WORKLOAD, "replicas"), {"min": 400, "max": 400}), "than the quota"
    ),
    "Replicas.max": Bounded("the tenant's quota", ((*_WORKLOAD, "replicas"), {"min": 1, "max": 400}), "than the quota"),
    "Replicas.cpuPercent": _OWN_PODS,
    "Idle.afterMinutes": Bounded(
        "guardrails.idle.maxMinutes", ((*_WORKLOAD, "idle"), {"afterMinutes": 9000}), "guardrails.idle.maxMinutes"
    ),
    "Training.nodes": Bounded("the tenant's quota", (_WORKLOAD, {**TRAINING, "nodes": 900}), "than the quota"),
    "Training.processes": _OWN_PODS,
    "Training.launcher": _OWN_PODS,
    "Training.checkpoints": _OWN_PODS,
    "Training.restarts": _OWN_RUNS,
    "Training.maxHours": Bounded("guardrails.maxJobHours", (_WORKLOAD, {**TRAINING, "maxHours": 700}), "job-run-time"),
    "Training.interconnect": Bounded(
        "the stack's pools with `interconnect`",
        (_WORKLOAD, {**TRAINING, "gpu": {"accelerator": "nvidia-l4", "count": 1}, "interconnect": True}),
        "no cards between GPUs",
    ),
    "Training.priority": Free("it puts the tenant's own work in order, and nobody else's"),
    "Training.saveSeconds": Bounded(
        "600 seconds at most", (_WORKLOAD, {**TRAINING, "saveSeconds": 9000}), "at most 600"
    ),
    "Training.keepDays": Bounded("400 days at most", (_WORKLOAD, {**TRAINING, "keepDays": 9000}), "at most 400"),
    "Workspace.interface": _OWN_PLACE,
    "Workspace.openTo": Free("it opens the workspace to the tenant's own groups at the most"),
    "Workspace.homeGib": Bounded("the tenant's quota.storageGib", ((*_WORKSPACE, "homeGib"), 4000), "quota.storageGib"),
    "Workspace.dotfiles": _OWN_PLACE,
    "Workspace.buildsImages": Free(
        "its pods may do what the tenant's members may where its images are built, and no more"
    ),
    "Workspace.ssh": Free("its owner alone comes in, by a key that the stack's own file has"),
    "Workspace.alwaysOn": Bounded(
        "never with GPUs",
        (_WORKSPACE, {**WORKSPACE, "gpu": {"accelerator": "nvidia-l4"}, "alwaysOn": True}),
        "always stops while idle",
    ),
    "Git.name": _OWN_PLACE,
    "Git.email": _OWN_PLACE,
    "Route.access": Bounded(
        f"guardrails.publicRoutes and {_CEILING}.publicRoutes",
        ((*_WORKLOAD, "route"), {"access": "public"}),
        "may be open to everybody",
    ),
    "Route.host": Bounded(
        "one label below the domain, which no other workload and not the login has",
        ((*_WORKLOAD, "route", "host"), "auth.ml.example.com"),
        "is taken by the login",
    ),
    "Route.subjects": _OWN_WAY_IN,
    "Route.subjectsIssuer": _OWN_WAY_IN,
    "Route.maxBodyMib": _OWN_ROUTE,
    "Route.answerSeconds": _OWN_ROUTE,
    "Route.maxConcurrent": _OWN_ROUTE,
    "ApiKey.name": _OWN_WAY_IN,
    "ApiKey.sha256": Bounded(
        "one key opens one workload",
        ((*_WORKLOAD, "route", "apiKeys"), [{"name": "shop", "sha256": "5" * 64}]),
        "stands somewhere else",
    ),
}
"""Type and key → decision. What all templates share stands at `Workload`; a key that only holds others is left out."""


def keys_of_a_tenant() -> set[str]:
    """Every key that a tenant's file can have, as `KEYS` names them."""
    schema: dict[str, Any] = TenantEntry.model_json_schema(by_alias=True)
    definitions: dict[str, Any] = schema["$defs"]
    shared = {field.alias for field in WorkloadSpec.model_fields.values()}
    templates = {template.Spec.__name__ for template in Workload.registry.values()}
    found = {f"Tenant.{key}" for key, value in schema["properties"].items() if not _holds_others(value, definitions)}
    for name, definition in definitions.items():
        for key, value in definition.get("properties", {}).items():
            if key == "kind" or _holds_others(value, definitions):
                continue
            of = "Workload" if name in templates and key in shared else name.removesuffix("Spec")
            found.add(f"{of}.{key}")
    return found


def _holds_others(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> bool:
    """Whether it is a part of the file, or a list of parts, whose own keys are decided about."""
    arms = [schema, *schema.get("anyOf", [])]
    parts = [*arms, *(arm["items"] for arm in arms if "items" in arm)]
    named = [part["$ref"].rpartition("/")[2] for part in parts if "$ref" in part]
    return any("properties" in definitions[name] for name in named) or any("discriminator" in part for part in parts)


def attacked(tenant: str = "a") -> dict[str, Any]:
    """A tenant's file that is right, with every part that a hostile value is put into."""
    route = {"access": "api", "apiKeys": [{"name": "shop", "sha256": "a" * 64}]}
    return {
        "name": tenant,
        "groups": [f"ml-{tenant}"],
        "owner": f"{tenant}@example.com",
        "quota": {"cpu": 32, "memoryGib": 128, "gpus": {"nvidia-l4": 2}, "storageGib": 500},
        "volumes": [{"name": "data", "sizeGib": 10, "retain": False, "access": "manyNodes"}],
        "allowedNetworks": ["10.40.7.0/24"],
        "podSecurity": "restricted",
        "workloads": [
            {
                "kind": "modelApi",
                "name": "scorer",
                "image": "ghcr.io/acme/scorer:1.0.0",
                "replicas": {"min": 1, "max": 2},
                "route": route,
                "canary": {"image": "ghcr.io/acme/scorer:2.0.0"},
            },
            {"kind": "job", "name": "etl", "image": "ghcr.io/acme/etl:1.0.0", "history": {"succeeded": 3}},
            {**WORKSPACE, "alwaysOn": True},
            {
                "kind": "app",
                "name": "pages",
                "image": "ghcr.io/acme/pages:1.0.0",
                "framework": "streamlit",
                "source": {
                    "repository": "https://git.example.com/pages.git",
                    "commit": "5" * 40,
                    "image": "ghcr.io/acme/git:2.47.2",
                },
            },
            {
                "kind": "llm",
                "name": "chat",
                "image": "ghcr.io/acme/vllm:0.33.0",
                "model": "qwen3-4b",
                "gpu": {"accelerator": "nvidia-l4"},
                "weights": {"volume": "data", "folder": "qwen"},
            },
        ],
    }
