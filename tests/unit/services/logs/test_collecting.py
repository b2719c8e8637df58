"""What Fluent Bit is told: whose files an input reads, and where they go."""

import re
from typing import Any

from ruamel.yaml import YAML

from bedplate.services.logs.collecting import FILE_NAME, Target, configuration
from bedplate.services.logs.streams import PATTERNS, stream_of, templates
from opensearch_under_test import Store
from shipper import Shipper, records

TARGET = Target(kind="elasticsearch", url="https://store.example:9200/logs", user="log-collector", authority="/ca.crt")
ID = "0" * 64
NOBODY = Store(port=0)
"""Nothing is sent."""


def told(buffer_mib: int = 4096, audit_file: str | None = None) -> dict[str, Any]:
    return YAML(typ="safe").load(configuration(TARGET, "/buffer", buffer_mib, audit_file))


def file_of(pod: str, namespace: str, container: str) -> str:
    """https://github.com/kubernetes/kubernetes/blob/v1.35.0/pkg/kubelet/kuberuntime/legacy.go"""
    return f"/var/log/containers/{pod}_{namespace}_{container}-{ID}.log"


def stream_of_file(file: str) -> str:
    """Where a line goes, whatever it says."""
    (output,) = told()["pipeline"]["outputs"]
    line = '2026-11-28T10:00:00.000000001Z stdout F {"namespace": "another", "pod": "another"}'
    (record,) = records([line], file)
    return Shipper(output=output, store=NOBODY).stream(record)


class TestALine:
    def test_goes_to_the_stream_of_its_files_namespace_whatever_it_says(self) -> None:
        for namespace in ("a", "a-b", "b", "platform", "team-a", "audit", "kube-system"):
            for pod in ("train-0", "a", "pods.b", "a-b.c"):
                for container in ("main", "a", "team-a"):
                    assert stream_of_file(file_of(pod, namespace, container)) == stream_of(namespace)

    def test_without_a_namespace_goes_where_no_namespace_is(self) -> None:
        (output,) = told()["pipeline"]["outputs"]
        stream = Shipper(output=output, store=NOBODY).stream({"log": "whose?"})
        assert stream.endswith(".pods")
        assert "." in stream.removesuffix(".pods")

    def test_has_its_names_from_its_file(self) -> None:
        found = re.match(FILE_NAME.replace("(?<", "(?P<"), file_of("train-0.x", "team-a", "side-car"))
        assert found is not None
        assert found.groupdict() == {
            **{"pod": "train-0.x", "namespace": "team-a"},
            **{"container": "side-car", "container_id": ID},
        }

    def test_is_not_read_for_fields(self) -> None:
        """JSON that a program prints stays text: the only thing that is parsed is the name of the file."""
        parsed = {each["key_name"] for each in told()["pipeline"]["filters"] if each["name"] == "parser"}
        assert parsed == {"file"}


class TestTheBuffer:
    def test_is_on_disk_for_every_input_and_bounded_for_every_output(self) -> None:
        pipeline = told(1200, "/var/log/kubernetes/audit/audit.log")["pipeline"]
        assert {each["storage.type"] for each in pipeline["inputs"]} == {"filesystem"}
        shares = {each["alias"]: each["storage.total_limit_size"] for each in pipeline["outputs"]}
        assert shares == {"pods": "900M", "audit": "300M"}

    def test_keeps_a_place_in_each_file_that_no_other_input_has(self) -> None:
        places = [each["db"] for each in told(audit_file="/var/log/a.log")["pipeline"]["inputs"]]
        assert len(set(places)) == len(places) == 2


class TestAnOutput:
    def test_can_send_twice_what_is_stored_once(self) -> None:
        for output in told()["pipeline"]["outputs"]:
            assert (output["write_operation"], output["generate_id"]) == ("create", "on")
        assert {each["offset_key"] for each in told()["pipeline"]["inputs"]} == {"offset"}

    def test_verifies_the_store_and_holds_no_password(self) -> None:
        for output in told()["pipeline"]["outputs"]:
            assert (output["tls"], output["tls.verify"], output["tls.ca_file"]) == ("on", "on", "/ca.crt")
            assert output["http_passwd"] == "${STORE_PASSWORD}"
            assert (output["host"], output["port"], output["path"]) == ("store.example", 9200, "/logs")


def test_the_audit_log_of_ones_own_machines_has_an_input_and_a_stream() -> None:
    pipeline = told(audit_file="/var/log/kubernetes/audit/audit.log")["pipeline"]
    (read,) = [each for each in pipeline["inputs"] if each["alias"] == "audit"]
    assert read["path"] == "/var/log/kubernetes/audit/audit.log"
    (output,) = [each for each in pipeline["outputs"] if each["match"] == "audit.*"]
    assert Shipper(output=output, store=NOBODY).stream({"auditID": "1", "namespace": "vision"}) == "kubernetes.audit"


class TestStreams:
    def test_of_no_namespace_are_of_both_families(self) -> None:
        """Not even of one that is called like the other family."""
        for namespace in ("audit", "pods", "kubernetes"):
            fitting = [pattern for pattern in PATTERNS if stream_of(namespace).endswith(pattern.removeprefix("*"))]
            assert fitting == ["*.pods"]

    def test_have_no_field_whose_name_comes_from_a_line(self) -> None:
        for template in templates(2).values():
            assert template["template"]["mappings"]["dynamic"] is False
