"""Versions of EKS' add-ons, by the minor of the cluster.

Owns the pins. EKS gives an add-on without a version the one of the day it is made, and never another: written down, a
version moves with `kubernetesVersion`, shows in a preview, and is renewed like every other. Pins of one minor are among
those that `aws eks describe-addon-versions --kubernetes-version <minor>` lists; Renovate's data source asks the same
(https://docs.renovatebot.com/modules/datasource/aws-eks-addon/), with credentials of AWS.
"""

from collections.abc import Mapping

# renovate: datasource=aws-eks-addon depName={"addonName":"vpc-cni","kubernetesVersion":"1.34"}
VPC_CNI_1_34 = "v1.22.4-eksbuild.3"
# renovate: datasource=aws-eks-addon depName={"addonName":"kube-proxy","kubernetesVersion":"1.34"}
KUBE_PROXY_1_34 = "v1.34.6-eksbuild.21"
# renovate: datasource=aws-eks-addon depName={"addonName":"coredns","kubernetesVersion":"1.34"}
COREDNS_1_34 = "v1.12.4-eksbuild.29"
# renovate: datasource=aws-eks-addon depName={"addonName":"eks-pod-identity-agent","kubernetesVersion":"1.34"}
EKS_POD_IDENTITY_AGENT_1_34 = "v1.3.10-eksbuild.3"
# renovate: datasource=aws-eks-addon depName={"addonName":"aws-ebs-csi-driver","kubernetesVersion":"1.34"}
AWS_EBS_CSI_DRIVER_1_34 = "v1.62.0-eksbuild.1"
# renovate: datasource=aws-eks-addon depName={"addonName":"aws-efs-csi-driver","kubernetesVersion":"1.34"}
AWS_EFS_CSI_DRIVER_1_34 = "v3.4.2-eksbuild.1"
# renovate: datasource=aws-eks-addon depName={"addonName":"metrics-server","kubernetesVersion":"1.34"}
METRICS_SERVER_1_34 = "v0.9.0-eksbuild.5"
# renovate: datasource=aws-eks-addon depName={"addonName":"vpc-cni","kubernetesVersion":"1.35"}
VPC_CNI_1_35 = "v1.22.4-eksbuild.3"
# renovate: datasource=aws-eks-addon depName={"addonName":"kube-proxy","kubernetesVersion":"1.35"}
KUBE_PROXY_1_35 = "v1.35.3-eksbuild.21"
# renovate: datasource=aws-eks-addon depName={"addonName":"coredns","kubernetesVersion":"1.35"}
COREDNS_1_35 = "v1.13.2-eksbuild.21"
# renovate: datasource=aws-eks-addon depName={"addonName":"eks-pod-identity-agent","kubernetesVersion":"1.35"}
EKS_POD_IDENTITY_AGENT_1_35 = "v1.3.10-eksbuild.3"
# renovate: datasource=aws-eks-addon depName={"addonName":"aws-ebs-csi-driver","kubernetesVersion":"1.35"}
AWS_EBS_CSI_DRIVER_1_35 = "v1.62.0-eksbuild.1"
# renovate: datasource=aws-eks-addon depName={"addonName":"aws-efs-csi-driver","kubernetesVersion":"1.35"}
AWS_EFS_CSI_DRIVER_1_35 = "v3.4.2-eksbuild.1"
# renovate: datasource=aws-eks-addon depName={"addonName":"metrics-server","kubernetesVersion":"1.35"}
METRICS_SERVER_1_35 = "v0.9.0-eksbuild.5"
# renovate: datasource=aws-eks-addon depName={"addonName":"vpc-cni","kubernetesVersion":"1.36"}
VPC_CNI_1_36 = "v1.22.4-eksbuild.3"
# renovate: datasource=aws-eks-addon depName={"addonName":"kube-proxy","kubernetesVersion":"1.36"}
KUBE_PROXY_1_36 = "v1.36.0-eksbuild.17"
# renovate: datasource=aws-eks-addon depName={"addonName":"coredns","kubernetesVersion":"1.36"}
COREDNS_1_36 = "v1.14.3-eksbuild.14"
# renovate: datasource=aws-eks-addon depName={"addonName":"eks-pod-identity-agent","kubernetesVersion":"1.36"}
EKS_POD_IDENTITY_AGENT_1_36 = "v1.3.10-eksbuild.3"
# renovate: datasource=aws-eks-addon depName={"addonName":"aws-ebs-csi-driver","kubernetesVersion":"1.36"}
AWS_EBS_CSI_DRIVER_1_36 = "v1.62.0-eksbuild.1"
# renovate: datasource=aws-eks-addon depName={"addonName":"aws-efs-csi-driver","kubernetesVersion":"1.36"}
AWS_EFS_CSI_DRIVER_1_36 = "v3.4.2-eksbuild.1"
# renovate: datasource=aws-eks-addon depName={"addonName":"metrics-server","kubernetesVersion":"1.36"}
METRICS_SERVER_1_36 = "v0.9.0-eksbuild.11"

VERSIONS: Mapping[str, Mapping[str, str]] = {
    "1.34": {
        "vpc-cni": VPC_CNI_1_34,
        "kube-proxy": KUBE_PROXY_1_34,
        "coredns": COREDNS_1_34,
        "eks-pod-identity-agent": EKS_POD_IDENTITY_AGENT_1_34,
        "aws-ebs-csi-driver": AWS_EBS_CSI_DRIVER_1_34,
        "aws-efs-csi-driver": AWS_EFS_CSI_DRIVER_1_34,
        "metrics-server": METRICS_SERVER_1_34,
    },
    "1.35": {
        "vpc-cni": VPC_CNI_1_35,
        "kube-proxy": KUBE_PROXY_1_35,
        "coredns": COREDNS_1_35,
        "eks-pod-identity-agent": EKS_POD_IDENTITY_AGENT_1_35,
        "aws-ebs-csi-driver": AWS_EBS_CSI_DRIVER_1_35,
        "aws-efs-csi-driver": AWS_EFS_CSI_DRIVER_1_35,
        "metrics-server": METRICS_SERVER_1_35,
    },
    "1.36": {
        "vpc-cni": VPC_CNI_1_36,
        "kube-proxy": KUBE_PROXY_1_36,
        "coredns": COREDNS_1_36,
        "eks-pod-identity-agent": EKS_POD_IDENTITY_AGENT_1_36,
        "aws-ebs-csi-driver": AWS_EBS_CSI_DRIVER_1_36,
        "aws-efs-csi-driver": AWS_EFS_CSI_DRIVER_1_36,
        "metrics-server": METRICS_SERVER_1_36,
    },
}
"""By minor and add-on. A minor that is supported has one of each."""
