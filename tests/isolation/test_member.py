"""A member of a tenant, at the API server with a kubeconfig."""

import json
import re
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from bedplate.guardrails import RULES
from bedplate.kubernetes import Manifest
from cluster.guardrails.guarded import (
    GPU,
    Change,
    all_of,
    annotated,
    anti_affinity,
    deadline,
    field,
    gpus,
    host_path,
    image,
    init,
    of_container,
    of_job,
    on_pool,
    owned_by,
    resources,
    size,
    template_labels,
    ttl,
    without_label,
)
from cluster.objects_under_test import eventually
from isolation.actions import BASE
from isolation.fields import OF_THE_JOB, SAMPLES, refused
from isolation.reviewed import AUDIO, VISION, Review, a_job, jobs
from isolation.table import ACTIONS

pytestmark = pytest.mark.enable_socket

NAMESPACES = (AUDIO, "bedplate-front-door", "bedplate-login", "bedplate-certificates", "kube-system", "default")
"""Where a member has no business."""
BREAKING: dict[str, Change] = {
    "fields": field("runtimeClassName", "gvisor"),
    "approved-images": image("docker.io/evil/app:1"),
    "ownership-labels": all_of(without_label("bedplate.dev/project"), template_labels(tenant=AUDIO, owner="mei")),
    "serving-labels": template_labels(component="model-api"),
    "job-run-time": deadline(31_536_000),
    "job-cleanup": ttl(None),
    "max-pod-size": all_of(size("cpu", "9"), init(cpu="30", memory="64Gi")),
    "pod-length": field("volumes", [{"name": f"v{number}", "emptyDir": {}} for number in range(101)]),
    "stated-limits": resources(requests={"memory": "4Gi"}),
    "counted-resources": resources(limits={"nvidia.com/mig-1g.10gb": "7", "amd.com/gpu": "8"}),
    "stop-time": field("terminationGracePeriodSeconds", 31_536_000),
    "pod-isolation": all_of(host_path, field("hostNetwork", True), field("priorityClassName", "system-node-critical")),
    "no-root": of_container(securityContext={"runAsUser": 0}),
    "pod-security": of_container(securityContext={"capabilities": {"add": ["SYS_ADMIN"]}}),
    "placement": all_of(on_pool("system"), field("tolerations", [{"key": "CriticalAddonsOnly", "operator": "Exists"}])),
    "gpu-placement": field("tolerations", [{"key": GPU, "operator": "Exists"}]),
    "pod-annotations": annotated("k8s.v1.cni.cncf.io/networks", "cni.projectcalico.org/ipAddrs"),
    "gpu-turns": all_of(gpus(2, accelerator="nvidia-l4-shared-4")),
    "gpu-visibility": all_of(gpus(1), of_container(env=[{"name": "NVIDIA_MIG_CONFIG_DEVICES", "value": "all"}])),
}
"""For each rule, what a member would write who minds none."""
OF_OTHER_PROGRAMS = {
    "sidecar.istio.io/inject": "true",
    "admission.datadoghq.com/enabled": "true",
    "azure.workload.identity/use": "true",
}
NOT_OF_JOBS = {"gpu-idle-timeout"}
"""Rules about what members cannot make; a workspace's is the stack file's."""
ASKED_OF_MAKERS = ("fields", "placement", "job-cleanup", "ownership-labels")
"""Rules that what a controller made of a judged template need not keep once more."""
MAKERS = (
    *(("JobSet", "jobset.x-k8s.io/v1alpha2"), ("JobSet", "jobset.x-k8s.io/v1alpha1"), ("CronJob", "batch/v1")),
    *(("Job", "batch/v1"), ("ReplicaSet", "apps/v1"), ("Node", "v1"), ("Workload", "kueue.x-k8s.io/v1beta1")),
)


