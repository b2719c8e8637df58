"""An image of a folder: the one way in for whoever wants one.

Owns the order of things: find what is built, refuse what is too large, send, build, push, and say where it is. Every
mistake that a person can mend is a BuildError.
"""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from bedplate.builds.context import Context, context_of
from bedplate.builds.dockerfile import dockerfile_of
from bedplate.builds.failures import BuildError
from bedplate.builds.progress import Progress
from bedplate.builds.spec import BuildSpec
from bedplate.labels import CACHE_TAG
from bedplate.wording import counted

Report = Callable[[str], None]
"""Called with one line of text whenever there is something to tell."""


@dataclass(frozen=True, kw_only=True)
class Order:
    """What a builder is asked for. image: reference with its tag; cache: reference of the cache in the registry, or
    none. dockerfile: its text. secrets: values by their ids."""

    context: Context
    dockerfile: str
    image: str
    cache: str | None
    secrets: Mapping[str, str] = field(repr=False)

    def arguments(self, *, stage: str, context: str) -> list[str]:
        """Of `buildctl build`. stage: the folder with `dockerfile/Dockerfile` and `secrets/ID`; context: the folder."""
        arguments = [
            *("--frontend", "dockerfile.v0", "--progress", "rawjson"),
            *("--local", f"context={context}", "--local", f"dockerfile={stage}/dockerfile"),
            *("--output", f"type=image,name={self.image},push=true,oci-mediatypes=true"),
        ]
        if self.cache:
            arguments += [
                *("--import-cache", f"type=registry,ref={self.cache}"),
                "--export-cache",
                # ECR takes a cache as an image alone
                # (https://docs.docker.com/build/cache/backends/registry/#cache-options-for-aws-ecr).
                f"type=registry,ref={self.cache},mode=max,image-manifest=true,oci-mediatypes=true,ignore-error=true",
            ]
        for name in sorted(self.secrets):
            arguments += ["--secret", f"id={name},src={stage}/secrets/{name}"]
        return arguments


class Builder(Protocol):
    """Who builds: a BuildKit at an address (`at_address`), or a Job of the cluster (`in_cluster`)."""

    def build(self, order: Order, report: Report) -> AbstractContextManager[Iterable[str]]:
        """The lines that BuildKit prints, as `rawjson`, the last with what it has pushed. Raises BuildError."""
        ...


@dataclass(frozen=True, kw_only=True)
class BuildTarget:
    """Where an image goes and who builds it.

    repository: without a tag, such as registry.example.com/ml/vision/scorer. cache: reference of the cache, the tag
    `buildcache` of the same repository if none; '' for no cache. secrets: values of the build's secrets by name.
    """

    repository: str
    builder: Builder
    cache: str | None = None
    secrets: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)


@dataclass(frozen=True, kw_only=True)
class BuiltImage:
    """reference_with_digest: what is run. tag: made of time and content, and never moved. cached_steps: of `steps`,
    those that were not run again."""

    reference_with_digest: str
    tag: str
    seconds: float
    cached_steps: int
    steps: int


def build_image(folder: Path, build: BuildSpec, target: BuildTarget, report: Report) -> BuiltImage:
    """Builds and pushes. Raises BuildError with the step that failed and what it said last."""
    started = time.monotonic()
    missing = [name for name in build.secrets if name not in target.secrets]
    if missing:
        raise BuildError(
            f"the build needs the secret {missing[0]}, and nobody gave its value",
            f"give it, or take {missing[0]} out of `secrets`",
        )
    text = dockerfile_of(folder, build, report)
    context = context_of(folder, build)
    report(f"sending {counted(len(context.files), 'file')}, {context.mebibytes:.1f} MiB")
    tag = f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{context.digest(text)[:12]}"
    order = Order(
        context=context,
        dockerfile=text,
        image=f"{target.repository}:{tag}",
        cache=f"{target.repository}:{CACHE_TAG}" if target.cache is None else target.cache or None,
        secrets={name: target.secrets[name] for name in build.secrets},
    )
    progress = Progress(report)
    with target.builder.build(order, report) as lines:
        for line in lines:
            progress.read(line)
    digest = progress.pushed()
    return BuiltImage(
        reference_with_digest=f"{target.repository}@{digest}",
        tag=tag,
        seconds=round(time.monotonic() - started, 1),
        cached_steps=progress.cached_steps,
        steps=progress.steps,
    )


def hidden(lines: Sequence[str], secrets: Mapping[str, str]) -> list[str]:
    """The lines without the values of secrets, which a program may have printed."""
    values = sorted((value for value in secrets.values() if value), key=len, reverse=True)
    found: list[str] = []
    for line in lines:
        for value in values:
            line = line.replace(value, "[secret]")
        found.append(line)
    return found
