"""The front door as data: what Traefik is told, who may reach what, and that nothing is open by accident."""

from pathlib import Path
from typing import Any, cast

import pytest

from bedplate.clouds import ClusterFacts
from bedplate.engine.engine import Recording
from bedplate.engine.resources import RELEASE_TYPE, Resource
from bedplate.kubernetes import Manifest, RouteSpec
from bedplate.labels import FRONT_DOOR_NAMES, Identity
from bedplate.offers import Sleep
from bedplate.services.front_door.headers import FAMILIES, KEPT, NOT_ANSWERED, WHOLE
from bedplate.services.front_door.routes import RouteArgs, route_parts
from bedplate.services.front_door.traefik import definitions, values
from bedplate.services.front_door.traefik_plugins import sources
from bedplate.services.login.authentication import IDENTITY_HEADERS, AuthenticationEndpoints
from bedplate.services.login.spec import TokensSpec
from bedplate.stack_file.reading import load
from harness import LOGIN, ROOT, STACKS, model_api, objects, platform, record, record_stack, tenant
from upstream import mistakes

FACTS = ClusterFacts(
    kubernetes_version="1.35",
    deleted_storage_class="a",
    retained_storage_class="b",
    load_balancer_annotations={"example.com/scheme": "internet-facing"},
)
IDENTITY = Identity(name="model-api", component="model-api", tenant="vision", workload="scorer")
HEADERS = ("client-headers", "answer-headers")
CLUSTER_AND_CI = {"serviceAccounts": True, "issuers": [{"issuerUrl": "https://ci", "audience": "bedplate"}]}
TOKENS = TokensSpec.model_validate(CLUSTER_AND_CI)
LIMITS = {"guardrails": {"approvedImages": ["ghcr.io/acme/"], "publicRoutes": True}}
INTERNAL = {"certificates": {"issuer": "internal"}}


def parts(access: str, **changes: Any) -> dict[str, Manifest]:
    args: dict[str, Any] = {
        "spec": RouteSpec.model_validate({"access": access}),
        "label": "scorer-vision",
        "host": "scorer-vision.ml.example.com",
        "identity": IDENTITY,
        "namespace": cast(Any, None),
        "namespace_name": "ml-vision",
        "service": "scorer",
        "service_port": 80,
        "port": 9000,
        "front_door": cast(Any, None),
        "authentication": AuthenticationEndpoints(
            domain="ml.example.com", issuer="https://people", tokens=TOKENS, proxy="http://login"
        ),
        "groups": ["ml-vision", "ml-leads"],
    }
    return dict(route_parts(RouteArgs(**{**args, **changes})))


def chain(access: str) -> list[str]:
    (rule,) = parts(access)["ingress-route"]["spec"]["routes"]
    return [reference["name"] for reference in rule["middlewares"]]


PROGRAMS: dict[str, Any] = {
    "access": "api",
    "apiKeys": [{"name": "shop", "sha256": "ab" * 32}, {"name": "app", "sha256": "cd" * 32}],
    "subjects": ["system:serviceaccount:ci:deployer"],
}


def rules_of(route: dict[str, Any], **changes: Any) -> list[tuple[str, list[str]]]:
    """Each rule's match, and its chain."""
    found = parts(route["access"], spec=RouteSpec.model_validate(route), **changes)["ingress-route"]["spec"]["routes"]
    return [(rule["match"], [reference["name"] for reference in rule["middlewares"]]) for rule in found]


def releases(recording: Recording) -> dict[str, Resource]:
    return {found.inputs["name"]: found for found in recording.resources if found.type == RELEASE_TYPE}


def with_route(**changes: Any) -> Recording:
    workload = model_api("scorer", route={"access": "public"})
    return record(platform(tenant("vision", workload, model_api("other")), **INTERNAL, **{**LIMITS, **changes}))


def load_balancers(recording: Recording) -> list[Resource]:
    return [found for found in objects(recording, "Service") if found.inputs["spec"]["type"] == "LoadBalancer"]