def reaches_into_pods() -> Iterator[tuple[str, str]]:
    """Requests that would act in a workload, as it, or around what bounds it."""
    pod = f"/api/v1/namespaces/{VISION}/pods/any"
    for sub in ("exec", "attach", "portforward", "proxy", "eviction", "binding"):
        yield "post", f"{pod}/{sub}"
    for sub in ("ephemeralcontainers", "resize", "status"):
        yield "patch", f"{pod}/{sub}"
    yield "get", f"{pod}/proxy/metrics"
    yield "post", f"/api/v1/namespaces/{VISION}/serviceaccounts/default/token"
    for kind in ("secrets", "endpoints", "replicationcontrollers", "podtemplates"):
        yield "get", f"/api/v1/namespaces/{VISION}/{kind}"
    yield "get", f"/api/v1/namespaces/{VISION}/secrets/any"
    yield "patch", f"/api/v1/namespaces/{VISION}/secrets/any"
    yield "get", f"/api/v1/namespaces/{VISION}/services/any/proxy/"
    yield "post", f"/api/v1/namespaces/{VISION}/events"
    yield "get", f"/apis/coordination.k8s.io/v1/namespaces/{VISION}/leases"
    yield "get", f"/apis/networking.k8s.io/v1/namespaces/{VISION}/networkpolicies"
    yield "get", f"/apis/rbac.authorization.k8s.io/v1/namespaces/{VISION}/rolebindings"
    yield "post", f"/apis/authorization.k8s.io/v1/namespaces/{VISION}/localsubjectaccessreviews"
    yield "delete", jobs(VISION)
    yield "patch", f"{jobs(VISION)}/any"
    yield "patch", f"{jobs(VISION)}/any/status"
    yield "patch", f"/apis/batch/v1/namespaces/{VISION}/cronjobs/any"
    yield "patch", f"/apis/apps/v1/namespaces/{VISION}/deployments/any/scale"
    yield "post", "/apis/certificates.k8s.io/v1/certificatesigningrequests"
    yield "post", "/apis/authentication.k8s.io/v1/tokenreviews"
    yield "post", "/apis/authorization.k8s.io/v1/subjectaccessreviews"
    for path in ("/api/v1/nodes", "/api/v1/nodes/any/proxy/pods", "/api/v1/persistentvolumes", "/api/v1/pods"):
        yield "get", path
    yield "patch", f"/api/v1/namespaces/{VISION}"
    for path in ("/metrics", "/logs/", "/debug/pprof/", "/configz"):
        yield "get", path


class TestRights:
    def test_are_those_of_the_table(self, review: Review) -> None:
        """A right that the role gains, or loses, changes the table."""
        covered = {part for action in ACTIONS if action.actor == "member" for part in action.covers}
        rights = {f"{verb} {resource}" for verb, resource in review.alice.rights(VISION) - BASE}
        assert rights == covered

    @pytest.mark.parametrize("namespace", NAMESPACES)
    def test_end_at_the_tenant(self, review: Review, namespace: str) -> None:
        assert review.alice.rights(namespace) == BASE
        for path in (
            f"/api/v1/namespaces/{namespace}/pods",
            f"/api/v1/namespaces/{namespace}/secrets",
            jobs(namespace),
        ):
            assert review.alice.status("get", path) == 403
        elsewhere = a_job()
        elsewhere["metadata"]["namespace"] = namespace
        assert "cannot create resource" in review.alice.told(elsewhere)

    @pytest.mark.parametrize(("method", "path"), list(reaches_into_pods()))
    def test_reach_into_no_pod_and_around_no_bound(self, review: Review, method: str, path: str) -> None:
        body = None if method == "get" else {}
        assert review.alice.status(method, path, body) == 403

    def test_change_nothing_that_the_stack_made(self, review: Review) -> None:
        """Whatever a template makes, a new one too."""
        found = review.objects_of(VISION)
        assert {"CronJob", "Deployment", "NetworkPolicy", "ResourceQuota", "RoleBinding"} <= {o["kind"] for o in found}
        for body in found:
            path = review.path_of(body)
            for method, more in (("patch", {}), ("put", body), ("delete", {"propagationPolicy": "Background"})):
                answer = review.alice.status(method, path, more, dryRun="All")
                assert answer == 403, f"{method} {path}"


