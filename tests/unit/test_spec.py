"""The vocabulary of the stack file: what each kind of value takes and refuses."""

import zoneinfo
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from bedplate import spec
from bedplate.clouds import NodePoolSpec
from bedplate.tenants import TenantSpec

DIGEST = f"@sha256:{'0123456789abcdef' * 4}"


def accepts(kind: Any, value: object) -> bool:
    try:
        TypeAdapter(kind).validate_python(value)
    except ValidationError:
        return False
    return True


def refusal(kind: Any, value: object) -> str:
    """What is wrong and what to write instead."""
    with pytest.raises(ValidationError) as error:
        TypeAdapter(kind).validate_python(value)
    context = error.value.errors()[0].get("ctx", {})
    instead = repr(context["nearest"]) if context["nearest"] else context["fix"]
    return f"{context['message']}; {instead}"


class TestASchedule:
    """What Kubernetes' parser takes, https://pkg.go.dev/github.com/robfig/cron/v3#ParseStandard."""

    @pytest.mark.parametrize("schedule", [
        "* * * * *", "*/5 * * * *", "*/100 * * * *", "5/15 * * * *", "0,30 * * * *", "1-59/2,3 * * * *", "05 * * * *",
        "0 6 * * 1-5", "0 0 * * 0", "0 0 * * SUN-SAT", "0 0 * * sun", "0 0 * * 0-6/2", "0 0 1 JAN,feb *", "0 0 ? * ?",
        "0  6\t* * *", "@hourly", "@daily", "@midnight", "@weekly", "@monthly", "@yearly", "@annually",
    ])  # fmt: skip
    def test_that_kubernetes_takes_is_taken(self, schedule: str) -> None:
        assert accepts(spec.CronSchedule, schedule)

    @pytest.mark.parametrize("schedule", [
        "", "* * * *", "* * * * * *", "60 * * * *", "* 24 * * *", "* * 0 * *", "* * 32 * *", "* * * 0 *", "* * * 13 *",
        "* * * * 7", "0 0 * * FRI-MON", "5-1 * * * *", "1-2-3 * * * *", "*/ * * * *", "5/ * * * *", "*/0 * * * *",
        "*/5/2 * * * *", "-1 * * * *", "0 0 L * *", "0 0 * * MON#1", "² * * * *", "٣ * * * *", "a * * * *",
        "@reboot", "@Daily", "TZ=UTC 0 0 * * *",
    ])  # fmt: skip
    def test_that_kubernetes_refuses_is_refused(self, schedule: str) -> None:
        assert not accepts(spec.CronSchedule, schedule)

    @pytest.mark.parametrize("schedule", ["1,,2 * * * *", "*-5 * * * *", "+5 * * * *", "@every 90m"])
    def test_that_kubernetes_takes_though_it_is_a_slip_or_undocumented_is_refused(self, schedule: str) -> None:
        assert not accepts(spec.CronSchedule, schedule)

    def test_on_day_7_is_sent_to_0(self) -> None:
        assert refusal(spec.CronSchedule, "0 6 * * 7").startswith("'7' cannot be the weekday, Sunday is 0; ")


