"""What an update does to the data behind claims.

Owns the judgement over PersistentVolumeClaims, whichever engine planned the update. A claim itself says what becomes of
its disk (`ON_REMOVAL`): it is read from what was there before, never from what comes.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast

from bedplate.kubernetes.quantities import quantity
from bedplate.labels import DISK_IS_LOST, DISK_STAYS, NOTHING_OF_VALUE, ON_REMOVAL, TENANT

CLAIM_TYPE = "kubernetes:core/v1:PersistentVolumeClaim"
Inputs = Mapping[str, Any]
_GIB = 2**30
_RETAIN = {DISK_STAYS: "true", DISK_IS_LOST: "false"}
_ACCESS = {"ReadWriteOnce": "oneNode", "ReadWriteMany": "manyNodes"}


@dataclass(frozen=True, kw_only=True)
class Disk:
    """A disk that an update touches. claim: namespace and name. size_gib: none where the plan does not say it.

    fate: `released`, the claim goes and the disk stays; `lost`, the data goes; `emptied`, the disk stays and an empty
    one takes its place; `shrinks`, what Kubernetes refuses.
    """

    urn: str
    claim: str
    size_gib: float | None
    fate: Literal["released", "lost", "emptied", "shrinks"]
    said: str

    @property
    def is_refused(self) -> bool:
        """Whether somebody must say that it is meant."""
        return self.fate != "released"


def removed_disk(urn: str, old: Inputs, *, is_replaced: bool) -> Disk | None:
    """The disk of a claim that goes, or that is made anew. None where nothing of value is on it."""
    on_removal = below(old, "metadata", "annotations").get(ON_REMOVAL)
    if on_removal == NOTHING_OF_VALUE:
        return None
    claim, size = _claim(old, urn), _size_gib(old)
    what = f"disk of {claim} ({_gib(size)})"
    if on_removal != DISK_STAYS:
        said = f"DATA LOST: {what}" + (": an empty one takes its place" if is_replaced else "")
        return Disk(urn=urn, claim=claim, size_gib=size, fate="lost", said=said)
    if is_replaced:
        said = f"{what} is taken away: an empty one takes its place; the former stays, released"
        return Disk(urn=urn, claim=claim, size_gib=size, fate="emptied", said=said)
    return Disk(urn=urn, claim=claim, size_gib=size, fate="released", said=f"{what} stays, released")


def shrunk_disk(urn: str, old: Inputs, new: Inputs) -> Disk | None:
    """The disk of a claim that would get smaller, which Kubernetes refuses.

    https://kubernetes.io/docs/concepts/storage/persistent-volumes/#expanding-persistent-volumes-claims
    """
    before, after = _size_gib(old), _size_gib(new)
    if before == after or (before is not None and after is not None and before < after):
        return None
    claim = _claim(old, urn)
    said = (
        f"disk of {claim} would shrink from {_gib(before)} to {_gib(after)}, which Kubernetes refuses: "
        "make a second volume, copy, and remove this one"
    )
    return Disk(urn=urn, claim=claim, size_gib=before, fate="shrinks", said=said)


def keys_of_volume(old: Inputs, new: Inputs) -> Iterator[str]:
    """The keys of a tenant's volume that make another claim of its claim, with their values before and after."""
    metadata = below(old, "metadata")
    tenant, volume = below(metadata, "labels").get(TENANT), metadata.get("name")
    for key, before, after in (
        ("retain", _retain(old), _retain(new)),
        ("access", _access(old), _access(new)),
    ):
        if before and after and before != after:
            yield f"tenants[{tenant}].volumes[{volume}].{key}: {before} → {after}"


def _retain(inputs: Inputs) -> str | None:
    return _RETAIN.get(str(below(inputs, "metadata", "annotations").get(ON_REMOVAL)))


def _access(inputs: Inputs) -> str | None:
    modes = below(inputs, "spec").get("accessModes")
    return _ACCESS.get(str(cast(list[object], modes)[0])) if isinstance(modes, list) and modes else None


def _claim(inputs: Inputs, urn: str) -> str:
    metadata = below(inputs, "metadata")
    named = [str(metadata[key]) for key in ("namespace", "name") if metadata.get(key)]
    return "/".join(named) or urn.rpartition("::")[2]


def _size_gib(inputs: Inputs) -> float | None:
    requests = below(inputs, "spec", "resources", "requests")
    try:
        return quantity(requests["storage"]) / _GIB
    except (KeyError, ValueError):
        return None


def below(inputs: Inputs, *keys: str) -> Inputs:
    """The mapping at this path; empty where there is none, as for a value that is not known yet."""
    for key in keys:
        value = inputs.get(key)
        inputs = cast(Inputs, value) if isinstance(value, Mapping) else {}
    return inputs


def _gib(size: float | None) -> str:
    return "unknown size" if size is None else f"{size:g} GiB"
