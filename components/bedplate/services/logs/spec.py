"""What a person decides about logs: the section `logs` of the stack file.

Owns the specs. Whether the disk holds what is to be kept is checked by `bedplate.stack_file.logs`.
"""

import datetime
from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field, ValidationInfo, field_validator, model_validator

from bedplate.spec import ConfigKey, HttpsUrl, PositiveCount, Spec, matching, mistake

AUDIT_DAYS = 400
"""Below it somebody must have a reason: a year, and the weeks in which somebody looks back at it."""
_Gib = Annotated[float, Field(strict=True, ge=0, le=100_000, allow_inf_nan=False)]
Authority = Annotated[
    str,
    Field(max_length=65_536),
    matching(
        r"\s*(-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----\s*)+",
        "must be certificates in PEM, and nothing but certificates",
        "write it as a block: `authority: |` and the lines from -----BEGIN CERTIFICATE----- on, indented",
    ),
]


class ProvidedLogsSpec(Spec):
    """Where logs go that the platform does not keep itself."""

    store: Literal["elasticsearch", "opensearch", "cloud"]
    """`elasticsearch` or `opensearch`: the platform's collector writes into somebody else's. `cloud`: the cloud's own
    agent collects what pods print, and the platform runs nothing; whoever runs the cluster has switched that on."""
    url: HttpsUrl | None = None
    """Where the store answers."""
    user: Annotated[str, Field(min_length=1, max_length=255)] | None = None
    """Who writes: may create documents in `pods.*` and `audit.*`, and manage those and index templates."""
    password_ref: ConfigKey | None = None
    """Name of the config secret with the password."""
    authority: Authority | None = None
    """Certificates that the store's is verified with; public authorities where there are none."""

    @model_validator(mode="after")
    def _reachable(self) -> "ProvidedLogsSpec":
        named = [key for key in ("url", "user", "password_ref", "authority") if getattr(self, key) is not None]
        if self.store == "cloud" and named:
            raise mistake("the cloud's own logging needs none of this", f"remove {', '.join(named)}")
        missing = [key for key in ("url", "user", "passwordRef") if key.replace("R", "_r") not in named]
        if self.store != "cloud" and missing:
            raise mistake(
                f"the collector cannot write to it without {', '.join(missing)}",
                "add `url: https://…`, `user: …` and `passwordRef: …`, the name of a config secret",
            )
        return self

    @property
    def is_written_to(self) -> bool:
        """Whether the platform's collector runs."""
        return self.store != "cloud"


class LogsSpec(Spec):
    """What pods print, and what was done to the cluster: how much, for how long, on which disk."""

    provided: ProvidedLogsSpec | None = None
    """Somebody else's store; without it the platform runs Elasticsearch and Kibana."""
    size: Literal["small", "production"] = "production"
    """`small`: one node, without a copy of anything. `production`: three, in three zones where there are, each line on
    two of them."""
    disk_gib: Annotated[PositiveCount, Field(ge=10, le=16_384)] = 500
    """Disk of each node in GiB."""
    gib_per_day: _Gib = 5
    """What pods print in a day, as text; the dashboard *Logs* says it."""
    line_bytes: Annotated[PositiveCount, Field(ge=20, le=65_536)] = 200
    """Bytes of an average line that pods print; short ones need more disk than their text, long ones less."""
    audit_gib_per_day: _Gib = 0.5
    """What the audit log has in a day, as text."""
    growth_percent_per_month: Annotated[float, Field(strict=True, ge=0, le=500, allow_inf_nan=False)] = 10
    """By how much both grow in a month."""
    measured_on: datetime.date | None = None
    """Day on which it was so much; the day of the check if none. From then on it grows."""
    pod_days: Annotated[PositiveCount, Field(le=400)] = 14
    """Days for which what pods print is kept."""
    shorter_audit_because: Annotated[str, Field(min_length=10, max_length=500)] | None = None
    """Why fewer than 400 days are enough: a sentence that an auditor may read."""
    audit_days: Annotated[PositiveCount, Field(le=3650)] = AUDIT_DAYS
    """Days for which the audit log is kept."""
    audit_file: (
        Annotated[
            str,
            matching(
                r"/var/log/[A-Za-z0-9._/-]+\.log",
                "must be a file below /var/log",
                "write it like '/var/log/kubernetes/audit/audit.log'",
            ),
        ]
        | None
    ) = None
    """Where control-plane nodes have the API server's audit log, for a cluster of one's own."""
    buffer_gib: Annotated[PositiveCount, Field(le=200)] = 4
    """Disk of each machine for what the store does not take at once; the oldest goes when it is full."""

    @field_validator("audit_days")
    @classmethod
    def _long_enough(cls, days: int, info: ValidationInfo) -> int:
        if days < AUDIT_DAYS and not info.data.get("shorter_audit_because"):
            raise mistake(
                "a year of the audit log must be there to look back at, and the weeks in which somebody does",
                f"write {AUDIT_DAYS}, or say in `shorterAuditBecause` why fewer are enough",
                allowed=f"at least {AUDIT_DAYS}, or fewer with a reason",
            )
        return days

    @property
    def runs_store(self) -> bool:
        """Whether the platform keeps logs itself."""
        return self.provided is None

    @property
    def nodes(self) -> int:
        """Of the store."""
        return 3 if self.size == "production" else 1

    @property
    def copies(self) -> int:
        """Of each line."""
        return 2 if self.size == "production" else 1

    def config_secrets(self) -> Mapping[str, str]:
        """Names of the config secrets that it needs, by their places."""
        provided: ProvidedLogsSpec | None = vars(self).get("provided")
        password = vars(provided).get("password_ref") if provided else None
        return {"provided.passwordRef": password} if password else {}


class LogsSection(Spec):
    """The section `logs` of the stack file."""

    logs: LogsSpec | None = None
    """What pods print, kept and shown to whom it belongs; without it logs are on their machines alone, for as long as
    the kubelet keeps them. `logs: {}` takes what is usual."""

    @field_validator("logs", mode="before")
    @classmethod
    def _of_logs_with_settings(cls, logs: object) -> object:
        if logs is None:
            raise mistake("has nothing below it", "write `logs: {}` for what is usual, or remove the key")
        return logs
