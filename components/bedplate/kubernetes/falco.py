"""Rules for Falco, for sites that run it: what is usual on a platform is not told, and what is its own is.

Owns the rules as data. It deliberately runs no Falco. Two files, because one needs events of the kernel and the other
the plugin `k8saudit`, which reads what `audit` has written. Fields:
https://falco.org/docs/reference/rules/supported-fields/,
https://github.com/falcosecurity/plugins/blob/main/plugins/k8saudit/README.md; macros that are replaced:
https://github.com/falcosecurity/rules/blob/main/rules/falco_rules.yaml.
"""

from typing import Any

from bedplate.labels import (
    CERTIFICATES_NAMESPACE,
    COMPONENT,
    COST_NAMESPACE,
    EXTERNAL_SECRETS,
    FRONT_DOOR_NAMESPACE,
    IDLE_NAMESPACE,
    KARPENTER_NAMESPACE,
    MONITORING_NAMESPACE,
    QUEUE_NAMESPACE,
    SECRETS_NAMESPACE,
    WORKSPACE,
)

_ASKING = (
    *(CERTIFICATES_NAMESPACE, COST_NAMESPACE, FRONT_DOOR_NAMESPACE, IDLE_NAMESPACE, KARPENTER_NAMESPACE),
    *(MONITORING_NAMESPACE, QUEUE_NAMESPACE, SECRETS_NAMESPACE, "bedplate-autoscaling"),
)
"""Namespaces of the platform whose pods talk to the API server."""
_WHERE = "namespace=%k8s.ns.name pod=%k8s.pod.name command=%proc.cmdline user=%user.name"
_WHO = (
    "user=%ka.user.name verb=%ka.verb resource=%ka.target.resource name=%ka.target.name "
    "namespace=%ka.target.namespace code=%ka.response.code"
)
_OPERATOR = f"system:serviceaccount:{SECRETS_NAMESPACE}:{EXTERNAL_SECRETS}"

KERNEL_RULES: list[dict[str, Any]] = [
    {"list": "bedplate_api_clients", "items": list(_ASKING)},
    {
        "macro": "user_known_contact_k8s_api_server_activities",
        "condition": "(k8s.ns.name in (bedplate_api_clients))",
        "override": {"condition": "replace"},
    },
    # People work in workspaces: a shell there is no event.
    {
        "macro": "user_expected_terminal_shell_in_container_conditions",
        "condition": f"(k8s.pod.label[{COMPONENT}] = {WORKSPACE})",
        "override": {"condition": "replace"},
    },
    {
        "rule": "Shell in a pod of the platform",
        "desc": "Somebody has a terminal in a pod that serves everybody. Nothing of the platform opens one.",
        "condition": (
            'spawned_process and container and shell_procs and proc.tty != 0 and k8s.ns.name startswith "bedplate-"'
        ),
        "output": f"Shell in a pod of the platform | {_WHERE}",
        "priority": "WARNING",
        "tags": ["bedplate", "container", "shell"],
    },
]
AUDIT_RULES: list[dict[str, Any]] = [
    {"required_engine_version": 15},
    {"required_plugin_versions": [{"name": "k8saudit", "version": "0.11.0"}]},
    # Whoever runs the stack, as the API server knows him: fill it in.
    {"list": "bedplate_platform_users", "items": []},
    {"macro": "bedplate_done", "condition": "(ka.stage in (ResponseComplete, ResponseStarted))"},
    {"macro": "bedplate_person", "condition": '(not ka.user.name startswith "system:")'},
    {"macro": "bedplate_platform", "condition": "(ka.user.name in (bedplate_platform_users))"},
    {"macro": "bedplate_changes", "condition": "(ka.verb in (create, update, patch, delete, deletecollection))"},
    {
        "rule": "Secret read by a person",
        "desc": "No member of a tenant may read Secrets, and the platform's team needs to only rarely.",
        "condition": "bedplate_done and bedplate_person and not bedplate_platform and ka.target.resource = secrets and "
        "ka.verb in (get, list, watch)",
        "output": f"Secret read by a person | {_WHO}",
        "priority": "NOTICE",
        "source": "k8s_audit",
        "tags": ["bedplate", "secrets"],
    },
    {
        "rule": "Store of secrets defined past the platform",
        "desc": "Where tenants' secrets come from is said in the stack file.",
        "condition": "bedplate_done and bedplate_changes and not bedplate_platform and ka.target.resource in "
        f"(secretstores, clustersecretstores, externalsecrets, pushsecrets) and not ka.user.name = {_OPERATOR}",
        "output": f"Store of secrets defined past the platform | {_WHO}",
        "priority": "WARNING",
        "source": "k8s_audit",
        "tags": ["bedplate", "secrets"],
    },
    {
        "rule": "Guardrail changed past the platform",
        "desc": "Guardrails are the stack's; without them tenants are not bounded.",
        "condition": "bedplate_done and bedplate_changes and not bedplate_platform and ka.target.resource in "
        '(validatingadmissionpolicies, validatingadmissionpolicybindings) and ka.target.name startswith "bedplate-"',
        "output": f"Guardrail changed past the platform | {_WHO}",
        "priority": "WARNING",
        "source": "k8s_audit",
        "tags": ["bedplate", "guardrails"],
    },
    {
        "rule": "Command in a pod through the API server",
        "desc": "No member of a tenant may; whoever does sees the pod's secrets.",
        "condition": "bedplate_done and bedplate_person and ka.target.resource = pods and ka.target.subresource in "
        "(exec, attach, ephemeralcontainers)",
        "output": f"Command in a pod through the API server | {_WHO} pod=%ka.target.pod.name",
        "priority": "NOTICE",
        "source": "k8s_audit",
        "tags": ["bedplate", "shell"],
    },
    {
        "rule": "Token of an account made by a person",
        "desc": "With it somebody acts as a program.",
        "condition": "bedplate_done and bedplate_person and not bedplate_platform and ka.verb = create and "
        "ka.target.resource = serviceaccounts and ka.target.subresource = token",
        "output": f"Token of an account made by a person | {_WHO}",
        "priority": "NOTICE",
        "source": "k8s_audit",
        "tags": ["bedplate", "identity"],
    },
]
