"""Traefik as the platform runs it: the chart, its values, its rights, and what its namespace lets through.

Owns data only; `front_door` installs it. What runs is the release whose definitions the package carries.
Every statement about a value is checked against
https://github.com/traefik/traefik-helm-chart/blob/v41.3.0/traefik/values.yaml, and about an option against
https://doc.traefik.io/traefik/reference/install-configuration/configuration-options/.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from bedplate.clouds import ClusterFacts
from bedplate.kubernetes import (
    CRITICAL_PRIORITY_CLASS,
    PLATFORM_TOLERATIONS,
    SKIP_AWAIT,
    Chart,
    CustomKind,
    Manifest,
    manifest,
    network_policy,
    pods_of,
    spread_over_zones_and_nodes,
)
from bedplate.labels import (
    FRONT_DOOR_NAMESPACE,
    IDLE_NAMESPACE,
    LOGIN_NAMESPACE,
    LOGS_NAMESPACE,
    MONITORING_NAMESPACE,
    NAME,
    OWNER,
    PLATFORM_OWNER,
    TENANT,
    TENANT_GRAFANA,
    TRAEFIK,
    TRAEFIK_HTTP_PORT,
    TRAEFIK_HTTPS_PORT,
    WAKER_PORT,
    Identity,
)
from bedplate.services.certificates.challenges import OVER_DNS, Challenges
from bedplate.services.front_door.traefik_definitions import published
from bedplate.services.front_door.traefik_plugins import plugins, sources_hash

# renovate: datasource=docker depName=ghcr.io/traefik/helm/traefik
TRAEFIK_CHART_VERSION = "41.3.0"
# renovate: datasource=go depName=github.com/traefik/traefik/v3
TRAEFIK_VERSION = "v3.7.11"
_REPOSITORY = "oci://ghcr.io/traefik/helm"
API_VERSION = "traefik.io/v1alpha1"
CHART = Chart(name=TRAEFIK, repository=_REPOSITORY, version=TRAEFIK_CHART_VERSION)
IDENTITY = Identity(name=TRAEFIK, component="ingress")
REPLICAS = 3
ENTRY_POINT = "websecure"
"""Where hosts are served; the other entry point only redirects to it."""
_LONGEST_UPLOAD_SECONDS = 3600
"""Covers a request's headers and body; the default of 60 s cuts uploads, none at all lets idle senders stay."""
_ACCEPT_AFTER_STOP_SECONDS, _DRAIN_SECONDS = 20, 60
"""A load balancer goes on sending until its health check has failed; then requests under way are finished."""
USER_HEADER = "X-Auth-Request-User"
_KEPT_HEADERS = (USER_HEADER, "User-Agent")
_LABELS = {"app.kubernetes.io/name": TRAEFIK, "app.kubernetes.io/instance": f"{TRAEFIK}-{FRONT_DOOR_NAMESPACE}"}
"""The chart's own, of its pods."""
PODS = {**pods_of(FRONT_DOOR_NAMESPACE), "podSelector": {"matchLabels": {NAME: TRAEFIK}}}
"""Traefik's pods, as a peer of a NetworkPolicy."""


def definitions() -> Sequence[Mapping[str, Any]]:
    """Of Traefik's kinds, which its chart has in `crds/` only."""
    return published()[1]


def values(challenges: Challenges = OVER_DNS) -> dict[str, Any]:
    """Values of the chart: what survives the loss of a node, says who asked for what, and trusts no client."""
    return {
        **_pods(),
        **_observability(),
        "image": {"tag": TRAEFIK_VERSION},
        # Its rights are ours: see `rights`. They name no node, so it must not ask for them.
        "rbac": {"enabled": False},
        "additionalArguments": ["--providers.kubernetescrd.disableClusterScopeResources=true", *challenges.arguments],
        "providers": {"kubernetesCRD": _provider(), "kubernetesIngress": dict(challenges.ingress_provider)},
        "ports": {"web": {**_redirecting(), **challenges.entry_point}, ENTRY_POINT: _serving()},
        # A conflict of options must not fall back to weaker ones (GHSA-g55h-rg46-x9c5).
        "core": {"strictTLSOptions": True},
        # Without them no route that needs one is served; a Traefik that cannot load them does not even start.
        "experimental": {"abortOnPluginFailure": True, "localPlugins": plugins()},
        # Ours: see `service`.
        "service": {"enabled": False},
        "ingressClass": {"enabled": False},
        "api": {"dashboard": False, "insecure": False},
        "global": {"checkNewVersion": False, "sendAnonymousUsage": False},
    }


