"""Who did what: Google's audit logs, the cluster's among them, and the network's, in one bucket for `auditDays`.

Owns the bucket, the sink that fills it, and that reading secrets, using keys and calling the API server is logged at
all. The bucket refuses to delete or overwrite an object before its time. It is deliberately not locked: a lock can
never be undone, by nobody; who lowers the retention first is seen in these logs.
"""

from dataclasses import dataclass

import pulumi
from pulumi_gcp import logging, projects, storage

from bedplate.clouds.gcp.buckets import GcpBucket, GcpBucketArgs, deleted_after
from bedplate.clouds.gcp.keys import GcpKeys
from bedplate.clouds.gcp.spec import GcpClusterSpec

DATA_ACCESS = ("cloudkms.googleapis.com", "container.googleapis.com", "secretmanager.googleapis.com")
"""Services whose reads are logged too; Google logs only changes by itself.

https://cloud.google.com/logging/docs/audit/configure-data-access
"""
_KINDS = ("ADMIN_READ", "DATA_READ", "DATA_WRITE")


@dataclass(frozen=True, kw_only=True)
class GcpAuditArgs:
    """keys: of this cluster."""

    spec: GcpClusterSpec
    keys: GcpKeys


class GcpAudit(pulumi.ComponentResource):
    """Audit logs."""

    def __init__(self, name: str, args: GcpAuditArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("bedplate:index:GcpAudit", name, {}, opts)
        spec, child = args.spec, pulumi.ResourceOptions(parent=self)
        logs = GcpBucket(
            f"{name}-logs",
            GcpBucketArgs(
                spec=spec,
                purpose="audit",
                keys=args.keys,
                rules=[deleted_after(spec.audit_days)],
                versioned=False,
                retention_days=spec.audit_days,
            ),
            child,
        )
        for service in DATA_ACCESS:
            projects.IAMAuditConfig(
                f"{name}-{service.partition('.')[0]}",
                project=spec.project_id,
                service=service,
                audit_log_configs=[projects.IAMAuditConfigAuditLogConfigArgs(log_type=kind) for kind in _KINDS],
                opts=child,
            )
        sink = logging.ProjectSink(
            f"{name}-sink",
            name=f"{spec.name}-audit",
            destination=logs.bucket.name.apply(lambda bucket: f"storage.googleapis.com/{bucket}"),
            filter=audit_filter(spec),
            unique_writer_identity=True,
            opts=child,
        )
        storage.BucketIAMMember(
            f"{name}-writer",
            bucket=logs.bucket.name,
            role="roles/storage.objectCreator",
            member=sink.writer_identity,
            opts=child,
        )
        self.register_outputs({})


def audit_filter(spec: GcpClusterSpec) -> str:
    """Audit logs of every kind, the API server's among them, and the network's flows.

    https://cloud.google.com/logging/docs/audit#viewing_audit_logs
    """
    logs = f"projects/{spec.project_id}/logs"
    kinds = ("activity", "data_access", "policy", "system_event")
    names = [f"{logs}/cloudaudit.googleapis.com%2F{kind}" for kind in kinds]
    names.append(f"{logs}/compute.googleapis.com%2Fvpc_flows")
    return " OR ".join(f'logName="{name}"' for name in names)
