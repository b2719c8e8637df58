"""The Dockerfile of a folder: its own, or one that is written from what the build says.

Owns the order of layers, from what changes least to what changes most: weights, the distribution's packages, Python's,
the script, the code. A change of one builds what comes after it again, and nothing before it. Lists of packages and the
script are mounted while they are read, so that a layer is kept as long as its own file stays as it is; secrets are
mounted too, and stay out of every layer (https://docs.docker.com/build/building/secrets/).
"""

import shlex
from pathlib import Path

from bedplate.builds.failures import BuildError
from bedplate.builds.pins import Report, tell_unpinned
from bedplate.builds.spec import GENERATED, BuildSpec, WeightsSpec

# renovate: datasource=docker depName=docker.io/library/python
PYTHON_VERSION = "3.13.9-slim"
# renovate: datasource=docker depName=docker.io/mambaorg/micromamba
MICROMAMBA_VERSION = "2.2.0"
# renovate: datasource=pypi depName=huggingface-hub
HUB_VERSION = "2.4.0"
USER = 65532
"""As whom pods run."""
_APP = "/app"
_MOUNTED = "/run/build"
"""Where files are while a step reads them."""
_FETCH = (
    "import sys; sys.path.insert(0, '/tmp/hub'); from huggingface_hub import snapshot_download; "
    "snapshot_download('{repository}', revision='{revision}', local_dir='{path}')"
)


def dockerfile_of(folder: Path, build: BuildSpec, report: Report) -> str:
    """The text. report: is told of what makes a build differ from the one before. Raises BuildError."""
    said = any(getattr(build, name) for name in GENERATED)
    name = build.dockerfile or ("Dockerfile" if not said and (folder / "Dockerfile").is_file() else None)
    if name is not None:
        return _read(folder, name, "dockerfile")
    found = build
    if not said:
        if not (folder / "requirements.txt").is_file():
            raise BuildError(
                f"{folder} has neither a Dockerfile nor a requirements.txt",
                "add one of them, or say in bedplate.toml how the image is built: dockerfile, requirements, "
                "environment, apt, script or base",
            )
        found = build.model_copy(update={"requirements": "requirements.txt"})
    return _written(folder, found, report)


def _read(folder: Path, name: str, key: str) -> str:
    file = folder / name
    if not file.is_file():
        raise BuildError(f"{key}: there is no file {file}", f"add it, or name another one below {folder}")
    return file.read_text(encoding="utf-8")


def _written(folder: Path, build: BuildSpec, report: Report) -> str:
    conda = build.environment is not None
    standard = f"mambaorg/micromamba:{MICROMAMBA_VERSION}" if conda else f"library/python:{PYTHON_VERSION}"
    mounts = [f"--mount=type=secret,id={name},env={name}" for name in build.secrets]
    lines = [f"FROM {build.base or f'docker.io/{standard}'}", "USER root"]
    lines += [_weights(one, mounts) for one in build.weights]
    if build.apt:
        packages = shlex.join(build.apt)
        lines.append(
            "RUN apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "
            f"{packages} && rm -rf /var/lib/apt/lists/*"
        )
    if build.gpu_architectures:
        lines.append(f'ENV TORCH_CUDA_ARCH_LIST="{";".join(build.gpu_architectures)}"')
    if build.requirements:
        tell_unpinned(build.requirements, _read(folder, build.requirements, "requirements"), report)
        install = "python3 -m pip install --no-cache-dir --disable-pip-version-check --root-user-action ignore -r"
        lines.append(_run(build.requirements, mounts, install))
    if build.environment:
        _read(folder, build.environment, "environment")
        clean = "micromamba clean --all --yes"
        lines.append(_run(build.environment, mounts, "micromamba install --yes --name base --file", f" && {clean}"))
        lines.append("ENV PATH=/opt/conda/bin:$PATH")
    if build.script:
        _read(folder, build.script, "script")
        lines.append(_run(build.script, mounts, "bash -euo pipefail"))
    lines += [f"WORKDIR {_APP}", f"COPY . {_APP}", "ENV PYTHONUNBUFFERED=1", f"USER {USER}:{USER}"]
    return "\n".join(lines) + "\n"


def _run(file: str, mounts: list[str], command: str, after: str = "") -> str:
    """A step that reads one file of the folder, and is run again when that changes."""
    target = f"{_MOUNTED}/{Path(file).name}"
    bound = f"--mount=type=bind,source={file},target={target}"
    return f"RUN {' '.join([bound, *mounts])} {command} {shlex.quote(target)}{after}"


def _weights(one: WeightsSpec, mounts: list[str]) -> str:
    if one.url:
        return f"ADD --checksum=sha256:{one.sha256} --chmod=644 {one.url} {one.path}"
    fetch = _FETCH.format(repository=one.repository, revision=one.revision, path=one.path)
    tool = f"python3 -m pip install --no-cache-dir --quiet --target /tmp/hub huggingface-hub=={HUB_VERSION}"
    return " ".join(
        ["RUN", *mounts, f"{tool} && HF_HUB_DISABLE_TELEMETRY=1 python3 -c {shlex.quote(fetch)} && rm -rf /tmp/hub"]
    )
