"""What Fluent Bit is told: whose files an input reads, and where they go."""

import fnmatch
import re
from typing import Any

import pytest
from ruamel.yaml import YAML

from bedplate.services.logs.collecting import FILE_NAME, Target, configuration
from bedplate.services.logs.streams import PLATFORM, stream_of, templates
from bedplate.services.logs.users import roles

NAMESPACES = ["a", "a-b", "b", "platform", "team-a"]
TARGET = Target(kind="elasticsearch", url="https://store.example:9200/logs", user="log-collector", authority="/ca.crt")
ID = "0" * 64


def told(**changes: Any) -> dict[str, Any]:
    text = configuration(TARGET, NAMESPACES, "/buffer", changes.get("buffer_mib", 4096), changes.get("audit_file"))
    return YAML(typ="safe").load(text)


def file_of(pod: str, namespace: str, container: str) -> str:
    """https://github.com/kubernetes/kubernetes/blob/v1.35.0/pkg/kubelet/kuberuntime/legacy.go"""
    return f"/var/log/containers/{pod}_{namespace}_{container}-{ID}.log"


def streams_of(file: str) -> list[str]:
    """The outputs that a file's lines reach: by the inputs that read it, the tags that those give, and the matches."""
    pipeline = told()["pipeline"]
    tags = [
        each["tag"].replace("*", file.strip("/").replace("/", "."))
        for each in pipeline["inputs"]
        if fnmatch.fnmatchcase(file, each["path"])
        and not any(fnmatch.fnmatchcase(file, but) for but in each.get("exclude_path", "").split(",") if but)
    ]
    return [each["alias"] for tag in tags for each in pipeline["outputs"] if fnmatch.fnmatchcase(tag, each["match"])]


class TestALine:
    @pytest.mark.parametrize("namespace", NAMESPACES)
    def test_of_a_tenant_reaches_its_own_stream_and_no_other(self, namespace: str) -> None:
        for pod in ("train-0", "a", "pods.b", "a-b.c"):
            for container in ("main", "a", "team-a"):
                assert streams_of(file_of(pod, namespace, container)) == [stream_of(namespace)]

    @pytest.mark.parametrize("namespace", ["kube-system", "bedplate-login", "a-b-c", "default"])
    def test_of_anything_else_is_the_platforms(self, namespace: str) -> None:
        for pod in ("a", "pods.a"):
            assert streams_of(file_of(pod, namespace, "a")) == [PLATFORM]

    def test_has_its_names_from_its_file(self) -> None:
        found = re.match(FILE_NAME.replace("(?<", "(?P<"), file_of("train-0.x", "team-a", "side-car"))
        assert found is not None
        assert found.groupdict() == {
            **{"pod": "train-0.x", "namespace": "team-a"},
            **{"container": "side-car", "container_id": ID},
        }


class TestTheBuffer:
    def test_is_on_disk_for_every_input_and_bounded_for_every_output(self) -> None:
        pipeline = told(buffer_mib=1200)["pipeline"]
        assert {each["storage.type"] for each in pipeline["inputs"]} == {"filesystem"}
        shares = [each["storage.total_limit_size"] for each in pipeline["outputs"]]
        assert shares == ["200M"] * 6

    def test_keeps_a_place_in_each_file_that_no_other_input_has(self) -> None:
        places = [each["db"] for each in told()["pipeline"]["inputs"]]
        assert len(set(places)) == len(places)


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


def test_the_audit_log_of_ones_own_machines_has_an_input_and_an_output() -> None:
    pipeline = told(audit_file="/var/log/kubernetes/audit/audit.log")["pipeline"]
    (read,) = [each for each in pipeline["inputs"] if each["alias"] == "audit.kubernetes"]
    assert read["path"] == "/var/log/kubernetes/audit/audit.log"
    assert "audit.kubernetes" in {each["alias"] for each in pipeline["outputs"]}


class TestRoles:
    def test_a_tenants_user_may_read_one_stream_by_its_exact_name(self) -> None:
        found = roles({"vision": "ml-vision", "search": "ml-search"})["reader-vision"]
        assert found["indices"] == [{"names": ["pods.ml-vision"], "privileges": ["read", "view_index_metadata"]}]
        assert found["applications"][0]["resources"] == ["space:tenant-vision"]
        assert "cluster" not in found

    def test_the_collector_may_write_and_neither_read_nor_delete(self) -> None:
        found = roles({})["log-collector"]
        assert found["indices"] == [{"names": ["pods.*", "audit.*"], "privileges": ["create_doc"]}]


def test_no_name_of_a_field_comes_from_a_line() -> None:
    for template in templates(2).values():
        assert template["template"]["mappings"]["dynamic"] is False
