"""Why the API server refused what somebody deploys, and the change to make in `bedplate.toml`."""

import re

from bedplate.deploy.cluster import Refused
from bedplate.deploy.errors import DeployError

_FIXES = (
    (
        r"quota '.+' is exceeded|exceeded quota",
        "ask for less (cpu, memory, replicas), destroy what nobody needs, or have the quota raised",
    ),
    (r"approved-images|denied by guardrail", "change the app as the message says"),
    (r"the stack's", "change the workload in the tenant's file of the stack, by a pull request"),
    (r"outside the tenant's LimitRange", "write a smaller cpu or memory"),
)


def explained(refused: Refused, kind: str, app: str, namespace: str) -> DeployError:
    """The refusal of one object."""
    if refused.status == 403 and "cannot" in refused.reason and "ValidatingAdmissionPolicy" not in refused.reason:
        verb = re.search(r"cannot (\w+) resource \"([\w.]+)\"", refused.reason)
        what = f"{verb[1]} {verb[2]}" if verb else "do that"
        fix = "ask your platform team to put you into a group of the tenant (`bedplate doctor` shows your rights)"
        return DeployError(f"you may not {what} in {namespace}", fix, app)
    # What it explains with imports the specs, which a command that is not refused needs not.
    from bedplate.embedded_cluster.objects import ObjectKey
    from bedplate.rehearsal.explanation import explain_refusal

    found = explain_refusal(ObjectKey(kind, namespace, app), refused.reason)
    policy = re.search(r"ValidatingAdmissionPolicy 'bedplate-deployments'.*?denied request: (.+)", found.reason)
    reason = policy[1] if policy else found.reason
    if unscanned := re.search(r"no scan has passed ([^\s,;]+)", reason):
        scan = f"bedplate scan {unscanned[1]}" if "@sha256:" in unscanned[1] else "name it by its digest, and scan that"
        return DeployError(
            f"{kind} {app}: {reason}", f"{scan}; or deploy without --image: what is built is scanned", app
        )
    fix = next((fix for pattern, fix in _FIXES if re.search(pattern, reason)), found.fix)
    return DeployError(f"{kind} {app}: {reason}", fix, app)
