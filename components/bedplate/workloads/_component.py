"""The component of a workload, whatever its template."""

from collections.abc import Mapping

import pulumi

from bedplate.kubernetes import KubernetesObject
from bedplate.labels import host_label
from bedplate.offers import (
    ActivityRequest,
    BacklogRequest,
    BuilderRequest,
    CanaryRequest,
    ExternalSecretRequest,
    ExternalValue,
    RouteRequest,
    Sleep,
)
from bedplate.workloads._base import Endpoint, Workload, WorkloadArgs
from bedplate.workloads._external import external_secret_name
from bedplate.workloads._parts import parts_of


class WorkloadComponent(pulumi.ComponentResource):
    """What a template makes of a spec, registered, with what the platform does for it where the spec asks for that."""

    def __init__(self, name: str, args: WorkloadArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        template = Workload.of(args.spec)
        super().__init__(f"bedplate:index:{type(template).__name__}", name, {}, opts)
        inside = pulumi.ResourceOptions(parent=self, depends_on=[args.namespace], deleted_with=args.namespace)
        made = {
            suffix: KubernetesObject(f"{name}-{suffix}", part, _options(part["kind"], template, args, inside))
            for suffix, part in parts_of(args)
        }
        self._bring_secrets(name, args)
        self._open_route(name, args, made)
        self._stop_while_idle(name, args)
        self._scale_by_backlog(name, args)
        self._let_build(name, args)
        self.register_outputs({})

    def _bring_secrets(self, name: str, args: WorkloadArgs) -> None:
        external, offer = args.spec.external_env(), args.offers.secrets
        if not external or offer is None:
            return
        request = ExternalSecretRequest(
            tenant=args.identity.tenant,
            identity=args.identity,
            namespace=args.namespace,
            namespace_name=args.namespace_name,
            secret=external_secret_name(args.spec.name),
            variables={
                variable: ExternalValue(name=one.external, key=one.key or "") for variable, one in external.items()
            },
            after=[args.store] if args.store else [],
        )
        offer.bring(f"{name}-external", request, self)

    def _open_route(self, name: str, args: WorkloadArgs, made: Mapping[str, KubernetesObject]) -> None:
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
            people=endpoint.people,
            sleep=Sleep(polling_paths=endpoint.polling_paths) if args.spec.sleeper() else None,
            canary=_canary(args, endpoint, made),
        )
        door.open(f"{name}-route", request, self)

    def _stop_while_idle(self, name: str, args: WorkloadArgs) -> None:
        spec, activity, endpoint = args.spec, args.offers.activity, args.spec.endpoint()
        sleeper = spec.sleeper()
        if sleeper is None or activity is None:
            return
        request = ActivityRequest(
            identity=args.identity,
            namespace=args.namespace,
            namespace_name=args.namespace_name,
            kind=sleeper.kind,
            target=spec.name,
            after_minutes=sleeper.idle.after_minutes,
            replicas_min=sleeper.replicas_min,
            replicas_max=sleeper.replicas_max,
            cpu_percent=sleeper.cpu_percent,
            route=host_label(args.identity.tenant, args.identity.workload) if endpoint else "",
            host=(endpoint.route.host or "") if endpoint else "",
            gpus=spec.gpu.count * sleeper.replicas_min if spec.gpu else 0,
            accelerator=spec.gpu.accelerator if spec.gpu else "",
        )
        activity.scale(f"{name}-idle", request, self)

    def _scale_by_backlog(self, name: str, args: WorkloadArgs) -> None:
        queued, offer = args.spec.queued(), args.offers.backlog
        if queued is None or offer is None:
            return
        request = BacklogRequest(
            identity=args.identity,
            namespace=args.namespace,
            namespace_name=args.namespace_name,
            target=args.spec.name,
            replicas_min=queued.replicas_min,
            replicas_max=queued.replicas_max,
            per_pod=queued.per_pod,
        )
        offer.scale_by_backlog(f"{name}-queue", request, self)

    def _let_build(self, name: str, args: WorkloadArgs) -> None:
        images = args.offers.images
        if images is None or not args.spec.has_images_built():
            return
        request = BuilderRequest(identity=args.identity, namespace=args.namespace, namespace_name=args.namespace_name)
        images.let_build(f"{name}-builds", request, self)


def _canary(args: WorkloadArgs, endpoint: Endpoint, made: Mapping[str, KubernetesObject]) -> CanaryRequest | None:
    """The release beside the workload, which nobody is led to before it serves."""
    if endpoint.canary_percent is None:
        return None
    _, identity = Workload.of(args.spec).identities(args)
    return CanaryRequest(
        identity=identity,
        service=identity.workload,
        weight_percent=endpoint.canary_percent,
        after=[made["canary-deployment"]],
    )


def _options(
    kind: str, template: Workload, args: WorkloadArgs, inside: pulumi.ResourceOptions
) -> pulumi.ResourceOptions:
    """Of one object: what of it is left to a controller, what has it made again, and what comes before it."""
    replaced, offer = list(template.replaced.get(kind, ())), args.offers.queue
    queue = [args.queue, *offer.before_jobs] if args.queue and offer else []
    own = pulumi.ResourceOptions(
        ignore_changes=list(template.handed_over.get(kind, ())),
        replace_on_changes=replaced,
        delete_before_replace=True if replaced else None,
        depends_on=queue if replaced else [],
    )
    return pulumi.ResourceOptions.merge(inside, own)
