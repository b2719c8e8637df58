"""Quantities as Kubernetes writes them, read back.

https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/
"""

import re
from collections.abc import Mapping
from typing import Any

_SUFFIXES: Mapping[str, float] = {
    "m": 1e-3,
    "": 1,
    "k": 1e3,
    "M": 1e6,
    "G": 1e9,
    "T": 1e12,
    "P": 1e15,
    "Ki": 2**10,
    "Mi": 2**20,
    "Gi": 2**30,
    "Ti": 2**40,
    "Pi": 2**50,
}


def quantity(text: Any) -> float:
    """A Kubernetes quantity as a number: cores, bytes or pieces."""
    found = re.fullmatch(r"([0-9.eE+-]+?)([A-Za-z]*)", str(text))
    if found is None or found.group(2) not in _SUFFIXES:
        raise ValueError(f"'{text}' is no Kubernetes quantity")
    return float(found.group(1)) * _SUFFIXES[found.group(2)]
