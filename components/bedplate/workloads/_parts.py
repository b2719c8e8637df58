"""The objects of a workload as manifests, whoever applies them: a stack through Pulumi, or a member by himself.

Owns what is written into a template's objects besides what the template itself makes of the spec.
"""

from collections.abc import Sequence

from bedplate.kubernetes import Manifest
from bedplate.workloads._base import Workload, WorkloadArgs
from bedplate.workloads._grants import acting_as, ways_to_buckets


def parts_of(args: WorkloadArgs) -> list[tuple[str, Manifest]]:
    """Each with the suffix of its resource name."""
    template = Workload.of(args.spec)
    parts = [*template.common_parts(args), *template.parts(args)]
    if args.offers.images:
        parts = [(suffix, pulling(part, args.offers.images.pull_secrets)) for suffix, part in parts]
    if args.acts_as is None:
        return parts
    acting = [(suffix, acting_as(part, args.acts_as)) for suffix, part in parts]
    for identity in template.identities(args):
        beside = identity.workload.removeprefix(args.identity.workload)
        ways = ways_to_buckets(f"{identity.workload}-buckets", args.namespace_name, identity, args.acts_as)
        acting += [(f"{beside}-buckets".strip("-"), way) for way in ways]
    return acting


def pulling(part: Manifest, secrets: Sequence[str]) -> Manifest:
    """A ServiceAccount whose pods pull by these Secrets
    (https://kubernetes.io/docs/tasks/configure-pod-container/configure-service-account/#add-imagepullsecrets-to-a-service-account)."""
    if part["kind"] != "ServiceAccount" or not secrets:
        return part
    return {**part, "imagePullSecrets": [{"name": name} for name in secrets]}
