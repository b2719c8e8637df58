"""Certificates: who issues, what stands in the stack file, and what cert-manager is told."""

from pathlib import Path
from typing import Any, ClassVar

import pytest
from ruamel.yaml import YAML

from bedplate.clouds import ClusterFacts
from bedplate.clouds.facts import WorkloadIdentity
from bedplate.engine.engine import Recording
from bedplate.engine.resources import RELEASE_TYPE, Resource
from bedplate.errors import RehearsalError
from bedplate.rehearsal.definitions import provided_by_others
from bedplate.services.certificates.cert_manager import values
from bedplate.stack_file.reading import StackFileError, load, load_for_program
from harness import LOGIN, ROOT, STACKS, model_api, nobody, objects, platform, record, tenant

FACTS = ClusterFacts(kubernetes_version="1.35", deleted_storage_class="a", retained_storage_class="b")
LETS_ENCRYPT = {"issuer": "letsEncrypt", "email": "ines@example.com"}


def read(file: Path) -> dict[str, Any]:
    config: dict[str, Any] = YAML(typ="safe").load(file)["config"]["bedplate:platform"]
    return {key: value for key, value in config.items() if key != "tenantsDir"}


def on_aws(certificates: dict[str, Any]) -> Recording:
    config = read(ROOT / "stacks" / "Pulumi.aws.yaml")
    return record({**nobody(config), "certificates": certificates})


def specs(recording: Recording, kind: str) -> dict[str, Any]:
    return {found.inputs["metadata"]["name"]: found.inputs["spec"] for found in objects(recording, kind)}


def releases(recording: Recording) -> list[Resource]:
    return [found for found in recording.resources if found.type == RELEASE_TYPE]


def release_of(recording: Recording, name: str) -> Resource:
    (release,) = (found for found in releases(recording) if found.inputs["name"] == name)
    return release


def release_values(recording: Recording, name: str) -> dict[str, Any]:
    return release_of(recording, name).inputs["values"]


def cert_manager(recording: Recording) -> Resource:
    """Its release."""
    return release_of(recording, "cert-manager")


def mistakes(**changes: Any) -> list[tuple[str, str]]:
    with pytest.raises(StackFileError) as raised:
        load_for_program(platform(**changes), Path("missing.yaml"))
    return [(problem.path, problem.message) for problem in raised.value.problems]


class TestWithoutTheSection:
    def test_nothing_is_installed(self) -> None:
        recording = record(platform())
        assert not [resource for resource in recording.resources if resource.type == RELEASE_TYPE]
        assert not objects(recording, "Certificate")


class TestLetsEncrypt:
    def test_proves_the_domain_by_the_clouds_own_zone(self) -> None:
        (acme,) = (spec["acme"] for spec in specs(on_aws(LETS_ENCRYPT), "ClusterIssuer").values())
        assert acme["server"] == "https://acme-v02.api.letsencrypt.org/directory"
        assert acme["email"] == "ines@example.com"
        (solver,) = acme["solvers"]
        assert solver["selector"] == {"dnsZones": ["ml.nordwind.example"]}
        assert solver["dns01"]["route53"].keys() == {"hostedZoneID", "region"}

    def test_of_staging_is_another_issuer_with_another_account(self) -> None:
        recording = on_aws({**LETS_ENCRYPT, "environment": "staging"})
        ((name, spec),) = specs(recording, "ClusterIssuer").items()
        assert spec["acme"]["server"] == "https://acme-staging-v02.api.letsencrypt.org/directory"
        assert spec["acme"]["privateKeySecretRef"]["name"] != "bedplate-letsencrypt-account"
        assert specs(recording, "Certificate")["wildcard"]["issuerRef"]["name"] == name

    @pytest.mark.parametrize("file", STACKS, ids=lambda file: file.stem)
    def test_is_to_be_had_on_every_cloud_that_owns_a_zone(self, file: Path) -> None:
        """The stack file is refused by what the cloud's spec says, and the program runs on the cloud's facts."""
        platform_of = {**nobody(read(file)), "certificates": LETS_ENCRYPT}
        if load(file).spec.cloud.owns_dns_zone():
            assert specs(record(platform_of), "ClusterIssuer")
        else:
            with pytest.raises(RehearsalError, match="DNS zone"):
                record(platform_of)

    def test_needs_a_zone_that_the_platform_owns(self) -> None:
        ((path, message),) = mistakes(certificates=LETS_ENCRYPT)
        assert path == "certificates.issuer"
        assert "only in its DNS zone" in message


