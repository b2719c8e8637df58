"""The stack that the review is made on: two tenants, each template in every way in that it can have.

A new template, and a new sort of access, is in it from its first day.
"""

import copy
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from bedplate.embedded_cluster.api_server import ApiServer
from bedplate.embedded_cluster.cluster import ClusterAccess
from bedplate.embedded_cluster.cluster_api import ApiError, ClusterApi
from bedplate.engine.engine import Recording, RecordingBackend, run
from bedplate.kubernetes import RouteSpec, new_api_key
from bedplate.labels import grafana_host, tenant_grafana_namespace
from bedplate.rehearsal.applying import apply, manifest_of
from bedplate.rehearsal.definitions import Definitions
from bedplate.services.login.authentication import PROXY, AuthenticationEndpoints
from bedplate.workloads import Workload
from cluster.guardrails.guarded import LIMITS, Change, Manifest, all_of, image, in_namespace, manifest, refusal
from cluster.objects_under_test import endpoint_slice, eventually
from cluster.processes_under_test import PROVIDER, Login, Visitor, own_address, serving
from cluster.processes_under_test import Workload as Server
from cluster.traefik_under_test import RunningTraefik, certificate, running_traefik, wildcard_secret
from harness import LOGIN, MINIMAL, NEEDED_BY_KIND, objects, platform, pod_templates, program, tenant
from isolation.network import Pod
from programs_under_test import program_under_test

DOMAIN = "ml.example.com"
VISION, AUDIO = "vision", "audio"
"""The tenant that the review acts as, and its neighbour."""
ACCESS: tuple[str, ...] = get_args(RouteSpec.model_fields["access"].annotation)
KINDS = sorted(set(Workload.registry) - {"training"})
"""A training's pods are made by JobSet, which does not run here: `cluster/services/queue` has both."""
ROUTED = [kind for kind in KINDS if "route" in Workload.registry[kind].Spec.model_fields]
OPEN_TO = ("owner", "team")
"""To whom a workspace with a way in is open."""
CLOSED: Mapping[str, Mapping[str, Any]] = {"workspace": {"openTo": "nobody", "alwaysOn": True}}
"""What a template with a way in of its own is told, to have none."""
KEYS = {(tenant, kind): new_api_key("shop") for tenant in (VISION, AUDIO) for kind in ROUTED}
"""A caller's key for each workload that programs ask."""


def workload_name(kind: str, access: str = "closed") -> str:
    return f"{kind.lower()}-{access}"


def host(kind: str, access: str, tenant: str = VISION) -> str:
    return f"{workload_name(kind, access)}-{tenant}.{DOMAIN}"


def stack() -> dict[str, Any]:
    """The platform as its stack file writes it."""
    quota = {"cpu": 400, "memoryGib": 800, "gpus": {"nvidia-l4": 60}, "storageGib": 500, "jobs": 40}
    volumes = [{"name": "data", "sizeGib": 10, "retain": False, "access": "manyNodes"}]
    tenants = [tenant(name, *_workloads(name), quota=quota, volumes=volumes) for name in (VISION, AUDIO)]
    pools = copy.deepcopy(MINIMAL["nodePools"])
    for pool in pools.values():
        pool["max"] = 100
    return platform(
        *tenants,
        nodePools=pools,
        login=LOGIN,
        certificates={"issuer": "internal"},
        monitoring={"diskGib": 2000, "tenantDashboards": [VISION, AUDIO]},
        guardrails={**LIMITS, "publicRoutes": True},
    )


def _workloads(tenant: str) -> Iterator[dict[str, Any]]:
    for kind in KINDS:
        needed = {"kind": kind, "image": "ghcr.io/acme/any:1.0.0", **NEEDED_BY_KIND.get(kind, {})}
        yield {**needed, **CLOSED.get(kind, {}), "name": workload_name(kind)}
        for open_to in OPEN_TO if kind == "workspace" else ():
            yield {**needed, "name": workload_name(kind, open_to), "openTo": open_to, "alwaysOn": True}
        for access in ACCESS if kind in ROUTED else ():
            key = KEYS[tenant, kind]
            keys = {"apiKeys": [{"name": key.name, "sha256": key.sha256}]} if access == "api" else {}
            yield {**needed, "name": workload_name(kind, access), "route": {"access": access, **keys}}


