"""What Karpenter needs of AWS: who its nodes are, where it hears of machines that go, and what it starts.

Owns the instance profile, the queue with the rules that fill it, and the specs of node classes and node pools. It
deliberately owns no access entry: its nodes have the role of the managed node groups, for which EKS makes the entry
itself, and a role has one entry only
(https://docs.aws.amazon.com/eks/latest/userguide/creating-access-entries.html). Karpenter runs elsewhere
(`bedplate.services.nodes.karpenter`), its permissions are `karpenter_permissions`.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi_aws import cloudwatch, iam, sqs

from bedplate.clouds.aws.cluster import AwsControlPlane
from bedplate.clouds.aws.identity import AwsIdentities
from bedplate.clouds.aws.keys import AwsKeys
from bedplate.clouds.aws.network import AwsNetwork
from bedplate.clouds.aws.node_pools import SPOT_LABEL
from bedplate.clouds.aws.policies import grant, policy
from bedplate.clouds.aws.spec import AwsClusterSpec
from bedplate.clouds.catalogue import MachineShape
from bedplate.clouds.contract import NodePoolSpec
from bedplate.clouds.facts import KarpenterFacts, KarpenterPool
from bedplate.clouds.managed import PODS_OF_A_NODE
from bedplate.labels import ACCELERATOR, GPU_RESOURCE, POOL

# renovate: datasource=github-releases depName=awslabs/amazon-eks-ami
NODE_IMAGE_VERSION = "v20261023"
"""Of Amazon Linux 2023 for EKS, with and without NVIDIA's driver.

Pinned, because `latest` replaces nodes whenever Amazon publishes an image, tried or not:
https://karpenter.sh/docs/tasks/managing-amis/#pinning-amis.
"""
_GROUP = "karpenter.k8s.aws"
NODE_CLASS = (f"{_GROUP}/v1", "EC2NodeClass")
_RULES: Mapping[str, tuple[str, str]] = {
    "health": ("aws.health", "AWS Health Event"),
    "spot": ("aws.ec2", "EC2 Spot Instance Interruption Warning"),
    "rebalance": ("aws.ec2", "EC2 Instance Rebalance Recommendation"),
    "state": ("aws.ec2", "EC2 Instance State-change Notification"),
}
"""What is heard of, by source and kind of the event: https://karpenter.sh/docs/concepts/disruption/#interruption."""
_MESSAGE_SECONDS = 300
"""A warning is two minutes ahead; an older one tells nothing any more."""


@dataclass(frozen=True, kw_only=True)
class AwsKarpenterArgs:
    """identities: of this cluster."""

    spec: AwsClusterSpec
    identities: AwsIdentities


