"""Two plans, or the two sides of one, side by side: all that is said about how they differ."""

from collections.abc import Sequence

from bedplate.cli.difference_output import Comparison
from bedplate.plans.difference import FieldChange, Shown, difference
from bedplate.plans.digest import renamed_tenants, sections
from bedplate.plans.disks import Disk
from bedplate.plans.figures import figures
from bedplate.plans.group_sizes import stuck_sizes
from bedplate.plans.protection import Loss, losses, touched_disks
from bedplate.plans.pulumi_preview import PulumiPlan, difference_of_plan


def comparison(
    before: Sequence[Shown], after: Sequence[Shown], written: Sequence[FieldChange], allowed: Sequence[str]
) -> Comparison:
    """Of what two revisions register. written: what differs in the stack file. allowed: names of what may be lost."""
    found = difference(before, after)
    return Comparison(
        found=found,
        before=figures(before),
        after=figures(after),
        sections=sections(found, before, after),
        renamed_tenants=renamed_tenants(before, after),
        disks=touched_disks(found, before, after),
        lost=losses(found, before, after, written, allowed),
        notes=stuck_sizes(before, after),
    )


def comparison_of_plan(plan: PulumiPlan, lost: Sequence[Loss], disks: Sequence[Disk]) -> Comparison | None:
    """Of what is there and what a plan of Pulumi makes of it; None where it changes nothing."""
    found, before, after = difference_of_plan(plan)
    if found.is_empty:
        return None
    return Comparison(
        found=found,
        before=figures(before),
        after=figures(after),
        sections=sections(found, before, after),
        renamed_tenants=renamed_tenants(before, after),
        disks=disks,
        lost=lost,
        notes=stuck_sizes(before, after),
    )
