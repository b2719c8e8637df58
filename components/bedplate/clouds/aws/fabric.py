"""EFA, the network cards by which GPUs of many machines reach each other on AWS.

Owns what pods ask for, the variables of programs that use the cards, and the device plugin's pin. The cards themselves,
their security group and the placement group are the node pools'.
"""

from bedplate.clouds.facts import FabricFacts, FabricPlugin

# AWS' registry of EKS answers nodes alone, so that Renovate cannot ask it; the chart names the newest:
# https://github.com/aws/eks-charts/blob/master/stable/aws-efa-k8s-device-plugin/Chart.yaml (2026-08).
PLUGIN_VERSION = "v0.5.20"
RESOURCE = "vpc.amazonaws.com/efa"
_ENVIRONMENT = {
    "FI_PROVIDER": "efa",
    # Without it processes that fork, as data loaders do, run out of huge pages. With it none are asked for:
    # https://github.com/aws-samples/awsome-distributed-training/blob/main/1.architectures/efa-cheatsheet.md
    "FI_EFA_USE_HUGE_PAGE": "0",
}


def efa(cards: int, gpus: int) -> FabricFacts:
    """Of a machine with so many cards and GPUs: https://docs.aws.amazon.com/eks/latest/userguide/node-efa.html."""
    return FabricFacts(
        resource=RESOURCE,
        cards=cards,
        gpus=gpus,
        environment=_ENVIRONMENT,
        plugin=FabricPlugin(
            name="efa-device-plugin",
            image=f"602401143452.dkr.ecr.us-west-2.amazonaws.com/eks/aws-efa-k8s-device-plugin:{PLUGIN_VERSION}",
            devices_folder="/dev/infiniband",
        ),
    )