def needs(recording: Recording, urn: str) -> set[str]:
    """All that must be there before it."""
    found, waiting = set[str](), [urn]
    while waiting:
        resource = recording.by_urn()[waiting.pop()]
        waiting += {*resource.dependencies, *([resource.provider] if resource.provider else [])} - found
        found |= set(waiting)
    return found


def on_a_cluster_with(**facts: Any) -> Recording:
    written = platform(**INTERNAL, layers=["services"])
    cloud = {key: value for key, value in written["cloud"].items() if key != "storageClasses"}
    known = {"kubernetesVersion": "1.35", "deletedStorageClass": "a", "retainedStorageClass": "b"}
    return record({**written, "cloud": {**cloud, "facts": {**known, **facts}}})


def checks_of(rule: dict[str, Any]) -> list[str]:
    """Names of its middlewares, in their order."""
    return [each["name"] for each in rule["middlewares"]]


class TestTheLoadBalancer:
    def test_is_not_waited_for_where_nobody_may_give_it_an_address(self) -> None:
        recording = on_a_cluster_with()
        (found,) = load_balancers(recording)
        assert found.inputs["metadata"]["annotations"] == {"pulumi.com/skipAwait": "true"}
        assert recording.outputs["frontDoor"] == {"hosts": "*.ml.example.com", "address": ""}

    def test_is_waited_for_where_it_is_sure_to_get_one(self) -> None:
        recording = on_a_cluster_with(hasLoadBalancers=True, loadBalancerAnnotations={"example.com/scheme": "public"})
        (found,) = load_balancers(recording)
        assert found.inputs["metadata"]["annotations"] == {"example.com/scheme": "public"}
        assert recording.outputs["frontDoor"]["address"] == "192.0.2.10"

    @pytest.mark.parametrize("file", [file for file in STACKS if load(file).spec.cloud.owns_cluster])
    def test_goes_after_the_record_that_leads_to_it_and_before_the_network(self, file: Path) -> None:
        """What needs what goes first; a network whose load balancer is still there cannot be deleted."""
        recording = record_stack(file)
        door = "bedplate-front-door"
        (found,) = (each for each in load_balancers(recording) if each.inputs["metadata"]["namespace"] == door)
        (hosts,) = (each for each in recording.resources if each.name == "platform-cluster-hosts")
        assert found.urn in hosts.dependencies
        needed = {recording.by_urn()[urn].name for urn in needs(recording, found.urn)}
        assert [name for name in needed if name.startswith("platform-cluster-network-")]
        assert [name for name in needed if name.startswith("platform-cluster-pool-")]
        assert not [name for name in needed if name == hosts.name]

    def test_is_no_part_of_a_stack_without_certificates(self) -> None:
        recording = record(platform())
        assert load_balancers(recording) == []
        assert "frontDoor" not in recording.outputs


