"""Plain data as YAML, for programs that read files."""

import io
from collections.abc import Mapping
from typing import Any

from ruamel.yaml import YAML


def yaml_text(data: Mapping[str, Any]) -> str:
    """Blocks, in the order that the data has; the same data is the same text."""
    writer, buffer = YAML(typ="safe"), io.StringIO()
    writer.default_flow_style = False
    writer.sort_base_mapping_type_on_output = False  # pyright: ignore[reportAttributeAccessIssue] - a real setting
    writer.width = 4000
    writer.dump(dict(data), buffer)  # pyright: ignore[reportUnknownMemberType]
    return buffer.getvalue()
