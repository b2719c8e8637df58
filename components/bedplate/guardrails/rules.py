"""The rules as data, written in CEL.

A rule sees pods and, for an early and readable refusal, the kinds that make pods: what no pod could pass is refused at
the object that a person makes. It judges an object when it is created and when the part that the rule is about changes;
so objects that broke a rule before it was there can still be scaled, labelled by their controllers, and deleted.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from bedplate.guardrails.reasons import (
    IDLE,
    ISOLATED,
    PERSON,
    PLACED_GPUS,
    UNAPPROVED,
    annotations_of_others,
    fields_not_decided,
    gpus_of_others,
    label_not_listed,
    labels_missing,
    limits_not_stated,
    listed,
    lists_too_long,
    may_run_as_root,
    not_restricted,
    placed_elsewhere,
    resources_not_counted,
    sizes_exceeded,
    turns_exceeded,
    unless,
)
from bedplate.guardrails.sight import BATCH_KINDS, OWNED_KINDS, POD_KINDS, templates
from bedplate.kubernetes import Manifest
from bedplate.kubernetes.pods import LONGEST_KEEP_DAYS
from bedplate.labels import (
    ACCELERATOR,
    BATCH_COMPONENTS,
    COMPONENT,
    GPU_RESOURCE,
    IDLE_TIMEOUT_MINUTES,
    OWNER,
    OWNERS,
    PROJECT,
    PROJECTS,
    SERVING_COMPONENTS,
    accelerator_class,
)

LONGEST_STOP_SECONDS = 900
"""The longest that a pod may take to stop, past the end of its run time; no template takes more than 605."""
LONGEST_KEEP_SECONDS = LONGEST_KEEP_DAYS * 86_400
IS_WORKSPACE = (
    "object.kind in ['Pod', 'Deployment', 'StatefulSet', 'DaemonSet'] && !variables.isOwned && "
    f"!(object.metadata.?labels[?'{COMPONENT}'].orValue('') in {list(SERVING_COMPONENTS)})"
)
"""CEL: whether it is for people, if it has GPUs: what serves is scaled by load, jobs end by their run time limit."""
IS_IDLE_CHANGED = f"{IDLE} != oldObject.metadata.?annotations[?'{IDLE_TIMEOUT_MINUTES}']"


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One guardrail.

    reason: CEL that yields what the user reads, or '' where the rule is kept; it names the value and the change to
    make. In a rule of pods it is asked for each pod `p` of an object. when: further CEL, true where the rule applies.
    """

    name: str
    title: str
    reason: str
    kinds: Sequence[Manifest] = field(default_factory=lambda: POD_KINDS)
    is_of_pods: bool = True
    changed: str = "variables.isPodChanged"
    """CEL that is true when an update touches what the rule is about."""
    when: str = "true"

    def expression(self) -> str:
        """CEL: the reason, or '' where the rule is kept or does not apply."""
        reason = (
            f"variables.pods.map(p, {self.reason}).filter(s, s != '').join('; ')" if self.is_of_pods else self.reason
        )
        return f"!({self.when}) || !({self.changed}) ? '' : ({reason})"