class TestTraefik:
    def test_outlives_a_node_and_drains_before_it_is_killed(self) -> None:
        told = values()
        (entry_point,) = (port for name, port in told["ports"].items() if name == "websecure")
        lifecycle = entry_point["transport"]["lifeCycle"]
        seconds = sum(int(value.removesuffix("s")) for value in lifecycle.values())
        assert told["deployment"]["replicas"] > 1
        assert told["podDisruptionBudget"] == {"enabled": True, "maxUnavailable": 1}
        assert told["deployment"]["terminationGracePeriodSeconds"] > seconds

    def test_may_be_critical_twice_over_while_it_is_updated(self) -> None:
        quotas = objects(record(platform(**INTERNAL)), "ResourceQuota")
        (quota,) = (found for found in quotas if found.inputs["metadata"]["namespace"] == "bedplate-front-door")
        assert int(quota.inputs["spec"]["hard"]["pods"]) >= 2 * values()["deployment"]["replicas"]

    def test_is_reached_by_the_chart_s_own_pods_and_entry_points(self) -> None:
        told, (found,) = values(), load_balancers(record(platform(**INTERNAL)))
        spec = found.inputs["spec"]
        assert told["service"] == {"enabled": False}
        assert found.inputs["metadata"]["name"] == "traefik"
        assert [spec["selector"]] == [
            spread["labelSelector"]["matchLabels"] for spread in told["topologySpreadConstraints"][:1]
        ]
        ports = {port["targetPort"]: port["port"] for port in spec["ports"]}
        assert ports == {"web": 80, "websecure": 443}
        assert set(ports) <= set(told["ports"])
        assert (spec["type"], spec["externalTrafficPolicy"]) == ("LoadBalancer", "Local")

    def test_has_an_address_only_once_it_runs(self) -> None:
        recording = record(platform(**INTERNAL))
        (found,) = load_balancers(recording)
        assert releases(recording)["traefik"].urn in found.dependencies

    def test_rolls_when_a_plugin_changes(self, monkeypatch: pytest.MonkeyPatch) -> None:
        before = values()["deployment"]["podAnnotations"]
        other = {module: {**files, "main.go": "package other"} for module, files in sources().items()}
        monkeypatch.setattr("bedplate.services.front_door.traefik_plugins.sources", lambda: other)
        assert values()["deployment"]["podAnnotations"] != before

    def test_comes_after_the_kinds_and_the_rights_that_it_needs(self) -> None:
        recording = record(platform(**INTERNAL))
        found = releases(recording)
        names = [recording.by_urn()[urn].name for urn in found["traefik"].dependencies]
        kinds = {body["spec"]["names"]["plural"] for body in definitions()}
        assert {f"platform-front-door-definitions-{plural}" for plural in kinds} <= set(names)
        assert {"platform-front-door-clusterrole", "platform-front-door-clusterrolebinding"} <= set(names)

    def test_may_only_read(self) -> None:
        (role,) = (
            found
            for found in objects(record(platform(**INTERNAL)), "ClusterRole")
            if found.inputs["metadata"]["name"] == "bedplate-traefik"
        )
        assert {verb for rule in role.inputs["rules"] for verb in rule["verbs"]} == {"get", "list", "watch"}
        assert not [rule for rule in role.inputs["rules"] if "*" in rule["resources"] + rule["apiGroups"]]

    def test_takes_all_charts_from_the_mirror_of_the_stack(self) -> None:
        recording = record(platform(**INTERNAL, charts={"source": "oci://mirror.example.com/charts"}))
        assert {found.inputs["chart"] for found in releases(recording).values()} == {
            f"oci://mirror.example.com/charts/{name}" for name in ("cert-manager", "traefik")
        }

    def test_serves_the_certificate_that_is_asked_for(self) -> None:
        recording = record(platform(**INTERNAL))
        (store,) = objects(recording, "TLSStore")
        (secret,) = store.inputs["spec"]["certificates"]
        wildcards = [found for found in objects(recording, "Certificate") if "dnsNames" in found.inputs["spec"]]
        assert [secret["secretName"]] == [found.inputs["spec"]["secretName"] for found in wildcards]
        assert store.inputs["metadata"]["namespace"] == wildcards[0].inputs["metadata"]["namespace"]