class TestTheInternalAuthority:
    def test_signs_itself_and_then_the_hosts(self) -> None:
        recording = record(platform(certificates={"issuer": "internal"}))
        certificates, issuers = specs(recording, "Certificate"), specs(recording, "ClusterIssuer")
        authority = certificates["bedplate-internal-authority"]
        assert authority["isCA"] is True
        assert authority["issuerRef"]["name"] in specs(recording, "Issuer")
        assert issuers["bedplate-internal"]["ca"]["secretName"] == authority["secretName"]
        assert certificates["wildcard"]["issuerRef"]["name"] == "bedplate-internal"

    def test_is_where_cert_manager_looks_for_it(self) -> None:
        """A ClusterIssuer's secrets are read from cert-manager's own namespace."""
        recording = record(platform(certificates={"issuer": "internal"}))
        release = cert_manager(recording)
        (authority,) = (
            found.inputs["metadata"]["namespace"]
            for found in objects(recording, "Certificate")
            if found.inputs["spec"].get("isCA")
        )
        assert authority == release.inputs["namespace"]

    def test_keeps_its_key_while_hosts_change_theirs(self) -> None:
        certificates = specs(record(platform(certificates={"issuer": "internal"})), "Certificate")
        rotation = {name: spec["privateKey"]["rotationPolicy"] for name, spec in certificates.items()}
        assert rotation == {"bedplate-internal-authority": "Never", "wildcard": "Always"}


class TestAnIssuerOfYourOwn:
    def test_is_named_and_not_made(self) -> None:
        recording = record(platform(certificates={"issuer": "clusterIssuer", "name": "corporate"}))
        assert objects(recording, "ClusterIssuer") == []
        reference = specs(recording, "Certificate")["wildcard"]["issuerRef"]
        assert reference == {"name": "corporate", "kind": "ClusterIssuer", "group": "cert-manager.io"}


class TestTheWildcard:
    def test_serves_every_host_of_the_domain_at_the_front_door(self) -> None:
        (wildcard,) = (
            found
            for found in objects(record(platform(certificates={"issuer": "internal"})), "Certificate")
            if not found.inputs["spec"].get("isCA")
        )
        assert wildcard.inputs["metadata"]["namespace"] == "bedplate-front-door"
        assert wildcard.inputs["spec"]["dnsNames"] == ["*.ml.example.com"]

    def test_goes_before_cert_manager_does(self) -> None:
        """A challenge under way holds up its namespace until cert-manager ends it."""
        recording = record(platform(certificates={"issuer": "internal"}))
        release = cert_manager(recording)
        (namespace,) = (
            found
            for found in objects(recording, "Namespace")
            if found.inputs["metadata"]["name"] == "bedplate-front-door"
        )
        assert release.urn in namespace.dependencies

    def test_holds_up_no_tenant(self) -> None:
        recording = record(platform(certificates={"issuer": "internal"}))
        assert not [
            resource
            for resource in objects(recording)
            if "bedplate.dev/tenant" in resource.inputs["metadata"]["labels"]
            and any("certificates" in urn for urn in resource.dependencies)
        ]


