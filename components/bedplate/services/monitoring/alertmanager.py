"""Who is told of which alert, as Alertmanager's configuration.

Owns the configuration, without a secret in it: each is read from a file that the pods mount. It deliberately decides
nothing about what an alert is. Keys: https://prometheus.io/docs/alerting/latest/configuration/.

An alert of a tenant's namespace goes to the tenant's receiver and to nobody else. What names its owner by an address
goes to the owner besides, where there is mail: the warning before a workspace stops is for the one whose it is.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from bedplate.services.monitoring.spec import (
    MailReceiverSpec,
    MonitoringSpec,
    ReceiverSpec,
    SlackReceiverSpec,
    WebhookReceiverSpec,
)

SECRET = "alertmanager-receivers"
"""In the namespace of monitoring, with the config secrets by their names."""
HEARTBEAT = "BedplateAlertsWork"
"""The alert that always fires."""
_FOLDER = f"/etc/alertmanager/secrets/{SECRET}"
_NOBODY, _OWNER = "nobody", "owner"
_ONE_ADDRESS = "[^@,;<> ]+@[^@,;<> ]+"


def configuration(spec: MonitoringSpec, namespaces: Mapping[str, str]) -> dict[str, Any]:
    """namespaces: of all tenants, by tenant."""
    receivers = [{"name": f"to-{name}", **_receiver(receiver)} for name, receiver in sorted(spec.receivers.items())]
    if spec.mail:
        to_owner = {"to": "{{ .CommonLabels.owner }}", "send_resolved": False}
        receivers.append({"name": _OWNER, "email_configs": [to_owner]})
    return {
        "global": {"resolve_timeout": "5m", **_mail(spec)},
        "route": {
            "receiver": f"to-{spec.platform}" if spec.platform else _NOBODY,
            "group_by": ["alertname", "namespace", "tenant"],
            "group_wait": "30s",
            "group_interval": "5m",
            "repeat_interval": "12h",
            "routes": [_heartbeat(spec), *_owners(spec), *_tenants(spec, namespaces)],
        },
        "inhibit_rules": [
            {
                "source_matchers": ['severity="critical"'],
                "target_matchers": ['severity="warning"'],
                # What neither has counts as equal, so the name must be among them.
                "equal": ["alertname", "namespace", "tenant"],
            }
        ],
        "receivers": [{"name": _NOBODY}, *receivers],
    }


def ports(spec: MonitoringSpec) -> Sequence[int]:
    """Where Alertmanager must get to."""
    found = {443} if any(isinstance(each, SlackReceiverSpec) for each in spec.receivers.values()) else set[int]()
    found |= {each.port for each in spec.receivers.values() if isinstance(each, WebhookReceiverSpec)}
    if spec.mail:
        found.add(int(spec.mail.smarthost.rpartition(":")[2]))
    return sorted(found)


def _mail(spec: MonitoringSpec) -> dict[str, Any]:
    if spec.mail is None:
        return {}
    return {
        "smtp_smarthost": spec.mail.smarthost,
        "smtp_from": spec.mail.sender,
        "smtp_auth_username": spec.mail.username,
        "smtp_auth_password_file": f"{_FOLDER}/{spec.mail.password_ref}",
        "smtp_require_tls": True,
    }


def _receiver(receiver: ReceiverSpec) -> dict[str, Any]:
    if isinstance(receiver, MailReceiverSpec):
        return {"email_configs": [{"to": ", ".join(receiver.to), "send_resolved": True}]}
    address = f"{_FOLDER}/{receiver.url_secret_ref}"
    if isinstance(receiver, SlackReceiverSpec):
        title = "{{ .CommonAnnotations.summary }}"
        each = "{{ .Annotations.summary }}: {{ .Annotations.description }}\nWhat to do: {{ .Annotations.runbook }}\n"
        text = f"{{{{ range .Alerts }}}}{each}{{{{ end }}}}"
        slack = {"api_url_file": address, "channel": receiver.channel, "title": title, "text": text}
        return {"slack_configs": [{**slack, "send_resolved": True}]}
    return {"webhook_configs": [{"url_file": address, "send_resolved": True}]}


def _heartbeat(spec: MonitoringSpec) -> dict[str, Any]:
    receiver = f"to-{spec.heartbeat}" if spec.heartbeat else _NOBODY
    route = {"matchers": [f'alertname="{HEARTBEAT}"'], "receiver": receiver}
    return {**route, "group_wait": "0s", "group_interval": "1m", "repeat_interval": "5m"}


def _owners(spec: MonitoringSpec) -> list[dict[str, Any]]:
    """Grouped by owner, so that one mail is of one owner."""
    if spec.mail is None:
        return []
    group = ["alertname", "namespace", "owner"]
    return [{"matchers": [f'owner=~"{_ONE_ADDRESS}"'], "receiver": _OWNER, "group_by": group, "continue": True}]


def _tenants(spec: MonitoringSpec, namespaces: Mapping[str, str]) -> list[dict[str, Any]]:
    """By the namespace, which Prometheus has from Kubernetes, before the label `tenant`, which a rule puts on."""
    named = sorted(spec.tenants.items())
    by_namespace = [(f'namespace="{namespaces[tenant]}"', name) for tenant, name in named if tenant in namespaces]
    by_tenant = [(f'tenant="{tenant}"', name) for tenant, name in named]
    return [{"matchers": [matcher], "receiver": f"to-{name}"} for matcher, name in [*by_namespace, *by_tenant]]
