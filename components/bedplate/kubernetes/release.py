"""An upstream chart, installed by Helm.

Owns the release and says which custom kinds it brings. It deliberately owns neither its namespace (which must be closed
before the first pod is there) nor objects of those kinds (see `custom`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pulumi

from bedplate.kubernetes.chart_records import too_large
from bedplate.kubernetes.charts import Chart, CustomKind
from bedplate.kubernetes.namespaces import PlatformNamespace

_TYPE = "kubernetes:helm.sh/v3:Release"
"""The provider's token. The SDK's typed class registers the same, but importing it takes an eighth of a preview, for
classes of `yaml` and `Chart` that nothing here uses."""
_TIMEOUT_SECONDS = 600
"""For images to be pulled and nodes to come from nothing."""
_REVISIONS_KEPT = 5
"""Each is a Secret with all manifests, and the provider's default is to keep every one of them."""


@dataclass(frozen=True, kw_only=True)
class ReleaseArgs:
    """values: of the chart, without secrets: Helm stores them in the cluster, and Pulumi shows their differences.
    source: of charts, in the publisher's place. after: what must be there before it, and go after it."""

    chart: Chart
    namespace: PlatformNamespace
    values: Mapping[str, Any]
    source: str | None = None
    after: Sequence[pulumi.Resource] = ()


class Release(pulumi.ComponentResource):
    """A chart in the cluster, complete or not there: what fails is rolled back.

    The release is named after its chart, for ever: definitions that outlived a release are taken over only by one of
    the same name and namespace
    (https://github.com/helm/helm/blob/v3.19.0/pkg/action/validate.go).
    """

    chart: Chart
    """What is installed."""
    kinds: Sequence[CustomKind]
    """The custom kinds that it brings, known at once."""
    custom_kinds: pulumi.Output[Sequence[Mapping[str, Any]]]
    """The custom kinds that the chart brings: group, versions (newest first), kind, plural, scope."""

    def __init__(self, name: str, args: ReleaseArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("bedplate:index:Release", name, {}, opts)
        self.chart, self.kinds = args.chart, args.chart.kinds
        chart, repository = args.chart.located(args.source)
        if chart.endswith(".tgz") and (reason := too_large(Path(chart))):
            raise pulumi.RunError(f"{reason}; take a chart that carries less")
        # https://www.pulumi.com/registry/packages/kubernetes/api-docs/helm/v3/release/#inputs
        properties = {
            "compat": "true",
            "name": args.chart.name,
            "namespace": args.namespace.namespace_name,
            "chart": chart,
            "repositoryOpts": {"repo": repository} if repository else None,
            "version": args.chart.version,
            "values": args.chart.with_kept_kinds(args.values),
            "skipCrds": True,
            "createNamespace": False,
            "atomic": True,
            "timeout": _TIMEOUT_SECONDS,
            "maxHistory": _REVISIONS_KEPT,
        }
        below = pulumi.ResourceOptions(parent=self, depends_on=[args.namespace, *args.after])
        pulumi.CustomResource(_TYPE, f"{name}-helm", properties, below)
        self.custom_kinds = pulumi.Output.from_input([kind.shown() for kind in args.chart.kinds])
        self.register_outputs({"custom_kinds": self.custom_kinds})

    def bringing(self, kind: CustomKind) -> pulumi.Resource:
        """What an object of the kind comes after."""
        del kind
        return self
