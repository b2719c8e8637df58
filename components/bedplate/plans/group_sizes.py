"""Node groups that an update cannot bring to their new smallest size.

Owns that judgement. EKS refuses a smallest size above the wanted one, and the wanted one is the autoscaler's: no update
writes it (https://github.com/terraform-aws-modules/terraform-aws-eks/issues/944). On the other clouds the service
itself raises the wanted size.
"""

from collections.abc import Mapping, Sequence
from typing import Any, cast

from bedplate.plans.difference import Shown

_NODE_GROUP = "aws:eks/nodeGroup:NodeGroup"


def stuck_sizes(before: Sequence[Shown], after: Sequence[Shown]) -> list[str]:
    """What EKS would refuse, and what to do first, for each node group that the autoscaler sizes."""
    wanted = {one["urn"]: _sizes(one).get("desiredSize") for one in before if one["type"] == _NODE_GROUP}
    return [
        _advice(group, wanted[group["urn"]], _sizes(group)["minSize"])
        for group in after
        if group["urn"] in wanted and _is_stuck(wanted[group["urn"]], _sizes(group))
    ]


def _is_stuck(wanted: Any, sizes: Mapping[str, Any]) -> bool:
    """Of a group of one fixed size nobody else writes the wanted one."""
    return wanted is not None and wanted < sizes["minSize"] < sizes["maxSize"]


def _sizes(group: Shown) -> Mapping[str, Any]:
    return cast(Mapping[str, Any], group["inputs"].get("scalingConfig") or {})


def _advice(group: Shown, wanted: Any, smallest: Any) -> str:
    return (
        f"{group['name']}: EKS refuses a smallest size of {smallest:g} while {wanted:g} machines are wanted, as far as "
        f"is known, and the wanted size is the autoscaler's. Before the update: `aws eks update-nodegroup-config "
        f"--cluster-name … --nodegroup-name … --scaling-config desiredSize={smallest:g}`, then `pulumi refresh`"
    )
