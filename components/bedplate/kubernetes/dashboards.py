"""Dashboards as data, and the same in Grafana's own format.

Owns the form of both. It deliberately decides no colours and no data source: a dashboard asks the default one.
Grafana's Foundation SDK was looked at and is not used (docs/adr/0029-metrics.md); the fields are those of
https://grafana.com/docs/grafana/latest/visualizations/dashboards/build-dashboards/view-dashboard-json-model/.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

Audience = Literal["platform", "tenant", "finance"]
"""Whom a dashboard is for; the folder that it stands in."""
PanelKind = Literal["timeseries", "stat", "table", "bargauge"]
FOLDERS: Mapping[Audience, str] = {"platform": "Platform", "tenant": "Tenants", "finance": "Cost"}
_COLUMNS = 24
_HEIGHTS: Mapping[PanelKind, int] = {"timeseries": 8, "stat": 4, "table": 8, "bargauge": 8}


@dataclass(frozen=True, kw_only=True)
class Query:
    """expression: PromQL, in which `$name` is the value of a variable, `$__rate_interval` and `$__range` are
    Grafana's. legend: how a series is called, such as '{{namespace}}'."""

    expression: str
    legend: str = ""


@dataclass(frozen=True, kw_only=True)
class Panel:
    """One picture. unit: Grafana's name of it, such as `percentunit`, `bytes`, `s`, `currencyUSD`, `short`.
    description: what the reader sees behind the (i). width: of 24 columns."""

    title: str
    queries: Sequence[Query]
    unit: str = "short"
    kind: PanelKind = "timeseries"
    description: str = ""
    width: int = 12


@dataclass(frozen=True, kw_only=True)
class Row:
    """Panels below one heading, from left to right."""

    title: str
    panels: Sequence[Panel]


@dataclass(frozen=True, kw_only=True)
class Variable:
    """What the reader chooses: among the values that a label has in the series of a selector. In a query it is matched
    by `=~`, because all of them can be chosen."""

    name: str
    selector: str
    label: str
    title: str


@dataclass(frozen=True, kw_only=True)
class Dashboard:
    """uid: part of its address, for ever. range: how far back it begins, such as `now-6h`."""

    uid: str
    title: str
    audience: Audience
    rows: Sequence[Row]
    variables: Sequence[Variable] = ()
    description: str = ""
    range: str = "now-6h"

    def queries(self) -> Iterator[Query]:
        """Of all panels."""
        for row in self.rows:
            for panel in row.panels:
                yield from panel.queries

    def model(self) -> dict[str, Any]:
        """As Grafana reads it."""
        return {
            "uid": self.uid,
            "title": self.title,
            "description": self.description,
            "tags": ["bedplate", self.audience],
            "schemaVersion": 39,
            "editable": False,
            "graphTooltip": 1,
            "timezone": "browser",
            "refresh": "1m",
            "time": {"from": self.range, "to": "now"},
            "templating": {"list": [_variable(variable) for variable in self.variables]},
            "panels": list(_panels(self.rows)),
        }

    def rendered(self) -> str:
        """The file that Grafana is provisioned with."""
        return json.dumps(self.model(), indent=1, sort_keys=True) + "\n"


def _variable(variable: Variable) -> dict[str, Any]:
    query = f"label_values({variable.selector}, {variable.label})"
    return {
        "type": "query",
        "name": variable.name,
        "label": variable.title,
        "query": {"query": query, "refId": variable.name},
        "definition": query,
        "refresh": 2,
        "sort": 1,
        "multi": True,
        "includeAll": True,
        # What no series names, such as a tenant that is gone, must not be everything.
        "allValue": ".+",
        "current": {"text": "All", "value": "$__all"},
    }


def _panels(rows: Sequence[Row]) -> Iterator[dict[str, Any]]:
    """Rows below one another; panels beside one another, in a new line where they find no place."""
    number, top = 1, 0
    for row in rows:
        at = {"h": 1, "w": _COLUMNS, "x": 0, "y": top}
        yield {"id": number, "type": "row", "title": row.title, "collapsed": False, "gridPos": at, "panels": []}
        number, top, left, height = number + 1, top + 1, 0, 0
        for panel in row.panels:
            if left + panel.width > _COLUMNS:
                top, left, height = top + height, 0, 0
            at = {"h": _HEIGHTS[panel.kind], "w": panel.width, "x": left, "y": top}
            yield {**_panel(panel), "id": number, "gridPos": at}
            number, left, height = number + 1, left + panel.width, max(height, _HEIGHTS[panel.kind])
        top += height


def _panel(panel: Panel) -> dict[str, Any]:
    is_table = panel.kind == "table"
    return {
        "type": panel.kind,
        "title": panel.title,
        "description": panel.description,
        "fieldConfig": {"defaults": {"unit": panel.unit}, "overrides": []},
        "options": {},
        "targets": [
            {
                "refId": chr(ord("A") + position),
                "expr": query.expression,
                "legendFormat": query.legend or "__auto",
                "instant": panel.kind != "timeseries",
                "range": panel.kind == "timeseries",
                "format": "table" if is_table else "time_series",
            }
            for position, query in enumerate(panel.queries)
        ],
    }
