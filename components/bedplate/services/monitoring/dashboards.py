"""What the platform's team looks at first, and what there is to see of one tenant.

Owns two dashboards over what every stack has: kube-state-metrics, kubelets with cAdvisor, Traefik and Prometheus
itself. What a concern alone knows is on a dashboard of its own.
"""

from bedplate.kubernetes import Dashboard, Panel, Query, Row, Variable
from bedplate.services.monitoring.job_dashboard import JOBS

_NAMESPACE = Variable(
    name="namespace",
    title="Namespace",
    selector='kube_namespace_labels{label_bedplate_dev_tenant!=""}',
    label="namespace",
)
_OURS = 'namespace=~"bedplate-.+"'
_TENANTS = 'namespace=~"$namespace"'

PLATFORM_HEALTH = Dashboard(
    uid="bedplate-platform",
    title="Platform health",
    audience="platform",
    description="Is everybody able to work, and does the platform know?",
    rows=[
        Row(
            title="Now",
            panels=[
                Panel(
                    title="Alerts firing",
                    kind="stat",
                    width=6,
                    queries=[Query(expression='count(ALERTS{alertstate="firing"}) or vector(0)')],
                ),
                Panel(
                    title="Targets down",
                    kind="stat",
                    width=6,
                    description="Of what Prometheus reads. What is down is not watched.",
                    queries=[Query(expression="count(up == 0) or vector(0)")],
                ),
                Panel(
                    title="Nodes not ready",
                    kind="stat",
                    width=6,
                    queries=[
                        Query(
                            expression='count(kube_node_status_condition{condition="Ready", status="true"} == 0)'
                            " or vector(0)"
                        )
                    ],
                ),
                Panel(
                    title="Pods without a node",
                    kind="stat",
                    width=6,
                    queries=[Query(expression="sum(kube_pod_status_unschedulable) or vector(0)")],
                ),
            ],
        ),
        Row(
            title="What runs the platform",
            panels=[
                Panel(
                    title="Deployments that lack pods",
                    kind="table",
                    queries=[
                        Query(
                            expression="max by (namespace, deployment)"
                            f" (kube_deployment_status_replicas_unavailable{{{_OURS}}}) > 0"
                        )
                    ],
                ),
                Panel(
                    title="Restarts",
                    description="Containers of the platform that started anew in the last hour.",
                    queries=[
                        Query(
                            expression="sum by (namespace)"
                            f" (increase(kube_pod_container_status_restarts_total{{{_OURS}}}[1h]))",
                            legend="{{namespace}}",
                        )
                    ],
                ),
                Panel(
                    title="Disks",
                    unit="percentunit",
                    kind="bargauge",
                    description="How full each volume is.",
                    queries=[
                        Query(
                            expression="1 - max by (namespace, persistentvolumeclaim)"
                            " (kubelet_volume_stats_available_bytes / kubelet_volume_stats_capacity_bytes)",
                            legend="{{namespace}}/{{persistentvolumeclaim}}",
                        )
                    ],
                ),
                Panel(
                    title="Answers of the front door",
                    unit="reqps",
                    queries=[
                        Query(
                            expression="sum by (code) (rate(traefik_entrypoint_requests_total[$__rate_interval]))",
                            legend="{{code}}",
                        )
                    ],
                ),
            ],
        ),
        Row(
            title="Metrics themselves",
            panels=[
                Panel(
                    title="Series",
                    width=8,
                    queries=[Query(expression="max by (pod) (prometheus_tsdb_head_series)", legend="{{pod}}")],
                ),
                Panel(
                    title="Samples a second",
                    width=8,
                    queries=[
                        Query(
                            expression="sum by (pod)"
                            " (rate(prometheus_tsdb_head_samples_appended_total[$__rate_interval]))",
                            legend="{{pod}}",
                        )
                    ],
                ),
                Panel(
                    title="Notifications that failed",
                    width=8,
                    queries=[
                        Query(
                            expression="sum by (integration)"
                            " (rate(alertmanager_notifications_failed_total[$__rate_interval]))",
                            legend="{{integration}}",
                        )
                    ],
                ),
            ],
        ),
    ],
)
TENANT = Dashboard(
    uid="bedplate-tenant",
    title="Tenant",
    audience="tenant",
    description="What a tenant has, uses and waits for.",
    variables=[_NAMESPACE],
    rows=[
        Row(
            title="Quota",
            panels=[
                Panel(
                    title="Used of the quota",
                    unit="percentunit",
                    kind="bargauge",
                    width=24,
                    queries=[
                        Query(
                            expression="max by (namespace, resourcequota, resource)"
                            f' (kube_resourcequota{{{_TENANTS}, type="used"}})'
                            " / (max by (namespace, resourcequota, resource)"
                            f' (kube_resourcequota{{{_TENANTS}, type="hard"}}) > 0)',
                            legend="{{namespace}} {{resourcequota}} {{resource}}",
                        )
                    ],
                )
            ],
        ),
        Row(
            title="Use",
            panels=[
                Panel(
                    title="CPU used",
                    description="Cores; beside it what is requested, which the quota counts.",
                    queries=[
                        Query(
                            expression="sum by (namespace) (rate(container_cpu_usage_seconds_total"
                            f'{{{_TENANTS}, container!=""}}[$__rate_interval]))',
                            legend="{{namespace}} used",
                        ),
                        Query(
                            expression="sum by (namespace)"
                            f' (kube_pod_container_resource_requests{{{_TENANTS}, resource="cpu"}})',
                            legend="{{namespace}} requested",
                        ),
                    ],
                ),
                Panel(
                    title="Memory used",
                    unit="bytes",
                    queries=[
                        Query(
                            expression="sum by (namespace) (container_memory_working_set_bytes"
                            f'{{{_TENANTS}, container!=""}})',
                            legend="{{namespace}} used",
                        ),
                        Query(
                            expression="sum by (namespace)"
                            f' (kube_pod_container_resource_requests{{{_TENANTS}, resource="memory"}})',
                            legend="{{namespace}} requested",
                        ),
                    ],
                ),
                Panel(
                    title="GPUs requested",
                    queries=[
                        Query(
                            expression="sum by (namespace, resource) (kube_pod_container_resource_requests"
                            f'{{{_TENANTS}, resource=~"nvidia_com_.+"}})',
                            legend="{{namespace}} {{resource}}",
                        )
                    ],
                ),
                Panel(
                    title="Pods",
                    queries=[
                        Query(
                            expression=f"sum by (phase) (kube_pod_status_phase{{{_TENANTS}}})",
                            legend="{{phase}}",
                        )
                    ],
                ),
            ],
        ),
        Row(
            title="What does not work",
            panels=[
                Panel(
                    title="Containers that do not start",
                    kind="table",
                    queries=[
                        Query(
                            expression="max by (namespace, pod, container, reason)"
                            f" (kube_pod_container_status_waiting_reason{{{_TENANTS}}}) == 1"
                        )
                    ],
                ),
                Panel(
                    title="Jobs that failed",
                    kind="table",
                    queries=[
                        Query(expression=f"max by (namespace, job_name) (kube_job_status_failed{{{_TENANTS}}}) > 0")
                    ],
                ),
            ],
        ),
    ],
)
DASHBOARDS = (PLATFORM_HEALTH, TENANT, JOBS)
