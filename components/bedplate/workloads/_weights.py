"""Where the weights of a language model come from: a volume of the tenant, a bucket, or an image.

Owns the choice, what the server is told of it, and the Job that puts published weights onto the volume once. It
deliberately owns neither volume nor bucket nor image.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated

from pydantic import Field, ValidationInfo, field_validator, model_validator

from bedplate.kubernetes import SKIP_AWAIT, Manifest, manifest, pod_spec, template_metadata
from bedplate.kubernetes.pods import LONGEST_KEEP_DAYS, NOT_EVICTED, Container
from bedplate.labels import BATCH_COMPONENTS
from bedplate.spec import DnsLabel, ImageReference, Spec, matching, mistake
from bedplate.workloads._base import Footprint, WorkloadArgs

FOLDER = "/models"
_DONE = ".complete"
_MOST_HOURS = 12
_CPU, _MEMORY_GIB = 1, 4
"""The most that fetching them takes; a server that has less lends no more."""
_FETCH = """set -eu
if [ -e "$TARGET/$DONE" ]; then echo "$TARGET is complete"; exit 0; fi
hf download "$REPOSITORY" --revision "$REVISION" --local-dir "$TARGET"
touch "$TARGET/$DONE"
"""
_WAIT = """set -eu
until [ -e "$TARGET/$DONE" ]; do echo "waits for $TARGET/$DONE, which the Job $JOB writes"; sleep 10; done
"""


class PreloadSpec(Spec):
    """That published weights are put onto the volume before the first start."""

    repository: (
        Annotated[
            str,
            Field(max_length=200),
            matching(
                r"[A-Za-z0-9][A-Za-z0-9._-]*/[A-Za-z0-9][A-Za-z0-9._-]*",
                "must be a repository of models by its organisation and name",
                "write it like `meta-llama/Llama-3.1-8B-Instruct`",
            ),
        ]
        | None
    ) = None
    """Where they are published on Hugging Face; the model's own if absent."""
    revision: Annotated[
        str,
        matching(
            r"[0-9a-f]{40}",
            "must be a whole commit in 40 digits (0-9, a-f): other names move, and nobody would know what answers",
            "write the commit that the model's page shows under Files",
        ),
    ]
    """Commit of the repository; another one is fetched into a folder of its own."""


class WeightsSpec(Spec):
    """Where the weights are: on a volume of the tenant, in a bucket, or in an image."""

    volume: DnsLabel | None = None
    """Volume of the tenant that holds them, which many nodes may mount."""
    image: ImageReference | None = None
    """Image whose files are the weights, by an exact tag or digest, which each node pulls once; Kubernetes 1.35 or
    later."""
    folder: (
        Annotated[
            str,
            Field(max_length=200),
            matching(
                r"[A-Za-z0-9][A-Za-z0-9_-]*(\.[A-Za-z0-9_-]+)*(/[A-Za-z0-9][A-Za-z0-9_-]*(\.[A-Za-z0-9_-]+)*)*",
                "must be a folder of the volume, without `..`",
                "write it like `llama-3.1-8b`",
            ),
        ]
        | None
    ) = None
    """Folder of the volume or the image that they are in; of an image its root if absent."""
    preload: PreloadSpec | None = None
    """That a Job fetches them there; without it they are put there by somebody else."""
    bucket: (
        Annotated[
            str,
            Field(max_length=500),
            matching(
                r"(s3|gs|az)://[a-z0-9][a-z0-9._-]+/[A-Za-z0-9._/-]+",
                "must be the address of a folder in a bucket",
                "write it like `s3://bucket/models/llama`, gs:// or az://",
            ),
        ]
        | None
    ) = None
    """Folder of a bucket that they are streamed from at each start, with the rights of the workload's identity."""

    @model_validator(mode="after")
    def _from_one_place(self) -> "WeightsSpec":
        if [self.volume, self.bucket, self.image].count(None) != 2:
            raise mistake(
                "must say one place that the weights come from",
                "write {volume: models, folder: llama}, with `preload` if a Job is to fetch them, {bucket: s3://…}, or "
                "{image: …}",
            )
        if self.volume and not self.folder:
            raise mistake("must say in which folder of the volume they are", "add `folder:`, such as the model's name")
        return self

    @field_validator("folder", "preload")
    @classmethod
    def _of_such_a_place(cls, given: object, info: ValidationInfo) -> object:
        """A bucket's address says its folder itself, and only a volume can be written to."""
        volume, image = info.data.get("volume", ""), info.data.get("image", "")
        if given and volume is None and (image is None or info.field_name == "preload"):
            raise mistake("is for weights on a volume", "add `volume:`, or remove this key")
        return given

    @property
    def folder_of_revision(self) -> str:
        """Where on the volume they are: each revision that is fetched has a folder of its own."""
        return f"{self.folder}/{self.preload.revision[:12]}" if self.preload else str(self.folder)

    @property
    def address(self) -> str:
        """What the server is told to load."""
        if self.image:
            return f"{FOLDER}/{self.folder}" if self.folder else FOLDER
        return self.bucket or f"{FOLDER}/{self.folder_of_revision}"

    def flags(self) -> tuple[str, ...]:
        """What the server is told besides (https://docs.vllm.ai/en/stable/models/extensions/runai_model_streamer)."""
        return ("--load-format=runai_streamer",) if self.bucket else ()


