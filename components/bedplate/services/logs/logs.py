"""What containers print, kept and shown to whom it belongs.

Owns two namespaces: one with the collectors, the one of the two that is `privileged`, because they read files of their
machines; and one with the store (Elasticsearch and Kibana by their operator, or somebody else's, which is only written
to), what keeps its streams in order, users, and the ways in. Whose a line is, the name of its file says. It owns no
audit log: whoever has one writes it into the stream of that name.
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
from bedplate.labels import LOG_COLLECTOR_NAMESPACE, LOGS_NAMESPACE
from bedplate.services.front_door.front_door import FrontDoor
from bedplate.services.front_door.routes import Route
from bedplate.services.login.authentication import AuthenticationEndpoints
from bedplate.services.logs import collector
from bedplate.services.logs.alerts import COLLECTOR_ALERTS, STORE_ALERTS
from bedplate.services.logs.collecting import Target, configuration
from bedplate.services.logs.collector import AUTHORITY, AUTHORITY_FILE, AUTHORITY_KEY, BUFFER_FOLDER
from bedplate.services.logs.dashboards import DASHBOARDS
from bedplate.services.logs.keeper import Kept, keeper
from bedplate.services.logs.network import collectors_policies, policies
from bedplate.services.logs.readers import Ways, ways_in
from bedplate.services.logs.roles import COLLECTOR, KEEPER, reader_of
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
    IDENTITY,
    PLATFORM_USERS,
    password,
    readers_file,
    roles_file,
    user_file,
    user_secret,
)

_CRITICAL_PODS = 20
_OF_STORE = "store"


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
    """A store as collector and keeper reach it. password_of: collectors find it in the Secret of that name and key in
    their namespace; kept: what the keeper is told."""

    target: Target
    password_of: tuple[str, str]
    password: pulumi.Output[str]
    kept: Kept


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
            outpost = PlatformNamespace(f"{name}-outpost", self._outpost(), pulumi.ResourceOptions(parent=self))
            written = self._provided(provided, place, outpost) if provided else self._store(place, outpost)
            self._collect(written, outpost)
            self._objects(KEEPER, keeper(args.spec, written.kept), place, outpost)
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
            policies=policies(provided.url if provided else None),
            critical_pods=_CRITICAL_PODS,
        )

    def _outpost(self) -> PlatformNamespaceArgs:
        """Of the collectors."""
        facts, provided = self._args.facts, self._args.spec.provided
        return PlatformNamespaceArgs(
            namespace=LOG_COLLECTOR_NAMESPACE,
            identity=collector.IDENTITY,
            kubernetes_version=facts.kubernetes_version,
            dns=facts.dns,
            level="privileged",
            policies=collectors_policies(provided.url if provided else None),
        )

    def _store(self, place: PlatformNamespace, outpost: PlatformNamespace) -> _Written:
        """The platform's own, with its users."""
        name, args, inside = self._name, self._args, place.inside(self)
        made = {user: password(name, user, self) for user in (*PLATFORM_USERS, *map(reader_of, args.namespaces))}
        passwords = {user: pulumi.Output.secret(each.result) for user, each in made.items()}
        hashes = {tenant: made[reader_of(tenant)].bcrypt_hash for tenant in args.namespaces}
        files = {
            **{f"user-{user}": user_file(user, passwords[user]) for user in PLATFORM_USERS},
            "roles": roles_file(),
            "readers": readers_file(args.namespaces, hashes),
        }
        there = [KubernetesObject(f"{name}-{suffix}", file, inside) for suffix, file in files.items()]
        of_collector = user_file(COLLECTOR, passwords[COLLECTOR], LOG_COLLECTOR_NAMESPACE)
        authority = manifest("v1", "ConfigMap", AUTHORITY, collector.IDENTITY, namespace=LOG_COLLECTOR_NAMESPACE)
        self._objects(COLLECTOR, [("password", of_collector), ("authority", authority)], outpost)
        release = ReleaseArgs(chart=CHART, namespace=place, values=operator_values(), source=args.chart_source)
        operator = Release(f"{name}-operator", release, pulumi.ResourceOptions(parent=self))
        after = pulumi.ResourceOptions.merge(inside, pulumi.ResourceOptions(depends_on=there))
        store = elasticsearch(args.spec, args.facts.retained_storage_class)
        CustomObject(f"{name}-elasticsearch", store, operator, after)
        return _Written(
            target=Target(kind="elasticsearch", url=STORE_URL, user=COLLECTOR, authority=AUTHORITY_FILE),
            password_of=(user_secret(COLLECTOR), "password"),
            password=passwords[COLLECTOR],
            kept=Kept(
                url=STORE_URL,
                user=KEEPER,
                password_of=(user_secret(KEEPER), "password"),
                authority={"secret": {"secretName": AUTHORITY_SECRET}},
                publishes_authority=True,
                kibana=self._kibana(operator, place, passwords),
            ),
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

    def _provided(self, provided: ProvidedLogsSpec, place: PlatformNamespace, outpost: PlatformNamespace) -> _Written:
        """Somebody else's."""
        secret_password, of_store = self._args.secret(provided.password_ref or ""), user_secret(_OF_STORE)
        for suffix, where in (("user-store", place), (f"{COLLECTOR}-password", outpost)):
            namespace = where.namespace_name
            user = manifest("v1", "Secret", of_store, IDENTITY, namespace=namespace, type="Opaque")
            user["stringData"] = {"password": secret_password}
            KubernetesObject(f"{self._name}-{suffix}", user, where.inside(self))
            if provided.authority:
                data = {AUTHORITY_KEY: provided.authority}
                body = manifest("v1", "ConfigMap", AUTHORITY, IDENTITY, namespace=namespace, data=data)
                KubernetesObject(f"{self._name}-{namespace}-authority", body, where.inside(self))
        kind = "opensearch" if provided.store == "opensearch" else "elasticsearch"
        url, name = provided.url or "", provided.user or ""
        return _Written(
            target=Target(kind=kind, url=url, user=name, authority=AUTHORITY_FILE if provided.authority else None),
            password_of=(of_store, "password"),
            password=secret_password,
            kept=Kept(
                url=url,
                user=name,
                password_of=(of_store, "password"),
                authority={"configMap": {"name": AUTHORITY}} if provided.authority else None,
            ),
        )

    def _collect(self, written: _Written, outpost: PlatformNamespace) -> None:
        spec, target = self._args.spec, written.target
        told = configuration(target, BUFFER_FOLDER, spec.buffer_gib * 1024, spec.audit_file)
        rolls_with = secrets_hash(COLLECTOR, {"password": written.password})
        has_authority = target.authority is not None
        running = collector.daemon_set(told, written.password_of, rolls_with, has_authority=has_authority)
        self._objects(COLLECTOR, [*collector.before(told), ("daemon-set", running)], outpost)

    def _objects(self, software: str, parts: Sequence[tuple[str, Manifest]], *places: PlatformNamespace) -> None:
        """Each goes with its namespace, and what has none by itself. All come after all of the places."""
        after = pulumi.ResourceOptions(depends_on=[place.namespace for place in places])
        of_cluster = pulumi.ResourceOptions(parent=self)
        inside = {place.namespace_name: place.inside(self) for place in places}
        for suffix, part in parts:
            where = inside.get(part["metadata"].get("namespace", ""), of_cluster)
            KubernetesObject(f"{self._name}-{software}-{suffix}", part, pulumi.ResourceOptions.merge(where, after))
