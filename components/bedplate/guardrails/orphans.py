"""No run outlives its Job.

Owns a policy beside the guardrails, because it judges deletions. A Job's run time limit and its cleanup are the Job's:
pods that are left behind when it goes (`kubectl delete job --cascade=orphan`) have neither, hold their GPUs for ever,
and members cannot delete them. https://kubernetes.io/docs/concepts/architecture/garbage-collection/#orphaned-dependents
"""

from bedplate.guardrails.sight import BATCH_KINDS
from bedplate.kubernetes import Manifest

POLICY = "bedplate-orphans"
_KINDS = [kind for kind in BATCH_KINDS if "pods" not in kind["resources"]]
_SAID = "its pods would run on without its time limit; delete them with it: propagationPolicy Background or Foreground"


def orphans_spec() -> Manifest:
    """Of the policy. A request that says nothing leaves the pods of a Job behind, for compatibility; `kubectl` says
    Background by itself, and so do Kubernetes' controllers
    (https://github.com/kubernetes/kubernetes/blob/v1.35.4/pkg/registry/batch/job/strategy.go)."""
    return {
        "failurePolicy": "Fail",
        "matchConstraints": {"resourceRules": [{**kind, "operations": ["DELETE"]} for kind in _KINDS]},
        "validations": [
            {
                "expression": "request.?options.?propagationPolicy.orValue('') in ['Background', 'Foreground']",
                "message": _SAID,
                "reason": "Forbidden",
            }
        ],
    }
