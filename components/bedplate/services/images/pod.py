"""The pod that builds one image: BuildKit as an ordinary user, and what it is told over its standard input.

Owns the one shape that builds have; `policy` holds all of them to it. Whoever starts a build attaches to the pod and
sends an archive: the folder, the Dockerfile, BuildKit's arguments, and secrets, which go to memory and into no object
of the cluster. Why seccomp and AppArmor are off, and no process sandbox:
https://github.com/moby/buildkit/blob/v0.34.2/docs/rootless.md#kubernetes.
"""

from typing import Any

from bedplate.clouds.facts import WorkloadIdentity
from bedplate.kubernetes import Manifest, manifest
from bedplate.kubernetes.pods import NOT_EVICTED, cpu_quantity, memory_quantity
from bedplate.labels import BUILD, BUILD_HEADER_BYTES, MAX_BUILD_SECONDS, POOL, Identity
from bedplate.services.images.spec import BuildsSpec

# renovate: datasource=docker depName=docker.io/moby/buildkit
BUILDKIT_VERSION = "v0.34.2-rootless"
# renovate: datasource=docker depName=gcr.io/go-containerregistry/krane/debug
KRANE_VERSION = "v0.22.1"
"""What asks each cloud for a password of its registry, as the identity of the pod; it has a shell by its side
(https://github.com/google/go-containerregistry/blob/v0.22.1/cmd/krane/README.md)."""
HELPER = "cloud"
"""Name of Docker's credential helper that asks it, behind `docker-credential-`
(https://docs.docker.com/reference/cli/docker/login/#credential-helpers)."""
PUSH_SECRET = "registry-push"
STAGE = "/stage"
USER = 1000
"""Of the image; it stands in its /etc/subuid."""
_HOME = "/home/user"
_STATE = f"{_HOME}/.local/share/buildkit"
CREDENTIALS = f"{_HOME}/.docker"
TOOLS = "/tools"
_TOOLS_MIB = 64
RESTRICTED: Manifest = {
    "runAsUser": USER,
    "runAsGroup": USER,
    "runAsNonRoot": True,
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
    "seccompProfile": {"type": "RuntimeDefault"},
}
"""Of every container but the build's."""
_SECRETS_MIB = 16
_WAIT_SECONDS = 600
"""For what is sent: who is cut off meanwhile leaves nothing behind."""
PLACE_HELPER = f"""
set -eu
cp /ko-app/krane {TOOLS}/krane
cat > {TOOLS}/docker-credential-{HELPER} <<'END'
#!/bin/sh
export DOCKER_CONFIG={TOOLS} AWS_ECR_DISABLE_CACHE=1
exec {TOOLS}/krane auth "$@"
END
chmod 755 {TOOLS}/docker-credential-{HELPER}
"""
"""The helper looks into no configuration that names the helper. BuildKit asks it anew every few minutes, so no token
needs to last as long as a build (https://github.com/moby/buildkit/blob/v0.34.2/session/auth/authprovider/)."""
SCRIPT = f"""
set -eu
export PATH="{TOOLS}:$PATH"
echo "bedplate: waiting for the folder"
bytes=$(timeout {_WAIT_SECONDS} dd bs=1 count={BUILD_HEADER_BYTES} 2>/dev/null) || bytes=
[ -n "$bytes" ] || {{ echo "bedplate: nobody sent anything" >&2; exit 64; }}
head -c $bytes | tar -x -f - -C {STAGE} || {{ echo "bedplate: what was sent is not whole" >&2; exit 65; }}
[ -f {STAGE}/arguments ] || {{ echo "bedplate: what was sent is not whole" >&2; exit 65; }}
echo "bedplate: building"
set --
while IFS= read -r argument; do set -- "$@" "$argument"; done < {STAGE}/arguments
buildctl-daemonless.sh build "$@" --metadata-file {STAGE}/metadata.json
echo "bedplate: pushed $(tr -d '\\n' < {STAGE}/metadata.json)"
"""


def pod_template(
    namespace: str, identity: Identity, spec: BuildsSpec, acts_as: WorkloadIdentity | None = None
) -> Manifest:
    """What every build in the namespace is a copy of. acts_as: the identity of the cloud that it pushes as."""
    longest = {MAX_BUILD_SECONDS: str(spec.max_minutes * 60)}
    body = manifest("v1", "PodTemplate", BUILD, identity, namespace=namespace, annotations=longest)
    labels = dict(sorted({**identity.running_labels(), **(acts_as.labels if acts_as else {})}.items()))
    metadata = {"labels": labels, "annotations": dict(NOT_EVICTED)}
    return {**body, "template": {"metadata": metadata, "spec": _pod(spec, acts_as is not None)}}


