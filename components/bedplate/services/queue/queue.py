"""Work that waits its turn: by tenant, all of its pods at once or none.

Owns Kueue and JobSet in one namespace, the definitions of their kinds, what there is to share, and the queue of each
tenant. It deliberately owns no quota (those are the tenants', and hold whatever a queue says) and no job.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi

from bedplate.clouds import ClusterFacts
from bedplate.kubernetes import (
    Alert,
    CustomObject,
    Definitions,
    DefinitionsArgs,
    KubernetesObject,
    Manifest,
    PlatformNamespace,
    PlatformNamespaceArgs,
    network_policy,
)
from bedplate.labels import QUEUE_NAMESPACE, Identity
from bedplate.offers import TenantQueue
from bedplate.services.queue.alerts import QUEUE_ALERTS
from bedplate.services.queue.controllers import REPLICAS, WEBHOOK_PORT, Controller, before, deployment, jobset, kueue
from bedplate.services.queue.queue_definitions import published
from bedplate.services.queue.queues import cluster_queue, flavors, local_queue, priority_classes
from bedplate.services.queue.rights import rights
from bedplate.services.queue.spec import QueueSettingsSpec
from bedplate.services.queue.webhooks import webhooks

_IDENTITY = Identity(name="queue", component="queue")
_API_PORTS = (443, 6443)


@dataclass(frozen=True, kw_only=True)
class QueueArgs:
    """accelerators: those of the pools."""

    spec: QueueSettingsSpec
    accelerators: Sequence[str]
    facts: ClusterFacts


class Queue(pulumi.ComponentResource):
    """Kueue and JobSet, and what there is to share."""

    definitions: Definitions
    """Of both; objects of their kinds come after them."""
    before_jobs: Sequence[pulumi.Resource]
    """What must be there before something is queued."""
    alerts: Sequence[Alert] = QUEUE_ALERTS

    def __init__(self, name: str, args: QueueArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("bedplate:index:Queue", name, {}, opts)
        self._name = name
        child = pulumi.ResourceOptions(parent=self)
        kinds = DefinitionsArgs(bodies=published().definitions, identity=_IDENTITY)
        self.definitions = Definitions(f"{name}-definitions", kinds, child)
        place = PlatformNamespace(f"{name}-place", _namespace(args.facts), child)
        sets = self._controller(jobset(), place, [self.definitions])
        # It looks for JobSet's kind when it starts, and never again.
        queues = self._controller(kueue(args.spec), place, [self.definitions, sets])
        after = pulumi.ResourceOptions(parent=self, depends_on=[queues])
        shared = [
            CustomObject(f"{name}-{part['kind'].lower()}-{part['metadata']['name']}", part, self.definitions, after)
            for part in [*flavors(args.accelerators), *priority_classes()]
        ]
        # A flavor goes only when no queue has it any more.
        self.before_jobs = [self.definitions, sets, queues, *shared]
        self.register_outputs({})

    def open(self, name: str, request: TenantQueue, parent: pulumi.Resource) -> pulumi.Resource:
        """Registers the queue of a tenant for `parent`; what is queued comes after what is returned."""
        of_all = CustomObject(
            f"{name}-cluster-queue",
            cluster_queue(request),
            self.definitions,
            pulumi.ResourceOptions(parent=parent, depends_on=[*self.before_jobs, request.namespace]),
        )
        inside = pulumi.ResourceOptions(
            parent=parent, depends_on=[request.namespace, of_all], deleted_with=request.namespace
        )
        return CustomObject(f"{name}-local-queue", local_queue(request), self.definitions, inside)

    def _controller(
        self, controller: Controller, place: PlatformNamespace, after: Sequence[pulumi.Resource]
    ) -> pulumi.Resource:
        """Its Deployment, which comes after all that it needs, and its webhooks after it."""
        name = f"{self._name}-{controller.name}"

        def registered(suffix: str, part: Manifest, after: Sequence[pulumi.Resource]) -> KubernetesObject:
            placed = place.placing(part, self)
            options = pulumi.ResourceOptions.merge(placed, pulumi.ResourceOptions(depends_on=list(after)))
            return KubernetesObject(f"{name}-{suffix}", part, options)

        parts = [*before(controller), *rights(controller), *webhooks(controller)]
        needed = [registered(suffix, part, []) for suffix, part in parts]
        return registered("deployment", deployment(controller), [place, *needed, *after])


def _namespace(facts: ClusterFacts) -> PlatformNamespaceArgs:
    """Closed but for the API server, both ways. Twice the pods may be critical while they are updated."""
    to_api = [{"ports": [{"protocol": "TCP", "port": port} for port in _API_PORTS]}]
    # The API server calls from an address that a policy cannot name.
    from_api = [{"ports": [{"protocol": "TCP", "port": WEBHOOK_PORT}]}]
    return PlatformNamespaceArgs(
        namespace=QUEUE_NAMESPACE,
        identity=_IDENTITY,
        kubernetes_version=facts.kubernetes_version,
        dns=facts.dns,
        policies=[
            network_policy("api-server", QUEUE_NAMESPACE, _IDENTITY, policyTypes=["Egress"], egress=to_api),
            network_policy("webhooks", QUEUE_NAMESPACE, _IDENTITY, policyTypes=["Ingress"], ingress=from_api),
        ],
        critical_pods=4 * REPLICAS,
    )
