"""What containers print, kept and shown to whom it belongs.

Owns one namespace with the collector, the store (Elasticsearch and Kibana by their operator, or somebody else's, which
is only written to), what keeps its streams in order, users, and the ways in. It deliberately reads nothing of the
Kubernetes API: whose a line is, the name of its file says. It owns no audit log either: whoever has one writes it into
the stream of that name.

The namespace has the level `privileged`, for the collector reads files of its machine; nothing else of it does.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import pulumi

from bedplate.clouds import ClusterFacts
from bedplate.kubernetes import (
    Alert,
    CustomObject,
    Dashboard,
    KubernetesObject,
    Manifest,
    PlatformNamespace,
    PlatformNamespaceArgs,
    Release,
    ReleaseArgs,
    manifest,
    secrets_hash,
)
from bedplate.labels import LOGS_NAMESPACE
from bedplate.services.front_door.front_door import FrontDoor
from bedplate.services.front_door.routes import Route
from bedplate.services.login.authentication import AuthenticationEndpoints
from bedplate.services.logs.alerts import COLLECTOR_ALERTS, STORE_ALERTS
from bedplate.services.logs.collecting import Target, configuration
from bedplate.services.logs.collector import AUTHORITY_FILE, BUFFER_FOLDER, before, daemon_set
from bedplate.services.logs.dashboards import DASHBOARDS
from bedplate.services.logs.keeper import Kept, keeper
from bedplate.services.logs.network import policies
from bedplate.services.logs.readers import Ways, ways_in
from bedplate.services.logs.spec import LogsSpec, ProvidedLogsSpec
from bedplate.services.logs.store import (
    AUTHORITY_SECRET,
    CHART,
    KIBANA_URL,
    STORE_URL,
    elasticsearch,
    kibana,
    operator_values,
)
from bedplate.services.logs.users import (
    COLLECTOR,
    IDENTITY,
    KEEPER,
    password,
    reader_of,
    roles_file,
    user_file,
    user_secret,
    users,
)

_CRITICAL_PODS = 20
_PROVIDED_AUTHORITY = "store-authority"


@dataclass(frozen=True, kw_only=True)
class LogsArgs:
    """namespaces, groups: of all tenants, and who may read their logs, by tenant. secret: resolves the name of a config
    secret. front_door, authentication: None where nobody can come in."""

    spec: LogsSpec
    domain: str
    namespaces: Mapping[str, str]
    groups: Mapping[str, Sequence[str]]
    facts: ClusterFacts
    secret: Callable[[str], pulumi.Output[str]]
    front_door: FrontDoor | None = None
    authentication: AuthenticationEndpoints | None = None
    chart_source: str | None = None


@dataclass(frozen=True, kw_only=True)
class _Written:
    """A store as collector and keeper reach it. keeper_password, collector_password: Secret and key."""

    target: Target
    keeper_user: str
    keeper_password: tuple[str, str]
    collector_password: tuple[str, str]
    authority: Mapping[str, object] | None
    rolls_with: Mapping[str, pulumi.Output[str]]
    kibana: str | None = None


class Logs(pulumi.ComponentResource):
    """What containers print, collected and kept."""

    alerts: Sequence[Alert]
    """Of lines that are lost or wait, and of the disk."""
    dashboards: Sequence[Dashboard]
    """The same as pictures; none where somebody else collects."""

    def __init__(self, name: str, args: LogsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("bedplate:index:Logs", name, {}, opts)
        self._name, self._args, self.alerts, self.dashboards = name, args, (), ()
        provided = args.spec.provided
        if provided is None or provided.is_written_to:
            place = PlatformNamespace(f"{name}-place", self._namespace(), pulumi.ResourceOptions(parent=self))
            self._collect(self._provided(provided, place) if provided else self._store(place), place)
            self.alerts = (*COLLECTOR_ALERTS, *(() if provided else STORE_ALERTS))
            self.dashboards = DASHBOARDS
        self.register_outputs({})

    def _namespace(self) -> PlatformNamespaceArgs:
        facts, provided = self._args.facts, self._args.spec.provided
        return PlatformNamespaceArgs(
            namespace=LOGS_NAMESPACE,
            identity=IDENTITY,
            kubernetes_version=facts.kubernetes_version,
            dns=facts.dns,
            level="privileged",
            policies=policies(provided.url if provided else None),
            critical_pods=_CRITICAL_PODS,
        )

    def _store(self, place: PlatformNamespace) -> _Written:
        """The platform's own, with its users."""
        name, args, inside = self._name, self._args, place.inside(self)
        roles_of = users(list(args.namespaces))
        passwords = {user: password(name, user, self) for user in roles_of}
        tenant_of = {reader_of(tenant): tenant for tenant in args.namespaces}
        files = [
            KubernetesObject(
                f"{name}-user-{user}", user_file(user, roles, passwords[user], tenant_of.get(user, "")), inside
            )
            for user, roles in roles_of.items()
        ]
        files.append(KubernetesObject(f"{name}-roles", roles_file(args.namespaces), inside))
        release = ReleaseArgs(chart=CHART, namespace=place, values=operator_values(), source=args.chart_source)
        operator = Release(f"{name}-operator", release, pulumi.ResourceOptions(parent=self))
        after = pulumi.ResourceOptions.merge(inside, pulumi.ResourceOptions(depends_on=files))
        store = elasticsearch(args.spec, list(roles_of), args.facts.retained_storage_class)
        CustomObject(f"{name}-elasticsearch", store, operator, after)
        return _Written(
            target=Target(kind="elasticsearch", url=STORE_URL, user=COLLECTOR, authority=AUTHORITY_FILE),
            keeper_user=KEEPER,
            keeper_password=(user_secret(KEEPER), "password"),
            collector_password=(user_secret(COLLECTOR), "password"),
            authority={"secret": {"secretName": AUTHORITY_SECRET}},
            rolls_with=secrets_hash(COLLECTOR, {"password": passwords[COLLECTOR]}),
            kibana=self._kibana(operator, place, passwords),
        )

    def _kibana(
        self, operator: Release, place: PlatformNamespace, passwords: Mapping[str, pulumi.Output[str]]
    ) -> str | None:
        """Where people read, if they can come in."""
        name, args = self._name, self._args
        if args.front_door is None or args.authentication is None:
            return None
        CustomObject(f"{name}-kibana", kibana(args.spec), operator, place.inside(self))
        ways = Ways(
            domain=args.domain,
            groups=args.groups,
            passwords=passwords,
            namespace=place.namespace,
            front_door=args.front_door,
            authentication=args.authentication,
        )
        for suffix, way in ways_in(ways):
            Route(f"{name}-{suffix}", way, pulumi.ResourceOptions(parent=self))
        return KIBANA_URL

    def _provided(self, provided: ProvidedLogsSpec, place: PlatformNamespace) -> _Written:
        """Somebody else's."""
        inside, of_store = place.inside(self), user_secret("store")
        secret_password = self._args.secret(provided.password_ref or "")
        user = manifest("v1", "Secret", of_store, IDENTITY, namespace=LOGS_NAMESPACE, type="Opaque")
        user["stringData"] = {"password": secret_password}
        KubernetesObject(f"{self._name}-user-store", user, inside)
        authority = None
        if provided.authority:
            data = {"ca.crt": provided.authority}
            body = manifest("v1", "ConfigMap", _PROVIDED_AUTHORITY, IDENTITY, namespace=LOGS_NAMESPACE, data=data)
            KubernetesObject(f"{self._name}-authority", body, inside)
            authority = {"configMap": {"name": _PROVIDED_AUTHORITY}}
        kind = "opensearch" if provided.store == "opensearch" else "elasticsearch"
        vouching = AUTHORITY_FILE if authority else None
        return _Written(
            target=Target(kind=kind, url=provided.url or "", user=provided.user or "", authority=vouching),
            keeper_user=provided.user or "",
            keeper_password=(of_store, "password"),
            collector_password=(of_store, "password"),
            authority=authority,
            rolls_with=secrets_hash(COLLECTOR, {"password": secret_password}),
        )

    def _collect(self, written: _Written, place: PlatformNamespace) -> None:
        """The collector, and what keeps its streams in order."""
        spec, namespaces = self._args.spec, self._args.namespaces
        told = configuration(
            written.target,
            list(namespaces.values()),
            BUFFER_FOLDER,
            spec.buffer_gib * 1024,
            spec.audit_file,
        )
        kept = Kept(
            url=written.target.url,
            user=written.keeper_user,
            password_of=written.keeper_password,
            authority=written.authority,
            kibana=written.kibana,
        )
        running = daemon_set(told, written.collector_password, written.authority, written.rolls_with)
        self._objects(COLLECTOR, [*before(told), ("daemon-set", running)], place)
        self._objects(KEEPER, keeper(spec, namespaces, kept), place)

    def _objects(self, software: str, parts: Sequence[tuple[str, Manifest]], place: PlatformNamespace) -> None:
        for suffix, part in parts:
            KubernetesObject(f"{self._name}-{software}-{suffix}", part, place.inside(self))
