"""What machines cost, and what of it a part of a GPU costs."""

from typing import Any

import pytest

from bedplate.config import prices_of
from harness import platform, spec

PRICES = {"accelerators": {"nvidia-a100-80gb": 1.4}, "cpuCoreHour": 0.02, "memoryGibHour": 0.003}


@pytest.mark.parametrize(("sharing", "parts"), [({}, 1), ({"mig": "1g.10gb"}, 7), ({"timeSlicing": 4}, 4)])
def test_all_parts_of_a_gpu_cost_what_it_does(sharing: dict[str, Any], parts: int) -> None:
    pool = {"accelerator": "nvidia-a100-80gb", "count": 2, "max": 1, "machine": {"cpu": 10, "memoryGib": 100}}
    pools = {"parts": {**pool, **({"sharing": sharing} if sharing else {})}}
    read = spec(platform(cost={"prices": PRICES}, nodePools={**platform()["nodePools"], **pools}))
    assert read.cost is not None
    found = prices_of(read.cost, read.cloud, read.node_pools)["parts"]
    assert found.gpus == 2 * parts
    assert found.gpu == pytest.approx(1.4 / parts)
    assert found.node == pytest.approx(0.02 * 10 + 0.003 * 100 + 2 * 1.4)
