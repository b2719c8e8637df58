"""Which GPUs are had, used and wasted, by whom, and what is wrong with them."""

from bedplate.kubernetes import Dashboard, Panel, Query, Row, Variable
from bedplate.services.gpu.rules import ALLOCATED, CAPACITY, UTILISATION

_ACCELERATOR = Variable(name="accelerator", title="Accelerator", selector=CAPACITY, label="accelerator")
_WHICH = '{accelerator=~"$accelerator"}'
_OF_PODS = f"max by (namespace, pod) ({UTILISATION})"
_HELD = f"sum by (namespace, pod) ({ALLOCATED}{_WHICH})"

GPU_USE = Dashboard(
    uid="bedplate-gpu",
    title="GPU use and waste",
    audience="platform",
    description="Parts of GPUs count as one each, by the name of their accelerator.",
    variables=[_ACCELERATOR],
    rows=[
        Row(
            title="Had",
            panels=[
                Panel(
                    title="GPUs that nodes offer",
                    queries=[Query(expression=f"sum by (accelerator) ({CAPACITY}{_WHICH})", legend="{{accelerator}}")],
                ),
                Panel(
                    title="GPUs that pods have",
                    queries=[
                        Query(expression=f"sum by (namespace) ({ALLOCATED}{_WHICH})", legend="{{namespace}}"),
                    ],
                ),
                Panel(
                    title="Share of GPUs that pods have",
                    unit="percentunit",
                    description="What is not had costs as much.",
                    queries=[
                        Query(
                            expression=f"sum by (accelerator) ({ALLOCATED}{_WHICH})"
                            f" / sum by (accelerator) ({CAPACITY}{_WHICH})",
                            legend="{{accelerator}}",
                        )
                    ],
                ),
            ],
        ),
        Row(
            title="Used",
            panels=[
                Panel(
                    title="Use of the GPUs that a tenant has",
                    unit="percentunit",
                    queries=[
                        Query(
                            expression=f"avg by (namespace) ({_OF_PODS} and on (namespace, pod) {_HELD} > 0)",
                            legend="{{namespace}}",
                        )
                    ],
                ),
                Panel(
                    title="GPUs that are had and not used",
                    description="Less than 5 % for an hour.",
                    queries=[
                        Query(
                            expression=f"sum by (namespace) ({_HELD} and on (namespace, pod)"
                            f" max by (namespace, pod) (max_over_time({UTILISATION}[1h])) < 0.05)",
                            legend="{{namespace}}",
                        )
                    ],
                ),
                Panel(
                    title="Pods that use their GPUs least",
                    kind="table",
                    unit="percentunit",
                    queries=[
                        Query(
                            expression=f"bottomk(20, avg_over_time(({_OF_PODS})[1h:5m])"
                            f" and on (namespace, pod) {_HELD} > 0)",
                            legend="{{namespace}}/{{pod}}",
                        )
                    ],
                ),
            ],
        ),
        Row(
            title="Health",
            panels=[
                Panel(
                    title="XID errors",
                    kind="table",
                    description="By number; docs/guides/gpu-nodes.md says which are the hardware's.",
                    queries=[
                        Query(
                            expression="max by (Hostname, gpu, xid) (DCGM_EXP_XID_ERRORS_COUNT) > 0",
                            legend="{{Hostname}} {{xid}}",
                        )
                    ],
                ),
                Panel(
                    title="Temperature",
                    unit="celsius",
                    queries=[
                        Query(
                            expression="max by (Hostname) (DCGM_FI_DEV_GPU_TEMP)",
                            legend="{{Hostname}}",
                        )
                    ],
                ),
            ],
        ),
    ],
)
DASHBOARDS = (GPU_USE,)