class TestACertificateForEachHost:
    @staticmethod
    def recording(**certificates: Any) -> Recording:
        scorer = model_api("scorer", route={"access": "browser"})
        settings = {"issuer": "internal", "mode": "perHost", **certificates}
        return record(platform(tenant("vision", scorer, model_api("other")), certificates=settings, login=LOGIN))

    def test_names_that_host_alone_and_nobody_has_a_wildcard(self) -> None:
        found = specs(self.recording(), "Certificate")
        assert {name: spec["dnsNames"] for name, spec in found.items() if not spec.get("isCA")} == {
            "auth": ["auth.ml.example.com"],
            "scorer-vision": ["scorer-vision.ml.example.com"],
        }
        assert "*" not in str(found)

    def test_is_the_one_that_the_hosts_route_is_served_with(self) -> None:
        recording = self.recording()
        secrets = {
            spec["secretName"]: spec["dnsNames"]
            for spec in specs(recording, "Certificate").values()
            if "dnsNames" in spec
        }
        routes = specs(recording, "IngressRoute").values()
        assert len(routes) == 2
        for spec in routes:
            hosts = {rule["match"].split("`")[1] for rule in spec["routes"]}
            assert hosts == set(secrets[spec["tls"]["secretName"]])

    def test_stands_where_the_route_does_and_belongs_to_whom_the_route_does(self) -> None:
        recording = self.recording()
        (route,) = (
            found for found in objects(recording, "IngressRoute") if found.name.endswith("scorer-route-ingress-route")
        )
        (own,) = (
            found for found in objects(recording, "Certificate") if found.name.endswith("scorer-route-certificate")
        )
        assert own.parent == route.parent
        assert own.inputs["metadata"]["namespace"] == route.inputs["metadata"]["namespace"] == "bedplate-front-door"
        assert own.inputs["metadata"]["labels"] == route.inputs["metadata"]["labels"]

    def test_holds_up_no_route(self) -> None:
        """A route is taken down neither before its certificate is there nor while another takes its place."""
        recording = self.recording()
        certificates = {found.urn for found in objects(recording, "Certificate")}
        assert not [
            found.name for found in objects(recording, "IngressRoute") if certificates & set(found.dependencies)
        ]

    def test_is_what_an_issuer_of_your_own_gives(self) -> None:
        found = specs(self.recording(issuer="clusterIssuer", name="corporate"), "Certificate")
        assert {spec["issuerRef"]["name"] for spec in found.values()} == {"corporate"}


class TestProofOverHttp:
    SETTINGS: ClassVar[dict[str, Any]] = {**LETS_ENCRYPT, "mode": "perHost", "challenge": "http01"}

    def test_needs_no_zone(self) -> None:
        recording = record(platform(certificates=self.SETTINGS))
        ((_, spec),) = specs(recording, "ClusterIssuer").items()
        (solver,) = spec["acme"]["solvers"]
        assert solver["selector"] == {"dnsZones": ["ml.example.com"]}
        assert solver.keys() == {"selector", "http01"}

    def test_is_answered_at_port_80_of_traefik_and_on_no_port_of_a_node(self) -> None:
        (spec,) = specs(record(platform(certificates=self.SETTINGS)), "ClusterIssuer").values()
        ingress = spec["acme"]["solvers"][0]["http01"]["ingress"]
        told = release_values(record(platform(certificates=self.SETTINGS)), "traefik")
        provider = told["providers"]["kubernetesIngress"]
        assert ingress["class"] == provider["ingressClass"]
        assert ingress["serviceType"] == "ClusterIP"
        annotations = ingress["ingressTemplate"]["metadata"]["annotations"]
        assert annotations["traefik.ingress.kubernetes.io/router.entrypoints"] == "web"
        assert told["ports"]["web"]["allowACMEByPass"] is True
        assert provider["namespaces"] == ["bedplate-front-door"]

    @pytest.mark.parametrize("settings", [{"issuer": "internal"}, {"issuer": "internal", "mode": "perHost"}])
    def test_is_the_only_reason_for_traefik_to_read_ingresses(self, settings: dict[str, Any]) -> None:
        recording = record(platform(certificates=settings))
        told = release_values(recording, "traefik")
        assert told["providers"]["kubernetesIngress"] == {"enabled": False}
        assert "allowACMEByPass" not in told["ports"]["web"]
        roles = [*objects(recording, "Role"), *objects(recording, "ClusterRole")]
        assert "ingresses" not in str([role.inputs["rules"] for role in roles])

    def test_reads_ingresses_of_the_front_door_alone(self) -> None:
        recording = record(platform(certificates=self.SETTINGS))
        readers = [
            role.inputs
            for role in [*objects(recording, "Role"), *objects(recording, "ClusterRole")]
            if "ingresses" in str(role.inputs["rules"])
        ]
        ((role),) = readers
        assert (role["kind"], role["metadata"]["namespace"]) == ("Role", "bedplate-front-door")
        release = release_of(recording, "traefik")
        assert {found.urn for found in objects(recording, "RoleBinding") if "front-door" in found.name} <= set(
            release.dependencies
        )

    def test_lets_traefik_alone_reach_what_answers_and_cert_manager_look_at_hosts(self) -> None:
        recording = record(platform(certificates=self.SETTINGS))
        policies = {
            (found.inputs["metadata"]["namespace"], found.inputs["metadata"]["name"]): found.inputs["spec"]
            for found in objects(recording, "NetworkPolicy")
        }
        answering = policies["bedplate-front-door", "challenges"]
        assert answering["podSelector"] == {"matchLabels": {"acme.cert-manager.io/http01-solver": "true"}}
        (rule,) = answering["ingress"]
        assert rule["from"] == [{"podSelector": {"matchLabels": {"app.kubernetes.io/name": "traefik"}}}]
        assert rule["ports"] == [{"protocol": "TCP", "port": 8089}]
        outward, inward = policies["bedplate-certificates", "checks"]["egress"]
        assert outward["ports"] == [{"protocol": "TCP", "port": 80}]
        assert "169.254.0.0/16" in outward["to"][0]["ipBlock"]["except"]
        told = release_values(recording, "traefik")
        assert [port["port"] for port in inward["ports"]] == [told["ports"]["web"]["port"]]

    def test_opens_nothing_where_records_prove(self) -> None:
        names = {found.inputs["metadata"]["name"] for found in objects(on_aws(LETS_ENCRYPT), "NetworkPolicy")}
        assert not names & {"challenge-solvers", "checks"}


