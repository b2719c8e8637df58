"""A new release beside the one that serves, for a share of the requests.

Owns the spec, and which of a workload's objects the release has of its own: pods, Service, autoscaler and disruption
budget, under a name and a `workload` label of its own, so that no selector of either picks the other's pods. Its
account, secrets and buckets are the workload's. It deliberately decides nothing about success: a person looks, and
writes the image as the workload's own or takes the release away.
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated

from pydantic import Field

from bedplate.kubernetes import Manifest
from bedplate.labels import LABEL_LENGTH, image_version
from bedplate.spec import ImageReference, PositiveCount, Spec, mistake
from bedplate.workloads._base import WorkloadArgs
from bedplate.workloads._serving import ReplicasSpec

SUFFIX = "-canary"


class CanarySpec(Spec):
    """A new release that gets a share of the requests."""

    image: ImageReference
    """Its container image; all else is as the workload's."""
    weight_percent: Annotated[PositiveCount, Field(le=99)] = 10
    """Share of the requests by the route that it gets, in percent; each request is drawn by itself. It has the same
    share of `replicas`, rounded up, between which an autoscaler of its own chooses."""

    def replicas_of(self, whole: ReplicasSpec) -> tuple[int, int]:
        """Its fewest and its most pods."""
        return math.ceil(whole.min * self.weight_percent / 100), math.ceil(whole.max * self.weight_percent / 100)


def refuse_long_name(name: str) -> None:
    """Raises for the name of a workload that leaves no room for its release's."""
    over = len(name) + len(SUFFIX) - LABEL_LENGTH
    if over > 0:
        raise mistake(f"its objects would be called '{name}{SUFFIX}'", f"shorten the workload's name by {over}")


def args_of_canary(args: WorkloadArgs, canary: CanarySpec) -> WorkloadArgs:
    """The workload with the release's image, whose pods are told apart by their labels."""
    identity = replace(args.identity, workload=f"{args.identity.workload}{SUFFIX}", version=image_version(canary.image))
    return replace(args, identity=identity, spec=args.spec.model_copy(update={"image": canary.image}))


def as_canary(parts: Sequence[tuple[str, Manifest]]) -> list[tuple[str, Manifest]]:
    """Objects of the workload under the release's name."""
    return [(f"canary-{suffix}", _renamed(part)) for suffix, part in parts]


def _renamed(part: Manifest) -> Manifest:
    name = f"{part['metadata']['name']}{SUFFIX}"
    renamed = {**part, "metadata": {**part["metadata"], "name": name}}
    if part["kind"] != "HorizontalPodAutoscaler":
        return renamed
    target = {**part["spec"]["scaleTargetRef"], "name": name}
    return {**renamed, "spec": {**part["spec"], "scaleTargetRef": target}}
