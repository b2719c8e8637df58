"""Which buckets there are, and which workloads may be granted them.

A tenant's file may be its team's own, so it names buckets of the stack's section `buckets`, which says by tenant what
may be granted (ADR 0037).
"""

from collections.abc import Iterator, Mapping

from bedplate.clouds.buckets import BucketSpec
from bedplate.stack_file.parts import Parts, has
from bedplate.stack_file.problems import PathParts, Problem, shown, suggestion
from bedplate.workloads import GrantSpec


def declared(parts: Parts) -> Iterator[Problem]:
    """Each bucket is named as its cloud names buckets, and each tenant is one."""
    names = {tenant.name for _, tenant in parts.with_tenants("name")}
    for name, bucket in (parts.buckets or {}).items():
        if has(bucket, ["bucket"]) and bucket.bucket and parts.cloud and parts.cloud.owns_cluster:
            form, example = parts.cloud.bucket_form()
            if not form.fullmatch(bucket.bucket):
                yield Problem(
                    path=("buckets", name, "bucket"),
                    message="no bucket of this cloud has such a name",
                    given=shown(bucket.bucket),
                    fix=f"write it like '{example}'",
                )
        if not has(bucket, ["tenants"]) or len(names) < len(parts.tenants):
            continue
        for tenant in bucket.tenants:
            if tenant not in names:
                yield Problem(
                    path=("buckets", name, "tenants", tenant),
                    message="there is no tenant of this name",
                    given=shown(tenant),
                    fix=suggestion(tenant, names, "correct the name, or remove the entry"),
                )


def granted(parts: Parts) -> Iterator[Problem]:
    """Whatever a workload is granted, its tenant may have, and somebody can grant it."""
    for path, tenant, workload in parts.with_workloads(["grants"], of_tenant=["name"]):
        if workload.grants and parts.cloud is not None and not parts.cloud.owns_cluster:
            yield Problem(
                path=(*path, "grants"),
                message="this cluster is somebody else's, and nobody here can give its pods an identity of the cloud",
                fix="store a key of the bucket as a config secret and hand it over with secretEnv, or write the "
                "workload in the stack that owns the cluster",
            )
            continue
        for position, grant in enumerate(workload.grants):
            if parts.buckets is not None and has(grant, ["bucket", "access"]):
                yield from _allowed((*path, "grants", position), tenant.name, grant, parts.buckets)


def _allowed(path: PathParts, tenant: str, grant: GrantSpec, buckets: Mapping[str, BucketSpec]) -> Iterator[Problem]:
    # Whose tenants could not be read is reported as such.
    mine = [name for name, bucket in buckets.items() if has(bucket, ["tenants"]) and tenant in bucket.tenants]
    bucket = buckets.get(grant.bucket)
    if bucket is not None and not has(bucket, ["tenants"]):
        return
    if bucket is None:
        yield Problem(
            path=(*path, "bucket"),
            message="the stack's `buckets` has none of this name",
            given=shown(grant.bucket),
            allowed=", ".join(sorted(mine)) or f"none for '{tenant}'",
            fix=suggestion(
                grant.bucket,
                mine,
                f"have it listed in the stack's file: `buckets: {{{grant.bucket}: {{bucket: …, tenants: "
                f"{{{tenant}: {grant.access}}}}}}}`",
            ),
        )
    elif tenant not in bucket.tenants:
        yield Problem(
            path=(*path, "bucket"),
            message=f"the stack's file does not give this bucket to '{tenant}'",
            given=shown(grant.bucket),
            allowed=", ".join(sorted(mine)) or f"none for '{tenant}'",
            fix=f"have it listed in the stack's file: `buckets.{grant.bucket}.tenants: {{{tenant}: {grant.access}}}`",
        )
    elif grant.access == "write" and bucket.tenants[tenant] == "read":
        yield Problem(
            path=(*path, "access"),
            message=f"the stack's file lets '{tenant}' read this bucket, not write",
            given=shown(grant.access),
            allowed="read",
            fix=f"write `access: read`, or have `buckets.{grant.bucket}.tenants.{tenant}` raised to write",
        )
