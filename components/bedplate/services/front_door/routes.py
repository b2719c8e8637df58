"""A workload's way in: host, who may come, limits, and the hole in its NetworkPolicies through which they lead.

Owns the IngressRoute and its middlewares, which stand in the front door's namespace so that no tenant can change them;
the certificate of a host that has its own goes with its route (see `host_certificates`). It deliberately does not
decide who somebody is: that is asked of the login for every request. A route is never open by accident: without a login
only a public one can be made, and Traefik serves no route of which a middleware is missing or broken
(https://doc.traefik.io/traefik/reference/routing-configuration/http/middlewares/overview/).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pulumi

from bedplate.kubernetes import CustomObject, KubernetesObject, Manifest, RouteSpec, manifest, network_policy
from bedplate.labels import (
    ANSWER_HEADERS,
    ASLEEP,
    CLIENT_HEADERS,
    CREDENTIALS,
    FRONT_DOOR_NAMESPACE,
    LOGIN_NAMESPACE,
    OWN_PAGES,
    PROVIDER_TOKENS,
    RESERVED_COOKIES,
    SIGN_IN,
    SIGN_IN_PAGES,
    SIGN_OUT,
    STARTING,
    Identity,
    host_label,
)
from bedplate.offers import RouteRequest
from bedplate.services.front_door.callers import API_KEY, token_of
from bedplate.services.front_door.deployed import members
from bedplate.services.front_door.front_door import FrontDoor
from bedplate.services.front_door.headers import NOT_ANSWERED
from bedplate.services.front_door.middlewares import login, middleware
from bedplate.services.front_door.traefik import API_VERSION, ENTRY_POINT, PODS, USER_HEADER
from bedplate.services.front_door.traefik_plugins import admitting_keys, filtering, naming, with_tokens_of
from bedplate.services.login.authentication import PORT, PROXY, SIGN_OUT_PATH, AuthenticationEndpoints

_SIGN_IN = Identity(name=SIGN_IN, component="login")
_HEADERS = (CLIENT_HEADERS, ANSWER_HEADERS)
"""First in every chain."""
_ROUTE, _SENT = "ingress-route", "sent"
_POD = "bedplate-pod"
"""The cookie by which people stay with a pod."""
POLLING_SUFFIX = ".polling"
"""Ends the name of a route whose requests are nobody's doing. No workload's name has a dot."""


@dataclass(frozen=True, kw_only=True)
class RouteArgs(RouteRequest):
    """label: name of the route's objects. pods: labels of what it leads to, where they are not the identity's. host:
    where it answers. authentication: None where the stack has no login.
    sent: headers that the service gets of the front door, whatever the caller sent. is_further: another route leads to
    the same service, and brings what stands beside it."""

    label: str
    host: str
    front_door: FrontDoor
    authentication: AuthenticationEndpoints | None
    sent: Mapping[str, pulumi.Input[str]] = field(default_factory=dict[str, pulumi.Input[str]])
    is_further: bool = False
    pods: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, kw_only=True)
class Routes:
    """What the front door offers: a way in for whoever asks, within the domain."""

    front_door: FrontDoor
    authentication: AuthenticationEndpoints | None
    domain: str

    @property
    def serves_any_host(self) -> bool:
        """Where one certificate serves all."""
        return self.front_door.serves_any_host

    def admit(self, name: str, groups: Sequence[str], identity: Identity, parent: pulumi.Resource) -> None:
        """Registers the checks of a tenant's own routes, if there is somebody to ask."""
        if self.authentication is None:
            return
        door = self.front_door
        for body in members(identity.tenant, groups, identity, self.authentication):
            inside = door.namespace.inside(parent)
            CustomObject(f"{name}-{body['metadata']['name'].partition('.')[2]}", body, door.definitions, inside)

    def open(self, name: str, request: RouteRequest, parent: pulumi.Resource) -> None:
        """Registers the way in for `parent`, at the host that it asks for or that its identity says."""
        label = host_label(request.identity.tenant, request.identity.workload)
        args = RouteArgs(
            **vars(request),
            label=label,
            host=request.spec.host or f"{label}.{self.domain}",
            front_door=self.front_door,
            authentication=self.authentication,
        )
        Route(name, args, pulumi.ResourceOptions(parent=parent))


