"""Signing in: what the proxy is told for each provider, what is let through, and what a route asks."""

import re
import tomllib
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

import pytest

from bedplate.engine.engine import Recording
from bedplate.engine.resources import Secret, revealed
from bedplate.plans.planning import written_platform
from bedplate.services.login.authentication import AuthenticationEndpoints
from harness import LOGIN, ROOT, objects, platform, record, record_stack

OKTA = {
    "provider": "okta",
    "issuerUrl": "https://acme.okta.com/oauth2/aus1",
    "clientId": "0oa1",
    "clientSecretRef": "s",
}
ENTRA = {
    "provider": "entra",
    "directoryId": "5d2c0e6f-0000-4000-8000-00000000000a",
    "clientId": "5d2c0e6f-0000-4000-8000-00000000000b",
    "clientSecretRef": "s",
}
GOOGLE = {
    "provider": "google",
    "clientId": "1-ml.apps.googleusercontent.com",
    "clientSecretRef": "s",
    "emailDomains": ["example.com"],
    "directory": {"adminEmail": "reader@example.com", "serviceAccountRef": "key"},
}


def recorded(login: dict[str, Any]) -> Recording:
    return record(platform(login=login, certificates={"issuer": "internal"}))


def on_a_cluster_that_signs(login: dict[str, Any], issuer: str) -> Recording:
    written = platform(login=login, certificates={"issuer": "internal"})
    cloud = {key: value for key, value in written["cloud"].items() if key != "storageClasses"}
    facts = {"kubernetesVersion": "1.35", "deletedStorageClass": "a", "retainedStorageClass": "b"}
    return record({**written, "cloud": {**cloud, "facts": {**facts, "serviceAccountIssuer": issuer}}})


def found(recording: Recording, kind: str, name: str = "oauth2-proxy") -> dict[str, Any]:
    (body,) = [
        resource.inputs
        for resource in objects(recording, kind)
        if resource.inputs["metadata"].get("namespace") == "bedplate-login"
        and resource.inputs["metadata"]["name"] == name
    ]
    return dict(body)


def settings(login: dict[str, Any]) -> dict[str, Any]:
    """What the proxy reads, by a reader of TOML that is not ours."""
    return tomllib.loads(found(recorded(login), "ConfigMap")["data"]["oauth2-proxy.cfg"])


class TestTheProvider:
    def test_is_told_to_the_proxy(self) -> None:
        told = {name: settings(login) for name, login in (("okta", OKTA), ("entra", ENTRA), ("google", GOOGLE))}
        assert {name: each["provider"] for name, each in told.items()} == {
            "okta": "oidc",
            "entra": "entra-id",
            "google": "google",
        }
        assert {name: each["oidc_issuer_url"] for name, each in told.items()} == {
            "okta": "https://acme.okta.com/oauth2/aus1",
            "entra": "https://login.microsoftonline.com/5d2c0e6f-0000-4000-8000-00000000000a/v2.0",
            "google": "https://accounts.google.com",
        }
        assert {each["redirect_url"] for each in told.values()} == {"https://auth.ml.example.com/oauth2/callback"}

    @pytest.mark.parametrize("login", [OKTA, ENTRA, LOGIN], ids=lambda login: login["provider"])
    def test_is_asked_for_what_renews_a_session(self, login: dict[str, Any]) -> None:
        assert {"openid", "email", "offline_access"} <= set(settings(login)["scope"].split())

    def test_is_asked_for_groups_where_they_are(self) -> None:
        assert "groups" in settings(OKTA)["scope"].split()
        assert "User.Read" in settings(ENTRA)["scope"].split()
        google = settings(GOOGLE)
        assert google["google_admin_email"] == "reader@example.com"
        folder, _, file = google["google_service_account_json"].rpartition("/")
        pod = found(recorded(GOOGLE), "Deployment")["spec"]["template"]["spec"]
        (mount,) = [mount for mount in pod["containers"][0]["volumeMounts"] if mount["mountPath"] == folder]
        (volume,) = [volume for volume in pod["volumes"] if volume["name"] == mount["name"]]
        secret = found(recorded(GOOGLE), "Secret", volume["secret"]["secretName"])
        assert list(revealed(secret)["stringData"]) == [file]

    def test_may_be_returned_to_at_the_end_of_a_session(self) -> None:
        assert settings(OKTA)["whitelist_domains"] == [".ml.example.com", "acme.okta.com"]
        assert settings(GOOGLE)["whitelist_domains"] == [".ml.example.com"]


