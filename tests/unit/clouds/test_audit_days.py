"""The audit log is kept for more than a year on every cloud, or the stack file says why not."""

from typing import Any

import pytest
from pydantic import ValidationError

from bedplate.config import PlatformSpec
from every_cloud import MANAGED, written


def audited(cloud: str, **section: Any) -> PlatformSpec:
    data = written(cloud)
    return PlatformSpec.model_validate({**data, "cloud": {**data["cloud"], **section}})


@pytest.mark.parametrize("cloud", MANAGED)
class TestLessThanAYear:
    def test_is_refused_without_a_reason_or_with_hardly_one(self, cloud: str) -> None:
        with pytest.raises(ValidationError, match="shorterAuditBecause"):
            audited(cloud, auditDays=180)
        with pytest.raises(ValidationError, match=r"shorterAuditBecause[\s\S]*at least 10"):
            audited(cloud, auditDays=180, shorterAuditBecause="law")

    def test_is_kept_for_as_long_as_a_reason_is_given(self, cloud: str) -> None:
        spec = audited(cloud, auditDays=180, shorterAuditBecause="our works council allows 180 days")
        assert vars(spec.cloud)["audit_days"] == 180
