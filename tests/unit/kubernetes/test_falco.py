"""Rules for Falco, as far as they can be held without it: their form, their fields, what they refer to."""

import re
from typing import Any

import pytest

from bedplate.kubernetes.falco import AUDIT_RULES, KERNEL_RULES

PRIORITIES = {"EMERGENCY", "ALERT", "CRITICAL", "ERROR", "WARNING", "NOTICE", "INFORMATIONAL", "DEBUG"}
"""https://falco.org/docs/concepts/rules/basic-elements/#priority"""
AUDIT_FIELDS = {
    *("ka.stage", "ka.user.name", "ka.verb", "ka.response.code", "ka.target.resource", "ka.target.subresource"),
    *("ka.target.name", "ka.target.namespace", "ka.target.pod.name"),
}
"""https://github.com/falcosecurity/plugins/blob/main/plugins/k8saudit/README.md"""
KERNEL_FIELDS = {"k8s.ns.name", "k8s.pod.name", "k8s.pod.label", "proc.tty", "proc.cmdline", "user.name"}
"""https://falco.org/docs/reference/rules/supported-fields/"""
THEIRS = {
    *("spawned_process", "container", "shell_procs", "user_known_contact_k8s_api_server_activities"),
    "user_expected_terminal_shell_in_container_conditions",
}
"""Macros of https://github.com/falcosecurity/rules/blob/main/rules/falco_rules.yaml."""
WORDS = {"and", "or", "not", "in", "startswith", "exists"}


@pytest.mark.parametrize(
    ("rules", "fields"), [(KERNEL_RULES, KERNEL_FIELDS), (AUDIT_RULES, AUDIT_FIELDS)], ids=["kernel", "audit"]
)
class TestAFile:
    def test_has_the_keys_of_rules(self, rules: list[dict[str, Any]], fields: set[str]) -> None:
        for each in rules:
            if "rule" in each:
                needed = {"rule", "desc", "condition", "output", "priority", "tags"}
                assert needed <= each.keys() <= {*needed, "source"}
                assert each["priority"] in PRIORITIES
                assert each.get("source", "syscall") == ("k8s_audit" if fields is AUDIT_FIELDS else "syscall")
            elif "macro" in each:
                assert {"macro", "condition"} <= each.keys() <= {"macro", "condition", "override"}
            elif "list" in each:
                assert each.keys() == {"list", "items"}
            else:
                assert each.keys() <= {"required_engine_version", "required_plugin_versions"}

    def test_asks_for_fields_that_there_are(self, rules: list[dict[str, Any]], fields: set[str]) -> None:
        for each in rules:
            asked = re.findall(r"\b((?:ka|k8s|proc|user|fd|evt|container)\.[a-z0-9_.]+)", each.get("condition", ""))
            said = re.findall(r"%([a-z0-9_.]+)", each.get("output", ""))
            assert {*asked, *said} <= fields | {"kubernetes.io"}, each

    def test_refers_to_what_stands_above_it_or_is_falcos_own(
        self, rules: list[dict[str, Any]], fields: set[str]
    ) -> None:
        known = set(THEIRS)
        for each in rules:
            condition = re.sub(r'"[^"]*"|\[[^]]*\]|[a-z0-9]+(\.[a-z0-9_]+)+|system:\S+', "", each.get("condition", ""))
            assert condition.count("(") == condition.count(")")
            condition = re.sub(r"in \((?!bedplate_)[^)]*\)|!?= \S+", "", condition)
            names = set(re.findall(r"[a-z_0-9]{3,}", condition)) - WORDS
            assert names <= known, (each, names - known)
            known |= {each[kind] for kind in ("macro", "list") if kind in each}