class TestATimeZone:
    @pytest.mark.parametrize("zone", ["Europe/Berlin", "Etc/UTC", "UTC", "America/Argentina/Buenos_Aires"])
    def test_of_the_iana_database_is_taken(self, zone: str) -> None:
        assert accepts(spec.TimeZone, zone)

    @pytest.mark.parametrize(
        "zone", ["", "Local", "local", "localtime", "CEST", "+02:00", "Europe/Atlantis", "../etc/passwd"]
    )
    def test_that_no_cluster_knows_is_refused(self, zone: str) -> None:
        assert not accepts(spec.TimeZone, zone)

    @pytest.mark.parametrize(("zone", "meant"), [("berlin", "Europe/Berlin"), ("europe/berlin", "Europe/Berlin")])
    def test_that_is_nearly_right_is_put_right(self, zone: str, meant: str) -> None:
        assert refusal(spec.TimeZone, zone).endswith(f"; '{meant}'")

    def test_is_checked_by_its_form_where_the_machine_has_no_database(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(spec, "_time_zones", frozenset[str])
        assert accepts(spec.TimeZone, "Europe/Berlin")
        assert not accepts(spec.TimeZone, "berlin")

    def test_is_one_that_this_machine_knows_too(self) -> None:
        assert "Europe/Berlin" in zoneinfo.available_timezones()


class TestAnImage:
    @pytest.mark.parametrize("image", [
        "ghcr.io/acme/scorer:1.4.0", f"ghcr.io/acme/scorer{DIGEST}", f"ghcr.io/acme/scorer:1.4.0{DIGEST}",
        "registry:5000/scorer:1", "localhost/scorer:1", "localhost:5000/a/b/c:1", "docker.io/library/python:3.12",
        "123456789012.dkr.ecr.eu-central-1.amazonaws.com/scorer:2026.1", "ghcr.io/acme/my__scorer--x.y_z:V1_2-rc.1",
        f"ghcr.io/acme/scorer:latest{DIGEST}", "ghcr.io/acme/scorer:latest-cuda",
    ])  # fmt: skip
    def test_with_registry_and_exact_release_is_taken(self, image: str) -> None:
        assert accepts(spec.ImageReference, image)

    @pytest.mark.parametrize("image", [
        "", "python", "python:3.12", "acme/scorer:1", "library/python:3.12", "registry:5000", "ghcr.io", "ghcr.io/:1",
        "ghcr.io/acme/scorer", "ghcr.io/acme/scorer:", "ghcr.io/acme/scorer:latest", "ghcr.io/acme/scorer@sha256:abc",
        "ghcr.io/Acme/scorer:1", "https://ghcr.io/acme/scorer:1", "ghcr.io//scorer:1", "ghcr.io/acme/../evil/scorer:1",
        "ghcr.io/acme/scorer:1 ", "ghcr.io/acme/scorer:1\n", "ghcr.io/acme/-scorer:1", f"ghcr.io/acme/s:{'1' * 129}",
        "ghcr.io/acme/scorer:1,ghcr.io/", "ghcr.io/acme/s..r:1", f"ghcr.io/acme/scorer@sha512:{'0' * 128}",
    ])  # fmt: skip
    def test_that_leaves_something_open_is_refused(self, image: str) -> None:
        assert not accepts(spec.ImageReference, image)

    @pytest.mark.parametrize(("image", "message", "fix"), [
        ("python:3.12", "must name its registry", "docker.io/library/python:3.12"),
        ("acme/scorer:1", "must name its registry", "docker.io/acme/scorer:1"),
        ("ghcr.io/acme/scorer:latest", "must name an exact release", "ghcr.io/acme/scorer:<tag>"),
        ("scorer", "must name its registry and an exact release", "docker.io/library/scorer:<tag>"),
        ("https://ghcr.io/Acme/scorer:1", "must be an image reference in lower case", "ghcr.io/acme/scorer:1"),
    ])  # fmt: skip
    def test_that_is_refused_is_written_in_full(self, image: str, message: str, fix: str) -> None:
        said = refusal(spec.ImageReference, image)
        assert said.startswith(message)
        assert said.endswith(f"'{fix}'")


class TestAnImagePrefix:
    @pytest.mark.parametrize(
        "prefix", ["ghcr.io/", "ghcr.io/acme/", "ghcr.io/acme/scorer", "registry:5000/", "localhost/a/"]
    )
    def test_that_says_where_it_ends_is_taken(self, prefix: str) -> None:
        assert accepts(spec.ImagePrefix, prefix)

    @pytest.mark.parametrize("prefix", [
        "", "/", "*", "ghcr.io", "registry:5000", "acme/", "acme/scorer", "ghcr.io/acme/*", "ghcr.io/acme:1",
        "ghcr.io/a,b/", "ghcr.io/acme//", "https://ghcr.io/", "GHCR.io/", f"ghcr.io/acme/scorer{DIGEST}", "ghcr.io/../",
    ])  # fmt: skip
    def test_that_approves_other_than_it_seems_is_refused(self, prefix: str) -> None:
        assert not accepts(spec.ImagePrefix, prefix)


class TestANetwork:
    @staticmethod
    def is_taken(network: str) -> bool:
        data = {"name": "a", "groups": ["a"], "owner": "a@b.example", "quota": {"cpu": 1, "memoryGib": 1}}
        return accepts(TenantSpec, {**data, "allowedNetworks": [network]})

    @pytest.mark.parametrize(
        "network", ["10.20.0.0/16", "10.40.12.7/32", "192.168.0.0/16", "fd12:3456::/48", "169.253.0.0/16"]
    )
    def test_of_the_company_is_taken(self, network: str) -> None:
        assert self.is_taken(network)

    @pytest.mark.parametrize("network", [
        "169.254.169.254/32", "169.254.0.0/16", "169.0.0.0/8", "0.0.0.0/0", "::/0", "168.63.129.16/32", "168.63.0.0/16",
        "fd00:ec2::254/128", "fc00::/7", "fe80::/10", "169.254.170.23/32", "::ffff:a9fe:a9fe/128",
        "64:ff9b::a9fe:a9fe/128", "fd20:ce::254/128", "fd20:ce::/64", "fd20::/16",
    ])  # fmt: skip
    def test_in_which_clouds_hand_out_credentials_is_refused(self, network: str) -> None:
        assert not self.is_taken(network)

    @pytest.mark.parametrize(
        "network", ["", "10.0.0.1/8", "10.0.0.1", "10.0.0.0/255.0.0.0", "10.0.0.0/33", "10.0/8", "a/8", "010.0.0.0/8"]
    )
    def test_that_kubernetes_cannot_read_is_refused(self, network: str) -> None:
        assert not self.is_taken(network)


class TestNames:
    @pytest.mark.parametrize(("kind", "good", "bad"), [
        (spec.DnsLabel, ["a", "a-1", "a" * 63], ["", "1a", "-a", "a-", "A", "a_b", "a.b", "ä", "a" * 64, "a\n"]),
        (spec.JobName, ["a" * 52], ["a" * 53]),
        (spec.DnsName, ["gp3", "1a", "csi.nfs-fast"], ["", "A", "a..b", "-a", "a-", "a" * 254]),
        (spec.NamePrefix, ["", "ml-", "a1-"], ["-", "ml", "ML-", "1-", "a" * 20 + "-"]),
        (spec.Domain, ["ml.example.com", "a.b", "xn--bcher-kva.example"],
         ["", "localhost", "ML.example.com", "https://ml.example.com", "ml.example.com/", "ml.example.com:443", "a..b",
          "ml.example.com.", "-a.b", "*.example.com", "1.2.3.4", f"{'a.' * 95}b"]),
        (spec.EmailAddress, ["a@b.example", "first.last+tag@sub.example.com"],
         ["", "a", "a@b", "@b.c", "a@b.c d", "A <a@b.c>"]),
        (spec.GroupName, ["ml-vision", "Data Science", "oidc:team", "a"],
         ["", " a", "a ", "system:masters", "system:", "a\x1bb", "a\tb", "a\nb", "a\x7fb", "a\x85b", "a\u202eb"]),
        (spec.EnvironmentName, ["A", "_a1"], ["", "1A", "A-B", "A B", "Ä"]),
        (spec.ConfigKey, ["oauth", "db-login_2"], ["", "2db", "a b", "hunter2!"]),
        (spec.AbsolutePath, ["/data", "/a/b.c", "/a/..b"],
         ["", "/", "data", "/data/", "//data", "/a/../b", "/a/./b", "/..", "/a:b", "/a\0"]),
        (spec.RelativeFolder, ["tenants", "./tenants/", "a/b", "a..b", ".teams"],
         ["", ".", "./", "..", "../a", "a/../b", "/a", "~", "~/a", "a//b", "a\\b", "a\0"]),
        (spec.UrlPath, ["/", "/healthz?full=1"], ["", "healthz", "/a b", "/ä", "/a\n"]),
        (spec.KubernetesVersion, ["1.35"], ["", "1.5", "v1.35", "1.35.1", "2.00"]),
    ])  # fmt: skip
    def test_are_taken_and_refused(self, kind: Any, good: list[str], bad: list[str]) -> None:
        assert [name for name in good if not accepts(kind, name)] == []
        assert [name for name in bad if accepts(kind, name)] == []

    @pytest.mark.parametrize(("kind", "given", "meant"), [
        (spec.DnsLabel, "Label Reader_2", "label-reader-2"),
        (spec.Domain, "https://ML.example.com:443/path", "ml.example.com"),
        (spec.AbsolutePath, "data//x/", "/data/x"),
        (spec.KubernetesVersion, "v1.35.4", "1.35"),
        (spec.EnvironmentName, "log-level", "log_level"),
        (spec.NamePrefix, "ML", "ml-"),
    ])  # fmt: skip
    def test_that_are_nearly_right_are_put_right(self, kind: Any, given: str, meant: str) -> None:
        assert refusal(kind, given).endswith(f"; '{meant}'")
        assert accepts(kind, meant)


class TestNumbers:
    @pytest.mark.parametrize(
        "kind", [spec.Count, spec.PositiveCount, spec.Port, spec.Seconds, spec.Cpu, spec.Gib, spec.Hours]
    )
    @pytest.mark.parametrize("value", ["1", "16Gi", True, None, -1, float("nan"), float("inf"), [], {}])
    def test_are_numbers_and_nothing_else(self, kind: Any, value: object) -> None:
        assert not accepts(kind, value)

    @pytest.mark.parametrize("kind", [spec.Cpu, spec.Gib, spec.Hours])
    def test_of_a_size_are_never_so_small_that_they_round_to_nothing(self, kind: Any) -> None:
        assert accepts(kind, 0.01)
        assert not accepts(kind, 0.0001)

    @pytest.mark.parametrize("kind", [spec.Port, spec.Seconds, spec.Cpu, spec.Gib, spec.Hours])
    def test_are_not_larger_than_anything_there_is(self, kind: Any) -> None:
        assert not accepts(kind, 10**400)

    def test_that_count_are_whole(self) -> None:
        assert accepts(spec.Count, 0)
        assert not accepts(spec.Count, 2.0)

    def test_keep_their_limits_in_the_json_schema(self) -> None:
        """Editors read `minimum`; a validator in the wrong place makes it `ge`, which nobody reads."""
        assert TypeAdapter(spec.Port).json_schema() == {"type": "integer", "minimum": 1, "maximum": 65535}
        assert TypeAdapter(spec.Gib).json_schema() == {"type": "number", "minimum": 0.001, "maximum": 1_000_000}


class TestSecrets:
    @pytest.mark.parametrize("name", [
        "DB_PASSWORD", "PGPASSWORD", "MYSQL_PWD", "HF_TOKEN", "TOKEN", "api_key", "APIKEY", "AWS_SECRET_ACCESS_KEY",
        "privateKey", "GOOGLE_CREDENTIALS", "clientSecret", "kubeconfigRef", "kubeconfig", "PASSPHRASE",
    ])  # fmt: skip
    def test_are_known_by_their_names(self, name: str) -> None:
        assert spec.is_secret_name(name)

    @pytest.mark.parametrize("name", [
        "MAX_TOKENS", "TOKENIZERS_PARALLELISM", "TOKENIZER", "GOOGLE_APPLICATION_CREDENTIALS", "KUBECONFIG",
        "SECRET_NAME", "TOKEN_URL", "PWDIR", "KEYBOARD", "LOG_LEVEL", "MONKEY",
    ])  # fmt: skip
    def test_are_not_seen_where_there_are_none(self, name: str) -> None:
        assert not spec.is_secret_name(name)

    @pytest.mark.parametrize("value", [
        "postgres://scorer:hunter2@db.example.com/scores", "redis://:hunter2@cache:6379", "ghp" + "_" + "A1" * 18,
        "AKIA" + "ABCDEFGHIJKLMNOP", "eyJ" + "hbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0",
        "-----BEGIN RSA " + "PRIVATE KEY-----", "--password=hunter2", "jdbc:mysql://db/x?password=hunter2",
        "xoxb-" + "1234567890-abcdef", "v1:c2VjcmV0:aHVudGVyMg==",
    ])  # fmt: skip
    def test_are_known_by_their_looks(self, value: str) -> None:
        assert spec.is_secret_value(value)

    @pytest.mark.parametrize("value", [
        "postgres://db.example.com/scores", "ghcr.io/acme/scorer:1.4.0", f"ghcr.io/acme/scorer{DIGEST}", "https://example.com:8080/a@b",
        "--password-file=/run/secret", "--password=$(DB_PASSWORD)", "--next-token=auto", "the secret of cooking",
        "--secret=projects/acme/secrets/db", "eyJ", "sk-learn", "postgres://etl:$(DB_PASSWORD)@db/scores",
    ])  # fmt: skip
    def test_are_not_seen_in_ordinary_values(self, value: str) -> None:
        assert not spec.is_secret_value(value)


POOL = {"machine": {"cpu": 8, "memoryGib": 32}, "max": 2}


class TestASpec:
    def test_does_not_change(self) -> None:
        pool = NodePoolSpec.model_validate(POOL)
        with pytest.raises(ValidationError, match="frozen"):
            pool.max = 3  # type: ignore[misc]

    def test_is_written_in_camel_case_only(self) -> None:
        assert not accepts(NodePoolSpec, {**POOL, "machine": {"cpu": 8, "memory_gib": 32}})

    def test_shows_no_value_in_its_errors(self) -> None:
        with pytest.raises(ValidationError) as error:
            NodePoolSpec.model_validate({**POOL, "accelerator": "hunter2", "password": "hunter2"})
        assert "hunter2" not in str(error.value)
