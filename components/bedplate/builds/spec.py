"""What a person says of an image: how it is built, of what.

Owns the spec, which stands in a project's `bedplate.toml`. Either there is a Dockerfile, or all else is said here and
one is written from it (`dockerfile`).
"""

import re
from typing import Annotated

from pydantic import Field, model_validator

from bedplate.spec import EnvironmentName, HttpsUrl, ImageReference, Spec, matching, mistake

_MAX_CONTEXT_MIB = 200
_ARCHITECTURE = re.compile(r"(?P<major>[0-9]{1,2})\.(?P<minor>[0-9])(?P<variant>[af]?)(\+PTX)?")

RelativeFile = Annotated[
    str,
    Field(max_length=255),
    matching(
        r"(?!(\.{1,2}|~)(/|$))[^/\\\0\s,]+(/(?!\.{1,2}(/|$))[^/\\\0\s,]+)*",
        "must be a file below the folder that is built: not an absolute path, no '..', no spaces and commas",
        "write it like 'requirements.txt'",
    ),
]
ImagePath = Annotated[
    str,
    Field(max_length=255),
    matching(
        r"(/(?!\.{1,2}(/|$))[A-Za-z0-9._-]+)+",
        "must be an absolute path in the image, of letters, digits, '.', '_' and '-'",
        "write it like '/models/scorer'",
    ),
]
AptPackage = Annotated[
    str,
    Field(max_length=128),
    matching(
        r"[a-z0-9][a-z0-9+.-]+(=[A-Za-z0-9.+:~-]+)?",
        "must be a package of Debian or Ubuntu",
        "write it like 'libgl1' or 'libgl1=1.6.0-1'",
    ),
]
GpuArchitecture = Annotated[
    str,
    matching(
        _ARCHITECTURE.pattern,
        "must be a compute capability of NVIDIA",
        'write it quoted, like "8.9" (L4), "8.0" (A100) or "9.0" (H100): https://developer.nvidia.com/cuda-gpus',
    ),
]


class WeightsSpec(Spec):
    """Files of a model that are put into the image, before anything that changes more often."""

    path: ImagePath
    """Where they are in the image: a file for `url`, a folder for `repository`."""
    url: HttpsUrl | None = None
    """Address of one file."""
    sha256: Annotated[str, matching(r"[0-9a-f]{64}", "must be a SHA-256", "write 64 digits of 0-9a-f")] | None = None
    """Of that file; another one is refused."""
    repository: (
        Annotated[
            str,
            Field(max_length=200),
            matching(
                r"[A-Za-z0-9][A-Za-z0-9._-]*/[A-Za-z0-9][A-Za-z0-9._-]*",
                "must be a repository of the Hugging Face Hub",
                "write it like 'meta-llama/Llama-3.1-8B'",
            ),
        ]
        | None
    ) = None
    """A repository of the Hugging Face Hub, gated ones with the build's secret HF_TOKEN."""
    revision: Annotated[str, matching(r"[0-9a-f]{40}", "must be a commit", "write its 40 digits")] | None = None
    """Its commit; a branch would be another model one day."""

    @model_validator(mode="after")
    def _of_one_place(self) -> "WeightsSpec":
        if (self.url is None) is (self.repository is None):
            raise mistake("must come from one place", "write `url` with `sha256`, or `repository` with `revision`")
        if self.url is not None and self.sha256 is None:
            raise mistake("no sha256 of the file", "add `sha256`, as `sha256sum FILE` prints it")
        if self.repository is not None and self.revision is None:
            raise mistake("no revision of the repository", "add `revision`, the commit that the Hub shows")
        return self


class BuildSpec(Spec):
    """How an image is built from the folder."""

    dockerfile: RelativeFile | None = None
    """Dockerfile in the folder; then nothing else is said but `secrets` and `maxContextMib`. The file `Dockerfile` is
    taken by itself where it is there and nothing else is said."""
    base: ImageReference | None = None
    """Image to begin with; one of Python, or of micromamba with `environment`, if none."""
    weights: tuple[WeightsSpec, ...] = ()
    """Models in the image."""
    apt: tuple[AptPackage, ...] = ()
    """Packages of the distribution."""
    requirements: RelativeFile | None = None
    """Python packages, as pip reads them. `requirements.txt` is taken by itself where it is there and nothing else is
    said."""
    environment: RelativeFile | None = None
    """Packages of conda, as `environment.yaml` names them."""
    script: RelativeFile | None = None
    """Script for bash that is run as root after everything else is installed, before the code is there."""
    secrets: tuple[EnvironmentName, ...] = ()
    """Secrets that downloads and the script find in variables of these names while they run, such as HF_TOKEN; they are
    in no layer of the image."""
    gpu_architectures: tuple[GpuArchitecture, ...] = ()
    """GPUs for which extensions are compiled, by compute capability; becomes TORCH_CUDA_ARCH_LIST. The build needs no
    GPU, but a base image with the CUDA compiler."""
    max_context_mib: Annotated[int, Field(strict=True, ge=1, le=20_000)] = _MAX_CONTEXT_MIB
    """The most that the folder may have, without what .dockerignore leaves out, in MiB."""

    @model_validator(mode="after")
    def _one_way(self) -> "BuildSpec":
        written = [name for name in GENERATED if getattr(self, name)]
        if self.dockerfile and written:
            alias = type(self).model_fields[written[0]].alias or written[0]
            raise mistake(f"`dockerfile` and `{alias}` cannot both be", "say it in the Dockerfile, or remove that")
        if self.requirements and self.environment:
            raise mistake(
                "`requirements` and `environment` cannot both be",
                "list Python packages under `pip:` in the environment",
            )
        return self


GENERATED = ("base", "weights", "apt", "requirements", "environment", "script", "gpu_architectures")
"""Fields from which a Dockerfile is written."""
