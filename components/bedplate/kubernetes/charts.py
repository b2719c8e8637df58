"""Upstream charts: where they come from, which version, and the custom kinds they bring.

Owns the declaration of a chart. It deliberately installs nothing (see `release`). Definitions of custom kinds
(CustomResourceDefinitions) come from a chart's templates and never from its `crds/` folder: Helm installs that folder
once and never upgrades it (https://helm.sh/docs/chart_best_practices/custom_resource_definitions/). A templated
definition is upgraded with its chart, and goes with it, together with every object of its kind in every namespace,
unless it carries the policy `keep`
(https://helm.sh/docs/howto/charts_tips_and_tricks/#tell-helm-not-to-uninstall-a-resource).
So a chart that brings kinds names the values by which it renders them with that policy. A chart that has its
definitions in `crds/` only is installed beside a chart of its definitions, where upstream offers one that Helm can keep
in one Secret, or beside definitions that the platform registers itself (see `definitions`).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from bedplate.spec import Spec, mistake

_HOST = r"[a-z0-9-]+(\.[a-z0-9-]+)*(:[0-9]{1,5})?"
_REMOTE = re.compile(rf"(oci|https)://{_HOST}(/[A-Za-z0-9._~-]+)*")
_FOLDER = re.compile(r"(/|\.{1,2}/)[^\0:]*[^\0:/]")


def _chart_source(value: str) -> str:
    if _REMOTE.fullmatch(value) or _FOLDER.fullmatch(value):
        return value
    nearest = value.rstrip("/")
    if nearest.startswith("http://"):
        nearest = f"https://{nearest.removeprefix('http://')}"
    raise mistake(
        "must be a registry (oci://…), a repository (https://…) or a folder, without credentials and '/' at the end",
        "write it like 'oci://registry.example.com/charts' or '../charts'; keep credentials in `helm registry login`",
        nearest=nearest if _REMOTE.fullmatch(nearest) or _FOLDER.fullmatch(nearest) else "",
    )


class ChartsSpec(Spec):
    """Where upstream charts are taken from."""

    source: Annotated[str, Field(max_length=512), AfterValidator(_chart_source)] | None = None
    """Registry (oci://…), repository (https://…) or folder that has all charts of the platform, for sites without the
    internet. A folder holds them as `helm pull` writes them (cert-manager-v1.21.2.tgz), is absolute or begins with
    './' or '../', and is relative to the program's folder. Without it each chart comes from its own publisher."""


@dataclass(frozen=True, kw_only=True)
class CustomKind:
    """A kind that a chart brings. versions: those it serves, newest first, which is the one that is stored."""

    group: str
    versions: tuple[str, ...]
    kind: str
    plural: str
    scope: Literal["Namespaced", "Cluster"] = "Namespaced"

    @classmethod
    def defined_by(cls, definition: Mapping[str, Any]) -> "CustomKind":
        """The kind that a CustomResourceDefinition defines."""
        spec = definition["spec"]
        served = [version for version in spec["versions"] if version["served"]]
        newest_first = sorted(served, key=lambda version: not version["storage"])
        return cls(
            group=spec["group"],
            versions=tuple(version["name"] for version in newest_first),
            kind=spec["names"]["kind"],
            plural=spec["names"]["plural"],
            scope=spec["scope"],
        )

    @property
    def definition(self) -> str:
        """Name of the CustomResourceDefinition."""
        return f"{self.plural}.{self.group}"

    def serves(self, api_version: str, kind: str) -> bool:
        """Whether an object of that API version and kind is one of this kind."""
        group, _, version = api_version.rpartition("/")
        return (self.group, self.kind) == (group, kind) and version in self.versions

    def shown(self) -> dict[str, Any]:
        """As plain data, for whoever reads the program's outputs."""
        return {
            "group": self.group,
            "versions": list(self.versions),
            "kind": self.kind,
            "plural": self.plural,
            "scope": self.scope,
        }


@dataclass(frozen=True, kw_only=True)
class Chart:
    """A chart at one version.

    repository: where its publisher has it, `oci://…` or `https://…`, without its name. kinds: what it brings. keeping:
    values with which it renders their definitions, marked to stay when the chart goes.
    """

    name: str
    repository: str
    version: str
    kinds: tuple[CustomKind, ...] = ()
    keeping: Mapping[str, Any] = field(default_factory=dict[str, Any])

    def __post_init__(self) -> None:
        if self.kinds and not self.keeping:
            raise ValueError(
                f"chart {self.name} brings custom kinds and does not say how they outlive it; "
                "name the values that mark its definitions with `helm.sh/resource-policy: keep`"
            )

    def with_kept_kinds(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """The values, and those that keep the kinds. Raises ValueError where both decide the same key."""
        if both := sorted(values.keys() & self.keeping.keys()):
            raise ValueError(
                f"values of chart {self.name} set {', '.join(both)}, which the chart's declaration decides"
            )
        return {**values, **self.keeping}

    def located(self, source: str | None) -> tuple[str, str | None]:
        """What to install, and the repository to look for it in, if any. source: in the publisher's place."""
        place = source or self.repository
        if place.startswith("https://"):
            return self.name, place
        if place.startswith("oci://"):
            return f"{place}/{self.name}", None
        return f"{place}/{self.name}-{self.version}.tgz", None