@dataclass(frozen=True)
class Person:
    """Somebody, or some program, at the API server by impersonation."""

    calls: ClusterApi
    name: str
    groups: tuple[str, ...] = ()

    def asks(self, method: str, path: str, body: Mapping[str, Any] | None = None, **query: str) -> Any:
        """Raises ApiError where it is refused."""
        headers: dict[str, Any] = {"Impersonate-User": self.name}
        if self.groups:
            (headers["Impersonate-Group"],) = self.groups
        if method == "patch":
            headers["Content-Type"] = "application/strategic-merge-patch+json"
        return self.calls.call(method, path, body=body, query=query, headers=headers)

    def status(self, method: str, path: str, body: Mapping[str, Any] | None = None, **query: str) -> int:
        """Of the answer."""
        try:
            self.asks(method, path, body, **query)
        except ApiError as error:
            return error.status
        return 200

    def told(self, body: Mapping[str, Any]) -> str:
        """Why this Job may not be made; empty where it may."""
        try:
            self.makes(body, is_dry_run=True)
        except ApiError as error:
            return error.reason
        return ""

    def makes(self, body: Mapping[str, Any], *, is_dry_run: bool = False) -> Any:
        """The Job as the API server takes it. Who counts may have been overtaken, and asks to come again."""
        query = {"dryRun": "All"} if is_dry_run else {}
        for _ in range(5):
            try:
                return self.asks("post", jobs(body["metadata"]["namespace"]), body, **query)
            except ApiError as error:
                if error.status != 409:
                    raise
        raise AssertionError("the quota is still being counted")

    def rights(self, namespace: str) -> set[tuple[str, str]]:
        """Verb and resource with its group, of everything that is granted in a namespace."""
        asked = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectRulesReview",
            "spec": {"namespace": namespace},
        }
        answer: Any = self.asks("post", "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews", asked)
        return {
            (verb, f"{resource}.{group}" if group else resource)
            for rule in answer["status"]["resourceRules"]
            for verb in rule["verbs"]
            for group in rule["apiGroups"]
            for resource in rule["resources"]
        }


