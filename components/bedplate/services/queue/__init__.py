"""Work that waits its turn: by tenant, all of its pods at once or none."""

from bedplate.services.concern import Concern

CONCERN = Concern(
    guide="training.md",
    not_provided="two controllers of one kind cannot share a cluster, and queues of somebody else's know no tenants",
)
