"""What members may deploy beside jobs: model APIs by `bedplate deploy`, and nothing that the stack made.

Owns a policy beside the guardrails, which judge the pods of a Deployment as they judge everybody's. Kubernetes can
grant the change of a kind as a whole only; this holds members to objects that say so by a label, to the shapes that a
deployment has, and, of what the stack made, to a restart. Who may delete the same in kube-system is no member, and no
program outside of the tenant is: the platform's team, controllers and operators.
"""

from bedplate.guardrails.routes import keys_shape, route_shape
from bedplate.guardrails.sight import BY_A_CONTROLLER
from bedplate.kubernetes import Manifest
from bedplate.labels import COMPONENT, DEPLOYED, DOMAIN, INSTANCE, MANAGED_BY, RESTARTED_AT, WORKLOAD

POLICY = "bedplate-deployments"
KINDS: dict[str, tuple[str, ...]] = {
    "": ("configmaps", "secrets", "serviceaccounts", "services"),
    "apps": ("deployments",),
    "autoscaling": ("horizontalpodautoscalers",),
    "policy": ("poddisruptionbudgets",),
    "traefik.io": ("ingressroutes", "middlewares"),
}
"""By group, what a member may make of which `bedplate deploy` consists."""
_COMPONENT = "model-api"
_TIME = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$"
_ASKED = "authorizer.group(request.resource.group).resource(request.resource.resource).namespace('kube-system')"
_IS_MEMBER = f"!{BY_A_CONTROLLER} && !{_ASKED}.check('delete').allowed()"
"""Each question to the authorizer costs a tenth of what one evaluation may cost, in each of the expressions."""


def _label(root: str, label: str = MANAGED_BY) -> str:
    return f"{root}.metadata.?labels[?'{label}'].orValue('')"


def _picks_own_pods(at: str) -> str:
    """CEL: whether a selector finds the pods of the model API that the object is named after, and no others."""
    return " && ".join(
        (
            f"{at}[?'{WORKLOAD}'].orValue('') == object.metadata.name",
            f"{at}[?'{INSTANCE}'].orValue('') == object.metadata.name",
            f"{at}[?'{COMPONENT}'].orValue('') == '{_COMPONENT}'",
        )
    )


