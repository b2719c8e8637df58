"""Users of the platform's own store, their passwords, and the files by which it knows them.

Owns all of it, as Secrets that the operator gives to Elasticsearch (file realm, roles.yml): the free licence has both,
and rights by stream (`roles.py`), but neither rights by document nor single sign-on
(https://www.elastic.co/docs/deploy-manage/deploy/cloud-on-k8s/users-roles). Readers of all tenants stand in one Secret,
with hashes in the place of passwords: a tenant more changes that one, and nothing that names it.
"""

from collections.abc import Mapping

import pulumi
import pulumi_random as random

from bedplate.kubernetes import Manifest, manifest
from bedplate.kubernetes.plain_yaml import yaml_text
from bedplate.labels import LOGS_NAMESPACE, Identity
from bedplate.services.logs.roles import (
    COLLECTOR,
    KEEPER,
    PLATFORM_ROLES,
    TEAM,
    for_elasticsearch,
    reader_of,
    tenant_roles,
)

IDENTITY = Identity(name="logs", component="logs")
ROLES_SECRET, READERS_SECRET = "log-roles", "log-readers"
PLATFORM_USERS = {COLLECTOR: COLLECTOR, KEEPER: f"{KEEPER},kibana_admin", TEAM: f"{TEAM},kibana_admin"}
"""The roles of each, by commas. `kibana_admin` comes with the store; it makes spaces and reads no stream."""


def user_secret(user: str) -> str:
    """The Secret with a user's password."""
    return f"log-user-{user}"


def password(name: str, user: str, parent: pulumi.Resource) -> random.RandomPassword:
    """A user's password, made once."""
    options = pulumi.ResourceOptions(parent=parent)
    return random.RandomPassword(f"{name}-password-{user}", length=43, special=False, opts=options)


def user_file(user: str, secret_password: pulumi.Output[str], namespace: str = LOGS_NAMESPACE) -> Manifest:
    """The Secret of a user of the platform's, as the operator reads it."""
    kind = "kubernetes.io/basic-auth"
    body = manifest("v1", "Secret", user_secret(user), IDENTITY, namespace=namespace, type=kind)
    body["stringData"] = {"username": user, "password": secret_password, "roles": PLATFORM_USERS[user]}
    return body


def roles_file() -> Manifest:
    """The Secret with the roles of the platform's users, which holds no secret."""
    return _secret(ROLES_SECRET, {"roles.yml": yaml_text(for_elasticsearch(PLATFORM_ROLES))})


def readers_file(namespaces: Mapping[str, str], hashes: Mapping[str, pulumi.Output[str]]) -> Manifest:
    """The Secret of tenants' readers and their roles. namespaces: by tenant; hashes: of their passwords, by tenant."""
    readers = {reader_of(tenant): hashes[tenant] for tenant in sorted(namespaces)}
    lines = [pulumi.Output.concat(reader, ":", secret, "\n") for reader, secret in readers.items()]
    data = {
        "users": pulumi.Output.secret(pulumi.Output.concat(*lines)) if lines else "",
        "users_roles": "".join(f"{reader}:{reader}\n" for reader in readers),
        "roles.yml": yaml_text(for_elasticsearch(tenant_roles(namespaces))),
    }
    return _secret(READERS_SECRET, data)


def _secret(name: str, data: Mapping[str, pulumi.Input[str]]) -> Manifest:
    body = manifest("v1", "Secret", name, IDENTITY, namespace=LOGS_NAMESPACE, type="Opaque")
    body["stringData"] = dict(data)
    return body
