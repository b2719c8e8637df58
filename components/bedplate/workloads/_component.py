"""The component of a workload, whatever its template."""

import pulumi

from bedplate.kubernetes import KubernetesObject
from bedplate.offers import RouteRequest
from bedplate.workloads._base import Workload, WorkloadArgs


class WorkloadComponent(pulumi.ComponentResource):
    """What a template makes of a spec, registered, with a route to it where the spec asks for one."""

    def __init__(self, name: str, args: WorkloadArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        template = Workload.of(args.spec)
        super().__init__(f"bedplate:index:{type(template).__name__}", name, {}, opts)
        inside = pulumi.ResourceOptions(parent=self, depends_on=[args.namespace], deleted_with=args.namespace)
        for suffix, part in [*template.common_parts(args), *template.parts(args)]:
            left = pulumi.ResourceOptions(ignore_changes=list(template.handed_over.get(part["kind"], ())))
            KubernetesObject(f"{name}-{suffix}", part, pulumi.ResourceOptions.merge(inside, left))
        self._open_route(name, args)
        self.register_outputs({})

    def _open_route(self, name: str, args: WorkloadArgs) -> None:
        endpoint, door = args.spec.endpoint(), args.offers.front_door
        if endpoint is None or door is None:
            return
        request = RouteRequest(
            spec=endpoint.route,
            identity=args.identity,
            namespace=args.namespace,
            namespace_name=args.namespace_name,
            service=endpoint.service,
            service_port=endpoint.service_port,
            port=endpoint.port,
            groups=args.groups,
        )
        door.open(f"{name}-route", request, self)
