"""What all workload templates share: the base spec, the base class, and the registry.

A template is one file in this package: a spec with a literal `kind`, and a class with that spec as `Spec`. Being
imported is enough to be in the stack file's union, the JSON schema, the docs and the conformance tests.
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import AfterValidator, Field, ValidationInfo, field_validator, model_validator

from bedplate.kubernetes import Container, Manifest, manifest, service_account
from bedplate.kubernetes.pods import OWN_VOLUMES, disk_gib
from bedplate.labels import GPUS_BY_MOUNT, Identity, image_version
from bedplate.spec import (
    AbsolutePath,
    Cpu,
    DnsLabel,
    EmailAddress,
    Gib,
    ImageReference,
    PositiveCount,
    Spec,
    matching,
    mistake,
    refuse,
    repeated,
)
from bedplate.workloads._asked import Endpoint as Endpoint
from bedplate.workloads._asked import Footprint as Footprint
from bedplate.workloads._asked import Queued as Queued
from bedplate.workloads._asked import Sleeper as Sleeper
from bedplate.workloads._environment import PlainEnvironment, PlainText, Variable
from bedplate.workloads._external import AnySecret, ExternalSecretSpec, external_secret_name
from bedplate.workloads._grants import Grants

# Who deploys one app has no facts of a cluster.
if TYPE_CHECKING:
    import pulumi

    from bedplate.clouds import ClusterFacts
    from bedplate.clouds.facts import WorkloadIdentity
    from bedplate.kubernetes import KubernetesObject
    from bedplate.offers import Offers


_SYSTEM_PATHS = ("/dev", "/proc", "/sys")
_PROGRAM_PATHS = ("/bin", "/boot", "/etc", "/lib", "/lib64", "/sbin", "/usr", "/var", "/var/run", "/run", "/opt")
"""A volume on one of these hides the image's programs, their libraries or their settings; below them is room."""
_TEMPLATES_PATHS = ("/opt/bedplate", "/etc/bedplate-ssh", "/var/run/secrets", "/run/secrets")
"""Where templates put files of their own."""


def _not_taken(path: str) -> str:
    if path == "/tmp":
        raise mistake("/tmp is the workload's scratch space", "choose another path")
    if any(path == taken or path.startswith(f"{taken}/") for taken in _SYSTEM_PATHS):
        raise mistake("a container's /dev, /proc and /sys are the system's", "choose another path")
    if path in _PROGRAM_PATHS:
        raise mistake("a volume here hides what the image has there", "choose a folder of its own, such as /data")
    if any(path == taken or path.startswith(f"{taken}/") for taken in _TEMPLATES_PATHS):
        raise mistake("the platform puts files of its own there", "choose another path")
    if GPUS_BY_MOUNT in path:
        raise mistake(f"{GPUS_BY_MOUNT} is where mounts name the GPUs that a pod sees", "choose another path")
    return path


def _not_own(volume: str) -> str:
    if volume in OWN_VOLUMES:
        raise mistake("every pod may have a volume of this name itself", "rename the tenant's volume")
    return volume


class GpuSpec(Spec):
    """GPUs of one pod."""

    accelerator: str
    """Kind of GPU, one of the node pools' accelerators."""
    count: PositiveCount = 1
    """GPUs of each pod."""
    cuda: (
        Annotated[
            str,
            matching(
                r"[0-9]{2}\.[0-9]",
                "must be a version of CUDA",
                'write it like "12.8"',
                lambda value: ".".join(value.split(".")[:2]),
            ),
        ]
        | None
    ) = None
    """Version of CUDA that the image was built with, quoted: "12.8"; the nodes' driver must run it."""

    @model_validator(mode="before")
    @classmethod
    def _written_out(cls, given: object) -> object:
        if isinstance(given, str) and given:
            named = given if re.fullmatch(r"nvidia-[a-z0-9.-]{1,40}", given) else "nvidia-l4"
            raise mistake("must say how many of which GPU", f"write {{accelerator: {named}, count: 1}}")
        if isinstance(given, int) and not isinstance(given, bool):
            raise mistake("must say which GPU too", f"write {{accelerator: nvidia-l4, count: {given}}}, or another GPU")
        return given


class MountSpec(Spec):
    """A volume of the tenant in the workload's file system."""

    volume: Annotated[DnsLabel, AfterValidator(_not_own)]
    """Name of one of the tenant's volumes."""
    path: Annotated[AbsolutePath, AfterValidator(_not_taken)]
    """Where the workload sees it."""