def _pods() -> dict[str, Any]:
    """The chart's defaults already satisfy Pod Security `restricted`."""
    return {
        "commonLabels": {"app.kubernetes.io/part-of": "bedplate", OWNER: PLATFORM_OWNER},
        "deployment": {
            "replicas": REPLICAS,
            "terminationGracePeriodSeconds": _ACCEPT_AFTER_STOP_SECONDS + _DRAIN_SECONDS + 5,
            "revisionHistoryLimit": 5,
            # Plugins are read once, when Traefik starts.
            "podAnnotations": {"bedplate.dev/plugins-hash": sources_hash()},
        },
        "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}},
        "podDisruptionBudget": {"enabled": True, "maxUnavailable": 1},
        "topologySpreadConstraints": spread_over_zones_and_nodes(_LABELS),
        "priorityClassName": CRITICAL_PRIORITY_CLASS,
        "tolerations": PLATFORM_TOLERATIONS,
        "resources": {"requests": {"cpu": "250m", "memory": "512Mi"}, "limits": {"memory": "512Mi"}},
    }


def _provider() -> dict[str, Any]:
    """Only routes of the front door's namespace may use what Traefik has of its own, or set how TLS is spoken."""
    return {
        "enabled": True,
        # Routes stand in the front door's namespace, and what they lead to in tenants'; see ADR 0017 for who may write.
        "allowCrossNamespace": True,
        "allowExternalNameServices": False,
        # A workload without pods answers 503, by which it is woken; otherwise its host would be unknown.
        "allowEmptyServices": True,
        "crossProviderNamespaces": [FRONT_DOOR_NAMESPACE],
        "defaultTLSResourcesNamespace": FRONT_DOOR_NAMESPACE,
        "safeNaming": True,
    }


def _transport() -> dict[str, Any]:
    return {
        "respondingTimeouts": {"readTimeout": f"{_LONGEST_UPLOAD_SECONDS}s"},
        "lifeCycle": {
            "requestAcceptGraceTimeout": f"{_ACCEPT_AFTER_STOP_SECONDS}s",
            "graceTimeOut": f"{_DRAIN_SECONDS}s",
        },
    }


def _redirecting() -> dict[str, Any]:
    redirection = {"to": ENTRY_POINT, "scheme": "https", "permanent": True}
    lifecycle = {"lifeCycle": _transport()["lifeCycle"]}
    return {"port": TRAEFIK_HTTP_PORT, "http": {"redirections": {"entryPoint": redirection}}, "transport": lifecycle}


def _serving() -> dict[str, Any]:
    """Without settings every encoded character of a path is let through; notebooks and model registries need four.

    https://doc.traefik.io/traefik/security/request-path/#encoded-character-filtering
    """
    return {
        "port": TRAEFIK_HTTPS_PORT,
        "asDefault": True,
        "http": {
            "maxHeaderBytes": 65536,
            # `X_Auth_Request_User` is `X-Auth-Request-User` to a WSGI application
            # (https://doc.traefik.io/traefik/migrate/v3/#underscoreheadersstrategy).
            "underscoreHeadersStrategy": "delete",
            "encodedCharacters": {
                "allowEncodedSlash": True,
                "allowEncodedPercent": True,
                "allowEncodedQuestionMark": True,
                "allowEncodedHash": True,
                "allowEncodedSemicolon": False,
                "allowEncodedBackSlash": False,
                "allowEncodedNullCharacter": False,
            },
            "tls": {"enabled": True},
        },
        "transport": _transport(),
    }


def _observability() -> dict[str, Any]:
    """Who asked for what, without what would let a reader of the log act in somebody's name."""
    headers = {"defaultMode": "drop", "names": dict.fromkeys(_KEPT_HEADERS, "keep")}
    return {
        "log": {"format": "json", "level": "INFO"},
        "accessLog": {
            "enabled": True,
            "format": "json",
            "fields": {
                "defaultMode": "keep",
                "headers": headers,
                # A sign-in's code and a signed address stand in the query.
                "queryParameters": {"defaultMode": "drop"},
            },
        },
        "metrics": {
            "prometheus": {
                "entryPoint": "metrics",
                "addEntryPointsLabels": True,
                # Idle shutdown reads them: a request to a workload without pods is counted nowhere else.
                "addRoutersLabels": True,
                "addServicesLabels": False,
            }
        },
    }


def service(facts: ClusterFacts) -> Manifest:
    """Where the cloud's load balancer leads to, under the name that the chart would give it.

    Where nobody is known to give it an address, an update does not wait for one.
    """
    awaited = {} if facts.has_load_balancers else SKIP_AWAIT
    return manifest(
        "v1",
        "Service",
        TRAEFIK,
        IDENTITY,
        namespace=FRONT_DOOR_NAMESPACE,
        annotations={**facts.load_balancer_annotations, **awaited},
        spec={
            "type": "LoadBalancer",
            # Only nodes with a pod take part, and the visitor's address stays visible.
            "externalTrafficPolicy": "Local",
            "selector": _LABELS,
            "ports": [
                {"name": name, "port": port, "targetPort": name, "protocol": "TCP"}
                for name, port in (("web", 80), (ENTRY_POINT, 443))
            ],
        },
    )


