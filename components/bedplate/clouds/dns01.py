"""What cert-manager's DNS-01 solvers are called, and what each of them can be told.

Owns the names alone, as cert-manager's own definition has them: a name that it does not know would be dropped without
a word, and the issuer would prove nothing.
"""

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any, cast

from bedplate.spec import mistake

SOLVERS: Mapping[str, frozenset[str]] = {
    "acmeDNS": frozenset({"accountSecretRef", "host"}),
    "akamai": frozenset(
        {"accessTokenSecretRef", "clientSecretSecretRef", "clientTokenSecretRef", "serviceConsumerDomain"}
    ),
    "azureDNS": frozenset(
        {
            *("clientID", "clientSecretSecretRef", "environment", "hostedZoneName", "managedIdentity"),
            *("resourceGroupName", "subscriptionID", "tenantID", "zoneType"),
        }
    ),
    "cloudDNS": frozenset({"hostedZoneName", "project", "serviceAccountSecretRef"}),
    "cloudflare": frozenset({"apiKeySecretRef", "apiTokenSecretRef", "email"}),
    "digitalocean": frozenset({"tokenSecretRef"}),
    "rfc2136": frozenset({"nameserver", "protocol", "tsigAlgorithm", "tsigKeyName", "tsigSecretSecretRef"}),
    "route53": frozenset(
        {
            *("accessKeyID", "accessKeyIDSecretRef", "auth", "hostedZoneID", "region", "role"),
            "secretAccessKeySecretRef",
        }
    ),
    "webhook": frozenset({"config", "groupName", "solverName"}),
}
"""Keys by solver: https://cert-manager.io/docs/reference/api-docs/#acme.cert-manager.io/v1.ACMEChallengeSolverDNS01."""
BESIDE = "cnameStrategy"
"""The one key that stands beside a solver."""


def refuse_unknown_solver(solver: Mapping[str, Any]) -> None:
    """Raises a `mistake` unless this is one solver of cert-manager, with keys that it has."""
    names = [name for name in solver if name != BESIDE]
    if len(names) != 1:
        raise mistake(
            f"names {len(names) or 'no'} solvers of DNS-01, and it takes one",
            "write it like `{route53: {region: eu-central-1, hostedZoneID: Z…}}`",
            allowed=", ".join(SOLVERS),
        )
    (name,) = names
    if name not in SOLVERS:
        raise mistake(
            f"cert-manager has no solver '{name}'",
            "write one of these, as https://cert-manager.io/docs/configuration/acme/dns01/ shows it",
            allowed=", ".join(SOLVERS),
            nearest=_nearest(name, SOLVERS),
        )
    told: object = solver[name]
    if not isinstance(told, Mapping):
        raise mistake(f"'{name}' has no settings below it", "write them indented", allowed=_listed(name))
    for key in cast(Mapping[str, Any], told):
        if key not in SOLVERS[name]:
            raise mistake(
                f"cert-manager's solver '{name}' has no '{key}'",
                "write one of these",
                allowed=_listed(name),
                nearest=_nearest(key, SOLVERS[name]),
            )


def _listed(name: str) -> str:
    return ", ".join(sorted(SOLVERS[name]))


def _nearest(name: str, known: Mapping[str, Any] | frozenset[str]) -> str:
    by_folded = {each.lower(): each for each in known}
    return next((by_folded[each] for each in get_close_matches(name.lower(), by_folded, n=1)), "")