class WorkloadSpec(Spec):
    """What every workload has, whatever its kind."""

    name: DnsLabel
    """Name of the workload, unique in its tenant; also the first part of its host name."""
    owner: EmailAddress | None = None
    """Person who answers for it; the tenant's owner if absent."""
    project: DnsLabel | None = None
    """Project that cost is booked on; the tenant's if absent."""
    image: ImageReference
    """Container image with its registry and an exact tag or digest."""
    command: tuple[PlainText, ...] = ()
    """Program to run instead of the image's entry point."""
    args: tuple[PlainText, ...] = ()
    """Arguments of the program."""
    cpu: Cpu = 1
    """Cores requested by each pod; it may use twice as much where the node has it."""
    memory_gib: Gib = 2
    """Memory of each pod in GiB, request and limit at once. A pod that needs more is killed: raise it and deploy."""
    gpu: GpuSpec | None = None
    """GPUs of each pod."""
    scratch_gib: Gib = 1
    """Size of the writable /tmp in GiB, reserved on the node's disk; the rest of the file system is read-only."""
    shared_memory_gib: Gib | None = None
    """Size of /dev/shm in GiB, a part of memoryGib in which data loaders and the GPUs of a pod exchange data; half of
    memoryGib for pods with GPUs, and 64 MiB for others, if absent."""
    user: Annotated[int, Field(strict=True, ge=1, le=2**31 - 1)] = 65532
    """Numeric user that the process runs as; never 0."""
    env: PlainEnvironment = Field(default_factory=dict[str, str])
    """Environment variables that are no secrets."""
    secret_env: Mapping[Variable, AnySecret] = Field(default_factory=dict[str, str | ExternalSecretSpec])
    """Environment variable → name of a config secret (`pulumi config set --secret bedplate:NAME`), or
    {external: NAME, key: KEY} for one in the tenant's store."""
    mounts: tuple[MountSpec, ...] = ()
    """Volumes of the tenant that the workload sees."""
    grants: Grants = ()
    """Buckets that it reaches as an identity of the cloud, without a key."""

    @field_validator("secret_env")
    @classmethod
    def _not_in_env(cls, secret_env: Mapping[str, AnySecret], info: ValidationInfo) -> Mapping[str, AnySecret]:
        twice = sorted(set(secret_env) & set(info.data.get("env", ())))
        refuse(((name,), None, mistake("stands in env too", "keep one of the two")) for name in twice)
        return secret_env

    @field_validator("mounts")
    @classmethod
    def _at_places_of_their_own(cls, mounts: tuple[MountSpec, ...]) -> tuple[MountSpec, ...]:
        twice = repeated(mount.path for mount in mounts)
        refuse(
            ((index, "path"), path, mistake("another mount has this path", "choose another path"))
            for index, path in twice.items()
        )
        return mounts

    @field_validator("shared_memory_gib")
    @classmethod
    def _within_the_memory(cls, size: float | None, info: ValidationInfo) -> float | None:
        memory: float | None = info.data.get("memory_gib")
        if size is not None and memory is not None and size >= memory:
            raise mistake(
                f"is no part of memoryGib ({memory:g}), which it counts against",
                "raise memoryGib above it, or lower it",
                allowed=f"less than {memory:g}",
            )
        return size

    def config_env(self) -> Mapping[str, str]:
        """Names of config secrets by variable."""
        return {name: one for name, one in self.secret_env.items() if isinstance(one, str)}

    def external_env(self) -> Mapping[str, ExternalSecretSpec]:
        """Secrets of the tenant's store by variable."""
        return {name: one for name, one in self.secret_env.items() if not isinstance(one, str)}

    def more_images(self) -> Mapping[tuple[str, ...], str]:
        """Images that its pods run beside `image`, by the place that they are named at."""
        return {}

    def more_names(self) -> Mapping[tuple[str, ...], str]:
        """Names that no other workload of the tenant may have, besides its own, by the place that asks for them."""
        return {}

    def claims(self) -> Sequence[str]:
        """Names of volumes of its own, which no volume of the tenant may have."""
        return ()

    @abstractmethod
    def footprint(self) -> Footprint:
        """What the workload takes of its tenant's quota and of the machines."""

    def footprint_of_pods(
        self, always: int, most: int, *, of_updates: int = 0, run_hours: float | None = None, runs_kept: int = 0
    ) -> Footprint:
        """The footprint of so many pods of this spec."""
        return Footprint(
            cpu=self.cpu,
            memory_gib=self.memory_gib,
            gpus=self.gpu.count if self.gpu else 0,
            disk_gib=disk_gib(self.scratch_gib),
            pods_always=always,
            pods_of_updates=of_updates,
            pods_most=most,
            run_hours=run_hours,
            runs_kept=runs_kept,
        )

    def endpoint(self) -> Endpoint | None:
        """What is reached from outside, if anything is."""
        return None

    def sleeper(self) -> Sleeper | None:
        """What is stopped while nobody uses it, if anything is."""
        return None

    def queued(self) -> Queued | None:
        """What has more pods while much waits, if anything has."""
        return None

    def volumes_mounted(self) -> Mapping[tuple[str | int, ...], str]:
        """Volumes of the tenant that its pods mount, by the place that they are named at."""
        return {("mounts", at, "volume"): mount.volume for at, mount in enumerate(self.mounts)}

    def own_paths(self) -> Mapping[str, str]:
        """Where its pods see volumes that are no mount, and what is there."""
        return {}

    def is_reached_by_ssh(self) -> bool:
        """Whether its owner comes in by SSH."""
        return False

    def has_images_built(self) -> bool:
        """Whether whoever is in it has images of the tenant built."""
        return False


