"""Which updates of Kubernetes are refused before a cloud refuses them."""

from typing import Any

import pytest

from bedplate.plans.versions import impossible_upgrade


def platform(version: str, provider: str = "aws", **changes: Any) -> dict[str, Any]:
    return {"cloud": {"provider": provider, "name": "ml", "region": "r", "kubernetesVersion": version, **changes}}


@pytest.mark.parametrize("provider", ["aws", "gcp", "azure"])
class TestAClusterOfAnyCloud:
    def test_goes_on_by_one_minor(self, provider: str) -> None:
        assert impossible_upgrade(platform("1.34", provider), platform("1.35", provider)) is None
        assert impossible_upgrade(platform("1.35", provider), platform("1.35", provider)) is None

    def test_skips_none(self, provider: str) -> None:
        refused = impossible_upgrade(platform("1.34", provider), platform("1.36", provider))
        assert refused is not None
        assert refused.message.startswith("cloud.kubernetesVersion: 1.34 → 1.36")
        assert '"1.35"' in refused.fix

    def test_never_goes_back(self, provider: str) -> None:
        refused = impossible_upgrade(platform("1.35", provider), platform("1.34", provider))
        assert refused is not None
        assert "no cluster goes back" in refused.message
        assert refused.fix == 'write "1.35"'


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (None, platform("1.36")),
        ({}, platform("1.36")),
        ({"cloud": None}, platform("1.36")),
        (platform("1.34", "existing"), platform("1.36", "existing")),
        (platform("1.34", "existing"), platform("1.36")),
        (platform("1.34"), platform("1.36", name="other")),
        (platform("1.34"), platform("1.36", region="elsewhere")),
    ],
)
def test_what_is_no_upgrade_of_one_cluster_of_ours_is_not_judged(before: Any, after: Any) -> None:
    assert impossible_upgrade(before, after) is None
