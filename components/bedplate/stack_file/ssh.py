"""Whether those whose workloads are reached by SSH can come in."""

from collections.abc import Iterator

from bedplate.stack_file.parts import Parts, has
from bedplate.stack_file.problems import Problem, shown


def owners(parts: Parts) -> Iterator[Problem]:
    """There is a gate, and it knows them."""
    gate = parts.services.ssh
    for path, tenant, workload in parts.with_workloads(["owner"], of_tenant=["owner"]):
        if not workload.is_reached_by_ssh():
            continue
        if gate is None:
            yield Problem(
                path=(*path, "ssh"),
                message="nobody gets there: this stack has no gate for SSH",
                fix="add `ssh:` to the stack's file (docs/guides/ssh.md), or remove this key",
            )
            continue
        owner = workload.owner or tenant.owner
        if (
            has(gate, ["keys", "certificate_authorities"])
            and not gate.certificate_authorities
            and owner not in gate.keys
        ):
            yield Problem(
                path=(*path, "ssh"),
                message="its owner has no key at the gate",
                given=shown(owner),
                allowed=", ".join(sorted(gate.keys)),
                fix=f"add `{owner}: [ssh-ed25519 …]` to ssh.keys in the stack's file, or remove this key",
            )
