"""Where people read logs: one Kibana, a host for the platform's team and one for each tenant.

Owns the ways in. Who may come to a host is the login's to say, as everywhere; at each host the front door itself sends
Kibana the credentials of one user of the store, whatever the caller sent: a tenant's host can be nobody but the
tenant's reader. The value stands in a middleware in the front door's namespace, which no tenant reads.
https://www.elastic.co/docs/deploy-manage/users-roles/cluster-or-deployment-auth/kibana-authentication#http-authentication
"""

import base64
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import pulumi

from bedplate.kubernetes import KubernetesObject, RouteSpec
from bedplate.labels import LOGS_HOST, LOGS_NAMESPACE, host_label, logs_host
from bedplate.services.front_door.front_door import FrontDoor
from bedplate.services.front_door.routes import RouteArgs
from bedplate.services.login.authentication import AuthenticationEndpoints
from bedplate.services.logs.roles import TEAM, reader_of
from bedplate.services.logs.store import KIBANA_IDENTITY, KIBANA_PORT, KIBANA_SERVICE


@dataclass(frozen=True, kw_only=True)
class Ways:
    """groups: who may read a tenant's logs, by tenant. passwords: of users. namespace: of Kibana."""

    domain: str
    groups: Mapping[str, Sequence[str]]
    passwords: Mapping[str, pulumi.Output[str]]
    namespace: KubernetesObject
    front_door: FrontDoor
    authentication: AuthenticationEndpoints


def ways_in(ways: Ways) -> Iterator[tuple[str, RouteArgs]]:
    """Each with the suffix of its resource name. A host without groups that may come in there is not opened."""
    readers = {"": (TEAM, ways.authentication.admin_groups)}
    readers |= {tenant: (reader_of(tenant), groups) for tenant, groups in sorted(ways.groups.items())}
    opened = {tenant: reader for tenant, reader in readers.items() if reader[1]}
    for position, (tenant, (user, groups)) in enumerate(opened.items()):
        yield (
            f"way-{tenant}" if tenant else "way",
            RouteArgs(
                spec=RouteSpec(access="browser"),
                identity=replace(KIBANA_IDENTITY, tenant=tenant),
                namespace=ways.namespace,
                namespace_name=LOGS_NAMESPACE,
                service=KIBANA_SERVICE,
                service_port=KIBANA_PORT,
                port=KIBANA_PORT,
                groups=groups,
                label=host_label(tenant, LOGS_HOST) if tenant else LOGS_HOST,
                host=logs_host(ways.domain, tenant),
                front_door=ways.front_door,
                authentication=ways.authentication,
                sent={"Authorization": ways.passwords[user].apply(lambda password, user=user: _basic(user, password))},
                is_further=position > 0,
            ),
        )


def _basic(user: str, password: str) -> str:
    """https://datatracker.ietf.org/doc/html/rfc7617"""
    return f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"