def _pod(spec: BuildsSpec, acts_as_identity: bool) -> Manifest:
    volumes = {**_volumes(), **(TOOLS_VOLUME if acts_as_identity else {})}
    exact = {"memory": memory_quantity(spec.memory_gib), "ephemeral-storage": memory_quantity(spec.disk_gib)}
    container: dict[str, Any] = {
        "name": BUILD,
        "image": f"docker.io/moby/buildkit:{BUILDKIT_VERSION}",
        "command": ["sh", "-c", SCRIPT],
        "env": [
            {"name": "BUILDKITD_FLAGS", "value": "--oci-worker-no-process-sandbox"},
            {"name": "BUILDCTL_CONNECT_RETRIES_MAX", "value": "60"},
            {"name": "DOCKER_CONFIG", "value": CREDENTIALS},
            {"name": "TMPDIR", "value": "/tmp"},
        ],
        "stdin": True,
        "stdinOnce": True,
        "resources": {
            "requests": {"cpu": cpu_quantity(spec.cpu), **exact},
            "limits": {"cpu": cpu_quantity(spec.cpu * 2), **exact},
        },
        "securityContext": {
            "runAsUser": USER,
            "runAsGroup": USER,
            "runAsNonRoot": True,
            # `newuidmap` gives the user its subordinate ids, and becomes root for it.
            "allowPrivilegeEscalation": True,
            "privileged": False,
            "readOnlyRootFilesystem": True,
            # Capabilities are left at the runtime's: the user has none of them, and `newuidmap` needs some.
            "seccompProfile": {"type": "Unconfined"},
            "appArmorProfile": {"type": "Unconfined"},
        },
        "volumeMounts": [{"name": name, **mount} for name, (mount, _) in volumes.items()],
    }
    return {
        "serviceAccountName": BUILD,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "restartPolicy": "Never",
        "terminationGracePeriodSeconds": 30,
        "securityContext": {"fsGroup": USER, "fsGroupChangePolicy": "OnRootMismatch"},
        **({"nodeSelector": {POOL: spec.pool}} if spec.pool else {}),
        **({"initContainers": [credential_helper()]} if acts_as_identity else {}),
        "containers": [container],
        "volumes": [{"name": name, **source} for name, (_, source) in volumes.items()],
    }


CREDENTIALS_VOLUME: dict[str, tuple[Manifest, Manifest]] = {
    PUSH_SECRET: (
        {"mountPath": CREDENTIALS, "readOnly": True},
        {
            "secret": {
                "secretName": PUSH_SECRET,
                "items": [{"key": ".dockerconfigjson", "path": "config.json"}],
                "defaultMode": 0o440,
            }
        },
    )
}
TOOLS_VOLUME: dict[str, tuple[Manifest, Manifest]] = {
    "tools": ({"mountPath": TOOLS, "readOnly": True}, {"emptyDir": {"sizeLimit": f"{_TOOLS_MIB}Mi"}})
}


def credential_helper() -> Manifest:
    """Puts the credential helper where the build finds it."""
    small = {"cpu": "100m", "memory": "64Mi", "ephemeral-storage": f"{_TOOLS_MIB}Mi"}
    return {
        "name": "credential-helper",
        "image": f"gcr.io/go-containerregistry/krane/debug:{KRANE_VERSION}",
        "command": ["/busybox/sh", "-c", PLACE_HELPER],
        "resources": {"requests": small, "limits": small},
        "securityContext": RESTRICTED,
        "volumeMounts": [{"name": "tools", "mountPath": TOOLS}],
    }


def _volumes() -> dict[str, tuple[Manifest, Manifest]]:
    """By name: where each is, and what it is made of."""
    in_memory: Manifest = {"medium": "Memory", "sizeLimit": f"{_SECRETS_MIB}Mi"}
    return {
        "stage": ({"mountPath": STAGE}, {"emptyDir": {}}),
        "secrets": ({"mountPath": f"{STAGE}/secrets"}, {"emptyDir": in_memory}),
        "state": ({"mountPath": _STATE}, {"emptyDir": {}}),
        "runtime": ({"mountPath": f"/run/user/{USER}"}, {"emptyDir": {"sizeLimit": "64Mi"}}),
        "scratch": ({"mountPath": "/tmp"}, {"emptyDir": {}}),
        **CREDENTIALS_VOLUME,
    }