@dataclass(frozen=True)
class Review:
    """The stack on its cluster. calls: the administrator's."""

    api: ApiServer
    calls: ClusterApi
    recording: Recording

    @property
    def alice(self) -> Person:
        """A member of the tenant."""
        return Person(self.calls, "alice@example.com", (f"ml-{VISION}",))

    def service_account(self, name: str, namespace: str = VISION) -> Person:
        """A workload that has a token of its ServiceAccount."""
        return Person(self.calls, f"system:serviceaccount:{namespace}:{name}")

    def path_of(self, body: Manifest) -> str:
        """Of an object at the API server."""
        return self.api.path_of(body)

    def of_kind(self, kind: str, *changes: Change) -> Manifest:
        """A valid object of the tenant that makes pods, with changes."""
        return in_namespace(manifest(kind, all_of(*changes)), VISION)

    def jobset(self, *changes: Change) -> Manifest:
        """A JobSet of one such Job. Its definition is a stand-in that admits anything, as a rehearsal's."""
        schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
        version = {"name": "v1alpha2", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
        names = {"kind": "JobSet", "plural": "jobsets", "singular": "jobset"}
        self.api.apply(
            {
                "apiVersion": "apiextensions.k8s.io/v1",
                "kind": "CustomResourceDefinition",
                "metadata": {"name": "jobsets.jobset.x-k8s.io"},
                "spec": {"group": "jobset.x-k8s.io", "scope": "Namespaced", "names": names, "versions": [version]},
            }
        )
        eventually(lambda: self.api.knows("jobset.x-k8s.io/v1alpha2", "JobSet"), "the kind is served")
        job = a_job(*changes)
        return {
            "apiVersion": "jobset.x-k8s.io/v1alpha2",
            "kind": "JobSet",
            "metadata": job["metadata"],
            "spec": {"replicatedJobs": [{"name": "workers", "replicas": 2, "template": {"spec": job["spec"]}}]},
        }

    def told_of(self, body: Manifest) -> str:
        """Why even an administrator may not make this in a tenant; empty where he may."""
        return refusal(self.api, body) or ""

    def namespaces(self) -> list[Manifest]:
        """Of the stack."""
        return [manifest_of(found) for found in objects(self.recording, "Namespace")]

    def objects_of(self, namespace: str) -> list[Manifest]:
        """What the program made in a namespace."""
        return [body for body in self.all_objects() if body["metadata"].get("namespace") == namespace]

    def all_objects(self) -> list[Manifest]:
        """What the program made."""
        return [manifest_of(found) for found in objects(self.recording)]

    def pods(self, namespace: str) -> dict[str, Pod]:
        """One of each object of the namespace that makes pods, by the name of its resource."""
        return {
            found.name: Pod(namespace, template["metadata"]["labels"], self._labels_of(namespace))
            for found in objects(self.recording)
            if found.inputs["metadata"].get("namespace") == namespace
            for name, template in pod_templates(self.recording)
            if name == found.name
        }

    def any_pod(self, namespace: str, **labels: str) -> Pod:
        """One that somebody made who may make pods there, with labels as he likes."""
        return Pod(namespace, {"bedplate.dev/tenant": namespace, **labels}, self._labels_of(namespace))

    def _labels_of(self, namespace: str) -> Mapping[str, str]:
        (found,) = (body for body in self.namespaces() if body["metadata"]["name"] == namespace)
        return found["metadata"]["labels"]


def jobs(namespace: str) -> str:
    return f"/apis/batch/v1/namespaces/{namespace}/jobs"


def a_job(*changes: Change, name: str = "probe") -> Manifest:
    """A valid Job of the tenant, with changes."""

    body = in_namespace(manifest("Job", all_of(*changes)), VISION)
    body["metadata"]["name"] = name
    return body


def reviewed(api: ApiServer, calls: ClusterApi) -> Review:
    """Everything that the program registers for the stack, applied, and enforced. It goes with its cluster."""
    stack_program = program(stack())
    recording = run(stack_program, RecordingBackend(), is_preview=False)
    definitions = Definitions(api)
    definitions.create(recording)
    applied = apply(api, recording.resources)
    assert applied.problems == []
    review = Review(api, calls, recording)
    violation = a_job(image("docker.io/evil/app:1"))
    eventually(lambda: "approved-images" in review.alice.told(violation), "the rules are enforced")
    quotas = [quota for name in (VISION, AUDIO) for quota in api.objects("v1", "ResourceQuota", name)]
    eventually(lambda: all((api.get(quota) or {}).get("status", {}).get("hard") for quota in quotas), "quotas count")
    return review


@dataclass(frozen=True)
class Door:
    """The front door as it runs."""

    traefik: RunningTraefik
    visitor: Visitor


@contextmanager
def open_door(review: Review, access: ClusterAccess, folder: Path) -> Iterator[Door]:
    """A real Traefik that reads the stack's own routes; a login and a workload of this process."""
    address, traefik = own_address(), program_under_test("traefik")
    found, key = certificate(folder, f"*.{DOMAIN}")
    with serving(Server, address) as workload, serving(Login, address) as login:
        for body in [wildcard_secret(found, key), *_on_this_machine(review, address, workload, login)]:
            review.api.apply(body)
        with running_traefik(traefik, access, review.api, folder) as running:
            visitor = Visitor(running.https, found)
            door = Door(running, visitor)
            eventually(lambda: is_serving(visitor), f"an answer of Traefik, whose log is {running.log}", 60)
            yield door


def _on_this_machine(review: Review, address: str, workload: int, login: int) -> Iterator[Manifest]:
    proxy = AuthenticationEndpoints(domain=DOMAIN, issuer=PROVIDER).proxy
    for namespace in (VISION, AUDIO):
        for body in review.objects_of(namespace):
            if body["kind"] == "Service":
                yield endpoint_slice(body["metadata"]["name"], namespace, address, workload)
        yield from _grafana(tenant_grafana_namespace(namespace), address, workload)
    for body in review.objects_of("bedplate-front-door"):
        asking = body.get("spec", {}).get("forwardAuth", {}) if body["kind"] == "Middleware" else {}
        if asking:
            assert asking["address"].startswith(proxy)
            asking["address"] = asking["address"].replace(proxy, f"http://{address}:{login}")
            yield body
    yield endpoint_slice(PROXY, "bedplate-login", address, login)


def _grafana(namespace: str, address: str, port: int) -> Iterator[Manifest]:
    """The Service that its chart would bring."""
    ports = [{"name": "service", "port": 80, "targetPort": 3000}]
    named = {"name": "grafana", "namespace": namespace}
    yield {"apiVersion": "v1", "kind": "Service", "metadata": named, "spec": {"ports": ports}}
    yield {**endpoint_slice("grafana", namespace, address, port), "ports": [{"name": "service", "port": port}]}


def is_serving(visitor: Visitor) -> bool:
    """Whether every route is there."""
    hosts = [host(kind, access, tenant) for kind in ROUTED for access in ACCESS for tenant in (VISION, AUDIO)]
    hosts += [host("workspace", open_to) for open_to in OPEN_TO]
    hosts += [grafana_host(DOMAIN, tenant) for tenant in (VISION, AUDIO)]
    try:
        return all(visitor.ask(host)[0].status not in (404, 503) for host in hosts)
    except OSError:
        return False
