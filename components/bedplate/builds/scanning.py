"""Scans of images as Jobs of the cluster, with the rights of whoever asks.

Owns starting a Job as the platform's PodTemplate has it, and reading what it prints. What has passed is written by the
Job itself, where the guardrails see it: this machine only tells.
"""

import contextlib
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from bedplate.builds.build import Report
from bedplate.builds.failures import BuildError
from bedplate.builds.in_cluster import job_of, refused
from bedplate.labels import NAME, SCAN, SCANNED_IMAGE, builds_namespace

_SAID = "bedplate: scanned "
_POLL_SECONDS = 1.0
_CONTAINERS = ("record", SCAN, "request")
"""The last first: what failed is the last that printed anything."""


@dataclass(frozen=True, kw_only=True)
class Scanned:
    """reference: with its digest. counts: findings by severity. lines: those that keep it from running, worst first."""

    reference: str
    has_passed: bool
    counts: dict[str, int]
    lines: tuple[str, ...] = ()

    @property
    def summary(self) -> str:
        """Such as `0 critical, 3 high, 12 medium`."""
        return ", ".join(f"{number} {severity}" for severity, number in self.counts.items() if severity in _TOLD)


_TOLD = ("critical", "high", "medium")


@dataclass(frozen=True, kw_only=True)
class ClusterScans:
    """client: kubernetes.client.ApiClient of whoever asks. namespace: the tenant's."""

    client: Any
    namespace: str
    most_seconds: float = 1800

    def scan(self, reference: str, report: Report) -> Scanned:
        """Waits for the answer. Raises BuildError where there is none."""
        place = builds_namespace(self.namespace)
        job = self._start(place, reference)
        try:
            return self._answer(place, job, reference, report)
        finally:
            self._remove(place, job)

    def _start(self, place: str, reference: str) -> str:
        from kubernetes import client as api

        try:
            template = api.CoreV1Api(self.client).read_namespaced_pod_template(SCAN, place)
            plain: dict[str, Any] = self.client.sanitize_for_serialization(template)
            job: Any = scan_job(plain, reference)
            made: Any = api.BatchV1Api(self.client).create_namespaced_job(place, job)
        except api.ApiException as error:
            raise refused(error, place) from None
        return str(made.metadata.name)

    def _answer(self, place: str, job: str, reference: str, report: Report) -> Scanned:
        report(f"scanning {reference}")
        deadline = time.monotonic() + self.most_seconds
        while time.monotonic() < deadline:
            for pod in self._pods(place, job):
                if pod.status.phase in ("Succeeded", "Failed"):
                    return self._read(place, str(pod.metadata.name), reference)
            time.sleep(_POLL_SECONDS)
        raise BuildError(
            f"no answer of the scan within {self.most_seconds / 60:.0f} minutes",
            "scan again later, or ask who runs the platform; their guide is docs/guides/images.md",
        )

    def _pods(self, place: str, job: str) -> list[Any]:
        from kubernetes import client as api

        found: Any = api.CoreV1Api(self.client).list_namespaced_pod(place, label_selector=f"job-name={job}")
        return list(found.items)

    def _read(self, place: str, pod: str, reference: str) -> Scanned:
        for name in _CONTAINERS:
            lines = list(self._printed(place, pod, name))
            answers = [line for line in lines if line.startswith(_SAID)]
            if answers:
                said = json.loads(answers[-1].removeprefix(_SAID))
                found = tuple(line for line in lines if not line.startswith("bedplate: "))
                return Scanned(
                    reference=reference, has_passed=bool(said["passed"]), counts=dict(said["counts"]), lines=found
                )
            if lines:
                raise BuildError(
                    f"the scan of {reference} failed in {place}/{pod}; it said last:",
                    "see whether the image is there, and whether the builds' network reaches the registry and the "
                    "database of vulnerabilities",
                    lines=tuple(lines[-15:]),
                )
        raise BuildError(f"the scan's pod {place}/{pod} printed nothing", "scan again, or ask who runs the platform")

    def _printed(self, place: str, pod: str, container: str) -> Iterator[str]:
        from kubernetes import client as api

        # A container that never began has no log.
        with contextlib.suppress(api.ApiException):
            text: Any = api.CoreV1Api(self.client).read_namespaced_pod_log(pod, place, container=container)
            yield from (line for line in str(text or "").splitlines() if line.strip())

    def _remove(self, place: str, job: str) -> None:
        from kubernetes import client as api

        with contextlib.suppress(api.ApiException, OSError):
            api.BatchV1Api(self.client).delete_namespaced_job(job, place, propagation_policy="Background")


def scan_job(template: dict[str, Any], reference: str) -> dict[str, Any]:
    """A Job of the platform's PodTemplate, as its policy wants it, that names the image."""
    job = job_of(template, SCAN)
    job["metadata"] |= {"labels": {NAME: SCAN}, "annotations": {SCANNED_IMAGE: reference}}
    return job
