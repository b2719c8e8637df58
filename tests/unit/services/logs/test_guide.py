"""The guide shows roles for somebody else's OpenSearch as the code has them."""

import re

from ruamel.yaml import YAML

from bedplate.services.logs.roles import COLLECTOR, KEEPER, PLATFORM_ROLES, for_opensearch, tenant_roles
from harness import ROOT


def test_roles_for_somebody_elses_store_are_those_that_are_tested() -> None:
    text = (ROOT / "docs" / "guides" / "logs.md").read_text()
    (shown,) = re.findall(r"```yaml\n(log-collector:.*?)```", text, re.DOTALL)
    writing = {name: PLATFORM_ROLES[name] for name in (COLLECTOR, KEEPER)}
    made = for_opensearch({**writing, **tenant_roles({"vision": "vision"})})
    assert YAML(typ="safe").load(shown) == {name: role for name, role in made.items() if name != "_meta"}
