"""Builds as Jobs of the cluster, with the rights of whoever asks.

Owns starting a Job as the platform's PodTemplate has it, sending the folder to its pod over the pod's standard input,
and reading what it prints. Nothing of it is kept: the Job goes when the build is over, or an hour later where this
machine was cut off. Secrets travel with the folder, and stand in no object of the cluster.
"""

import contextlib
import re
import tempfile
import time
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass
from typing import IO, Any, cast

from bedplate.builds.build import Order, Report
from bedplate.builds.failures import BuildError
from bedplate.labels import BUILD, BUILD_HEADER_BYTES, MAX_BUILD_SECONDS, builds_namespace

_STAGE = "/stage"
_CHUNK = 256 * 1024
_START_SECONDS = 900
_POLL_SECONDS = 1.0
_KEPT_SECONDS = 3600
_MAX_SECONDS = 3600


@dataclass(frozen=True, kw_only=True)
class InCluster:
    """client: kubernetes.client.ApiClient of whoever builds. namespace: the tenant's. app: what is built, in the Job's
    name."""

    client: Any
    namespace: str
    app: str

    @contextlib.contextmanager
    def build(self, order: Order, report: Report) -> Generator[Iterable[str]]:
        """As every builder."""
        place = builds_namespace(self.namespace)
        with tempfile.TemporaryFile() as sent:
            stream_of(order, sent)
            job = self._start(place)
            try:
                pod = self._running(place, job, report)
                # Open until the end: what is on its way when a connection is closed may never arrive.
                with contextlib.closing(_attached(self.client, place, pod)) as attached:
                    _send(attached, sent, f"{place}/{pod}")
                    yield self._lines(place, pod)
            finally:
                self._remove(place, job)

    def _start(self, place: str) -> str:
        """The name of the Job."""
        from kubernetes import client as api

        try:
            template = _core(self.client).read_namespaced_pod_template(BUILD, place)
            plain: dict[str, Any] = self.client.sanitize_for_serialization(template)
            made = _batch(self.client).create_namespaced_job(place, job_of(plain, self.app))
        except api.ApiException as error:
            raise refused(error, place) from None
        return str(made.metadata.name)

    def _running(self, place: str, job: str, report: Report) -> str:
        """The name of the pod, as soon as something can be sent to it."""
        deadline, told = time.monotonic() + _START_SECONDS, ""
        while time.monotonic() < deadline:
            pods = _core(self.client).list_namespaced_pod(place, label_selector=f"job-name={job}").items
            for pod in pods:
                if pod.status.phase == "Running":
                    return str(pod.metadata.name)
                if pod.status.phase in ("Failed", "Succeeded"):
                    raise BuildError(
                        f"the build's pod {place}/{pod.metadata.name} ended before anything was sent: "
                        f"{pod.status.message or pod.status.reason or pod.status.phase}",
                        "ask who runs the platform; their guide is docs/guides/images.md",
                    )
            said = _why_not_yet(pods)
            if said != told:
                report(f"waiting for a place to build: {said}")
                told = said
            time.sleep(_POLL_SECONDS)
        raise BuildError(
            f"no place to build within {_START_SECONDS // 60} minutes: {told}",
            "build again later, or ask who runs the platform for another pool (images.builds.pool)",
        )

    def _lines(self, place: str, pod: str) -> Iterator[str]:
        """What the pod prints, to its end."""
        answer: Any = _core(self.client).read_namespaced_pod_log(
            pod, place, container=BUILD, follow=True, _preload_content=False
        )
        rest = b""
        for chunk in answer.stream(_CHUNK, decode_content=True):
            *lines, rest = (rest + chunk).split(b"\n")
            yield from (line.decode(errors="replace") for line in lines)
        yield rest.decode(errors="replace")

    def _remove(self, place: str, job: str) -> None:
        from kubernetes import client as api

        # Who may no more reach the cluster leaves it to the Job's own time.
        with contextlib.suppress(api.ApiException, OSError):
            _batch(self.client).delete_namespaced_job(job, place, propagation_policy="Background")