class TestSecrets:
    @pytest.mark.parametrize("login", [OKTA, GOOGLE], ids=lambda login: login["provider"])
    def test_stand_in_secrets_alone(self, login: dict[str, Any]) -> None:
        recording = recorded(login)
        secrets = [body.inputs["stringData"] for body in objects(recording, "Secret")]
        assert secrets
        assert all(isinstance(each, Secret) for each in secrets)
        shown = found(recording, "ConfigMap")["data"]["oauth2-proxy.cfg"]
        assert not re.search("secret|password", shown)

    def test_of_the_proxy_are_of_a_length_that_it_takes(self) -> None:
        values = revealed(found(recorded(OKTA), "Secret"))["stringData"]
        assert re.fullmatch("[A-Za-z0-9]{43}", values["OAUTH2_PROXY_COOKIE_SECRET"])
        assert values["OAUTH2_PROXY_REDIS_PASSWORD"] != values["OAUTH2_PROXY_COOKIE_SECRET"]
        environment = found(recorded(OKTA), "Deployment")["spec"]["template"]["spec"]["containers"][0]["env"]
        assert {each["name"] for each in environment if "valueFrom" in each} == set(values)

    def test_and_options_that_change_roll_the_proxy(self) -> None:
        def marks(login: dict[str, Any]) -> dict[str, str]:
            return revealed(found(recorded(login), "Deployment")["spec"]["template"]["metadata"]["annotations"])

        before, after = marks(OKTA), marks({**OKTA, "sessions": {"expireHours": 8}})
        assert before["bedplate.dev/configuration-hash"] != after["bedplate.dev/configuration-hash"]
        other = marks({**OKTA, "clientSecretRef": "another"})
        assert before["bedplate.dev/secrets-hash"] != other["bedplate.dev/secrets-hash"]


class TestTokensOfServiceAccounts:
    LOGIN: ClassVar = {**OKTA, "tokens": {"serviceAccounts": True}}

    def told(self, recording: Recording) -> list[str]:
        return tomllib.loads(found(recording, "ConfigMap")["data"]["oauth2-proxy.cfg"]).get("extra_jwt_issuers", [])

    def test_are_accepted_for_one_audience_where_the_stack_says_so(self) -> None:
        issuer = "https://oidc.example.com/id/1"
        assert self.told(on_a_cluster_that_signs(self.LOGIN, issuer)) == [f"{issuer}=bedplate"]
        assert self.told(on_a_cluster_that_signs(OKTA, issuer)) == []

    def test_stand_beside_those_of_others(self) -> None:
        other = {"issuerUrl": "https://ci.example.com", "audience": "ml"}
        login = {**OKTA, "tokens": {"serviceAccounts": True, "issuers": [other]}}
        told = self.told(on_a_cluster_that_signs(login, "https://oidc.example.com"))
        assert told == ["https://ci.example.com=ml", "https://oidc.example.com=bedplate"]

    def test_need_no_address_that_only_the_cluster_knows(self) -> None:
        stack = written_platform(ROOT / "stacks" / "Pulumi.aws.yaml")
        recording = record({**stack, "login": {**stack["login"], "tokens": {"serviceAccounts": True}}})
        (issuer,) = (each.inputs["url"] for each in recording.resources if "OpenIdConnectProvider" in each.type)
        assert self.told(recording) == [f"{issuer}=bedplate"]

    def test_roll_the_proxy_when_the_issuer_changes(self) -> None:
        def mark(issuer: str) -> str:
            pod = found(on_a_cluster_that_signs(self.LOGIN, issuer), "Deployment")["spec"]["template"]
            return pod["metadata"]["annotations"]["bedplate.dev/configuration-hash"]

        assert mark("https://one.example.com") != mark("https://two.example.com")

    def test_are_checked_at_the_issuers_port(self) -> None:
        recording = on_a_cluster_that_signs(self.LOGIN, "https://oidc.example.com:6443")
        outside, _ = found(recording, "NetworkPolicy", "issuers")["spec"]["egress"]
        assert [port["port"] for port in outside["ports"]] == [443, 6443]


