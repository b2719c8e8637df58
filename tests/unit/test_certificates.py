"""Certificates: who issues, what stands in the stack file, and what cert-manager is told."""

from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from bedplate.clouds import ClusterFacts
from bedplate.clouds.facts import WorkloadIdentity
from bedplate.rehearsal.engine import Recording
from bedplate.rehearsal.errors import RehearsalError
from bedplate.rehearsal.resources import RELEASE_TYPE, Resource
from bedplate.services.cert_manager import values
from bedplate.stack_file import StackFileError, load, load_for_program
from harness import ROOT, STACKS, objects, platform, record

FACTS = ClusterFacts(kubernetes_version="1.35", deleted_storage_class="a", retained_storage_class="b")
LETS_ENCRYPT = {"issuer": "letsEncrypt", "email": "ines@example.com"}


def read(file: Path) -> dict[str, Any]:
    config: dict[str, Any] = YAML(typ="safe").load(file)["config"]["bedplate:platform"]
    return {key: value for key, value in config.items() if key != "tenantsDir"}


def on_aws(certificates: dict[str, Any]) -> Recording:
    config = read(ROOT / "stacks" / "Pulumi.aws.yaml")
    return record({**config, "tenants": [], "certificates": certificates})


def specs(recording: Recording, kind: str) -> dict[str, Any]:
    return {found.inputs["metadata"]["name"]: found.inputs["spec"] for found in objects(recording, kind)}


def cert_manager(recording: Recording) -> Resource:
    """Its release."""
    (release,) = (
        found for found in recording.resources if found.type == RELEASE_TYPE and found.inputs["name"] == "cert-manager"
    )
    return release


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
        platform_of = {**read(file), "tenants": [], "certificates": LETS_ENCRYPT}
        if load(file).spec.cloud.owns_dns_zone():
            assert specs(record(platform_of), "ClusterIssuer")
        else:
            with pytest.raises(RehearsalError, match="DNS zone"):
                record(platform_of)

    def test_needs_a_zone_that_the_platform_owns(self) -> None:
        ((path, message),) = mistakes(certificates=LETS_ENCRYPT)
        assert path == "certificates.issuer"
        assert "only to who writes to the domain's DNS zone" in message


class TestTheInternalAuthority:
    def test_signs_itself_and_then_the_hosts(self) -> None:
        recording = record(platform(certificates={"issuer": "internal"}))
        certificates, issuers = specs(recording, "Certificate"), specs(recording, "ClusterIssuer")
        authority = certificates["internal-authority"]
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
        assert rotation == {"internal-authority": "Never", "wildcard": "Always"}


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
