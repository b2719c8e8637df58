"""A program that runs to its end: on a schedule, on demand, or both.

Owns a CronJob, its ServiceAccount and the Secret of `secretEnv`. Without a schedule the CronJob is suspended and serves
as the form that people and other programs trigger: `kubectl create job --from=cronjob/NAME`. Where the stack has
queues, each run waits in its tenant's. It deliberately keeps no logs (those are the log service's).
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Literal

from pydantic import Field, ValidationInfo, field_validator

from bedplate.kubernetes import (
    NOT_EVICTED,
    Manifest,
    accelerator_placement,
    manifest,
    pod_spec,
    service_account,
    template_metadata,
)
from bedplate.kubernetes.pods import LONGEST_KEEP_DAYS
from bedplate.labels import DEFAULT_QUEUE, LABEL_LENGTH, QUEUE_NAME, TRIGGERED
from bedplate.spec import (
    Count,
    CronSchedule,
    Hours,
    JobName,
    PositiveCount,
    Seconds,
    Spec,
    StrictBool,
    TimeZone,
    mistake,
)
from bedplate.workloads._base import Footprint, Workload, WorkloadArgs, WorkloadSpec, container
from bedplate.workloads._schedule import longest_pause_days

_NEVER = "0 0 31 2 *"
"""A CronJob must have a schedule; one that is suspended as well as on the 31st of February runs on demand only."""
_DEFAULT_KEEP_DAYS = 7
_RUN_DIGITS = 8
"""Of the minute since 1970 that a CronJob's controller appends to the name of each run, until the year 2160
(https://github.com/kubernetes/kubernetes/blob/v1.35.4/pkg/controller/cronjob/cronjob_controllerv2.go, `getJobName`)."""


class HistorySpec(Spec):
    """How many finished runs stay to be looked at."""

    succeeded: Annotated[Count, Field(le=100)] = 3
    """Runs that succeeded."""
    failed: Annotated[Count, Field(le=100)] = 5
    """Runs that failed."""


class JobSpec(WorkloadSpec):
    """A program that runs to its end, such as an ETL step or a nightly evaluation."""

    kind: Literal["job"] = "job"
    """The template."""
    name: JobName
    """Name of the job, at most 52 characters: Kubernetes appends eleven for each run."""
    schedule: CronSchedule | None = None
    """When it runs, as five cron fields or @hourly, @daily, @weekly, @monthly, @yearly; without it, only when
    triggered. What falls into the hour that clocks skip in spring is skipped."""
    time_zone: TimeZone = "Etc/UTC"
    """Time zone of the schedule."""
    retries: Annotated[Count, Field(le=20)] = 3
    """Further tries after a failure, with growing pauses; tries lost to a node's end do not count."""
    max_hours: Hours = 24
    """Longest time of a run with its retries, in hours; then it is stopped and counts as failed."""
    parallelism: Annotated[PositiveCount, Field(le=10_000)] = 1
    """Pods that one run starts at once, each with its own JOB_COMPLETION_INDEX."""
    concurrency: Literal["forbid", "allow", "replace"] = "forbid"
    """What happens when the next run is due while one is still going."""
    start_within_seconds: Annotated[Seconds, Field(ge=10)] = 3600
    """How late a missed run may still start; Kubernetes looks every ten seconds."""
    keep_days: Annotated[PositiveCount, Field(le=LONGEST_KEEP_DAYS)] | None = None
    """Days after which a finished run is removed, triggered ones included; 7, or as long as the runs of `history` take
    by the schedule, if absent."""
    trigger: StrictBool = False
    """Whether there is an account `<name>-trigger` whose token creates runs of this job as it stands here, and nothing
    else."""
    history: HistorySpec = HistorySpec()
    """Scheduled runs that stay to be looked at."""

    @field_validator("parallelism")
    @classmethod
    def _with_hosts(cls, parallelism: int, info: ValidationInfo) -> int:
        name: str = info.data.get("name", "")
        longest = LABEL_LENGTH - len(f"-{'0' * _RUN_DIGITS}-{parallelism - 1}")
        if parallelism > 1 and len(name) > longest:
            raise mistake(
                f"the pods' host names, such as {name}-{'0' * _RUN_DIGITS}-{parallelism - 1}, are longer than "
                f"{LABEL_LENGTH} characters, and no run would start",
                f"shorten the job's name to {longest} characters, or start fewer pods",
            )
        return parallelism

    @field_validator("schedule")
    @classmethod
    def _comes(cls, schedule: str | None) -> str | None:
        if schedule is not None and longest_pause_days(schedule) is None:
            raise mistake("never comes: there is no such date", "correct the day or the month")
        return schedule

    @field_validator("history")
    @classmethod
    def _kept_as_long(cls, history: HistorySpec, info: ValidationInfo) -> HistorySpec:
        kept = info.data.get("keep_days", 0) or LONGEST_KEEP_DAYS
        needed = _days_of(history, info.data.get("schedule"))
        if needed > kept and "keep_days" in info.data:
            runs = max(history.succeeded, history.failed)
            can_be_longer = needed <= LONGEST_KEEP_DAYS
            raise mistake(
                f"a history of {runs} takes {needed} days by this schedule; a run is removed {kept} days after its end",
                f"write `keepDays: {needed}`, or remove it"
                if can_be_longer
                else "keep fewer runs, and results elsewhere",
            )
        return history

    @property
    def kept_days(self) -> int:
        """Days after which a finished run is removed."""
        if self.keep_days is not None:
            return self.keep_days
        return min(max(_DEFAULT_KEEP_DAYS, _days_of(self.history, self.schedule)), LONGEST_KEEP_DAYS)

    def footprint(self) -> Footprint:
        """The pods of one run; none at rest."""
        kept = self.history.succeeded + self.history.failed + 1 if self.schedule else 0
        pods = self.footprint_of_pods(0, self.parallelism, run_hours=self.max_hours, runs_kept=kept)
        return replace(pods, runs_overlap=self.schedule is not None and self.concurrency == "allow")


def _days_of(history: HistorySpec, schedule: str | None) -> int:
    """Days until a schedule has made all the runs of a history."""
    pause_days = longest_pause_days(schedule) if schedule else None
    return math.ceil((pause_days or 0) * max(history.succeeded, history.failed))


class Job(Workload):
    """A job on a schedule or on demand."""

    Spec = JobSpec
    title = "Job"
    component = "batch"

    def parts(self, args: WorkloadArgs) -> Sequence[tuple[str, Manifest]]:
        """The CronJob."""
        spec = args.spec
        assert isinstance(spec, JobSpec)
        cron_job = manifest(
            "batch/v1",
            "CronJob",
            spec.name,
            args.identity,
            namespace=args.namespace_name,
            spec={
                "schedule": spec.schedule or _NEVER,
                "suspend": spec.schedule is None,
                "timeZone": spec.time_zone,
                "concurrencyPolicy": spec.concurrency.capitalize(),
                "startingDeadlineSeconds": spec.start_within_seconds,
                "successfulJobsHistoryLimit": spec.history.succeeded,
                "failedJobsHistoryLimit": spec.history.failed,
                "jobTemplate": {"metadata": _run_metadata(args), "spec": _job(spec, args)},
            },
        )
        if not spec.trigger:
            return [("cron-job", cron_job)]
        cron_job["metadata"]["labels"] = {**cron_job["metadata"]["labels"], TRIGGERED: "true"}
        return [("cron-job", cron_job), *_trigger(spec.name, args)]


def _trigger(job: str, args: WorkloadArgs) -> list[tuple[str, Manifest]]:
    """The account that creates runs. What it creates is held to the CronJob by `guardrails/triggers.py`."""
    name, namespace, group = f"{job}-trigger", args.namespace_name, "rbac.authorization.k8s.io"
    rules = [
        {"apiGroups": ["batch"], "resources": ["cronjobs"], "resourceNames": [job], "verbs": ["get"]},
        {"apiGroups": ["batch"], "resources": ["jobs"], "verbs": ["create"]},
    ]
    role = {"apiGroup": group, "kind": "Role", "name": name}
    subject = {"kind": "ServiceAccount", "name": name, "namespace": namespace}
    return [
        ("trigger", service_account(name, namespace, args.identity)),
        ("trigger-role", manifest(f"{group}/v1", "Role", name, args.identity, namespace=namespace, rules=rules)),
        (
            "trigger-binding",
            manifest(
                f"{group}/v1",
                "RoleBinding",
                name,
                args.identity,
                namespace=namespace,
                roleRef=role,
                subjects=[subject],
            ),
        ),
    ]


def _run_metadata(args: WorkloadArgs) -> Manifest:
    """Of each run: it waits in the tenant's queue, where there is one. Whoever admits it has it wait: nothing here
    says `suspend`, so that a run goes on where nobody queues."""
    metadata = template_metadata(args.identity)
    if args.queue is not None:
        metadata["labels"] = {**metadata["labels"], QUEUE_NAME: DEFAULT_QUEUE}
    return metadata


def _job(spec: JobSpec, args: WorkloadArgs) -> Manifest:
    placement = accelerator_placement(spec.gpu.accelerator) if spec.gpu else {}
    template = {
        "metadata": template_metadata(args.identity, NOT_EVICTED),
        "spec": pod_spec(container(spec), spec.name, restartPolicy="Never", **placement),
    }
    # A pod that a node's end took is no failure of the program
    # (https://kubernetes.io/docs/concepts/workloads/controllers/job/#pod-failure-policy).
    disrupted = {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]}
    return {
        "completionMode": "Indexed",
        "completions": spec.parallelism,
        "parallelism": spec.parallelism,
        "backoffLimit": spec.retries,
        "activeDeadlineSeconds": round(spec.max_hours * 3600),
        "ttlSecondsAfterFinished": spec.kept_days * 86_400,
        "podFailurePolicy": {"rules": [disrupted]},
        "template": template,
    }