class AwsKarpenter(pulumi.ComponentResource):
    """What stands in the account for Karpenter."""

    instance_profile: pulumi.Output[str]
    """Name of its nodes' instance profile."""

    def __init__(self, name: str, args: AwsKarpenterArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("bedplate:index:AwsKarpenter", name, {}, opts)
        child = pulumi.ResourceOptions(parent=self)
        self.instance_profile = iam.InstanceProfile(f"{name}-nodes", role=args.identities.nodes.name, opts=child).name
        queue = sqs.Queue(
            f"{name}-queue",
            name=args.spec.interruption_queue,
            message_retention_seconds=_MESSAGE_SECONDS,
            sqs_managed_sse_enabled=True,
            opts=child,
        )
        rules = [self._rule(f"{name}-{event}", event, queue) for event in _RULES]
        sqs.QueuePolicy(f"{name}-queue-policy", queue_url=queue.url, policy=_who_sends(queue.arn, rules), opts=child)
        self.register_outputs({"instance_profile": self.instance_profile})

    def _rule(self, name: str, event: str, queue: sqs.Queue) -> pulumi.Output[str]:
        source, kind = _RULES[event]
        child = pulumi.ResourceOptions(parent=self)
        rule = cloudwatch.EventRule(
            name,
            description=f"Karpenter hears: {kind}",
            event_pattern=json.dumps({"source": [source], "detail-type": [kind]}),
            opts=child,
        )
        cloudwatch.EventTarget(f"{name}-target", rule=rule.name, arn=queue.arn, opts=child)
        return rule.arn


def _who_sends(queue_arn: pulumi.Input[str], rules: list[pulumi.Output[str]]) -> pulumi.Output[str]:
    """These rules and nobody else, over TLS: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html#eb-sqs-permissions."""
    from_rules = {"ArnEquals": {"aws:SourceArn": rules}}
    without_tls = {"Bool": {"aws:SecureTransport": "false"}}
    return policy(
        grant("Rules", {"Service": "events.amazonaws.com"}, ["sqs:SendMessage"], [queue_arn], from_rules),
        {**grant("OnlyTls", {"AWS": "*"}, ["sqs:*"], [queue_arn], without_tls), "Effect": "Deny"},
    )


@dataclass(frozen=True, kw_only=True)
class AwsNodesArgs:
    """What the machines of all pools have in common."""

    spec: AwsClusterSpec
    network: AwsNetwork
    keys: AwsKeys
    control_plane: AwsControlPlane
    karpenter: AwsKarpenter
    tags: Mapping[str, str]


def karpenter_facts(args: AwsNodesArgs, pools: Mapping[str, NodePoolSpec], credentials_network: str) -> KarpenterFacts:
    """Settings of Karpenter, and a node class and a node pool for each pool that grows."""
    return KarpenterFacts(
        settings={"clusterName": args.spec.name, "interruptionQueue": args.spec.interruption_queue},
        # It would ask the metadata service, which no pod reaches.
        environment={"AWS_REGION": args.spec.region},
        node_class_kind=NODE_CLASS,
        credentials_network=credentials_network,
        pools=[
            KarpenterPool(
                name=name,
                node_class=node_class(name, pool, args),
                node_pool=node_pool(name, pool, args.spec.shape_of(pool), args.spec.taints_of(name, pools)),
            )
            for name, pool in pools.items()
            if pool.min < pool.max
        ],
    )


def node_class(name: str, pool: NodePoolSpec, args: AwsNodesArgs) -> dict[str, Any]:
    """A machine as the managed node groups have it: https://karpenter.sh/docs/concepts/nodeclasses/.

    Subnets and security group are named, so that no tag decides where a node stands. Without `maxPods` Karpenter counts
    addresses one by one; here they come in blocks
    (https://docs.aws.amazon.com/eks/latest/userguide/cni-increase-ip-addresses.html).
    """
    group = args.control_plane.cluster.vpc_config.cluster_security_group_id
    disk = {
        "volumeSize": f"{int(pool.disk_gib)}Gi",
        "volumeType": "gp3",
        "encrypted": True,
        "kmsKeyID": args.keys.data_arn,
        "deleteOnTermination": True,
    }
    return {
        "amiSelectorTerms": [{"alias": f"al2023@{NODE_IMAGE_VERSION}"}],
        "instanceProfile": args.karpenter.instance_profile,
        "subnetSelectorTerms": [{"id": subnet} for subnet in args.network.private_subnet_ids],
        "securityGroupSelectorTerms": [{"id": group}],
        "associatePublicIPAddress": False,
        "metadataOptions": {
            "httpEndpoint": "enabled",
            "httpProtocolIPv6": "disabled",
            "httpPutResponseHopLimit": 1,
            "httpTokens": "required",
        },
        "blockDeviceMappings": [{"deviceName": "/dev/xvda", "ebs": disk}],
        "kubelet": {"maxPods": PODS_OF_A_NODE},
        "tags": {**args.tags, "Name": f"{args.spec.name}-{name}"},
        **({"instanceStorePolicy": "RAID0"} if pool.local_disks else {}),
    }


def node_pool(
    name: str, pool: NodePoolSpec, shape: MachineShape, taints: Sequence[Mapping[str, str]]
) -> dict[str, Any]:
    """At most `max - min` machines of one type: https://karpenter.sh/docs/concepts/nodepools/.

    No work is killed to save money or to renew a node. Machines do not expire, because expiry begins to drain at once
    and starts no replacement first; they are renewed when the stack's image, disk or machine changes (drift), which
    waits for pods that must not be moved as long as there is no `terminationGracePeriod`
    (https://karpenter.sh/docs/concepts/disruption/#terminationgraceperiod).
    """
    labels = {POOL: name, **({ACCELERATOR: pool.offers} if pool.offers else {})}
    requirements = {
        "node.kubernetes.io/instance-type": shape.machine_type,
        "karpenter.sh/capacity-type": "spot" if pool.spot else "on-demand",
    }
    group, _, _ = NODE_CLASS[0].partition("/")
    return {
        "template": {
            "metadata": {"labels": {**labels, **(SPOT_LABEL if pool.spot else {})}},
            "spec": {
                "nodeClassRef": {"group": group, "kind": NODE_CLASS[1], "name": name},
                "requirements": [
                    {"key": key, "operator": "In", "values": [value]} for key, value in requirements.items()
                ],
                "expireAfter": "Never",
                **({"taints": [dict(taint) for taint in taints]} if taints else {}),
            },
        },
        "limits": _limits(pool.max - pool.min, shape),
        "disruption": _disruption(shape),
    }


def _limits(machines: int, shape: MachineShape) -> dict[str, str]:
    """`nodes` is not counted down while a burst of pods is planned, so the burst would overrun it; a resource is.

    https://github.com/kubernetes-sigs/karpenter/blob/v1.14.0/pkg/controllers/provisioning/scheduling/scheduler.go
    """
    planned = {GPU_RESOURCE: shape.gpus} if shape.gpus else {"cpu": shape.cpu}
    return {"nodes": str(machines), **{resource: f"{machines * each:g}" for resource, each in planned.items()}}


def _disruption(shape: MachineShape) -> dict[str, Any]:
    """Machines with GPUs go when nothing runs on them; others also when their pods fit elsewhere, a tenth at a time.

    Empty ones go all at once. What is drifted goes one machine at a time, because accelerators may be scarce.
    """
    return {
        "consolidationPolicy": "WhenEmpty" if shape.gpus else "WhenEmptyOrUnderutilized",
        "consolidateAfter": "10m",
        "budgets": [
            {"nodes": "100%", "reasons": ["Empty"]},
            {"nodes": "10%", "reasons": ["Underutilized"]},
            {"nodes": "1", "reasons": ["Drifted"]},
        ],
    }
