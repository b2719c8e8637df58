"""Two plans, or the two sides of one, side by side: all that is said about how they differ."""

from collections.abc import Sequence

from bedplate.cli.difference_output import Comparison
from bedplate.plans.difference import Difference, FieldChange, Shown, difference
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
    lost = losses(found, before, after, written, allowed)
    return _compared(found, before, after, disks=touched_disks(found, before, after), lost=lost)


def comparison_of_plan(plan: PulumiPlan, lost: Sequence[Loss], disks: Sequence[Disk]) -> Comparison | None:
    """Of what is there and what a plan of Pulumi makes of it; None where it changes nothing."""
    found, before, after = difference_of_plan(plan)
    return None if found.is_empty else _compared(found, before, after, disks=disks, lost=lost)


def _compared(
    found: Difference, before: Sequence[Shown], after: Sequence[Shown], *, disks: Sequence[Disk], lost: Sequence[Loss]
) -> Comparison:
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
