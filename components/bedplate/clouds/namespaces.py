"""Namespaces of other software, which no tenant may have: as a table, like machines.

Whoever may create Jobs in such a namespace may run them as that software's ServiceAccounts. A name that ends with '*'
stands for all that begin so. They are the names under which this software is installed unless somebody decides
otherwise, such as gmp-system of Google's Prometheus
(https://cloud.google.com/kubernetes-engine/multi-cloud/docs/azure/how-to/managed-service-prometheus). What a site has
besides stands in `guardrails.reservedNamespaces`.
"""

_OF_CLOUDS: dict[str, tuple[str, ...]] = {
    "aws": ("amazon-*", "aws-observability"),
    "azure": ("aks-*", "app-routing-system", "azure-*", "dapr-system"),
    "gcp": ("anthos-*", "asm-*", "cnrm-system", "config-management-*", "gke-*", "gmp-*", "resource-group-system"),
}
_OF_ANYBODY = (
    *("argo", "argo-*", "argocd", "flux-system", "tekton-*", "crossplane-system", "olm", "openshift", "openshift-*"),
    *("calico-*", "cilium", "tigera-operator", "metallb-system", "istio-*", "linkerd", "linkerd-*"),
    *("cert-manager", "external-dns", "external-secrets", "sealed-secrets", "vault"),
    *("gatekeeper-system", "kyverno", "falco", "trivy-system"),
    *("ingress-nginx", "traefik", "nginx-gateway", "envoy-gateway-system"),
    *("grafana", "logging", "monitoring", "observability", "opentelemetry-*", "prometheus"),
    *("elastic-system", "keda", "knative-*", "kserve", "kubeflow", "kueue-system", "jobset-system", "lws-system"),
    *("karpenter", "gpu-operator", "network-operator", "node-feature-discovery", "nvidia-*"),
    *("cattle-*", "local-path-storage", "longhorn-system", "rook-ceph", "velero", "volcano-system"),
)


def namespaces_of_others(cloud: str | None) -> tuple[str, ...]:
    """Namespaces of software that may run in a cluster of this cloud; of all of them where it is not known."""
    of_clouds = _OF_CLOUDS.values() if cloud is None else [_OF_CLOUDS[cloud]]
    return (*_OF_ANYBODY, *(name for names in of_clouds for name in names))
