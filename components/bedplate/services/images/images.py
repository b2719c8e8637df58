"""Where images come from: the registry, who may pull from it, and builds in the cluster.

Owns the pull credentials of tenants and everything of builds. It deliberately owns no registry: a cloud's own is made
with the cluster (`clouds/<cloud>/registry.py`: immovable tags, scans, clean-up), and any other is somebody else's. Why
builds look as they do: docs/adr/0041-builds-by-the-members.md.
"""

import base64
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import pulumi

from bedplate.clouds import Cluster
from bedplate.clouds.buckets import identity_name
from bedplate.clouds.contract import ImagesGrant
from bedplate.clouds.facts import WorkloadIdentity
from bedplate.kubernetes import Alert, KubernetesObject, manifest
from bedplate.labels import BUILD, PULL_SECRET, SCAN, Identity, builds_namespace
from bedplate.offers import BuilderRequest, TenantImages
from bedplate.services.images.alerts import IMAGES_ALERTS
from bedplate.services.images.from_workspace import in_tenant, where_built
from bedplate.services.images.place import ROLE, BuildPlace, BuildPlaceArgs, role
from bedplate.services.images.pod import HELPER
from bedplate.services.images.policy import binding, policy
from bedplate.services.images.scan import scan_role
from bedplate.services.images.spec import BuildsSpec, ImagesSpec, RegistryCredentialsSpec

_IDENTITY = Identity(name="images", component="images")


@dataclass(frozen=True, kw_only=True)
class ImagesArgs:
    """secret: resolves the name of a config secret."""

    spec: ImagesSpec
    cluster: Cluster
    secret: Callable[[str], pulumi.Output[str]]