class TestTheNetwork:
    def policy(self, name: str, login: dict[str, Any] = OKTA) -> dict[str, Any]:
        return found(recorded(login), "NetworkPolicy", name)["spec"]

    def test_lets_the_front_door_alone_ask_the_proxy(self) -> None:
        (rule,) = self.policy("front-door")["ingress"]
        (peer,) = rule["from"]
        assert peer == {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "bedplate-front-door"}}}
        assert [port["port"] for port in rule["ports"]] == [4180]

    def test_lets_the_proxy_alone_ask_the_store(self) -> None:
        recording = recorded(OKTA)
        proxy = found(recording, "Deployment")["spec"]["selector"]["matchLabels"]
        store = found(recording, "StatefulSet", "session-store")["spec"]["selector"]["matchLabels"]
        (rule,) = self.policy("session-store")["ingress"]
        assert rule["from"] == [{"podSelector": {"matchLabels": proxy}}]
        assert self.policy("session-store")["podSelector"] == {"matchLabels": store}
        assert self.policy("sessions")["egress"][0]["to"] == [{"podSelector": {"matchLabels": store}}]

    def test_leads_to_the_issuers_ports_and_never_to_metadata(self) -> None:
        issuer = {"issuerUrl": "https://oidc.example.com:8443", "audience": "ml"}
        outside, front_door = self.policy("issuers", {**OKTA, "tokens": {"issuers": [issuer]}})["egress"]
        assert [port["port"] for port in outside["ports"]] == [443, 8443]
        assert all("169.254.0.0/16" in peer["ipBlock"]["except"] for peer in outside["to"])
        (peer,) = front_door["to"]
        assert peer["namespaceSelector"] == {"matchLabels": {"kubernetes.io/metadata.name": "bedplate-front-door"}}
        assert peer["podSelector"] == {"matchLabels": {"app.kubernetes.io/name": "traefik"}}
        assert [port["port"] for port in front_door["ports"]] == [8443]


class TestTheProxy:
    def test_survives_the_loss_of_a_node_and_an_update(self) -> None:
        spec = found(recorded(OKTA), "Deployment")["spec"]
        assert spec["replicas"] >= 2
        assert spec["strategy"]["rollingUpdate"]["maxUnavailable"] == 0
        budget = found(recorded(OKTA), "PodDisruptionBudget")["spec"]
        assert budget["maxUnavailable"] < spec["replicas"]

    def test_is_not_there_without_the_section(self) -> None:
        names = {body.inputs["metadata"]["name"] for body in objects(record(platform()), "Namespace")}
        assert "bedplate-login" not in names

    def test_finds_its_store_by_the_stores_service(self) -> None:
        recording = record_stack(ROOT / "stacks" / "Pulumi.local.yaml")
        told = tomllib.loads(found(recording, "ConfigMap")["data"]["oauth2-proxy.cfg"])
        host, _, port = urlsplit(told["redis_connection_url"]).netloc.partition(":")
        service = found(recording, "Service", host.split(".")[0])
        assert host == f"{service['metadata']['name']}.{service['metadata']['namespace']}.svc.cluster.local"
        assert int(port) in [each["port"] for each in service["spec"]["ports"]]

    def test_waits_for_its_store_longer_than_the_front_door_waits_for_it(self) -> None:
        told = tomllib.loads(found(recorded(OKTA), "ConfigMap")["data"]["oauth2-proxy.cfg"])
        (retries,) = parse_qs(urlsplit(told["redis_connection_url"]).query)["max_retries"]
        longest_pause_of_the_library, front_door_waits = 0.512, 30
        assert int(retries) * longest_pause_of_the_library > 1.5 * front_door_waits


class TestWhatARouteAsks:
    endpoints = AuthenticationEndpoints(
        issuer="https://login.example.com",
        domain="ml.example.com",
        email_domains=["example.com"],
        end_session_url="https://idp.example.com/logout",
    )

    def test_is_an_address_of_the_proxys_service(self) -> None:
        service = found(recorded(OKTA), "Service")
        for address in (self.endpoints.browser_address(["a"]), self.endpoints.api_address(["a"])):
            assert urlsplit(address).hostname == f"{service['metadata']['name']}.bedplate-login.svc.cluster.local"
            assert urlsplit(address).port in [port["port"] for port in service["spec"]["ports"]]

    def test_names_the_groups_of_which_one_is_enough_however_they_are_written(self) -> None:
        query = parse_qs(urlsplit(self.endpoints.api_address(["ml vision", "a&b=c", "größe"])).query)
        assert query == {"allowed_groups": ["ml vision,a&b=c,größe"], "allowed_email_domains": ["example.com"]}

    @pytest.mark.parametrize("groups", [[], [""], ["a,b"], ["a", "b,"]])
    def test_is_refused_where_it_would_let_in_everybody_or_another_group(self, groups: list[str]) -> None:
        for address in (self.endpoints.browser_address, self.endpoints.api_address):
            with pytest.raises(ValueError, match="needs at least one name"):
                address(groups)
        with pytest.raises(ValueError, match="needs at least one name"):
            self.endpoints.service_account_address(groups)

    def test_ends_at_the_provider_when_somebody_signs_out(self) -> None:
        query = parse_qs(urlsplit(self.endpoints.end_of_session).query)
        assert query == {"rd": ["https://idp.example.com/logout?id_token_hint={id_token}"]}
        assert (
            urlsplit(
                AuthenticationEndpoints(domain="ml.example.com", issuer="https://login.example.com").end_of_session
            ).query
            == ""
        )