def _core(client: Any) -> Any:
    from kubernetes import client as api  # half a second, for builds alone

    return api.CoreV1Api(client)


def _batch(client: Any) -> Any:
    from kubernetes import client as api

    return api.BatchV1Api(client)


def stream_of(order: Order, output: IO[bytes]) -> None:
    """What the pod reads: how many bytes, and an archive of as many."""
    beside = {
        "arguments": "\n".join(order.arguments(stage=_STAGE, context=f"{_STAGE}/context")) + "\n",
        "dockerfile/Dockerfile": order.dockerfile,
        "dockerfile/Dockerfile.dockerignore": "\n".join(order.context.rules) + "\n",
        **{f"secrets/{name}": value for name, value in order.secrets.items()},
    }
    with tempfile.TemporaryFile() as archive:
        order.context.write_tar(archive, beside)
        output.write(f"{archive.tell():{BUILD_HEADER_BYTES}d}".encode())
        archive.seek(0)
        while chunk := archive.read(_CHUNK):
            output.write(chunk)
    output.seek(0)


def job_of(template: dict[str, Any], app: str) -> dict[str, Any]:
    """A Job of the platform's PodTemplate, as its policy wants it."""
    prefix = re.sub(r"[^a-z0-9-]+", "-", app.lower())[:40].strip("-")
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"generateName": f"{prefix}-" if prefix else "build-"},
        "spec": {
            "backoffLimit": 0,
            "activeDeadlineSeconds": _max_seconds(template),
            "ttlSecondsAfterFinished": _KEPT_SECONDS,
            "template": {
                "metadata": {
                    key: template["template"]["metadata"][key]
                    for key in ("labels", "annotations")
                    if key in template["template"]["metadata"]
                },
                "spec": template["template"]["spec"],
            },
        },
    }


def _max_seconds(template: dict[str, Any]) -> int:
    """What the platform says that a build may take."""
    return int(template["metadata"].get("annotations", {}).get(MAX_BUILD_SECONDS, _MAX_SECONDS))


def _attached(client: Any, place: str, pod: str) -> Any:
    """The pod's standard input."""
    from kubernetes import client as api
    from kubernetes import stream

    attach = cast(Any, stream).stream
    try:
        return attach(
            _core(client).connect_get_namespaced_pod_attach,
            pod,
            place,
            container=BUILD,
            stdin=True,
            stdout=False,
            stderr=False,
            tty=False,
            _preload_content=False,
        )
    except api.ApiException as error:
        raise refused(error, place) from None


def _send(attached: Any, sent: IO[bytes], pod: str) -> None:
    try:
        while chunk := sent.read(_CHUNK):
            attached.write_stdin(chunk)
    except OSError as error:
        raise BuildError(
            f"the folder could not be sent to {pod}: {error}", "build again; a slow network needs a small folder"
        ) from None


def _why_not_yet(pods: list[Any]) -> str:
    """As the scheduler or the kubelet says it."""
    for pod in pods:
        for condition in pod.status.conditions or ():
            if condition.status == "False" and condition.message:
                return str(condition.message)
        for container in pod.status.container_statuses or ():
            if container.state.waiting and container.state.waiting.reason:
                return f"{container.state.waiting.reason} {container.state.waiting.message or ''}".strip()
    return "no pod yet; another build of the team may be running (images.builds.atOnce)"


def refused(error: Any, place: str) -> BuildError:
    """What an answer of the API server to a Job means."""
    said = str(getattr(error, "body", "") or error.reason)
    message = re.search(r'"message":\s*"((?:[^"\\]|\\.)*)"', said)
    told = message[1].replace('\\"', '"') if message else said
    if error.status == 403 and "exceeded quota" in told:
        return BuildError(
            f"no more builds in {place}: {told}", "wait for another build, or delete finished ones: kubectl delete job"
        )
    if error.status in (403, 404):
        return BuildError(
            f"this cluster builds no images for you in {place}: {told}",
            "ask who runs the platform for `images.builds.credentials` with your tenant, or build elsewhere and "
            "deploy with --image",
        )
    return BuildError(f"the cluster did not take the build: {told}", "build again; if that stays, ask who runs it")
