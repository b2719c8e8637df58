"""Dashboards as Grafana reads them."""

import json

from bedplate.kubernetes import Dashboard, Panel, Query, Row, Variable

DASHBOARD = Dashboard(
    uid="machines",
    title="Machines",
    audience="platform",
    variables=[Variable(name="namespace", selector="kube_pod_info", label="namespace", title="Namespace")],
    rows=[
        Row(
            title="Now",
            panels=[
                Panel(title="Up", kind="stat", width=6, queries=[Query(expression="sum(up)")]),
                Panel(title="Pods", width=18, queries=[Query(expression="a", legend="{{pod}}"), Query(expression="b")]),
                Panel(title="Wide", kind="table", width=24, queries=[Query(expression="c")]),
            ],
        ),
        Row(title="Before", panels=[Panel(title="Then", queries=[Query(expression="d")])]),
    ],
)
MODEL = json.loads(DASHBOARD.rendered())


class TestADashboard:
    def test_has_panels_that_do_not_overlap(self) -> None:
        taken = set[tuple[int, int]]()
        for panel in MODEL["panels"]:
            at = panel["gridPos"]
            cells = {(at["x"] + x, at["y"] + y) for x in range(at["w"]) for y in range(at["h"])}
            assert all(x < 24 for x, _ in cells)
            assert not taken & cells
            taken |= cells

    def test_numbers_panels_and_queries_once(self) -> None:
        assert len({panel["id"] for panel in MODEL["panels"]}) == len(MODEL["panels"])
        pods = next(panel for panel in MODEL["panels"] if panel["title"] == "Pods")
        assert [(target["refId"], target["expr"]) for target in pods["targets"]] == [("A", "a"), ("B", "b")]

    def test_looks_back_only_where_it_draws_a_line(self) -> None:
        ranges = {panel["title"]: panel["targets"][0]["range"] for panel in MODEL["panels"] if "targets" in panel}
        assert ranges == {"Up": False, "Pods": True, "Wide": False, "Then": True}

    def test_offers_what_the_series_have(self) -> None:
        (variable,) = MODEL["templating"]["list"]
        assert variable["query"]["query"] == "label_values(kube_pod_info, namespace)"
        assert variable["allValue"] == ".+"

    def test_is_nobodys_to_change_in_grafana(self) -> None:
        assert MODEL["editable"] is False