class TestARoute:
    @pytest.mark.parametrize(("access", "path"), [("browser", "/"), ("api", "/oauth2/auth")])
    def test_asks_the_login_for_the_tenants_groups(self, access: str, path: str) -> None:
        asked = parts(access)["login"]["spec"]["forwardAuth"]
        assert asked["address"] == f"http://login{path}?allowed_groups=ml-vision,ml-leads"
        assert asked["trustForwardHeader"] is False

    @pytest.mark.parametrize("access", ["browser", "api"])
    def test_drops_what_clients_say_before_the_login_and_credentials_after_it(self, access: str) -> None:
        found = chain(access)
        assert found[:5] == [*HEADERS, "own-pages", "provider-tokens", "scorer-vision-login"]
        assert set(found[5:]) == {"scorer-vision-filter", "scorer-vision-concurrency", "credentials"}

    def test_for_everybody_asks_no_login_and_still_hides_the_session(self) -> None:
        assert chain("public") == [*HEADERS, "scorer-vision-filter", "scorer-vision-concurrency"]

    @pytest.mark.parametrize("access", ["browser", "api"])
    @pytest.mark.parametrize(("missing", "said"), [({"authentication": None}, "login"), ({"groups": []}, "groups")])
    def test_is_not_made_where_nobody_could_be_asked_or_everybody_would_do(
        self, access: str, missing: dict[str, Any], said: str
    ) -> None:
        with pytest.raises(ValueError, match=said):
            parts(access, **missing)

    @pytest.mark.parametrize("access", ["browser", "api", "public"])
    def test_to_what_sleeps_says_so_to_whoever_was_let_in(self, access: str) -> None:
        """Last in the chain: the login and the limits stand before it."""
        assert "starting" not in chain(access)
        (rule,) = parts(access, sleep=Sleep())["ingress-route"]["spec"]["routes"]
        assert [reference["name"] for reference in rule["middlewares"]] == [*chain(access), "starting"]

    def test_counts_what_open_pages_poll_under_another_name_and_checks_it_alike(self) -> None:
        found = parts("api", spec=RouteSpec.model_validate(PROGRAMS), sleep=Sleep(polling_paths=["/api/status", "/h$"]))
        counted, polling = found["ingress-route"]["spec"]["routes"], found["polling-route"]["spec"]["routes"]
        assert found["polling-route"]["metadata"]["name"] == "scorer-vision.polling"
        # The last one tells nobody: what pages ask by themselves starts nothing.
        assert [checks_of(rule) for rule in polling] == [[*checks_of(rule)[:-1], "asleep"] for rule in counted]
        assert {checks_of(rule)[-1] for rule in counted} == {"starting"}
        unlike = {"match": "", "middlewares": []}
        assert [{**rule, **unlike} for rule in polling] == [{**rule, **unlike} for rule in counted]
        paths = " && Method(`GET`) && (PathRegexp(`^(?:/api/status)`) || PathRegexp(`^(?:/h$)`))"
        assert [rule["match"] for rule in polling] == [rule["match"] + paths for rule in counted]

    def test_counts_what_open_pages_send_by_themselves_under_another_name_too(self) -> None:
        sleep = Sleep(polling_paths=["/api/status", "PUT /lab/"])
        (rule,) = parts("browser", sleep=sleep)["polling-route"]["spec"]["routes"]
        asked, sent = (
            "Method(`GET`) && (PathRegexp(`^(?:/api/status)`))",
            "Method(`PUT`) && (PathRegexp(`^(?:/lab/)`))",
        )
        assert rule["match"].endswith(f" && (({asked}) || ({sent}))")

    @pytest.mark.parametrize("sleep", [None, Sleep()])
    def test_has_no_second_name_where_nothing_is_polled(self, sleep: Sleep | None) -> None:
        assert "polling-route" not in parts("api", sleep=sleep)

    @pytest.mark.parametrize("access", ["browser", "api", "public"])
    def test_uses_only_middlewares_that_are_made(self, access: str) -> None:
        found = objects(record(platform(login=LOGIN, **INTERNAL)), "Middleware")
        shared = {middleware.inputs["metadata"]["name"] for middleware in found}
        own = {part["metadata"]["name"] for part in parts(access).values() if part["kind"] == "Middleware"}
        assert {*chain(access), "starting"} <= shared | own

    def test_lets_traefik_alone_in_to_the_workload_on_its_one_port(self) -> None:
        policy = parts("browser")["network-policy"]
        (rule,) = policy["spec"]["ingress"]
        (peer,) = rule["from"]
        assert rule["ports"] == [{"protocol": "TCP", "port": 9000}]
        assert peer["namespaceSelector"]["matchLabels"] == {"kubernetes.io/metadata.name": "bedplate-front-door"}
        assert peer["podSelector"]["matchLabels"] == {"app.kubernetes.io/name": "traefik"}
        assert policy["spec"]["podSelector"]["matchLabels"] == IDENTITY.selector()

    def test_checks_each_sort_of_caller_in_its_own_way_and_everybody_else_at_the_login(self) -> None:
        rules = rules_of(PROGRAMS)
        assert [chain[2:-3] for _, chain in rules] == [
            ["scorer-vision-api-keys"],
            ["scorer-vision-subject-tokens", "scorer-vision-subjects"],
            ["own-pages", "provider-tokens", "scorer-vision-login"],
        ]
        assert all(match.startswith("Host(`scorer-vision.ml.example.com`)") for match, _ in rules)
        assert all("`Authorization`, `^(?i:bearer) " in match for match, _ in rules[:-1])
        assert sorted(rules, key=lambda rule: -len(rule[0]))[-1][0] == "Host(`scorer-vision.ml.example.com`)"

    def test_has_the_same_limits_for_every_sort_of_caller(self) -> None:
        chains = [chain for _, chain in rules_of(PROGRAMS)]
        assert {tuple(chain[:2]) for chain in chains} == {HEADERS}
        limits = ("scorer-vision-filter", "scorer-vision-concurrency", "credentials")
        assert {tuple(chain[-3:]) for chain in chains} == {limits}

    def test_asks_the_login_for_named_accounts_without_their_groups(self) -> None:
        found = parts("api", spec=RouteSpec.model_validate(PROGRAMS))
        asked = found["subjects"]["spec"]["forwardAuth"]["address"]
        assert asked == "http://login/oauth2/auth?allowed_emails=system%3Aserviceaccount%3Aci%3Adeployer"

    def test_takes_each_subject_from_the_one_issuer_that_may_call_somebody_so(self) -> None:
        def named(tokens: dict[str, Any], **route: Any) -> dict[str, Any]:
            asked = AuthenticationEndpoints(
                domain="ml.example.com", issuer="https://people", tokens=TokensSpec.model_validate(tokens)
            )
            spec = RouteSpec.model_validate({"access": "api", **route})
            (settings,) = parts("api", spec=spec, authentication=asked)["subject-tokens"]["spec"]["plugin"].values()
            assert settings["refuses"] is True
            return settings

        account, pipeline = "system:serviceaccount:ci:deployer", "project_path:acme/shop"
        both = named(CLUSTER_AND_CI, subjects=[account, pipeline])
        assert both["subjects"] == {"*": [account], "https://ci": [pipeline]}
        assert both["known"] == ["https://people", "https://ci"]
        stated = named(CLUSTER_AND_CI, subjects=[account], subjectsIssuer="https://ci")
        assert stated["subjects"] == {"https://ci": [account]}
        elsewhere = named({**CLUSTER_AND_CI, "serviceAccounts": False}, subjects=[account])
        assert elsewhere["subjects"] == {"https://ci": [account]}
        two = [*CLUSTER_AND_CI["issuers"], {"issuerUrl": "https://other", "audience": "bedplate"}]
        with pytest.raises(ValueError, match="unpack"):
            named({"issuers": two}, subjects=[pipeline])

    def test_holds_the_hashes_of_keys_and_tells_who_called(self) -> None:
        (settings,) = parts("api", spec=RouteSpec.model_validate(PROGRAMS))["api-keys"]["spec"]["plugin"].values()
        assert settings == {
            "prefix": "bedplate_",
            "userHeader": "X-Auth-Request-User",
            "sha256": {"shop": "ab" * 32, "app": "cd" * 32},
        }

    def test_with_keys_needs_no_login_and_lets_nobody_in_without_one(self) -> None:
        spec = RouteSpec.model_validate({"access": "api", "apiKeys": PROGRAMS["apiKeys"]})
        ((match, chain),) = rules_of(spec.model_dump(by_alias=True), authentication=None)
        assert match == "Host(`scorer-vision.ml.example.com`)"
        assert chain[2] == "scorer-vision-api-keys"

    def test_has_its_limits(self) -> None:
        limits = {"access": "public", "maxBodyMib": 2, "answerSeconds": 7, "maxConcurrent": 9}
        found = parts("public", spec=RouteSpec.model_validate(limits))
        (settings,) = found["filter"]["spec"]["plugin"].values()
        assert settings["maxBodyBytes"] == 2 * 1024 * 1024
        assert found["timeouts"]["spec"]["forwardingTimeouts"]["responseHeaderTimeout"] == "7s"
        assert found["concurrency"]["spec"]["inFlightReq"] == {"amount": 9}