class TestSomebodyElsesCertManager:
    PROVIDED: ClassVar[dict[str, Any]] = {"issuer": "internal", "certManager": {"provided": True}}

    def test_is_not_installed_and_has_no_namespace_of_ours(self) -> None:
        recording = record(platform(certificates=self.PROVIDED))
        assert "cert-manager" not in {found.inputs["name"] for found in releases(recording)}
        namespaces = {found.inputs["metadata"]["name"] for found in objects(recording, "Namespace")}
        assert "bedplate-front-door" in namespaces
        assert not namespaces & {"cert-manager", "bedplate-certificates"}

    @pytest.mark.parametrize(("changes", "namespace"), [({}, "cert-manager"), ({"namespace": "pki"}, "pki")])
    def test_finds_the_authority_where_it_looks_for_it(self, changes: dict[str, str], namespace: str) -> None:
        settings = {**self.PROVIDED, "certManager": {"provided": True, **changes}}
        recording = record(platform(certificates=settings))
        found = {kind: objects(recording, kind) for kind in ("Certificate", "Issuer")}
        authority = next(one for one in found["Certificate"] if one.inputs["spec"].get("isCA"))
        assert authority.inputs["metadata"]["namespace"] == namespace
        assert [one.inputs["metadata"]["namespace"] for one in found["Issuer"]] == [namespace]
        # Nothing else of theirs is called as ours.
        assert all(one.inputs["metadata"]["name"].startswith("bedplate-") for one in [authority, *found["Issuer"]])

    def test_issues_what_ours_would(self) -> None:
        theirs, ours = (record(platform(certificates=one)) for one in (self.PROVIDED, {"issuer": "internal"}))
        for kind in ("Certificate", "Issuer", "ClusterIssuer"):
            assert specs(theirs, kind) == specs(ours, kind)

    def test_is_named_to_a_rehearsal(self) -> None:
        ((operator, kinds),) = provided_by_others(record(platform(certificates=self.PROVIDED)))
        assert (operator["name"], operator["namespace"]) == ("cert-manager", "cert-manager")
        assert {kind["kind"] for kind in kinds} >= {"Certificate", "ClusterIssuer", "Issuer"}

    def test_is_not_watched_but_its_certificates_are(self) -> None:
        recording = record(platform(certificates=self.PROVIDED))
        (rules,) = (
            found.inputs["data"]["rules.yaml"]
            for found in objects(recording, "ConfigMap")
            if found.inputs["metadata"]["name"] == "bedplate-alerts"
        )
        assert "BedplateCertManagerDown" not in rules
        assert 'namespace=~"bedplate-front-door|cert-manager"' in rules


class TestMistakes:
    @pytest.mark.parametrize(
        ("certificates", "path"),
        [
            ({"issuer": "letsEncrypt"}, "certificates.email"),
            ({"issuer": "letsEncrypt", "email": "ines"}, "certificates.email"),
            ({**LETS_ENCRYPT, "environment": "test"}, "certificates.environment"),
            ({"issuer": "internal", "email": "ines@example.com"}, "certificates.email"),
            ({"issuer": "clusterIssuer"}, "certificates.name"),
            ({"issuer": "clusterIssuer", "name": "Corporate"}, "certificates.name"),
            ({"issuer": "zerossl"}, "certificates.issuer"),
            ({}, "certificates.issuer"),
            ({"issuer": "internal", "mode": "each"}, "certificates.mode"),
            ({**LETS_ENCRYPT, "challenge": "http01"}, "certificates.challenge"),
            ({**LETS_ENCRYPT, "challenge": "tlsAlpn01"}, "certificates.challenge"),
            ({"issuer": "internal", "challenge": "dns01"}, "certificates.challenge"),
            ({"issuer": "internal", "certManager": {}}, "certificates.certManager.provided"),
            ({"issuer": "internal", "certManager": {"provided": False}}, "certificates.certManager.provided"),
            (
                {"issuer": "internal", "certManager": {"provided": True, "namespace": "A"}},
                "certificates.certManager.namespace",
            ),
        ],
    )
    def test_are_located(self, certificates: dict[str, Any], path: str) -> None:
        assert path in [found for found, _ in mistakes(certificates=certificates)]

    def test_of_the_chart_source_are_located(self) -> None:
        assert [path for path, _ in mistakes(charts={"source": "http://mirror.internal"})] == ["charts.source"]