LENGTH = Rule(
    name="pod-length",
    title="A container has at most 1000 variables and a pod at most 100 volumes; no other rule reads longer ones.",
    reason=lists_too_long(),
)
RULES: tuple[Rule, ...] = (
    LENGTH,
    Rule(
        name="fields",
        title="Jobs and pods carry only fields that were decided on; a field of a new minor is refused until it is.",
        is_of_pods=False,
        when="!variables.isOwned && variables.templates.size() > 0",
        reason=fields_not_decided(),
    ),
    Rule(
        name="approved-images",
        title="Images come from approved registries; init and ephemeral containers and image volumes included.",
        reason=(
            f"{UNAPPROVED}.size() == 0 ? '' : 'image ' + {UNAPPROVED}.join(', ') + ' is not from an "
            f"approved registry; "
            "use an image below ' + variables.approvedImages.join(', ') + ', or have "
            "guardrails.approvedImages extended'"
        ),
    ),
    Rule(
        name="ownership-labels",
        title="Everything that costs money says whose it is; projects and owners are those of the tenant.",
        kinds=OWNED_KINDS,
        is_of_pods=False,
        changed="variables.isLabelChanged",
        reason=listed(
            labels_missing(),
            label_not_listed(PROJECT, PROJECTS, "''", "write one of"),
            f"variables.isOwned ? '' : ({label_not_listed(OWNER, OWNERS, PERSON, 'write your own name, or one of')})",
        ),
    ),
    Rule(
        name="serving-labels",
        title="Jobs and bare pods do not wear the labels by which Services and budgets find what serves.",
        kinds=BATCH_KINDS,
        changed="variables.isLabelChanged",
        when="variables.isBatch",
        reason=unless(
            f"p.labels[?'{COMPONENT}'].orValue('{BATCH_COMPONENTS[0]}') in {list(BATCH_COMPONENTS)}",
            f"'the label {COMPONENT} of a job must be {' or '.join(BATCH_COMPONENTS)}, but is ' + "
            f"p.labels['{COMPONENT}']",
        ),
    ),
    Rule(
        name="gpu-idle-timeout",
        title="A GPU workspace says after how many idle minutes it is stopped.",
        when=IS_WORKSPACE,
        changed=f"variables.isPodChanged || {IS_IDLE_CHANGED}",
        reason=unless(
            f"p.gpus == 0 || ({IDLE}.orValue('').matches('^[1-9][0-9]{{0,5}}$') && "
            f"int({IDLE}.orValue('0')) <= variables.maxIdleMinutes)",
            f"'a GPU workspace needs the annotation {IDLE_TIMEOUT_MINUTES} with 1 to ' + "
            f"string(variables.maxIdleMinutes) + ' minutes, but has ' + {IDLE}.orValue('none')",
        ),
    ),
    Rule(
        name="job-run-time",
        title="Every run ends: jobs and bare pods have a run time limit.",
        kinds=BATCH_KINDS,
        is_of_pods=False,
        changed="variables.isRunTimeChanged",
        when="variables.isBatch",
        reason=(
            "variables.jobs.map(j, j.?activeDeadlineSeconds.orValue(0)).filter(n, n < 1 || n > variables.maxJobSeconds)"
            ".map(n, 'activeDeadlineSeconds must be 1 to ' + string(variables.maxJobSeconds) + ' seconds, but is ' + "
            "string(n) + '; a job may not run longer than that').join('; ')"
        ),
    ),
    Rule(
        name="job-cleanup",
        title="Finished jobs are removed: they say after how many seconds.",
        kinds=BATCH_KINDS,
        is_of_pods=False,
        changed="variables.isRunTimeChanged",
        when="object.kind in ['CronJob', 'Job', 'JobSet'] && !variables.isOwned",
        reason=(
            "[object.kind == 'JobSet' ? dyn(object).spec.?ttlSecondsAfterFinished.orValue(-1) : "
            "variables.jobs[0].?ttlSecondsAfterFinished.orValue(-1)]"
            f".filter(n, n < 0 || n > {LONGEST_KEEP_SECONDS}).map(n, "
            f"'ttlSecondsAfterFinished must be 0 to {LONGEST_KEEP_SECONDS} seconds, but is ' + "
            "(n < 0 ? 'absent' : string(n)) + '; write 604800 to keep a finished job for a week').join('')"
        ),
    ),
    Rule(
        name="max-pod-size",
        title="No pod is larger than the largest that is allowed, its init containers and sidecars included.",
        reason=sizes_exceeded(),
    ),
    Rule(
        name="stated-limits",
        title="Whoever requests memory or disk says its limit too, where the default is less; nothing is stated as 0.",
        reason=limits_not_stated(),
    ),
    Rule(
        name="counted-resources",
        title="Pods ask only for what a quota counts: no devices of other vendors, slices or shares of GPUs.",
        reason=resources_not_counted(),
    ),
    Rule(
        name="stop-time",
        title="A pod stops in time: what runs past its end is bounded.",
        reason=unless(
            f"p.spec.?terminationGracePeriodSeconds.orValue(30) <= {LONGEST_STOP_SECONDS}",
            f"'terminationGracePeriodSeconds must be at most {LONGEST_STOP_SECONDS}, but is ' + "
            "string(p.spec.terminationGracePeriodSeconds)",
        ),
    ),
    Rule(
        name="pod-isolation",
        title="No host namespaces, host paths, host ports or privilege; no priority over others.",
        reason=unless(
            ISOLATED,
            "'host namespaces (hostNetwork, hostPID, hostIPC), hostPath volumes, hostPort, nodeName, other schedulers, "
            "privileged containers and priority classes other than bedplate-* are not allowed; "
            "remove them from the pod'",
        ),
    ),
    Rule(
        name="no-root",
        title="Nothing runs as root or becomes it, whatever the tenant's Pod Security level and its version say.",
        reason=may_run_as_root(),
    ),
    Rule(
        name="pod-security",
        title="What Pod Security `restricted` demands of containers, said at the object that a person makes.",
        when="namespaceObject.metadata.labels[?'pod-security.kubernetes.io/enforce'].orValue('') == 'restricted'",
        reason=not_restricted(),
    ),
    Rule(
        name="placement",
        title="No pod goes to the platform's nodes or to nodes that are being emptied.",
        when="!variables.isOwned",
        reason=placed_elsewhere(),
    ),
    Rule(
        name="gpu-placement",
        title="A GPU pod names its accelerator and its quota class; only GPU pods go to GPU nodes.",
        reason=unless(
            PLACED_GPUS,
            f"'a pod with GPUs needs nodeSelector {ACCELERATOR}: NAME and priorityClassName: "
            f"{accelerator_class('')}NAME "
            f"with one of ' + variables.accelerators.join(', ') + '; a pod without GPUs must not "
            f"tolerate {GPU_RESOURCE} "
            "nor use such a class'",
        ),
    ),
    Rule(
        name="gpu-turns",
        title="A container asks once for a GPU that is used in turns.",
        reason=turns_exceeded(),
    ),
    Rule(
        name="pod-annotations",
        title="Pods carry no annotations by which other programs open what is closed, such as another network.",
        # A network is chosen when a pod begins; what the plugin writes into a pod afterwards is its own.
        when="!variables.isOwned",
        changed=(
            "oldObject == null || (object.kind != 'Pod' && variables.templates.map(t, t.?metadata.?annotations) != "
            f"{templates('oldObject')}.map(t, t.?metadata.?annotations))"
        ),
        reason=annotations_of_others(),
    ),
    Rule(
        name="gpu-visibility",
        title="A container sees the GPUs that it was given, and no others of its node.",
        reason=gpus_of_others(),
    ),
)
