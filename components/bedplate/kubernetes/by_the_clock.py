"""Programs of the platform's own that run by the clock: files that need nothing but an interpreter.

Owns their CronJob and the image of the interpreter; what they do, and what they may, is whose they are.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from bedplate.kubernetes.manifests import Manifest, manifest, template_metadata
from bedplate.labels import Identity

# renovate: datasource=docker depName=docker.io/library/python
PYTHON_VERSION = "3.13.9-slim"
PYTHON_IMAGE = f"docker.io/library/python:{PYTHON_VERSION}"
_LATE_SECONDS = 200


@dataclass(frozen=True, kw_only=True)
class Run:
    """schedule: in UTC. seconds: that one may take. retries: of one that failed, beside the next one's."""

    schedule: str
    seconds: int
    retries: int = 0


def by_the_clock(
    name: str, namespace: str, identity: Identity, run: Run, pod: Manifest, labels: Mapping[str, str] | None = None
) -> Manifest:
    """One at a time; the last that went well stays for a day to be looked at, and the last three that did not. labels:
    of its pods, beside those of their identity."""
    template = template_metadata(identity)
    template["labels"] = {**template["labels"], **(labels or {})}
    job = {
        "backoffLimit": run.retries,
        "activeDeadlineSeconds": run.seconds,
        "ttlSecondsAfterFinished": 86_400,
        "template": {"metadata": template, "spec": pod},
    }
    return manifest(
        "batch/v1",
        "CronJob",
        name,
        identity,
        namespace=namespace,
        spec={
            "schedule": run.schedule,
            "timeZone": "Etc/UTC",
            "concurrencyPolicy": "Forbid",
            "startingDeadlineSeconds": _LATE_SECONDS,
            "successfulJobsHistoryLimit": 1,
            "failedJobsHistoryLimit": 3,
            "jobTemplate": {"metadata": {"labels": identity.labels()}, "spec": job},
        },
    )