_ANNOTATIONS = "template.metadata.?annotations.orValue({})"
_NEW, _OLD = "dyn(object).spec", "dyn(oldObject).spec"
_IS_RESTART = " && ".join(
    (
        "request.operation == 'UPDATE' && request.resource.resource == 'deployments'",
        *(f"object.metadata.?{part} == oldObject.metadata.?{part}" for part in ("labels", "annotations", "finalizers")),
        "object.metadata.?ownerReferences == oldObject.metadata.?ownerReferences",
        *(
            f"{_NEW}.?{part} == {_OLD}.?{part}"
            for part in (
                *("replicas", "selector", "strategy", "minReadySeconds", "revisionHistoryLimit", "paused"),
                "progressDeadlineSeconds",
            )
        ),
        f"{_NEW}.template.spec == {_OLD}.template.spec",
        f"{_NEW}.template.metadata.?labels == {_OLD}.template.metadata.?labels",
        (
            f"{_NEW}.{_ANNOTATIONS}.all(k, k == '{RESTARTED_AT}' || "
            f"{_OLD}.{_ANNOTATIONS}[?k] == {_NEW}.{_ANNOTATIONS}[?k])"
        ),
        f"{_OLD}.{_ANNOTATIONS}.all(k, k in {_NEW}.{_ANNOTATIONS})",
        f"{_NEW}.{_ANNOTATIONS}[?'{RESTARTED_AT}'].orValue('').matches('{_TIME}')",
        f"{_NEW}.{_ANNOTATIONS}[?'{RESTARTED_AT}'] != {_OLD}.{_ANNOTATIONS}[?'{RESTARTED_AT}']",
    )
)
_VARIABLES = {
    "isMember": _IS_MEMBER,
    "isRestart": f"oldObject != null && object != null && {_IS_RESTART}",
    "isOwn": f"oldObject == null || {_label('oldObject')} == '{DEPLOYED}'",
    "kind": "object == null ? '' : object.kind",
}
_MARKED = (
    f"{_label('object')} == '{DEPLOYED}' && "
    "object.metadata.?labels.orValue({}).all(k, k.startsWith('app.kubernetes.io/') || "
    f"k.startsWith('{DOMAIN}/')) && object.metadata.?annotations.orValue({{}}).all(k, k.startsWith('{DOMAIN}/') || "
    "k.startsWith('pulumi.com/') || k.startsWith('deployment.kubernetes.io/'))"
)
_IS_HELD = (
    "object.metadata.?finalizers.orValue([]) != (oldObject == null ? [] : "
    "oldObject.metadata.?finalizers.orValue([])) || object.metadata.?ownerReferences.orValue([]) != "
    "(oldObject == null ? [] : oldObject.metadata.?ownerReferences.orValue([]))"
)
_SHAPES: dict[str, tuple[str, str]] = {
    "Secret": (
        "dyn(object).?type.orValue('Opaque') == 'Opaque'",
        "a Secret of yours is of type Opaque",
    ),
    "ServiceAccount": (
        "!dyn(object).?automountServiceAccountToken.orValue(true) && size(dyn(object).?secrets.orValue([])) == 0",
        "a ServiceAccount of yours gives its pods no token: automountServiceAccountToken: false",
    ),
    "Service": (
        " && ".join(
            (
                f"{_NEW}.?type.orValue('ClusterIP') == 'ClusterIP'",
                f"!has({_NEW}.externalIPs) && !has({_NEW}.externalName) && has({_NEW}.selector)",
                _picks_own_pods(f"{_NEW}.selector"),
            )
        ),
        "a Service of yours is of type ClusterIP and leads to the pods of the model API that it is named after",
    ),
    "Deployment": (
        " && ".join(
            (
                f"{_label('object', COMPONENT)} == '{_COMPONENT}'",
                f"has({_NEW}.selector.matchLabels)",
                _picks_own_pods(f"{_NEW}.selector.matchLabels"),
                _picks_own_pods(f"{_NEW}.template.metadata.labels"),
            )
        ),
        f"a Deployment of yours is a model API: {COMPONENT} of its pods is {_COMPONENT}, {WORKLOAD} its name",
    ),
    "HorizontalPodAutoscaler": (
        f"{_NEW}.scaleTargetRef.kind == 'Deployment' && {_NEW}.scaleTargetRef.name == object.metadata.name",
        "an autoscaler of yours is of the Deployment of its name",
    ),
    "PodDisruptionBudget": (
        " && ".join(
            (
                f"has({_NEW}.selector.matchLabels)",
                _picks_own_pods(f"{_NEW}.selector.matchLabels"),
                f"dyn({_NEW}.?maxUnavailable.orValue(0)) == dyn(1)",
            )
        ),
        "a disruption budget of yours is of the model API of its name, with maxUnavailable: 1",
    ),
}


def deployments_spec(domain: str, *, public_routes: bool) -> Manifest:
    """Of the policy. domain: of hosts. public_routes: whether a route may be open to everybody."""
    shapes = {
        **_SHAPES,
        "IngressRoute": (
            route_shape(domain, public=public_routes),
            "a route of yours leads from <app>-<tenant>.<domain> to the app of its name, by the platform's own checks",
        ),
        "Middleware": (keys_shape(), "a middleware of yours admits callers by their keys, and does nothing else"),
    }
    checks = {
        "variables.isOwn || variables.isRestart": (
            "is the stack's: change it in the tenant's file of the stack; of a deployment of the stack, a restart is "
            f"yours (the annotation {RESTARTED_AT} of its pods, a time in UTC)"
        ),
        f"object == null || variables.isRestart || ({_MARKED})": (
            f"what you deploy has the label {MANAGED_BY}: {DEPLOYED}, and no labels or annotations but those of "
            f"{DOMAIN} and app.kubernetes.io"
        ),
        f"object == null || !({_IS_HELD})": "finalizers and owners are not yours to write",
        **{
            f"object == null || variables.isRestart || variables.kind != '{kind}' || ({cel})": message
            for kind, (cel, message) in shapes.items()
        },
    }
    return {
        "failurePolicy": "Fail",
        "matchConstraints": {
            "resourceRules": [
                {
                    "apiGroups": [group],
                    "apiVersions": ["*"],
                    "resources": list(resources),
                    "operations": ["CREATE", "UPDATE", "DELETE"],
                }
                for group, resources in KINDS.items()
            ]
        },
        "variables": [{"name": name, "expression": cel} for name, cel in _VARIABLES.items()],
        "validations": [
            {
                "expression": f"!variables.isMember || ({cel})",
                "message": f"deployments: {message}",
                "reason": "Forbidden",
            }
            for cel, message in checks.items()
        ],
    }
