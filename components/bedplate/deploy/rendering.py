"""What an app is made of in the cluster: the template `modelApi`, run by the embedded engine with what is offered.

Owns nothing of the objects' form. A stack and a member get the same from one spec; what differs is who says so (a
label), and that a member's secrets are objects of his own, which nobody reads here.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from pydantic.alias_generators import to_camel

from bedplate.deploy.errors import DeployError
from bedplate.deploy.owners import of_stack
from bedplate.engine.engine import Program, RecordingBackend, run
from bedplate.engine.resources import revealed
from bedplate.labels import DEPLOYED, MANAGED_BY
from bedplate.offered import Offered
from bedplate.workloads.model_api import ModelApiSpec

Manifest = dict[str, Any]
SECRET_KEY = "value"
"""Of a member's Secret: each holds one."""
_PROGRAM = Path(__file__).parent / "program"


def render(workload: Mapping[str, Any], image: str, offered: Offered, namespace: str) -> Sequence[Manifest]:
    """The objects, in the order in which they are applied."""
    said = {"workload": {**workload, "image": image}, "offered": vars(offered), "namespace": namespace}
    program = Program(
        root=_PROGRAM,
        folder=_PROGRAM,
        project="bedplate",
        stack="deploy",
        config={"bedplate:deployment": json.dumps(said, default=list)},
    )
    recording = run(program, RecordingBackend(), is_preview=False)
    bodies = [cast(Manifest, revealed(each.inputs)) for each in recording.resources if each.is_kubernetes_object]
    name = str(workload["name"])
    own = f"{name}-secrets"
    kept = [body for body in bodies if body["kind"] != "Namespace" and body["metadata"]["name"] != own]
    return [_deployed(body, workload, own) for body in kept]


def _deployed(body: Manifest, workload: Mapping[str, Any], own: str) -> Manifest:
    """The object as a member's: it says so, and its secrets are his."""
    metadata = {**body["metadata"], "labels": {**body["metadata"]["labels"], MANAGED_BY: DEPLOYED}}
    if body["kind"] != "Deployment":
        return {**body, "metadata": metadata}
    spec = json.loads(json.dumps(body["spec"]))
    # The number of pods is the autoscaler's from the first moment on.
    spec.pop("replicas", None)
    template = spec["template"]
    template["metadata"]["labels"][MANAGED_BY] = DEPLOYED
    for container in template["spec"]["containers"]:
        for variable in container.get("env", []):
            reference = variable.get("valueFrom", {}).get("secretKeyRef", {})
            if reference.get("name") == own:
                reference |= {"name": workload["secretEnv"][variable["name"]], "key": SECRET_KEY}
    return {**body, "metadata": metadata, "spec": spec}


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