class TestCertManager:
    def test_survives_the_loss_of_a_node(self) -> None:
        told = values(FACTS)
        for part in (told, told["webhook"], told["cainjector"]):
            assert part["replicaCount"] >= 2
            assert part["podDisruptionBudget"] == {"enabled": True, "minAvailable": 1}
            assert {one["topologyKey"] for one in part["topologySpreadConstraints"]} == {
                "topology.kubernetes.io/zone",
                "kubernetes.io/hostname",
            }

    def test_may_be_critical_twice_over_while_it_is_updated(self) -> None:
        told = values(FACTS)
        pods = sum(part["replicaCount"] for part in (told, told["webhook"], told["cainjector"]))
        (quota,) = (
            found.inputs["spec"]
            for found in objects(record(platform(certificates={"issuer": "internal"})), "ResourceQuota")
            if found.inputs["metadata"]["namespace"] == "bedplate-certificates"
        )
        assert int(quota["hard"]["pods"]) > 2 * pods
        (scope,) = quota["scopeSelector"]["matchExpressions"]
        assert scope["values"] == [told["global"]["priorityClassName"]]

    def test_acts_in_the_clouds_dns_as_the_cloud_says(self) -> None:
        identity = WorkloadIdentity(annotations={"example.com/role": "dns"}, labels={"example.com/identity": "true"})
        told = values(ClusterFacts(**{**vars(FACTS), "dns01_identity": identity}))
        assert told["serviceAccount"]["annotations"] == {"example.com/role": "dns"}
        assert told["podLabels"] == {"example.com/identity": "true"}

    def test_is_installed_once_aws_knows_it(self) -> None:
        """A pod gets its identity of EKS when it starts, and not later."""
        recording = on_aws(LETS_ENCRYPT)
        by_urn = recording.by_urn()
        release = cert_manager(recording)
        (association,) = (
            resource
            for resource in recording.resources
            if resource.type == "aws:eks/podIdentityAssociation:PodIdentityAssociation"
            and resource.inputs["serviceAccount"] == values(FACTS)["serviceAccount"]["name"]
        )
        assert association.inputs["namespace"] == release.inputs["namespace"]
        assert association.urn in by_urn[release.provider].dependencies


class TestNameservers:
    """Split DNS: the cluster's own answers for the domain with another zone."""

    SETTINGS: ClassVar[dict[str, Any]] = {**LETS_ENCRYPT, "nameservers": ["1.1.1.1", "10.0.0.2:5353"]}

    def test_are_the_only_ones_that_cert_manager_asks(self) -> None:
        told = release_values(on_aws(self.SETTINGS), "cert-manager")
        assert told["dns01RecursiveNameservers"] == "1.1.1.1:53,10.0.0.2:5353"
        assert told["dns01RecursiveNameserversOnly"] is True

    def test_are_reached_at_their_ports(self) -> None:
        (policy,) = [
            body.inputs["spec"]
            for body in objects(on_aws(self.SETTINGS), "NetworkPolicy")
            if body.inputs["metadata"]["namespace"] == "bedplate-certificates"
            and body.inputs["metadata"]["name"] == "challenges"
        ]
        (rule,) = policy["egress"]
        opened = {(port["protocol"], port["port"]) for port in rule["ports"]}
        assert opened == {(protocol, port) for protocol in ("UDP", "TCP") for port in (53, 5353)}

    def test_are_the_zones_own_where_nothing_is_written(self) -> None:
        told = release_values(on_aws(LETS_ENCRYPT), "cert-manager")
        assert not [name for name in told if name.startswith("dns01")]
