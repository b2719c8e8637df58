"""Scans of a tenant's images: Jobs of the members, of a shape of the platform's, like builds.

Owns that shape, and who writes what has passed. Three containers, one after the other: the first reads in the Job which
image is meant, the second is Grype, which has no token of Kubernetes, and the last judges what it found and writes it
into the tenant's namespace, where guardrails see it. No container runs anything that a member wrote, and none reads
its standard input; so what a member decides of a scan is the image, and when.
"""

from importlib import resources

from bedplate.clouds.facts import WorkloadIdentity
from bedplate.kubernetes import METADATA_ADDRESSES, Manifest, addresses, manifest, network_policy, service_account
from bedplate.kubernetes.pods import cpu_quantity, memory_quantity
from bedplate.labels import ACCOUNT_FOLDER, MAX_BUILD_SECONDS, POOL, SCAN, SCAN_ROLE, Identity
from bedplate.offers import TenantImages
from bedplate.services.images import programs
from bedplate.services.images.pod import (
    CREDENTIALS,
    CREDENTIALS_VOLUME,
    RESTRICTED,
    TOOLS,
    TOOLS_VOLUME,
    USER,
    credential_helper,
)
from bedplate.services.images.spec import BuildsSpec, ScanSpec

# renovate: datasource=docker depName=docker.io/library/python
PYTHON_VERSION = "3.13.9-slim"
# renovate: datasource=docker depName=docker.io/anchore/grype versioning=docker
GRYPE_VERSION = "v0.121.3-debug"
"""The image that has a shell by its side."""
WORK, PROGRAM = "/work", "scans.py"
_FILES, _DATABASE = "/programs", "/database"
_MEMORY_GIB, _DATABASE_GIB, _TOKEN_SECONDS = 4, 4, 3600
LOOK = f"""
set -eu
export PATH="{TOOLS}:$PATH"
exec /grype "registry:$(cat {WORK}/reference)" --quiet --output json --file {WORK}/report.json
"""


def scan_role(identity: Identity) -> Manifest:
    """What a scan may do with the namespace of its tenant, where it is bound; a guardrail holds it to one annotation
    (`guardrails/images.py`). Once a cluster."""
    rules = [{"apiGroups": [""], "resources": ["namespaces"], "verbs": ["get", "patch"]}]
    return manifest("rbac.authorization.k8s.io/v1", "ClusterRole", SCAN_ROLE, identity, rules=rules)


def scan_binding(place: str, tenant: TenantImages) -> Manifest:
    """The tenant's own scans, in the tenant's namespace."""
    return _bound(SCAN, tenant.namespace_name, tenant.identity, "ClusterRole", SCAN_ROLE, place)


def account(name: str, namespace: str, identity: Identity, acts_as: WorkloadIdentity | None) -> Manifest:
    """A ServiceAccount that may be an identity of the cloud too."""
    made = service_account(name, namespace, identity)
    if acts_as and acts_as.annotations:
        metadata: Manifest = made["metadata"]
        metadata["annotations"] = {**metadata.get("annotations", {}), **acts_as.annotations}
    return made


def scan_parts(
    namespace: str, tenant: TenantImages, spec: BuildsSpec, repository: str, acts_as: WorkloadIdentity | None
) -> list[Manifest]:
    """What scans need beside builds. repository: what the tenant's images begin with."""
    identity = _identity(tenant)
    assert spec.scan is not None
    rules = [{"apiGroups": ["batch"], "resources": ["jobs"], "verbs": ["get"]}]
    api = {
        "to": [addresses("0.0.0.0/0", but=METADATA_ADDRESSES)],
        "ports": [{"protocol": "TCP", "port": port} for port in (443, 6443)],
    }
    pods = {"matchLabels": identity.selector()}
    return [
        account(SCAN, namespace, identity, acts_as),
        manifest("rbac.authorization.k8s.io/v1", "Role", SCAN, identity, namespace=namespace, rules=rules),
        _bound(SCAN, namespace, identity, "Role", SCAN, namespace),
        _programs(namespace, identity),
        _template(namespace, tenant, identity, spec, repository, acts_as),
        network_policy("api", namespace, identity, podSelector=pods, policyTypes=["Egress"], egress=[api]),
    ]


def _identity(tenant: TenantImages) -> Identity:
    own = tenant.identity
    return Identity(
        name=SCAN, component="images", tenant=own.tenant, project=own.project, owner=own.owner, workload=SCAN
    )


def _bound(name: str, namespace: str, identity: Identity, kind: str, role: str, place: str) -> Manifest:
    group = "rbac.authorization.k8s.io"
    return manifest(
        f"{group}/v1",
        "RoleBinding",
        name,
        identity,
        namespace=namespace,
        roleRef={"apiGroup": group, "kind": kind, "name": role},
        subjects=[{"kind": "ServiceAccount", "name": SCAN, "namespace": place}],
    )


def _programs(namespace: str, identity: Identity) -> Manifest:
    data = {PROGRAM: resources.files(programs).joinpath(PROGRAM).read_text()}
    return manifest("v1", "ConfigMap", SCAN, identity, namespace=namespace, data=data)