class TestHeadersThatSpeakForThePlatform:
    def test_stand_in_the_guide(self) -> None:
        guide = (ROOT / "docs" / "guides" / "routes.md").read_text()
        assert [family for family in FAMILIES if f"`{family}`" not in guide] == []
        assert [name for name in WHOLE if f"`{name}`" not in guide] == []
        assert [name for name in NOT_ANSWERED if f"| `{name}" not in guide] == []

    def test_are_none_of_what_the_front_door_writes(self) -> None:
        assert [name for name in KEPT if not name.startswith(tuple(FAMILIES))] == []
        assert [name for name in IDENTITY_HEADERS if not name.startswith(tuple(FAMILIES))] == []


class TestUpstreamsSchema:
    @pytest.mark.parametrize("route", [{"access": "browser"}, {"access": "public"}, PROGRAMS])
    def test_admits_every_part_of_a_route(self, route: dict[str, Any]) -> None:
        found = parts(route["access"], spec=RouteSpec.model_validate(route))
        custom = [part for part in found.values() if part["apiVersion"] == "traefik.io/v1alpha1"]
        assert {part["kind"] for part in custom} == {"IngressRoute", "Middleware", "ServersTransport"}
        assert [mistake for part in custom for mistake in mistakes(part)] == []

    @pytest.mark.parametrize(
        ("suffix", "change", "said"),
        [
            ("ingress-route", {"routes": [{"kind": "Rule"}]}, "'match' is a required property"),
            ("ingress-route", {"entrypoints": ["websecure"]}, "'entrypoints' was unexpected"),
            ("login", {"forwardAuth": {"address": ["http://login"]}}, "is not of type 'string'"),
            ("login", {"forwardauth": {}}, "'forwardauth' was unexpected"),
            ("filter", {"plugin": ["requestfilter"]}, "is not of type 'object'"),
            ("concurrency", {"inFlightReq": {"amount": "many"}}, "is not of type 'integer'"),
            ("timeouts", {"forwardingTimeouts": {"answerTimeout": "5s"}}, "'answerTimeout' was unexpected"),
        ],
    )
    def test_refuses_a_wrong_one(self, suffix: str, change: dict[str, Any], said: str) -> None:
        part = parts("browser")[suffix]
        assert said in "\n".join(mistakes({**part, "spec": {**part["spec"], **change}}))


