"""What a person decides about metrics and alerts: the section `monitoring` of the stack file.

Owns the specs. How much disk a retention takes, and whether receivers are there, is checked by
`bedplate.stack_file.monitoring`.
"""

from collections.abc import Iterator, Mapping
from typing import Annotated, Literal

from pydantic import Field, ValidationInfo, field_validator

from bedplate.spec import (
    ConfigKey,
    DnsLabel,
    EmailAddress,
    HttpsUrl,
    Port,
    PositiveCount,
    Spec,
    matching,
    mistake,
    refuse,
    repeated,
)

BLOCKS_SHARE = 0.8
"""Of the disk: the rest is for the blocks that are being merged, which the limit does not count
(https://prometheus.io/docs/prometheus/latest/storage/#right-sizing-retention-size)."""
_PORT = r"([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])"
_NAME = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
InClusterUrl = Annotated[
    str,
    Field(max_length=1024),
    matching(
        rf"https?://{_NAME}\.{_NAME}\.svc(\.cluster\.local)?(:{_PORT})?(/[A-Za-z0-9._~/-]*)?",
        "must be the address of a Service with its namespace, without user and query",
        "write it like 'http://prometheus-operated.monitoring.svc:9090'",
    ),
]
Smarthost = Annotated[
    str,
    Field(max_length=260),
    matching(
        rf"{_NAME}(\.{_NAME})*:{_PORT}",
        "must be host and port of a mail server",
        "write it like 'smtp.example.com:587'",
    ),
]


class RemoteWriteSpec(Spec):
    """A second place that gets every sample, such as a store for years."""

    url: HttpsUrl
    """Where samples are sent to."""
    token_ref: ConfigKey
    """Name of the config secret with the bearer token that is sent along."""


class MailSpec(Spec):
    """The server that mail goes out by, always over TLS."""

    smarthost: Smarthost
    """Host and port of the server."""
    sender: EmailAddress
    """Address that the mail is from."""
    username: Annotated[
        str,
        Field(max_length=255),
        matching(
            r"[^\x00-\x20\x7f]+( [^\x00-\x20\x7f]+)*", "must be one line of text", "write the name that it signs in by"
        ),
    ]
    """Who signs in at the server."""
    password_ref: ConfigKey
    """Name of the config secret with the password."""


class MailReceiverSpec(Spec):
    """Mail to some addresses."""

    kind: Literal["mail"]
    """How it is told."""
    to: Annotated[tuple[EmailAddress, ...], Field(min_length=1)]
    """Whom it is sent to."""


class SlackReceiverSpec(Spec):
    """A channel of Slack."""

    kind: Literal["slack"]
    """How it is told."""
    url_secret_ref: ConfigKey
    """Name of the config secret with the address of the incoming webhook, which is itself the key to the channel."""
    channel: Annotated[
        str,
        Field(max_length=80),
        # Alertmanager takes braces for a template.
        matching(
            r"[#@]?[^\s#@<>{}:,\"'/]{2,}", "must be a channel's name or id", "write it like '#ml-vision' or 'C024BE91L'"
        ),
    ]
    """The channel, such as '#ml-vision'."""


class WebhookReceiverSpec(Spec):
    """Any program that takes Alertmanager's JSON."""

    kind: Literal["webhook"]
    """How it is told."""
    url_secret_ref: ConfigKey
    """Name of the config secret with the address, which may contain a token."""
    port: Port = 443
    """Port of that address, which the network lets Alertmanager reach."""


ReceiverSpec = Annotated[MailReceiverSpec | SlackReceiverSpec | WebhookReceiverSpec, Field(discriminator="kind")]


class ProvidedMonitoringSpec(Spec):
    """A Prometheus that somebody else runs in the cluster."""

    url: InClusterUrl
    """Where it answers: http://SERVICE.NAMESPACE.svc:PORT."""