def _template(
    namespace: str,
    tenant: TenantImages,
    identity: Identity,
    spec: BuildsSpec,
    repository: str,
    acts_as: WorkloadIdentity | None,
) -> Manifest:
    longest = {MAX_BUILD_SECONDS: str(spec.max_minutes * 60)}
    body = manifest("v1", "PodTemplate", SCAN, identity, namespace=namespace, annotations=longest)
    labels = dict(sorted({**identity.running_labels(), **(acts_as.labels if acts_as else {})}.items()))
    assert spec.scan is not None
    own = {"REPOSITORY": repository, "TENANT_NAMESPACE": tenant.namespace_name, **_judgement(spec.scan)}
    helper = [credential_helper()] if acts_as else []
    volumes = {**_volumes(spec), **CREDENTIALS_VOLUME, **(TOOLS_VOLUME if acts_as else {})}
    pod: Manifest = {
        "serviceAccountName": SCAN,
        # The token is mounted where it is needed, and not beside Grype.
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "restartPolicy": "Never",
        "securityContext": {"fsGroup": USER, "fsGroupChangePolicy": "OnRootMismatch"},
        **({"nodeSelector": {POOL: spec.pool}} if spec.pool else {}),
        "initContainers": [*helper, _python("request", own), _grype(spec, has_helper=bool(helper))],
        "containers": [_python("record", own)],
        "volumes": [{"name": name, **source} for name, (_, source) in volumes.items()],
    }
    return {**body, "template": {"metadata": {"labels": labels}, "spec": pod}}


def _judgement(scan: ScanSpec) -> dict[str, str]:
    return {
        "FAIL_ON": scan.fail_on,
        "ONLY_FIXED": str(scan.only_fixed).lower(),
        "BELIEVED_DAYS": str(scan.believed_days),
    }


def _volumes(spec: BuildsSpec) -> dict[str, tuple[Manifest, Manifest]]:
    token = {"serviceAccountToken": {"path": "token", "expirationSeconds": _TOKEN_SECONDS}}
    authority = {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}}
    return {
        "work": ({"mountPath": WORK}, {"emptyDir": {"sizeLimit": "256Mi"}}),
        "programs": ({"mountPath": _FILES, "readOnly": True}, {"configMap": {"name": SCAN}}),
        "token": ({"mountPath": ACCOUNT_FOLDER, "readOnly": True}, {"projected": {"sources": [token, authority]}}),
        "database": ({"mountPath": _DATABASE}, {"emptyDir": {"sizeLimit": f"{_DATABASE_GIB}Gi"}}),
        "scratch": ({"mountPath": "/tmp"}, {"emptyDir": {"sizeLimit": memory_quantity(spec.disk_gib)}}),
    }


def _python(what: str, own: dict[str, str]) -> Manifest:
    """One of the two that ask the API server. What Kubernetes knows of the pod says which Job it is of."""
    job = {"fieldPath": "metadata.labels['batch.kubernetes.io/job-name']"}
    small = {"cpu": "50m", "memory": "128Mi", "ephemeral-storage": "64Mi"}
    written = [{"name": name, "value": value} for name, value in sorted(own.items())]
    return {
        "name": what,
        "image": f"docker.io/library/python:{PYTHON_VERSION}",
        "command": ["python3", f"{_FILES}/{PROGRAM}", what],
        "env": [
            {"name": "JOB", "valueFrom": {"fieldRef": job}},
            {"name": "NAMESPACE", "valueFrom": {"fieldRef": {"fieldPath": "metadata.namespace"}}},
            {"name": "KUBERNETES", "value": "https://kubernetes.default.svc"},
            *written,
        ],
        "resources": {"requests": small, "limits": small},
        "securityContext": RESTRICTED,
        "volumeMounts": [
            {"name": "work", "mountPath": WORK},
            {"name": "programs", "mountPath": _FILES, "readOnly": True},
            {"name": "token", "mountPath": ACCOUNT_FOLDER, "readOnly": True},
        ],
    }


def _grype(spec: BuildsSpec, *, has_helper: bool) -> Manifest:
    assert spec.scan is not None
    disk = memory_quantity(spec.disk_gib)
    exact = {"memory": memory_quantity(min(_MEMORY_GIB, spec.memory_gib)), "ephemeral-storage": disk}
    settings = {
        "DOCKER_CONFIG": CREDENTIALS,
        "GRYPE_CHECK_FOR_APP_UPDATE": "false",
        "GRYPE_DB_CACHE_DIR": _DATABASE,
        "HOME": "/tmp",
        "TMPDIR": "/tmp",
        **({"GRYPE_DB_UPDATE_URL": spec.scan.database} if spec.scan.database else {}),
    }
    mounts = [("work", WORK), ("database", _DATABASE), ("scratch", "/tmp")]
    read = [*CREDENTIALS_VOLUME.items(), *(TOOLS_VOLUME.items() if has_helper else ())]
    return {
        "name": SCAN,
        "image": f"docker.io/anchore/grype:{GRYPE_VERSION}",
        "command": ["/busybox/sh", "-c", LOOK],
        "env": [{"name": name, "value": value} for name, value in settings.items()],
        "resources": {
            "requests": {"cpu": cpu_quantity(min(1, spec.cpu)), **exact},
            "limits": {"cpu": cpu_quantity(min(2, spec.cpu)), **exact},
        },
        "securityContext": RESTRICTED,
        "volumeMounts": [
            *({"name": name, "mountPath": path} for name, path in mounts),
            *({"name": name, **mount} for name, (mount, _) in read),
        ],
    }