def preloading(server: Footprint) -> Footprint:
    """What the pod takes that fetches the weights of such a server."""
    return Footprint(
        cpu=min(_CPU, server.cpu),
        memory_gib=min(_MEMORY_GIB, server.memory_gib),
        gpus=0,
        disk_gib=server.disk_gib,
        pods_always=0,
        pods_most=1,
    )


@dataclass(frozen=True, kw_only=True)
class Preload:
    """A Job that fetches weights, and what waits for it."""

    weights: WeightsSpec
    repository: str
    server: Container
    """What will load them: it has the image, the secrets and the user."""
    name: str = field(init=False)

    def __post_init__(self) -> None:
        said = f"{self.weights.volume} {self.weights.address} {self.repository} {self.server.image}"
        digest = hashlib.sha256(said.encode()).hexdigest()[:8]
        object.__setattr__(self, "name", f"{self.server.name[:46]}-preload-{digest}")

    def job(self, args: WorkloadArgs) -> Manifest:
        """Named by what it fetches, because a Job cannot change."""
        identity = replace(args.identity, component=BATCH_COMPONENTS[0])
        fetching = self._container("preload", _FETCH, HF_HUB_OFFLINE="0", HF_HOME="/tmp/hf")
        pod = pod_spec(fetching, args.spec.name, restartPolicy="OnFailure")
        return manifest(
            "batch/v1",
            "Job",
            self.name,
            identity,
            namespace=args.namespace_name,
            annotations=SKIP_AWAIT,
            spec={
                "backoffLimit": 6,
                "activeDeadlineSeconds": _MOST_HOURS * 3600,
                "ttlSecondsAfterFinished": LONGEST_KEEP_DAYS * 86_400,
                "template": {"metadata": template_metadata(identity, NOT_EVICTED), "spec": pod},
            },
        )

    def waiting(self) -> Container:
        """What keeps a server from loading half a model."""
        return self._container("weights", _WAIT)

    def _container(self, name: str, program: str, **more: str) -> Container:
        server = self.server
        environment: Mapping[str, str] = {
            **server.environment,
            "TARGET": self.weights.address,
            "DONE": _DONE,
            "REPOSITORY": self.repository,
            "REVISION": self.weights.preload.revision if self.weights.preload else "",
            "JOB": self.name,
            **more,
        }
        return replace(
            server,
            name=name,
            cpu=min(_CPU, server.cpu),
            memory_gib=min(_MEMORY_GIB, server.memory_gib),
            gpus=0,
            command=("sh", "-c", program),
            args=(),
            environment=environment,
            shared_memory_gib=0,
            extra={},
        )