class TestARouteInAStack:
    def test_stands_where_no_tenant_may_write(self) -> None:
        found = {kind: objects(with_route(), kind) for kind in ("IngressRoute", "Middleware")}
        assert all(found.values())
        namespaces = {body.inputs["metadata"]["namespace"] for bodies in found.values() for body in bodies}
        assert namespaces == {"bedplate-front-door"}

    def test_can_have_no_name_that_the_platform_itself_has_there(self) -> None:
        """The names that `check` keeps from workloads are all that there are, and no others."""
        recording = record(platform(**INTERNAL, login=LOGIN))
        own = [body for kind in ("IngressRoute", "Middleware") for body in objects(recording, kind)]
        assert sorted(body.inputs["metadata"]["name"] for body in own) == sorted(FRONT_DOOR_NAMES)

    def test_leads_to_the_workloads_service_at_its_own_host(self) -> None:
        (found,) = objects(with_route(tenantPrefix="ml-"), "IngressRoute")
        (rule,) = found.inputs["spec"]["routes"]
        assert rule["match"] == "Host(`scorer-vision.ml.example.com`)"
        (service,) = rule["services"]
        assert (service["name"], service["namespace"]) == ("scorer", "ml-vision")

    def test_answers_at_the_host_that_it_names(self) -> None:
        workload = model_api("scorer", route={"access": "public", "host": "score.ml.example.com"})
        (found,) = objects(record(platform(tenant("vision", workload), **INTERNAL, **LIMITS)), "IngressRoute")
        assert found.inputs["spec"]["routes"][0]["match"] == "Host(`score.ml.example.com`)"

    def test_is_only_there_where_it_is_asked_for(self) -> None:
        recording = record(platform(tenant("vision", model_api("scorer")), **INTERNAL))
        assert objects(recording, "IngressRoute") == []
        assert not [found for found in objects(recording, "NetworkPolicy") if "-route" in found.name]

    def test_holds_up_nothing_else_of_its_tenant(self) -> None:
        recording = with_route()
        for resource in objects(recording):
            if "front-door" in str(resource.dependencies) and "scorer" in resource.name:
                assert "-route-" in resource.name

    @pytest.mark.parametrize("file", STACKS, ids=lambda file: file.stem)
    def test_is_open_to_everybody_only_where_the_guardrails_say_so(self, file: Any) -> None:
        recording = record_stack(file)
        open_ones = [
            found.inputs["metadata"]["name"]
            for found in objects(recording, "IngressRoute")
            if not any(
                reference["name"].endswith("-login")
                for rule in found.inputs["spec"]["routes"]
                for reference in rule["middlewares"]
            )
        ]
        assert set(open_ones) == {"sign-in", *(["eta-routing"] if file.stem == "Pulumi.local" else [])}