def rights() -> list[Manifest]:
    """What Traefik may read. The chart's own role also has it read nodes and pods.

    Traefik watches everything that a route may lead to in one place, so it can be told "all namespaces" or a list, and
    not "Secrets here, Services there" (https://github.com/traefik/traefik/issues/7097). A list would roll it, and cut
    every websocket, whenever a tenant comes.
    """
    read = ["get", "list", "watch"]
    rules = [
        {"apiGroups": [""], "resources": ["configmaps", "secrets", "services"], "verbs": read},
        {"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": read},
        {
            "apiGroups": ["traefik.io"],
            "resources": [CustomKind.defined_by(body).plural for body in definitions()],
            "verbs": read,
        },
    ]
    group, name = "rbac.authorization.k8s.io", f"bedplate-{TRAEFIK}"
    return [
        manifest(f"{group}/v1", "ClusterRole", name, IDENTITY, rules=rules),
        manifest(
            f"{group}/v1",
            "ClusterRoleBinding",
            name,
            IDENTITY,
            roleRef={"apiGroup": group, "kind": "ClusterRole", "name": name},
            subjects=[{"kind": "ServiceAccount", "name": TRAEFIK, "namespace": FRONT_DOOR_NAMESPACE}],
        ),
    ]


def policies() -> list[Manifest]:
    """Anybody may come in; Traefik itself reaches the API server, the login, tenants' pods, the platform's pages, and
    who wakes what sleeps."""
    selector = {"matchLabels": {NAME: TRAEFIK}}
    tenants = {"namespaceSelector": {"matchExpressions": [{"key": TENANT, "operator": "Exists"}]}}

    def policy(name: str, **spec: Any) -> Manifest:
        return network_policy(name, FRONT_DOOR_NAMESPACE, IDENTITY, podSelector=selector, **spec)

    return [
        policy("visitors", policyTypes=["Ingress"], ingress=[{"ports": _tcp(TRAEFIK_HTTP_PORT, TRAEFIK_HTTPS_PORT)}]),
        # Without `to` a rule also matches an API server that the network plugin does not see as an address.
        policy("api-server", policyTypes=["Egress"], egress=[{"ports": _tcp(443, 6443)}]),
        policy("login", policyTypes=["Egress"], egress=[{"to": [pods_of(LOGIN_NAMESPACE)]}]),
        policy("waker", policyTypes=["Egress"], egress=[{"to": [pods_of(IDLE_NAMESPACE)], "ports": _tcp(WAKER_PORT)}]),
        policy("pages", policyTypes=["Egress"], egress=_pages()),
        policy("workloads", policyTypes=["Egress"], egress=[{"to": [tenants], "ports": [{"protocol": "TCP"}]}]),
    ]


def _pages() -> list[Manifest]:
    """Those of Grafana, the platform's and tenants', and of Kibana."""
    of_tenants = {"namespaceSelector": {"matchLabels": {NAME: TENANT_GRAFANA}}}
    grafanas = {"to": [pods_of(MONITORING_NAMESPACE), of_tenants], "ports": _tcp(3000)}
    return [grafanas, {"to": [pods_of(LOGS_NAMESPACE)], "ports": _tcp(5601)}]


def _tcp(*ports: int) -> list[Manifest]:
    return [{"protocol": "TCP", "port": port} for port in ports]


def tls_option() -> Manifest:
    """How TLS is spoken: 1.2 with forward secrecy or newer, and only as a host that there is a certificate for.

    https://doc.traefik.io/traefik/reference/routing-configuration/http/tls/tls-options/; the ciphers are those of
    https://wiki.mozilla.org/Security/Server_Side_TLS#Intermediate_compatibility_.28recommended.29 that Go has.
    """
    spec = {
        "minVersion": "VersionTLS12",
        "cipherSuites": [
            f"TLS_ECDHE_{key}_WITH_{cipher}"
            for cipher in ("AES_128_GCM_SHA256", "AES_256_GCM_SHA384", "CHACHA20_POLY1305_SHA256")
            for key in ("ECDSA", "RSA")
        ],
        "sniStrict": True,
    }
    return manifest(API_VERSION, "TLSOption", "default", IDENTITY, namespace=FRONT_DOOR_NAMESPACE, spec=spec)


def tls_store(secrets: Sequence[str]) -> Manifest:
    """The certificates of all hosts. They are no default: strict about hosts, Traefik would not serve that.

    The store must be called `default`, and there may be one in the cluster
    (https://doc.traefik.io/traefik/reference/routing-configuration/kubernetes/crd/tls/tlsstore/).
    """
    spec = {"certificates": [{"secretName": secret} for secret in secrets]}
    return manifest(API_VERSION, "TLSStore", "default", IDENTITY, namespace=FRONT_DOOR_NAMESPACE, spec=spec)
