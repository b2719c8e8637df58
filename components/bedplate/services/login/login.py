"""Signing in: one proxy for everything that people and programs reach from outside.

Owns the namespace `bedplate-login` with oauth2-proxy, what it is told, its ways in and out, and the store of sessions.
It deliberately owns no route: the front door asks it before each request (see `authentication` for what it asks), and
a new workload changes nothing here. Why there is one proxy and not one a tenant: docs/adr/0018-one-login-proxy.md.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

import pulumi
import pulumi_random as random

from bedplate.clouds import ClusterFacts
from bedplate.kubernetes import (
    CRITICAL_PRIORITY_CLASS,
    METADATA_ADDRESSES,
    PLATFORM_TOLERATIONS,
    SKIP_AWAIT,
    Alert,
    Container,
    KubernetesObject,
    Manifest,
    PlatformNamespace,
    PlatformNamespaceArgs,
    addresses,
    configuration_hash,
    disruption_budget,
    manifest,
    network_policy,
    pod_spec,
    pods_of,
    secrets_hash,
    service_account,
    spread_over_zones_and_nodes,
    template_metadata,
    to_the_front_door,
)
from bedplate.labels import FRONT_DOOR_NAMESPACE, LOGIN_NAMESPACE, Identity
from bedplate.services.login import session_store
from bedplate.services.login.alerts import LOGIN_ALERTS
from bedplate.services.login.authentication import PORT, PROXY, AuthenticationEndpoints
from bedplate.services.login.configuration import (
    CLIENT_SECRET,
    COOKIE_SECRET,
    METRICS_PORT,
    STORE_PASSWORD,
    configuration_file,
    endpoints_of,
    settings_of,
)
from bedplate.services.login.session_store import SessionStore, SessionStoreArgs
from bedplate.services.login.spec import DIRECTORY_FOLDER, DIRECTORY_KEY, AnyLoginSpec

# renovate: datasource=docker depName=quay.io/oauth2-proxy/oauth2-proxy
VERSION = "v7.15.3"
_IDENTITY = Identity(name=PROXY, component="login", version=VERSION)
_CONFIGURATION_FOLDER, _CONFIGURATION = "/etc/oauth2-proxy", "oauth2-proxy.cfg"
_DIRECTORY = f"{PROXY}-directory"
_REPLICAS = 2
_KEY_LENGTH = 43
"""Letters and digits that the proxy reads as base64 of 32 bytes, a key of AES-256
(https://oauth2-proxy.github.io/oauth2-proxy/configuration/overview#generating-a-cookie-secret)."""


@dataclass(frozen=True, kw_only=True)
class LoginArgs:
    """domain: of the platform. secret: resolves the name of a config secret."""

    spec: AnyLoginSpec
    domain: str
    facts: ClusterFacts
    secret: Callable[[str], pulumi.Output[str]]


class Login(pulumi.ComponentResource):
    """The login proxy and its sessions."""

    alerts: Sequence[Alert] = LOGIN_ALERTS

    endpoints: AuthenticationEndpoints
    """Where routes ask, and where people go."""

    def __init__(self, name: str, args: LoginArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("bedplate:index:Login", name, {}, opts)
        self.endpoints = endpoints_of(args.spec, args.domain)
        place = PlatformNamespace(f"{name}-place", _namespace(args), pulumi.ResourceOptions(parent=self))
        store = SessionStore(
            f"{name}-store",
            SessionStoreArgs(place=place, storage_class=args.facts.deleted_storage_class),
            pulumi.ResourceOptions(parent=self),
        )
        key = random.RandomPassword(
            f"{name}-cookie-key", length=_KEY_LENGTH, special=False, opts=pulumi.ResourceOptions(parent=self)
        )
        secrets = {
            CLIENT_SECRET: args.secret(args.spec.client_secret_ref),
            COOKIE_SECRET: pulumi.Output.secret(key.result),
            STORE_PASSWORD: store.password,
        }
        files = {_CONFIGURATION: _configuration_file(args)}
        directory = args.spec.directory_secret()
        directory_key = {DIRECTORY_KEY: args.secret(directory)} if directory else {}
        parts = [
            ("service-account", service_account(PROXY, LOGIN_NAMESPACE, _IDENTITY)),
            ("configuration", manifest("v1", "ConfigMap", PROXY, _IDENTITY, namespace=LOGIN_NAMESPACE, data=files)),
            ("secrets", _secret(PROXY, secrets)),
            *([("directory", _secret(_DIRECTORY, directory_key))] if directory else []),
            ("service", _service()),
            ("disruption-budget", disruption_budget(PROXY, LOGIN_NAMESPACE, _IDENTITY)),
        ]
        before = [KubernetesObject(f"{name}-{suffix}", part, place.inside(self)) for suffix, part in parts]
        KubernetesObject(
            f"{name}-deployment",
            _deployment(
                args.spec,
                {
                    **configuration_hash(files[_CONFIGURATION]),
                    **secrets_hash(f"{LOGIN_NAMESPACE}/{PROXY}", {**secrets, **directory_key}),
                },
            ),
            pulumi.ResourceOptions(parent=self, depends_on=[place, store, *before], deleted_with=place.namespace),
        )
        self.register_outputs({})


def _configuration_file(args: LoginArgs) -> pulumi.Input[str]:
    """Unknown in a preview only where it names a cluster's issuer that is yet to come."""

    def written(issuer: str | None) -> str:
        return configuration_file(settings_of(args.spec, args.domain, issuer, args.facts.networks))

    issuer: str | pulumi.Output[str] | None = _cluster_issuer(args)
    return issuer.apply(written) if isinstance(issuer, pulumi.Output) else written(issuer)


def _cluster_issuer(args: LoginArgs) -> str | pulumi.Output[str] | None:
    """The cluster's own issuer, where its tokens are accepted. Raises ValueError where it has none."""
    if not args.spec.tokens.service_accounts:
        return None
    if args.facts.service_account_issuer is None:
        raise ValueError("login.tokens.serviceAccounts: the cluster's facts name no serviceAccountIssuer")
    return args.facts.service_account_issuer


def _namespace(args: LoginArgs) -> PlatformNamespaceArgs:
    """Twice the proxies while they are updated, and the store; all critical, because nobody gets in without them."""
    return PlatformNamespaceArgs(
        namespace=LOGIN_NAMESPACE,
        identity=_IDENTITY,
        kubernetes_version=args.facts.kubernetes_version,
        dns=args.facts.dns,
        policies=_policies(args),
        critical_pods=2 * _REPLICAS + 2,
    )


def _policies(args: LoginArgs) -> list[Manifest]:
    """In from the front door, out to the store and to whoever issues tokens, wherever that is."""
    proxy, store = ({"matchLabels": identity.selector()} for identity in (_IDENTITY, session_store.IDENTITY))
    spec, own = args.spec, _cluster_issuer(args)
    issuers = [spec.issuer(), *(issuer.issuer_url for issuer in spec.tokens.issuers)]
    # A cloud's, which only the cluster itself can say, answers at 443.
    issuers += [own] if isinstance(own, str) else []
    issuer_ports = sorted({443, *(urlsplit(issuer).port or 443 for issuer in issuers)})
    store_port = _ports(session_store.PORT)

    def policy(name: str, **rules: object) -> Manifest:
        return network_policy(name, LOGIN_NAMESPACE, _IDENTITY, **rules)

    return [
        policy(
            "front-door",
            podSelector=proxy,
            policyTypes=["Ingress"],
            ingress=[{"from": [pods_of(FRONT_DOOR_NAMESPACE)], "ports": _ports(PORT)}],
        ),
        policy(
            "issuers",
            podSelector=proxy,
            policyTypes=["Egress"],
            egress=[
                {
                    "to": [addresses("0.0.0.0/0", but=METADATA_ADDRESSES)],
                    "ports": _ports(*issuer_ports),
                },
                # An issuer may be served by the front door itself.
                to_the_front_door(),
            ],
        ),
        policy(
            "sessions",
            podSelector=proxy,
            policyTypes=["Egress"],
            egress=[{"to": [{"podSelector": store}], "ports": store_port}],
        ),
        policy(
            "session-store",
            podSelector=store,
            policyTypes=["Ingress"],
            ingress=[{"from": [{"podSelector": proxy}], "ports": store_port}],
        ),
    ]


def _ports(*ports: int) -> list[Manifest]:
    return [{"protocol": "TCP", "port": port} for port in ports]


def _secret(name: str, values: Mapping[str, pulumi.Input[str]]) -> Manifest:
    secret = manifest("v1", "Secret", name, _IDENTITY, namespace=LOGIN_NAMESPACE, type="Opaque")
    return {**secret, "stringData": dict(values)}


def _service() -> Manifest:
    ports: Sequence[tuple[str, int]] = (("http", PORT), ("metrics", METRICS_PORT))
    # Nothing waits for its endpoints, and the engine would for ten seconds.
    return manifest(
        "v1",
        "Service",
        PROXY,
        _IDENTITY,
        namespace=LOGIN_NAMESPACE,
        annotations=SKIP_AWAIT,
        spec={
            "type": "ClusterIP",
            "selector": _IDENTITY.selector(),
            "ports": [{"name": name, "port": port, "targetPort": name, "protocol": "TCP"} for name, port in ports],
        },
    )


def _deployment(spec: AnyLoginSpec, hashes: Mapping[str, pulumi.Input[str]]) -> Manifest:
    """Its update waits: a wrong client or issuer shows before the pods that still work are gone."""
    return manifest(
        "apps/v1",
        "Deployment",
        PROXY,
        _IDENTITY,
        namespace=LOGIN_NAMESPACE,
        spec={
            "replicas": _REPLICAS,
            "selector": {"matchLabels": _IDENTITY.selector()},
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
            "revisionHistoryLimit": 5,
            "template": {"metadata": template_metadata(_IDENTITY, hashes), "spec": _pod(spec)},
        },
    )


def _pod(spec: AnyLoginSpec) -> Manifest:
    directory = {DIRECTORY_FOLDER: {"secret": {"secretName": _DIRECTORY}}} if spec.directory_secret() else {}
    container = Container(
        name=PROXY,
        image=f"quay.io/oauth2-proxy/oauth2-proxy:{VERSION}",
        cpu=0.25,
        memory_gib=0.25,
        args=[f"--config={_CONFIGURATION_FOLDER}/{_CONFIGURATION}"],
        secret_environment=dict.fromkeys((CLIENT_SECRET, COOKIE_SECRET, STORE_PASSWORD), PROXY),
        files={_CONFIGURATION_FOLDER: {"configMap": {"name": PROXY}}, **directory},
        extra={
            "ports": [
                {"name": name, "containerPort": port, "protocol": "TCP"}
                for name, port in (("http", PORT), ("metrics", METRICS_PORT))
            ],
            # Not ready without the store: who comes then is told so at once, and need not wait for it.
            "readinessProbe": {**_probe("/ready"), "failureThreshold": 2},
            "livenessProbe": {**_probe("/ping"), "failureThreshold": 6},
            # Goes on serving until the front door has heard that it stops.
            "lifecycle": {"preStop": {"sleep": {"seconds": 5}}},
        },
    )
    return pod_spec(
        container,
        PROXY,
        priorityClassName=CRITICAL_PRIORITY_CLASS,
        tolerations=PLATFORM_TOLERATIONS,
        topologySpreadConstraints=spread_over_zones_and_nodes(_IDENTITY.selector()),
    )


def _probe(path: str) -> Manifest:
    return {"httpGet": {"path": path, "port": "http"}, "periodSeconds": 5, "timeoutSeconds": 3}