@pytest.mark.parametrize("file", STACKS, ids=lambda file: file.stem)
def test_people_sign_in_at_one_host_that_leads_to_the_login_alone(file: Any) -> None:
    recording = record_stack(file)
    (route,) = (found.inputs for found in objects(recording, "IngressRoute") if "sign-in" in found.name)
    domain = recording.outputs["domain"]
    matches = [rule["match"] for rule in route["spec"]["routes"]]
    assert matches == [
        f"Host(`auth.{domain}`) && PathPrefix(`/oauth2/`)",
        f"Host(`auth.{domain}`) && Path(`/sign-out`)",
    ]
    services = [service for rule in route["spec"]["routes"] for service in rule["services"]]
    assert {(service["name"], service["namespace"]) for service in services} == {("oauth2-proxy", "bedplate-login")}


def test_signing_out_leads_to_the_end_of_the_session_here_and_at_the_provider() -> None:
    login = {**LOGIN, "logoutUrl": "https://login.example.com/logout"}
    recording = record(platform(certificates={"issuer": "internal"}, login=login))
    (redirection,) = (
        found.inputs["spec"]["redirectRegex"]
        for found in objects(recording, "Middleware")
        if found.inputs["metadata"]["name"] == "sign-out"
    )
    ended_at = "https%3A%2F%2Flogin.example.com%2Flogout%3Fid_token_hint%3D%7Bid_token%7D"
    assert redirection["replacement"] == f"https://auth.ml.example.com/oauth2/sign_out?rd={ended_at}"
    assert redirection["permanent"] is False


@pytest.mark.parametrize(
    ("access", "asked"), [("browser", "/?allowed_groups="), ("api", "/oauth2/auth?allowed_groups=")]
)
def test_a_route_behind_the_login_asks_for_the_tenants_groups(access: str, asked: str) -> None:
    api = model_api("scorer", route={"access": access})
    data = platform(tenant("vision", api), certificates={"issuer": "internal"}, login=LOGIN)
    (login,) = (
        found.inputs["spec"]["forwardAuth"]
        for found in objects(record(data), "Middleware")
        if "forwardAuth" in found.inputs["spec"] and found.inputs["metadata"]["name"].startswith("scorer-vision")
    )
    assert login["address"] == f"http://oauth2-proxy.bedplate-login.svc.cluster.local:4180{asked}ml-vision"