class TestAJob:
    def test_is_made_of_each_of_the_stacks(self, review: Review) -> None:
        """`kubectl create job --from=cronjob/NAME`."""
        found = [body for body in review.objects_of(VISION) if body["kind"] == "CronJob"]
        assert found
        for body in found:
            form = body["spec"]["jobTemplate"]
            name = f"{body['metadata']['name']}-by-hand"
            metadata = {**form["metadata"], "name": name, "namespace": VISION}
            job = {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": form["spec"]}
            assert review.alice.told(job) == ""

    def test_breaks_no_rule(self, review: Review) -> None:
        told = {name: review.alice.told(a_job(change)) for name, change in BREAKING.items()}
        assert [name for name, said in told.items() if f"{name}: " not in said] == []
        assert {rule.name for rule in RULES} == set(BREAKING) | NOT_OF_JOBS

    @pytest.mark.parametrize(("kind", "api_version"), MAKERS)
    def test_is_judged_whoever_is_said_to_have_made_it(self, review: Review, kind: str, api_version: str) -> None:
        told = review.alice.told(a_job(*(BREAKING[rule] for rule in ASKED_OF_MAKERS), owned_by(kind, api_version)))
        assert [rule for rule in ASKED_OF_MAKERS if f"{rule}: " not in told] == [], told

    def test_carries_none_of_the_fields_that_are_refused(self, review: Review) -> None:
        """Each in a Job that is valid but for it. What this minor does not know the API server takes away."""
        assert set(SAMPLES) == set(refused()), "write a valid use of each into tests/isolation/fields.py"
        for (of, name), change in SAMPLES.items():
            told = review.alice.told(a_job(change)).partition("guardrails.md: ")[2]
            if name not in told:
                made: dict[str, Any] = review.alice.makes(a_job(change), is_dry_run=True)
                assert f'"{name}"' not in json.dumps(made["spec"]), f"{of}.{name} is taken"

    @pytest.mark.parametrize("name", OF_THE_JOB)
    def test_carries_nothing_that_the_job_itself_may_not(self, review: Review, name: str) -> None:
        assert name in review.alice.told(a_job(OF_THE_JOB[name])).partition("guardrails.md: ")[2]

    def test_may_be_suspended_and_is_counted(self, review: Review) -> None:
        quota = f"/api/v1/namespaces/{VISION}/resourcequotas/tenant"

        def counted() -> int:
            found: Any = review.calls.call("get", quota)
            return int(found["status"]["used"]["count/jobs.batch"])

        before, name = counted(), f"asleep-{uuid.uuid4().hex[:6]}"
        review.alice.makes(a_job(of_job(suspend=True), name=name))
        try:
            assert counted() == before + 1
        finally:
            assert review.alice.status("delete", f"{jobs(VISION)}/{name}", {"propagationPolicy": "Background"}) == 200

    def test_may_have_the_name_of_a_run(self, review: Review) -> None:
        """The controller calls a run by its schedule and the minute. Where that is taken by a Job that is not its own,
        it plans no next run either: `syncCronJob` in pkg/controller/cronjob/cronjob_controllerv2.go of Kubernetes."""
        schedules = [body for body in review.objects_of(VISION) if body["kind"] == "CronJob"]
        assert schedules
        for body in schedules:
            assert review.alice.told(a_job(name=f"{body['metadata']['name']}-29000000")) == ""

    def test_may_have_a_node_for_each_pod(self, review: Review) -> None:
        (quota,) = (q for q in review.api.objects("v1", "ResourceQuota", VISION) if q["metadata"]["name"] == "tenant")
        assert "pods" in quota["spec"]["hard"]
        assert review.alice.told(a_job(anti_affinity(topologyKey="kubernetes.io/hostname"))) == ""

    def test_may_wear_labels_of_other_programs(self, review: Review) -> None:
        def wears(whole: Manifest, _body: Manifest) -> None:
            whole["spec"]["template"]["metadata"]["labels"].update(OF_OTHER_PROGRAMS)

        assert review.alice.told(a_job(wears)) == ""

    @pytest.mark.parametrize("owner", ["vision_at_example.com", "alice_at_example.com"])
    def test_is_its_makers_or_an_owners(self, review: Review, owner: str) -> None:
        def own(whole: Manifest, _body: Manifest) -> None:
            whole["metadata"]["labels"]["bedplate.dev/owner"] = owner

        assert review.alice.told(a_job(own, template_labels(owner=owner))) == ""

    @pytest.mark.parametrize(
        ("label", "value"), [("tenant", AUDIO), ("project", AUDIO), ("owner", f"{AUDIO}_at_example.com")]
    )
    def test_is_booked_on_nobody_else(self, review: Review, label: str, value: str) -> None:
        assert "ownership-labels: " in review.alice.told(a_job(template_labels(**{label: value})))

    def test_is_counted_and_so_is_all_that_a_member_can_make(self, review: Review) -> None:
        (quota,) = (q for q in review.api.objects("v1", "ResourceQuota", VISION) if q["metadata"]["name"] == "tenant")
        made = {resource for verb, resource in review.alice.rights(VISION) - BASE if verb in ("create", "update")}
        assert made
        routes = {"ingressroutes.traefik.io", "middlewares.traefik.io"}  # see tenants/quota.py
        assert {kind for kind in made if f"count/{kind}" not in quota["spec"]["hard"]} == routes

    @pytest.mark.parametrize(
        ("change", "said"),
        [
            (all_of(gpus(2), of_job(parallelism=40, completions=40)), "requests.nvidia.com/gpu"),
            (all_of(resources(requests={"cpu": "8"}), of_job(parallelism=90, completions=90)), "requests.cpu"),
        ],
        ids=["gpus", "cpu"],
    )
    def test_takes_no_more_than_the_quota(self, review: Review, change: Change, said: str) -> None:
        """Its pods are refused one by one; a Job asks for nothing itself."""
        body = a_job(change, name=f"much-{uuid.uuid4().hex[:6]}")
        review.alice.makes(body)
        path = f"{jobs(VISION)}/{body['metadata']['name']}"
        events = f"/api/v1/namespaces/{VISION}/events"
        try:
            eventually(
                lambda: [
                    event
                    for event in review.calls.items(
                        events, fieldSelector=f"involvedObject.name={body['metadata']['name']}"
                    )
                    if re.search(f"exceeded quota: .*{said}", str(event["message"]))
                ],
                "the quota refuses its pods",
            )
        finally:
            review.alice.asks("delete", path, {"propagationPolicy": "Background"})


class TestTheEndOfAJob:
    @pytest.mark.parametrize("options", [{}, {"propagationPolicy": "Orphan"}, {"orphanDependents": True}], ids=str)
    def test_leaves_no_pod_behind(self, review: Review, options: dict[str, Any]) -> None:
        """It would have no time limit, and nobody could delete it."""
        name = f"left-{uuid.uuid4().hex[:6]}"
        review.alice.makes(a_job(name=name))
        assert review.alice.status("delete", f"{jobs(VISION)}/{name}", options) == 403
        assert review.alice.status("delete", f"{jobs(VISION)}/{name}", {"propagationPolicy": "Background"}) == 200


class TestWhatMakesPods:
    """Members make Jobs. What operators make pods of is judged where it is made, if somebody may ever make it."""

    def test_of_other_operators_is_none_of_a_members(self, review: Review) -> None:
        rights = {resource for verb, resource in review.alice.rights(VISION) - BASE if verb == "create"}
        without_pods = {"configmaps", "secrets", "serviceaccounts", "services"}
        bounds = {"horizontalpodautoscalers.autoscaling", "poddisruptionbudgets.policy"}
        bounds |= {"ingressroutes.traefik.io", "middlewares.traefik.io"}
        assert rights - without_pods - bounds == {"jobs.batch", "deployments.apps"}

    @pytest.mark.parametrize("kind", ["Pod", "CronJob", "Deployment", "StatefulSet", "DaemonSet", "ReplicaSet"])
    def test_is_judged_whoever_makes_it(self, review: Review, kind: str) -> None:
        """The platform's own people too, in a tenant's namespace."""
        told = review.told_of(review.of_kind(kind, BREAKING["approved-images"], BREAKING["stop-time"]))
        assert "approved-images: " in told
        assert "stop-time: " in told

    def test_is_judged_at_a_jobset(self, review: Review) -> None:
        rules = ("approved-images", "serving-labels", "job-run-time", "job-cleanup", "pod-isolation", "placement")
        jobset = review.jobset(*(BREAKING[rule] for rule in rules))
        eventually(lambda: review.told_of(jobset), "the policy sees the kind")
        assert [rule for rule in rules if f"{rule}: " not in review.told_of(jobset)] == []
