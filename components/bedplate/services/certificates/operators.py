"""cert-manager beside an API server: it issues what the stack asks for, from the authority inside the cluster.

Owns its command line and what it must have done. It runs without its webhook and its injector of CA bundles, whose
programs stand in modules of their own that cannot be required (`cmd/webhook`, `cmd/cainjector`): what the webhook
would refuse, only the definitions' schemas refuse here. A public authority is not asked: a rehearsal proves no domain.
"""

from collections.abc import Mapping
from typing import Any

from bedplate.kubernetes import Manifest
from bedplate.labels import CERT_MANAGER
from bedplate.services.certificates.issuers import API_VERSION
from bedplate.services.operator import Launch, OperatorProgram, Ready, Shortfall, Sight, Surroundings, Work
from bedplate.wording import counted


def _launch(surroundings: Surroundings) -> Launch:
    """With the flags that the chart makes of the stack's values.

    https://github.com/cert-manager/cert-manager/blob/v1.21.2/deploy/charts/cert-manager/templates/deployment.yaml
    """
    values = surroundings.values
    arguments = [
        f"--kubeconfig={surroundings.kubeconfig}",
        f"--cluster-resource-namespace={surroundings.namespace}",
        f"--enable-certificate-owner-ref={_flag(values.get('enableCertificateOwnerRef', False))}",
    ]
    return Launch(arguments=arguments)


def not_issued(surroundings: Surroundings) -> str:
    """Why no certificate of a host is issued in a rehearsal of this stack; '' where they are."""
    issuers = _of_kind(surroundings, "ClusterIssuer")
    if any("acme" in issuer["spec"] for issuer in issuers):
        return "certificates come from a public authority, which a rehearsal does not ask"
    if not issuers:
        return "certificates come from a ClusterIssuer of somebody else's"
    return ""


def _work(sight: Sight) -> Work:
    found = sight.cluster.objects(API_VERSION, "Certificate")
    live = {(body["metadata"]["namespace"], body["metadata"]["name"]): body for body in found}
    issued, missing = 0, list[Shortfall]()
    for wanted in _of_kind(sight.surroundings, "Certificate"):
        metadata = wanted["metadata"]
        body = live.get((metadata["namespace"], metadata["name"]), {})
        conditions: list[dict[str, Any]] = body.get("status", {}).get("conditions", [])
        ready = {item["type"]: item for item in conditions}.get("Ready", {"status": "Unknown"})
        if ready.get("status") == "True":
            issued += 1
        else:
            missing.append(
                Shortfall(
                    object=f"Certificate {metadata['namespace']}/{metadata['name']}",
                    reason=f"is not issued: {ready.get('message', 'cert-manager has said nothing of it yet')}",
                    fix="see its requests and its issuer: kubectl describe certificaterequests,issuers,clusterissuers",
                )
            )
    text = f"{counted(issued, 'certificate')} issued"
    return Work(text=text, counts={"certificatesIssued": issued}, missing=missing)


def _of_kind(surroundings: Surroundings, kind: str) -> list[Manifest]:
    return [body for body in surroundings.objects if body["kind"] == kind and body["apiVersion"] == API_VERSION]


def _flag(value: bool) -> str:
    return str(value).lower()


NOT_RUN: Mapping[str, str] = {}
OPERATORS = (
    OperatorProgram(
        name="cert-manager",
        program="cert-manager",
        release=CERT_MANAGER,
        launch=_launch,
        work=_work,
        ready=Ready(log="cert-manager runs"),
        absent=not_issued,
        without="its webhook and its injector of CA bundles, which no registry has as programs",
    ),
)
