"""What must hold between stopping what nobody uses and the other parts of a stack file."""

from collections.abc import Iterator

from bedplate.kubernetes import IdleSpec
from bedplate.stack_file.parts import Parts, has, route_of
from bedplate.stack_file.problems import PathParts, Problem, number


def times(parts: Parts) -> Iterator[Problem]:
    """Nothing is kept without use for longer than the guardrails allow."""
    limits, settings = parts.guardrails, parts.services.idle
    if limits is None or not has(limits, ["idle"]) or not has(limits.idle, ["max_minutes"]):
        return
    longest = limits.idle.max_minutes
    asked: list[tuple[PathParts, int]] = []
    if settings is not None and has(settings, ["after_minutes"]):
        asked.append((("idle", "afterMinutes"), settings.after_minutes))
    for path, idle in _asking(parts):
        if has(idle, ["after_minutes"]) and idle.after_minutes:
            asked.append(((*path, "afterMinutes"), idle.after_minutes))
    for path, minutes in asked:
        if minutes > longest:
            yield Problem(
                path=path,
                message="nothing may be kept without use for longer than guardrails.idle.maxMinutes says",
                given=number(minutes),
                allowed=f"at most {longest}",
                fix=f"lower it to {longest}, or raise guardrails.idle.maxMinutes in the stack's file",
            )


def warnings(parts: Parts) -> Iterator[Problem]:
    """Whoever is warned has been idle for a while: otherwise each pause of two minutes warns."""
    settings = parts.services.idle
    if settings is None or not has(settings, ["warn_minutes"]):
        return
    for path, idle in _asking(parts):
        minutes = idle.after_minutes if has(idle, ["after_minutes"]) else None
        if minutes and minutes <= settings.warn_minutes:
            yield Problem(
                path=(*path, "afterMinutes"),
                message=f"is no longer than idle.warnMinutes ({settings.warn_minutes}), so that the warning would come "
                "with the use",
                given=number(minutes),
                allowed=f"more than {settings.warn_minutes}",
                fix=f"raise it above {settings.warn_minutes}, or lower idle.warnMinutes in the stack's file",
            )


def workloads(parts: Parts) -> Iterator[Problem]:
    """Somebody stops what asks for it, and somebody can start it again."""
    for path, _, workload in parts.with_workloads():
        idle = getattr(workload, "idle", None)
        if not isinstance(idle, IdleSpec) or getattr(workload, "always_on", False):
            continue
        is_default = hasattr(workload, "always_on")
        if not parts.stops_idle:
            yield Problem(
                path=(*path, "idle"),
                message="nobody finds out whether it is used: this stack has no idle shutdown",
                fix="add `idle: {}` to the stack (and `services` to layers), or "
                + ("write `alwaysOn: true`, which nothing with GPUs may be" if is_default else "remove this key"),
            )
        if not is_default and hasattr(workload, "route") and route_of(workload) is None:
            yield Problem(
                path=(*path, "idle"),
                message="nothing would start it again: only a request by its route does, and it has none",
                fix="add `route:` to the workload, or remove this key",
            )


def _asking(parts: Parts) -> Iterator[tuple[PathParts, IdleSpec]]:
    for path, _, workload in parts.with_workloads():
        idle = getattr(workload, "idle", None)
        if isinstance(idle, IdleSpec):
            yield (*path, "idle"), idle