class Route(pulumi.ComponentResource):
    """A workload's way in. Raises ValueError for a route that needs a login in a stack that has none."""

    host: pulumi.Output[str]
    """Where the workload answers."""

    def __init__(self, name: str, args: RouteArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        parts = route_parts(args)
        super().__init__("bedplate:index:Route", name, {}, opts)
        self.host = pulumi.Output.from_input(args.host)
        definitions = args.front_door.definitions
        outside = args.front_door.namespace.inside(self)
        inside = pulumi.ResourceOptions(parent=self, depends_on=[args.namespace], deleted_with=args.namespace)
        for suffix, part in parts:
            options = outside if part["metadata"]["namespace"] == FRONT_DOOR_NAMESPACE else inside
            if suffix == _ROUTE:
                after = args.canary.after if args.canary else ()
                args.front_door.publish(name, part, args.host, args.identity, self, after)
            elif part["kind"] == "IngressRoute":
                args.front_door.serve(f"{name}-{suffix}", part, args.host, self)
            elif part["apiVersion"] == API_VERSION:
                CustomObject(f"{name}-{suffix}", part, definitions, options)
            else:
                KubernetesObject(f"{name}-{suffix}", part, options)
        self.register_outputs({"host": self.host})


def route_parts(args: RouteArgs) -> list[tuple[str, Manifest]]:
    """The objects of a route, each with the suffix of its resource name."""
    checks = _checks(args)
    limits: dict[str, Manifest] = {
        "filter": filtering(RESERVED_COOKIES, list(NOT_ANSWERED), args.spec.max_body_mib * 2**20),
        "concurrency": {"inFlightReq": {"amount": args.spec.max_concurrent}},
    }
    own = {**{suffix: spec for check in checks for suffix, spec in check.middlewares.items()}, **limits, **_sent(args)}
    return [
        *((suffix, middleware(f"{args.label}-{suffix}", args.identity, spec)) for suffix, spec in own.items()),
        *([] if args.is_further else _beside(args)),
        (_ROUTE, _ingress_route(args, args.label, _rules(args, checks, list(limits)))),
        *_polling_route(args, checks, list(limits)),
    ]


def _beside(args: RouteArgs) -> list[tuple[str, Manifest]]:
    """What stands beside the service, however many routes lead there."""
    parts = [
        ("timeouts", _timeouts(args)),
        ("network-policy", _network_policy(args, args.service, args.identity)),
    ]
    if args.canary:
        parts.append(("canary-network-policy", _network_policy(args, args.canary.service, args.canary.identity)))
    return parts


def _sent(args: RouteArgs) -> dict[str, Manifest]:
    """Comes after the caller's own credentials are gone."""
    return {_SENT: {"headers": {"customRequestHeaders": dict(args.sent)}}} if args.sent else {}


@dataclass(frozen=True, kw_only=True)
class _Check:
    """What lets callers in. middlewares: of its own, by their suffixes, in this order. of: pattern of what the callers
    show whom it is for; it is for all the others where there is none. before: names of shared middlewares that a
    caller must pass first."""

    middlewares: Mapping[str, Manifest]
    of: str | None = None
    before: Sequence[str] = ()


def _checks(args: RouteArgs) -> list[_Check]:
    """All ways in of a route, none where it is open. The last is for callers who show anything else, or nothing."""
    spec, asked = args.spec, args.authentication
    if spec.access == "public":
        return []
    keys = admitting_keys({key.name: key.sha256 for key in spec.api_keys}, USER_HEADER)
    if asked is None:
        if not spec.api_keys:
            raise ValueError(f"'{args.label}': a route with access {spec.access} needs a login, and the stack has none")
        return [_Check(middlewares={"api-keys": keys})]
    if args.people and spec.access != "browser":
        raise ValueError(f"'{args.label}': only a route with access browser asks for single people")
    if not args.groups:
        raise ValueError(f"'{args.label}': a route with access {spec.access} needs groups that may come in")
    checks: list[_Check] = []
    if spec.api_keys:
        checks.append(_Check(middlewares={"api-keys": keys}, of=API_KEY))
    if spec.subjects:
        checks.append(_Check(middlewares=_named(spec, asked), of=token_of(spec.subjects)))
    if spec.access == "browser":
        address = asked.browser_address(args.groups, args.people)
    else:
        address = asked.api_address(args.groups)
    return [*checks, _Check(middlewares={"login": login(address)}, before=[OWN_PAGES, PROVIDER_TOKENS])]


def _named(spec: RouteSpec, asked: AuthenticationEndpoints) -> dict[str, Manifest]:
    """Lets in tokens of the route's subjects, each of its own issuer. The login sees the token alone: one that is not
    good must not leave it to a cookie."""
    of_issuers: dict[str, list[str]] = {}
    for subject in spec.subjects:
        (issuer,) = asked.tokens.issuers_of(subject, spec.subjects_issuer)
        of_issuers.setdefault(issuer, []).append(subject)
    return {
        "subject-tokens": naming(of_issuers, [asked.issuer, *asked.tokens.issuer_urls()]),
        "subjects": login(asked.service_account_address(spec.subjects), shown=["Authorization"]),
    }


def _polling_route(args: RouteArgs, checks: Sequence[_Check], limits: Sequence[str]) -> list[tuple[str, Manifest]]:
    """The same way under another name, for what open pages ask for by themselves: Traefik counts requests by routes.

    They ask; who sends something does so, but where the path says that pages do by themselves.
    """
    if args.sleep is None or not args.sleep.polling_paths:
        return []
    by_method: dict[str, list[str]] = {}
    for pattern in args.sleep.polling_paths:
        method, _, path = pattern.rpartition(" ")
        by_method.setdefault(method or "GET", []).append(f"PathRegexp(`^(?:{path})`)")
    asked = [f"Method(`{method}`) && ({' || '.join(paths)})" for method, paths in by_method.items()]
    either = asked[0] if len(asked) == 1 else f"({' || '.join(f'({one})' for one in asked)})"
    rules = [{**rule, "match": f"{rule['match']} && {either}"} for rule in _rules(args, checks, limits, ASLEEP)]
    return [("polling-route", _ingress_route(args, f"{args.label}{POLLING_SUFFIX}", rules))]


def _ingress_route(args: RouteArgs, name: str, rules: Sequence[Manifest]) -> Manifest:
    """https://doc.traefik.io/traefik/reference/routing-configuration/kubernetes/crd/http/ingressroute/"""
    spec: Manifest = {"entryPoints": [ENTRY_POINT], "routes": list(rules), "tls": {}}
    return manifest(API_VERSION, "IngressRoute", name, args.identity, namespace=FRONT_DOOR_NAMESPACE, spec=spec)


def _rules(
    args: RouteArgs, checks: Sequence[_Check], limits: Sequence[str], sleeping: str = STARTING
) -> list[Manifest]:
    """Of rules that match Traefik takes the longest one, which is the one that looks at the most
    (https://doc.traefik.io/traefik/reference/routing-configuration/http/routing/rules-and-priority/#priority-calculation).
    sleeping: name of the middleware that answers while the workload has no pod."""
    services = _services(args)
    own = [f"{args.label}-{suffix}" for suffix in limits]
    # Only who was let in is told that the workload sleeps.
    last = [*([f"{args.label}-{_SENT}"] if args.sent else []), *([sleeping] if args.sleep else [])]
    host = f"Host(`{args.host}`)"
    return [
        _rule(
            f"{host} && HeaderRegexp(`Authorization`, `^{check.of}`)" if check.of else host,
            [
                *(*_HEADERS, *check.before, *(f"{args.label}-{suffix}" for suffix in check.middlewares)),
                *(*own, CREDENTIALS, *last),
            ],
            *services,
        )
        for check in checks
    ] or [_rule(host, [*_HEADERS, *own, *last], *services)]


def _services(args: RouteArgs) -> list[Manifest]:
    """What the route leads to: the workload, and by their weights the release beside it too. Which of both a request
    gets is drawn for each; people stay with one pod of each."""

    def leading_to(service: str, cookie: str, **weight: int) -> Manifest:
        led: Manifest = {
            "name": service,
            "namespace": args.namespace_name,
            "port": args.service_port,
            "serversTransport": args.service,
            **weight,
        }
        if args.spec.access == "api":
            return led
        return {**led, "sticky": {"cookie": {"name": cookie, "secure": True, "httpOnly": True, "sameSite": "lax"}}}

    if args.canary is None:
        return [leading_to(args.service, _POD)]
    percent = args.canary.weight_percent
    return [
        leading_to(args.service, _POD, weight=100 - percent),
        leading_to(args.canary.service, f"{_POD}-canary", weight=percent),
    ]


def _rule(match: str, chain: Sequence[str], *services: Manifest) -> Manifest:
    middlewares = [{"name": name} for name in chain]
    return {"kind": "Rule", "match": match, "middlewares": middlewares, "services": list(services)}


def _timeouts(args: RouteArgs) -> Manifest:
    """Beside the workload's Service, because Traefik looks for it there."""
    timeouts = {"dialTimeout": "10s", "responseHeaderTimeout": f"{args.spec.answer_seconds}s"}
    return manifest(
        API_VERSION,
        "ServersTransport",
        args.service,
        args.identity,
        namespace=args.namespace_name,
        spec={"forwardingTimeouts": timeouts},
    )


def _network_policy(args: RouteArgs, service: str, identity: Identity) -> Manifest:
    """From outside the tenant the workload's pods are reached by Traefik alone, on the one port."""
    return network_policy(
        f"{service}-route",
        args.namespace_name,
        identity,
        podSelector={"matchLabels": dict(args.pods) or identity.selector()},
        policyTypes=["Ingress"],
        ingress=[{"from": [PODS], "ports": [{"protocol": "TCP", "port": args.port}]}],
    )


@dataclass(frozen=True, kw_only=True)
class SignInRouteArgs:
    """authentication: of the login that people come to."""

    authentication: AuthenticationEndpoints
    front_door: FrontDoor


class SignInRoute(pulumi.ComponentResource):
    """The way to sign in and out: the one host that asks nobody who they are, and leads to the login proxy alone."""

    def __init__(self, name: str, args: SignInRouteArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("bedplate:index:SignInRoute", name, {}, opts)
        host, door = args.authentication.host, args.front_door
        for body in (sign_out(args.authentication), provider_tokens(args.authentication)):
            CustomObject(f"{name}-{body['metadata']['name']}", body, door.definitions, door.namespace.inside(self))
        door.publish(name, sign_in_route(host), host, _SIGN_IN, self)
        self.register_outputs({})


def sign_in_route(host: str) -> Manifest:
    """The proxy's own paths, and the one at which people sign out.

    https://oauth2-proxy.github.io/oauth2-proxy/features/endpoints
    """
    proxy = {"name": PROXY, "namespace": LOGIN_NAMESPACE, "port": PORT}
    rules = [
        _rule(f"Host(`{host}`) && PathPrefix(`/oauth2/`)", [*_HEADERS, SIGN_IN_PAGES], proxy),
        _rule(f"Host(`{host}`) && Path(`{SIGN_OUT_PATH}`)", [*_HEADERS, SIGN_IN_PAGES, SIGN_OUT], proxy),
    ]
    spec: Manifest = {"entryPoints": [ENTRY_POINT], "routes": rules, "tls": {}}
    return manifest(API_VERSION, "IngressRoute", SIGN_IN, _SIGN_IN, namespace=FRONT_DOOR_NAMESPACE, spec=spec)


def sign_out(authentication: AuthenticationEndpoints) -> Manifest:
    """Leads a browser to the end of its session, whose address is nothing that people could remember."""
    redirection = {"regex": ".*", "replacement": authentication.end_of_session, "permanent": False}
    return middleware(SIGN_OUT, _SIGN_IN, {"redirectRegex": redirection})


def provider_tokens(authentication: AuthenticationEndpoints) -> Manifest:
    """Whoever else issues tokens names no groups: those are the provider's."""
    return middleware(PROVIDER_TOKENS, _SIGN_IN, with_tokens_of(authentication.issuer))