@dataclass(frozen=True, kw_only=True)
class WorkloadArgs:
    """identity: of the workload, complete. groups: of its tenant. acts_as: of the cloud, if it is granted anything.
    secret: resolves the name of a config secret. offers: what the platform has for it. queue, store: of its tenant, if
    it has them."""

    spec: WorkloadSpec
    namespace: "KubernetesObject"
    namespace_name: str
    identity: Identity
    groups: Sequence[str]
    facts: "ClusterFacts"
    acts_as: "WorkloadIdentity | None" = None
    secret: "Callable[[str], pulumi.Output[str]]"
    offers: "Offers"
    queue: "pulumi.Resource | None" = None
    store: "pulumi.Resource | None" = None


class Workload(ABC):
    """Base of the templates: registration by `Spec`, and the parts all of them have.

    It makes manifests and registers none: the component does, so that whoever checks a spec imports no Pulumi.
    """

    Spec: ClassVar[type[WorkloadSpec]]
    title: ClassVar[str]
    """What it is, in a few words; heads its page in the reference."""
    component: ClassVar[str]
    """Its role in the label `app.kubernetes.io/component`."""
    loses_work: ClassVar[bool] = True
    """Whether a pod that ends early loses work. If so, no autoscaler moves its pods to save money (`NOT_EVICTED`)."""
    handed_over: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    """By kind, fields that are written when an object is made and belong to a controller from then on."""
    replaced: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    """By kind, fields that cannot change: the object is removed and made again where one differs."""
    registry: ClassVar[dict[str, type["Workload"]]] = {}

    def __init_subclass__(cls) -> None:
        kind = str(cls.Spec.model_fields["kind"].default)
        if kind in Workload.registry:
            raise TypeError(f"workload kind '{kind}' is taken by {Workload.registry[kind].__name__}")
        Workload.registry[kind] = cls
        super().__init_subclass__()

    @classmethod
    def of(cls, spec: WorkloadSpec) -> "Workload":
        """The template whose spec this is."""
        return next(template for template in cls.registry.values() if template.Spec is type(spec))()

    @abstractmethod
    def parts(self, args: WorkloadArgs) -> Sequence[tuple[str, Manifest]]:
        """The template's own objects, each with the suffix of its resource name."""

    @classmethod
    def identity_of(cls, spec: WorkloadSpec, tenant: str, project: str, owner: str) -> Identity:
        """Whose it is, whoever makes it. project, owner: where it says none itself."""
        return Identity(
            name=cls.component,
            component=cls.component,
            owner=spec.owner or owner,
            tenant=tenant,
            project=spec.project or project,
            workload=spec.name,
            version=image_version(spec.image),
        )

    def identities(self, args: WorkloadArgs) -> Sequence[Identity]:
        """Those of its pods."""
        return [args.identity]

    def common_parts(self, args: WorkloadArgs) -> list[tuple[str, Manifest]]:
        """ServiceAccount, and the Secret where the spec names secrets."""
        spec, namespace = args.spec, args.namespace_name
        parts = [("service-account", service_account(spec.name, namespace, args.identity))]
        if spec.config_env():
            secret = manifest("v1", "Secret", f"{spec.name}-secrets", args.identity, namespace=namespace, type="Opaque")
            parts.append(("secrets", {**secret, "stringData": secret_values(args)}))
        return parts


def secrets_hash(args: WorkloadArgs) -> dict[str, Any]:
    """The annotation by which the workload's pods roll when one of its secrets is rotated."""
    if not args.spec.config_env():
        return {}
    from bedplate.kubernetes.objects import secrets_hash as hash_of_secrets  # imports Pulumi, as who calls this has

    return hash_of_secrets(f"{args.namespace_name}/{args.spec.name}", secret_values(args))


def secret_values(args: WorkloadArgs) -> "dict[str, pulumi.Output[str]]":
    """The values of the workload's config secrets by environment variable."""
    return {name: args.secret(key) for name, key in args.spec.config_env().items()}


def container(spec: WorkloadSpec, **extra: object) -> Container:
    """The workload's one container; `extra` is ports, probes and lifecycle.

    The numeric user stands in no passwd file, so that programs find its name in USER and LOGNAME alone, as Python's
    `getpass.getuser` and what builds on it does (https://docs.python.org/3/library/getpass.html#getpass.getuser).
    """
    shared_memory_gib = spec.shared_memory_gib
    if shared_memory_gib is None:
        shared_memory_gib = spec.memory_gib / 2 if spec.gpu else 0
    return Container(
        name=spec.name,
        image=spec.image,
        cpu=spec.cpu,
        memory_gib=spec.memory_gib,
        gpus=spec.gpu.count if spec.gpu else 0,
        command=spec.command,
        args=spec.args,
        environment={"USER": spec.name, "LOGNAME": spec.name, **spec.env},
        secret_environment={
            **dict.fromkeys(spec.config_env(), f"{spec.name}-secrets"),
            **dict.fromkeys(spec.external_env(), external_secret_name(spec.name)),
        },
        volume_mounts={mount.path: mount.volume for mount in spec.mounts},
        scratch_gib=spec.scratch_gib,
        shared_memory_gib=shared_memory_gib,
        user=spec.user,
        extra=extra,
    )
