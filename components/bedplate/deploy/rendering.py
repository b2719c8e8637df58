"""What an app is made of in the cluster: the objects of the template `modelApi`, with what is offered.

Owns nothing of the objects' form. A stack and a member get the same from one spec; what differs is who says so (a
label), that a member's secrets are objects of his own, which nobody reads here, and that a route stands in his own
namespace.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic.alias_generators import to_camel

from bedplate.deploy.errors import DeployError
from bedplate.deploy.owners import of_stack
from bedplate.labels import DEPLOYED, MANAGED_BY, Identity
from bedplate.offered import Offered
from bedplate.offers import Offers
from bedplate.workloads import WorkloadArgs, parts_of, pulling
from bedplate.workloads.model_api import ModelApi, ModelApiSpec

Manifest = dict[str, Any]
SECRET_KEY = "value"
"""Of a member's Secret: each holds one."""


def render(workload: Mapping[str, Any], image: str, offered: Offered, namespace: str) -> Sequence[Manifest]:
    """The objects, in the order in which they are applied."""
    spec = ModelApiSpec.model_validate({**workload, "image": image})
    identity = ModelApi.identity_of(spec, offered.tenant, offered.project, offered.owner)
    parts = [pulling(part, offered.pull_secrets) for _, part in parts_of(_args(spec, identity, offered, namespace))]
    parts += _route(spec, identity, offered, namespace)
    return [_deployed(part, spec) for part in parts]


def _args(spec: ModelApiSpec, identity: Identity, offered: Offered, namespace: str) -> WorkloadArgs:
    """What a template reads. There is none of what a stack registers, and none of what its cloud implies: the
    namespace stands, and secrets are a member's own objects, which `_deployed` names."""
    absent: Any = None
    return WorkloadArgs(
        spec=spec.model_copy(update={"secret_env": {}}),
        namespace=absent,
        namespace_name=namespace,
        identity=identity,
        groups=offered.groups,
        facts=absent,
        secret=absent,
        offers=Offers(),
    )


def _route(spec: ModelApiSpec, identity: Identity, offered: Offered, namespace: str) -> list[Manifest]:
    """The way in, and the keys that it asks for."""
    if spec.route is None or not offered.has_front_door:
        return []
    from bedplate.services.front_door.deployed import deployed_host, deployed_route

    host = deployed_host(offered.tenant, spec.name, offered.domain)
    keys = {key.name: key.sha256 for key in spec.route.api_keys}
    made = deployed_route(identity, namespace, host, spec.route.access, keys, has_login=offered.has_login)
    return [dict(part) for _, part in made]


def _deployed(body: Manifest, spec: ModelApiSpec) -> Manifest:
    """The object as a member's: it says so, and its secrets are his."""
    body = json.loads(json.dumps(body))
    body["metadata"]["labels"][MANAGED_BY] = DEPLOYED
    if body["kind"] != "Deployment":
        return body
    # The number of pods is the autoscaler's from the first moment on.
    del body["spec"]["replicas"]
    template = body["spec"]["template"]
    template["metadata"]["labels"][MANAGED_BY] = DEPLOYED
    secrets = [
        {"name": variable, "valueFrom": {"secretKeyRef": {"name": name, "key": SECRET_KEY}}}
        for variable, name in sorted(spec.config_env().items())
    ]
    for container in template["spec"]["containers"]:
        plain = [each for each in container.get("env", []) if each["name"] not in spec.secret_env]
        container["env"] = [*secrets, *plain]
    return body


def refuse_unoffered(spec: ModelApiSpec, offered: Offered) -> None:
    """What the platform would not take, said before anything exists. Raises DeployError."""
    if spec.name in offered.of_stack:
        raise of_stack(spec.name, offered)
    refuse_route(spec, offered)
    if not any(_is_below(spec.image, prefix) for prefix in offered.approved_images):
        allowed = ", ".join(offered.approved_images)
        raise DeployError(f"the image {spec.image} is from no approved registry", f"use an image below {allowed}")
    for what, given, most in (
        ("cpu", spec.cpu, offered.max_cpu),
        ("memory (GiB)", spec.memory_gib, offered.max_memory_gib),
    ):
        if given > most:
            raise DeployError(f"{what} is {given:g}, and the largest pod may have {most:g}", f"write at most {most:g}")
    for mount in spec.mounts:
        if mount.volume not in offered.volumes:
            known = ", ".join(offered.volumes) or "none"
            raise DeployError(f"there is no volume '{mount.volume}'", f"mount one of your tenant's: {known}")
    for key, value, why in (
        ("gpu", spec.gpu, "what holds GPUs must be stopped while nobody uses it, which a stack's file sees to"),
        ("canary", spec.canary, "a share of the requests is given in the stack file"),
        ("grants", spec.grants, "an identity of the cloud is given in the stack file alone"),
        ("idle", spec.idle, "what is deployed by hand is not stopped while idle yet"),
    ):
        if value:
            raise DeployError(f"{key} cannot be deployed by hand: {why}", "remove it, or have it in the tenant's file")


def refuse_route(spec: ModelApiSpec, offered: Offered) -> None:
    """A way in that there is none of here. Raises DeployError."""
    route = spec.route
    if route is None:
        return
    if not offered.has_front_door:
        message = "the platform serves no hosts of members' apps (it has no front door, or a certificate for each host)"
        raise DeployError(message, "remove `route`: inside the tenant the app is reached anyway")
    for key in sorted(route.model_fields_set - {"access", "api_keys"}):
        what = f"route.{to_camel(key)} cannot be set by hand"
        raise DeployError(what, "remove it, or have the app written into the tenant's file")
    if route.access == "public" and not offered.public_routes:
        raise DeployError("route.access public is not allowed here (guardrails.publicRoutes)", 'write access = "api"')
    if route.access != "public" and not offered.has_login and not route.api_keys:
        fix = "write apiKeys (`bedplate api-key NAME` makes one)"
        raise DeployError("this platform has no login, so nobody could come in", fix)


def _is_below(image: str, prefix: str) -> bool:
    if prefix.endswith("/"):
        return image.startswith(prefix)
    return image == prefix or image.startswith((f"{prefix}:", f"{prefix}@"))
