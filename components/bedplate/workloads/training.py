"""A PyTorch training on several machines: all of its pods at once, one torchrun on each, and all again after a failure.

Owns a JobSet, the Service by which its pods find each other, its ServiceAccount and the Secret of `secretEnv`. It waits
in the tenant's queue until there is room for all of it. It deliberately owns no checkpoint: the program writes those to
a volume, and reads the last one when it starts.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Annotated, ClassVar, Literal

from pydantic import Field, ValidationInfo, field_validator

from bedplate.kubernetes import (
    NOT_EVICTED,
    SKIP_AWAIT,
    Manifest,
    accelerator_placement,
    manifest,
    pod_spec,
    template_metadata,
)
from bedplate.kubernetes.pods import LONGEST_KEEP_DAYS
from bedplate.labels import (
    DEFAULT_QUEUE,
    LABEL_LENGTH,
    MAX_EXECUTION_SECONDS,
    QUEUE_NAME,
    QUEUE_PRIORITY,
    priority_name,
)
from bedplate.spec import AbsolutePath, Count, DnsLabel, Hours, PositiveCount, StrictBool, mistake, refuse
from bedplate.workloads._base import (
    Footprint,
    MountSpec,
    Workload,
    WorkloadArgs,
    WorkloadSpec,
    container,
    secrets_hash,
)
from bedplate.workloads._environment import PlainText
from bedplate.workloads._torchrun import MASTER_PORT, RESERVED, environment, launched, names_resolve

_NODE = "node"
"""The JobSet's one group of pods; its name is in theirs."""
_RANDOM = 6
"""Characters that a Job appends to the names of its pods."""
_KEPT_WITHOUT_CHECKPOINTS = 0
_RESTARTS_FROM_CHECKPOINTS = 10


