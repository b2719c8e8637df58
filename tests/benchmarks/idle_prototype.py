"""The prototype that the platform's idle shutdown is measured against: its rules and its trigger, written anew.

It decides in the query of each trigger, over the whole idle time, from one series that the rules record.
"""

from typing import Any

_HTTP = 'traefik_router_requests_total{router=~".+[-_]bpact[-.].+@kubernetescrd",protocol="http"}'
_SENT = 'container_network_transmit_bytes_total{interface="eth0"}'
_POD = '"workspace", "$1", "pod", "(.+)-[0-9]+"'
_BY = "by (namespace, workspace)"


def prototype_rules(seconds: int) -> str:
    """seconds: between evaluations. Its windows were of one minute at five seconds."""
    window, long = f"{12 * seconds}s", f"{24 * seconds}s"
    rules = {
        "replicas": f'max {_BY} (label_replace(kube_statefulset_replicas, "workspace", "$1", "statefulset", "(.+)"))',
        "requests": _requests(window),
        "gpu_busy": f'max {_BY} (label_replace(max_over_time(DCGM_FI_DEV_GPU_UTIL{{pod!=""}}[{window}]), {_POD})) > 5',
        "net_busy": (f"sum {_BY} (label_replace(rate({_SENT}[{window}]), {_POD})) > 1000"),
        "blind": _blind(long),
        "active": _active(window),
    }
    lines = ["groups:", "- name: prototype", f"  interval: {seconds}s", "  rules:"]
    for name, expression in rules.items():
        lines += [f"  - record: bedplate:workspace_{name}", f"    expr: {expression!r}"]
    return "\n".join([*lines, ""])


def _requests(window: str) -> str:
    started = 'time() - process_start_time_seconds{job="traefik"} < 120'
    first = (
        f"({_HTTP} unless {_HTTP} offset {window}) and on (instance)"
        f' ((up{{job="traefik"}} offset {window} == 1) or on (instance) ({started}))'
    )
    asked = f"(increase({_HTTP}[{window}]) > 0) or ({first})"
    named = f'label_replace({asked}, "namespace", "$1", "router", "(.+)[-_]bpact[-.].+@kubernetescrd")'
    return (
        f'sum {_BY} (label_replace({named}, "workspace", "$1", "router",'
        ' ".+[-_]bpact[-.](.+)[-_](?:[0-9a-f]{20}|[0-9]+)@kubernetescrd"))'
    )


def _blind(window: str) -> str:
    gpu = f'label_replace(present_over_time(DCGM_FI_DEV_GPU_UTIL{{pod!=""}}[{window}]), {_POD})'
    network = f"label_replace(present_over_time({_SENT}[{window}]), {_POD})"
    on = "on (namespace, workspace)"
    unseen = (
        f"((bedplate_workspace_gpu == 1) unless {on} {gpu}) or {on} (bedplate:workspace_replicas unless {on} {network})"
    )
    return f"(min_over_time(bedplate:workspace_replicas[{window}]) > 0) and {on} ({unseen})"


def _active(window: str) -> str:
    used = " or ".join(f"bedplate:workspace_{name}" for name in ("requests", "gpu_busy", "net_busy", "blind"))
    read = 'up{job=~"traefik|kube-state-metrics"}'
    return (
        f"(max {_BY} ({used}) * 0 + 1) or (bedplate:workspace_replicas * 0 and on ()"
        f" ((min(min_over_time({read}[{window}])) == 1) and (min(count_over_time({read}[{window}])) >= 10)))"
    )


def prototype_object(namespace: str, name: str, url: str, seconds: int, idle_minutes: int) -> dict[str, Any]:
    """The ScaledObject with the trigger that the trial recommended in the end."""
    series = f'bedplate:workspace_active{{namespace="{namespace}",workspace="{name}"}}[{idle_minutes}m]'
    enough = int(0.8 * idle_minutes * 60 / seconds)
    query = f"(max_over_time({series}) > 0) or (max_over_time({series}) == 0 and count_over_time({series}) >= {enough})"
    return {
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "ScaledObject",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "StatefulSet", "name": name},
            "minReplicaCount": 0,
            "maxReplicaCount": 1,
            "pollingInterval": seconds,
            "cooldownPeriod": 0,
            "triggers": [
                {
                    "type": "prometheus",
                    "metricType": "AverageValue",
                    "metadata": {
                        "serverAddress": url,
                        "query": query,
                        "threshold": "1",
                        "activationThreshold": "0",
                        "ignoreNullValues": "false",
                    },
                }
            ],
        },
    }