class MonitoringSpec(Spec):
    """Metrics, alerts, and who is told."""

    runbooks: HttpsUrl | None = None
    """Address below which your people read this repository, such as that of your copy at one of its revisions: alerts
    then link to what to do. Without it they name the file."""
    provided: ProvidedMonitoringSpec | None = None
    """Somebody else's Prometheus, which reads our rules from the ConfigMap `bedplate-alerts`; the platform runs
    none, and the other keys are that one's to decide."""
    retention_days: Annotated[PositiveCount, Field(le=400)] = 45
    """Days that samples are kept. Month over month needs more than one month."""
    disk_gib: Annotated[PositiveCount, Field(ge=10, le=16_384)] = 100
    """Disk of each Prometheus in GiB. The oldest samples go before it is full."""
    replicas: Annotated[PositiveCount, Field(le=2)] = 2
    """Prometheus servers, which all read everything, so that one may be away."""
    remote_write: RemoteWriteSpec | None = None
    """A second place that gets every sample."""
    mail: MailSpec | None = None
    """The server that mail goes out by; whoever an alert names as its owner gets one, too."""
    receivers: Mapping[DnsLabel, ReceiverSpec] = Field(default_factory=dict[str, ReceiverSpec])
    """Whom alerts can be sent to, by a name of your own."""
    platform: DnsLabel | None = None
    """The receiver of all alerts that are no tenant's with a receiver of its own; without it they only show in
    Grafana."""
    heartbeat: DnsLabel | None = None
    """The receiver that is told every few minutes that alerts work, and raises the alarm itself when that stops."""
    tenants: Mapping[DnsLabel, DnsLabel] = Field(default_factory=dict[str, str])
    """Receiver by tenant: it gets the alerts of that tenant, and nobody else does."""
    tenant_dashboards: tuple[DnsLabel, ...] = ()
    """Tenants whose people get a Grafana of their own, at grafana-<tenant>.<domain>: it shows the series of the
    tenant's namespace, and can be asked for no others."""

    @field_validator("tenant_dashboards")
    @classmethod
    def _once(cls, tenants: tuple[str, ...]) -> tuple[str, ...]:
        twice = repeated(tenants)
        refuse(((index,), name, mistake("this tenant has one already", "remove it")) for index, name in twice.items())
        return tenants

    @field_validator("*", mode="after")
    @classmethod
    def _ours_to_decide(cls, value: object, info: ValidationInfo) -> object:
        if info.field_name != "provided" and value and info.data.get("provided"):
            raise mistake("this Prometheus is somebody else's, who decides it", "remove it, or remove `provided`")
        return value

    @property
    def runs(self) -> bool:
        """Whether the platform runs Prometheus itself."""
        return self.provided is None

    def config_secrets(self) -> Iterator[tuple[tuple[str, ...], str]]:
        """Names of the config secrets that it needs, each with its place below the section."""
        mail: MailSpec | None = vars(self).get("mail")
        remote: RemoteWriteSpec | None = vars(self).get("remote_write")
        receivers: Mapping[str, object] = vars(self).get("receivers") or {}
        if mail:
            yield ("mail", "passwordRef"), mail.password_ref
        if remote:
            yield ("remoteWrite", "tokenRef"), remote.token_ref
        for name, receiver in receivers.items():
            if isinstance(receiver, SlackReceiverSpec | WebhookReceiverSpec):
                yield ("receivers", name, "urlSecretRef"), receiver.url_secret_ref

    def receivers_named(self) -> Iterator[tuple[tuple[str, ...], str]]:
        """Receivers that somebody's alerts go to, each with its place below the section."""
        for key in ("platform", "heartbeat"):
            name: str | None = vars(self).get(key)
            if name:
                yield (key,), name
        tenants: Mapping[str, str] = vars(self).get("tenants") or {}
        for tenant, name in tenants.items():
            yield ("tenants", tenant), name


class MonitoringSection(Spec):
    """The section `monitoring` of the stack file."""

    monitoring: MonitoringSpec | None = None
    """Metrics and who is told of alerts; without it the platform runs no Prometheus and only publishes its rules."""