class TrainingSpec(WorkloadSpec):
    """A PyTorch training on several machines, which run at the same time or not at all."""

    kind: Literal["training"] = "training"
    """The template."""
    name: DnsLabel
    """Name of the training. The names of its pods are longer by `-node-0-`, their number and six characters, and have
    at most 63."""
    nodes: Annotated[PositiveCount, Field(le=1000)]
    """Pods that run at once, one a machine where each takes all of its GPUs."""
    command: Annotated[tuple[PlainText, ...], Field(min_length=1)]  # pyright: ignore[reportGeneralTypeIssues]
    """What each process runs, such as [python, train.py]; torchrun starts one for each GPU."""
    processes: Annotated[PositiveCount, Field(le=1000)] | None = None
    """Processes of each pod; one for each GPU, or one, if absent."""
    launcher: Literal["torchrun", "none"] = "torchrun"
    """Who starts the processes: torchrun of the image, or the command itself, once in each pod, which then finds the
    same variables."""
    interconnect: StrictBool = False
    """Whether its pods get the network cards for traffic between GPUs, where `gpu` is all GPUs of a machine and the
    accelerator's pools have `interconnect: true`. The image needs the library by which NCCL uses them."""
    checkpoints: AbsolutePath | None = None
    """Where the program keeps its checkpoints: at or below the path of a mount. It finds it in CHECKPOINT_DIR."""
    restarts: Annotated[Count, Field(le=1000)] | None = None
    """Failures after which all pods start again together; 10 with `checkpoints`, none without, if absent. What a
    node's end took does not count."""
    max_hours: Hours = 24
    """Longest time of all attempts together, in hours; then it is stopped. Waiting for its turn does not count."""
    priority: Literal["low", "normal", "high"] = "normal"
    """Whose turn it is first among the tenant's queued work; what is lower may be stopped for it, and goes on later."""
    save_seconds: Annotated[int, Field(strict=True, ge=15, le=600)] = 120
    """Time that the program gets to save a checkpoint when it is told to stop."""
    keep_days: Annotated[PositiveCount, Field(le=LONGEST_KEEP_DAYS)] = LONGEST_KEEP_DAYS
    """Days after which a finished training is removed from the cluster. What is gone and still stands in the stack file
    would be made, and run, again: remove it there first."""

    @field_validator("nodes")
    @classmethod
    def _with_hosts(cls, nodes: int, info: ValidationInfo) -> int:
        name: str = info.data.get("name", "")
        longest = LABEL_LENGTH - len(f"-{_NODE}-0-{nodes - 1}") - _RANDOM
        if len(name) > longest:
            raise mistake(
                f"the pods' names, such as {name}-{_NODE}-0-{nodes - 1}-abcde, are longer than {LABEL_LENGTH} "
                "characters, and none would start",
                f"shorten the training's name to {longest} characters",
            )
        return nodes

    @field_validator("command")
    @classmethod
    def _not_the_launcher(cls, command: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        del info
        if command and command[0].rpartition("/")[2] in ("torchrun", "torch.distributed.run"):
            raise mistake(
                "torchrun is started by the platform, with this command for each process",
                "write what torchrun would start, like [python, train.py], or `launcher: none`",
            )
        return command

    @field_validator("env", "secret_env")
    @classmethod
    def _not_of_the_launcher(cls, env: Mapping[str, str]) -> Mapping[str, str]:
        refuse(
            (
                (name,),
                value,
                mistake(
                    f"{name} is set by the platform, and one that differs would keep processes from each other",
                    "remove it; `nodes`, `gpu` and `processes` decide it",
                ),
            )
            for name, value in env.items()
            if name in RESERVED
        )
        return env

    @field_validator("checkpoints")
    @classmethod
    def _on_a_volume(cls, checkpoints: str | None, info: ValidationInfo) -> str | None:
        mounts: tuple[MountSpec, ...] = info.data.get("mounts", ())
        paths = [mount.path for mount in mounts]
        if checkpoints and "mounts" in info.data and not any(_is_below(checkpoints, path) for path in paths):
            raise mistake(
                "it is on no volume, and would be gone with the pod",
                f"add `mounts: [{{volume: NAME, path: {checkpoints}}}]` with a volume of the tenant",
                allowed=", ".join(paths) or "a path of `mounts`, which is empty",
            )
        return checkpoints

    @field_validator("restarts")
    @classmethod
    def _from_where_it_was(cls, restarts: int | None, info: ValidationInfo) -> int | None:
        if restarts and "checkpoints" in info.data and info.data["checkpoints"] is None:
            raise mistake(
                "without checkpoints it would begin from nothing each time",
                "write `checkpoints` with a path on a mount, or remove `restarts`",
            )
        return restarts

    @property
    def processes_of_a_node(self) -> int:
        """Processes of each pod."""
        return self.processes or (self.gpu.count if self.gpu else 1)

    @property
    def failures_allowed(self) -> int:
        """Failures after which all start again."""
        if self.restarts is not None:
            return self.restarts
        return _RESTARTS_FROM_CHECKPOINTS if self.checkpoints else _KEPT_WITHOUT_CHECKPOINTS

    def footprint(self) -> Footprint:
        """All pods, at the same time or not at all."""
        return replace(self.footprint_of_pods(0, self.nodes, run_hours=self.max_hours), is_gang=True)


def _is_below(path: str, folder: str) -> bool:
    return path == folder or path.startswith(f"{folder.rstrip('/')}/")


class Training(Workload):
    """A training."""

    Spec = TrainingSpec
    title = "Training"
    component = "training"
    replaced: ClassVar[Mapping[str, tuple[str, ...]]] = {"JobSet": ("spec",)}

    def parts(self, args: WorkloadArgs) -> Sequence[tuple[str, Manifest]]:
        """The Service and the JobSet. JobSet would make the Service itself, without saying whose it is."""
        spec = args.spec
        assert isinstance(spec, TrainingSpec)
        service = manifest(
            "v1",
            "Service",
            spec.name,
            args.identity,
            namespace=args.namespace_name,
            annotations=SKIP_AWAIT,
            spec={
                "type": "ClusterIP",
                "clusterIP": "None",
                "selector": {"jobset.sigs.k8s.io/jobset-name": spec.name},
                # They look for each other before any of them is ready.
                "publishNotReadyAddresses": True,
                "ports": [{"name": "rendezvous", "port": MASTER_PORT, "protocol": "TCP"}],
            },
        )
        return [("service", service), ("job-set", _job_set(spec, args))]


def _job_set(spec: TrainingSpec, args: WorkloadArgs) -> Manifest:
    """https://jobset.sigs.k8s.io/docs/reference/jobset.v1alpha2/

    A failure of one pod ends its Job, and with it the attempt: all pods are made again once the last is gone. A pod
    that a node's end or a preemption took ends it as well, and does not count.
    """
    body = manifest(
        "jobset.x-k8s.io/v1alpha2",
        "JobSet",
        spec.name,
        args.identity,
        namespace=args.namespace_name,
        spec={
            "network": {"enableDNSHostnames": True, "subdomain": spec.name, "publishNotReadyAddresses": True},
            "failurePolicy": {
                "maxRestarts": spec.failures_allowed,
                "restartStrategy": "BlockingRecreate",
                "rules": [
                    {
                        "name": "disrupted",
                        "action": "RestartJobSetAndIgnoreMaxRestarts",
                        "onJobFailureReasons": ["PodFailurePolicy"],
                    }
                ],
            },
            "ttlSecondsAfterFinished": spec.keep_days * 86_400,
            "replicatedJobs": [
                {
                    "name": _NODE,
                    "replicas": 1,
                    "template": {"metadata": template_metadata(args.identity), "spec": _job(spec, args)},
                }
            ],
        },
    )
    # The limit of an attempt is the Job's; that of all of them together is the queue's, which counts on.
    body["metadata"]["labels"] |= {
        QUEUE_NAME: DEFAULT_QUEUE,
        QUEUE_PRIORITY: priority_name(spec.priority),
        MAX_EXECUTION_SECONDS: str(_seconds(spec)),
    }
    return body


def _seconds(spec: TrainingSpec) -> int:
    return round(spec.max_hours * 3600)


def _job(spec: TrainingSpec, args: WorkloadArgs) -> Manifest:
    placement = accelerator_placement(spec.gpu.accelerator) if spec.gpu else {}
    fabric = args.facts.fabrics[spec.gpu.accelerator] if spec.gpu and spec.interconnect else None
    plain = container(spec)
    main = replace(
        plain,
        environment={**(fabric.environment if fabric else {}), **plain.environment},
        devices={fabric.resource: fabric.cards} if fabric else {},
        command=launched(spec.command, spec.launcher, spec.save_seconds),
        args=spec.args,
    )
    pod = pod_spec(
        main,
        spec.name,
        restartPolicy="Never",
        terminationGracePeriodSeconds=spec.save_seconds,
        **placement,
    )
    main_body = pod["containers"][0]
    head = f"{spec.name}-{_NODE}-0-0.{spec.name}"
    interface = args.facts.pod_interface if spec.gpu and "NCCL_SOCKET_IFNAME" not in spec.env else ""
    set_up = environment(head, spec.nodes, spec.processes_of_a_node, spec.checkpoints, interface)
    # Kubernetes puts into $(NAME) what stands before it.
    main_body["env"] = [*set_up, *main_body.get("env", [])]
    pod["initContainers"] = [names_resolve(spec.image, head)]
    disrupted = {"action": "FailJob", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]}
    return {
        "completionMode": "Indexed",
        "completions": spec.nodes,
        "parallelism": spec.nodes,
        "backoffLimit": 0,
        "activeDeadlineSeconds": _seconds(spec),
        "podFailurePolicy": {"rules": [disrupted]},
        "template": {
            "metadata": template_metadata(args.identity, {**NOT_EVICTED, **secrets_hash(args)}),
            "spec": pod,
        },
    }