class Images(pulumi.ComponentResource):
    """What tenants' images need."""

    alerts: Sequence[Alert]
    """Of builds."""
    pull_secrets: Sequence[str]
    """Names of the Secrets in every tenant's namespace by which images are pulled."""

    def __init__(self, name: str, args: ImagesArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("bedplate:index:Images", name, {}, opts)
        self._args = args
        spec, child = args.spec, pulumi.ResourceOptions(parent=self)
        self.alerts = IMAGES_ALERTS if spec.builds else ()
        self.pull_secrets = (PULL_SECRET,) if spec.pull else ()
        self._before_builds: list[pulumi.Resource] = []
        self._places: dict[str, BuildPlace] = {}
        if spec.builds:
            made = KubernetesObject(f"{name}-policy", policy(_IDENTITY, spec.builds.max_minutes * 60), child)
            bound = pulumi.ResourceOptions(parent=self, depends_on=[made])
            self._before_builds = [
                KubernetesObject(f"{name}-binding", binding(_IDENTITY), bound),
                KubernetesObject(f"{name}-builder", role(_IDENTITY), child),
            ]
            if spec.builds.scan:
                self._before_builds += self._before_scans(name, bound)
        self.register_outputs({})

    def _before_scans(self, name: str, bound: pulumi.ResourceOptions) -> list[pulumi.Resource]:
        return [
            KubernetesObject(f"{name}-binding-{SCAN}", binding(_IDENTITY, SCAN), bound),
            KubernetesObject(f"{name}-scanner", scan_role(_IDENTITY), pulumi.ResourceOptions(parent=self)),
        ]

    def scans_for(self, tenant: str) -> bool:
        """Whether a tenant's members can have their images scanned in the cluster."""
        builds = self._args.spec.builds
        return builds is not None and builds.scan is not None and self.builds_for(tenant)

    def repository(self, tenant: str) -> str:
        """What a tenant's images begin with, without '/' at the end; '' where there is no registry."""
        if self._acts_as_identity(tenant):
            return self._args.cluster.images_place(tenant).images
        registry = self._args.spec.registry or self._args.cluster.facts.registry
        return f"{registry.rstrip('/')}/{tenant}" if registry else ""

    def caches(self, tenant: str) -> str:
        """What the references of its builds' caches begin with, as `repository`."""
        return self._args.cluster.images_place(tenant).caches if self._acts_as_identity(tenant) else ""

    def builds_for(self, tenant: str) -> bool:
        """Whether a tenant's members may build in the cluster."""
        builds = self._args.spec.builds
        return builds is not None and builds.builds_for(tenant)

    def _acts_as_identity(self, tenant: str) -> bool:
        builds = self._args.spec.builds
        return builds is not None and tenant in builds.cloud_identities

    def open(self, name: str, request: TenantImages, parent: pulumi.Resource) -> None:
        """Registers for `parent`, a tenant, what its images need."""
        spec = self._args.spec
        if spec.pull:
            inside = pulumi.ResourceOptions(
                parent=parent, depends_on=[request.namespace], deleted_with=request.namespace
            )
            KubernetesObject(f"{name}-pull-secret", self._pull_secret(request, spec.pull), inside)
        if spec.builds and spec.builds.builds_for(request.identity.tenant):
            place = BuildPlaceArgs(
                tenant=request,
                spec=spec.builds,
                facts=self._args.cluster.facts,
                credentials=self._push_config(request.identity.tenant, spec.builds),
                acts_as=self._identity(request, BUILD, "push"),
                scans_as=self._identity(request, SCAN, "pull") if spec.builds.scan else None,
                repository=self.repository(request.identity.tenant),
                before=[request.namespace, *self._before_builds],
            )
            options = pulumi.ResourceOptions(parent=parent)
            self._places[request.namespace_name] = BuildPlace(f"{name}-builds", place, options)

    def let_build(self, name: str, request: BuilderRequest, parent: pulumi.Resource) -> None:
        """Registers for `parent`, a workload, what its pods need to start builds."""
        for part in in_tenant(request):
            inside = pulumi.ResourceOptions(
                parent=parent, depends_on=[request.namespace], deleted_with=request.namespace
            )
            KubernetesObject(f"{name}-{part['kind'].lower()}", part, inside)
        # Deleted by itself, before the namespace, as that of the members.
        place = pulumi.ResourceOptions(parent=parent, depends_on=[self._places[request.namespace_name].namespace])
        KubernetesObject(f"{name}-of-workspace", where_built(request, ROLE), place)

    def _identity(
        self, request: TenantImages, account: str, access: Literal["pull", "push"]
    ) -> WorkloadIdentity | None:
        """Of a tenant's builds or scans, if they have one."""
        tenant, place = request.identity.tenant, builds_namespace(request.namespace_name)
        if not self._acts_as_identity(tenant):
            return None
        grants = [ImagesGrant(tenant=tenant, access=access)]
        return self._args.cluster.workload_identity(identity_name(place, account), place, account, grants)

    def _push_config(self, tenant: str, builds: BuildsSpec) -> pulumi.Input[str]:
        """As ~/.docker/config.json says how to sign in where a tenant's images are."""
        if self._acts_as_identity(tenant):
            place = self._args.cluster.images_place(tenant)
            hosts = sorted({reference.partition("/")[0] for reference in (place.images, place.caches)})
            return json.dumps({"credHelpers": dict.fromkeys(hosts, HELPER)})
        return self._docker_config(builds.credentials[tenant])

    def _docker_config(self, account: RegistryCredentialsSpec) -> pulumi.Output[str]:
        """As ~/.docker/config.json has an account of the registry."""
        registry = self._args.spec.registry or self._args.cluster.facts.registry or ""
        host = registry.partition("/")[0]

        def written(password: str) -> str:
            both = base64.b64encode(f"{account.username}:{password}".encode()).decode()
            return json.dumps({"auths": {host: {"auth": both}}})

        return pulumi.Output.secret(self._args.secret(account.password_ref)).apply(written)

    def _pull_secret(self, request: TenantImages, account: RegistryCredentialsSpec) -> dict[str, object]:
        body = manifest(
            "v1",
            "Secret",
            PULL_SECRET,
            request.identity,
            namespace=request.namespace_name,
            type="kubernetes.io/dockerconfigjson",
        )
        return {**body, "stringData": {".dockerconfigjson": self._docker_config(account)}}
