"""A person's place to work: JupyterLab, VS Code or RStudio, with a home that outlives every pod.

Owns StatefulSet, Service, the claim of the home, ServiceAccount, NetworkPolicy, the files of its interface, and the
Secret of `secretEnv`. The claim is an object of its own, because what a StatefulSet makes claims of can never change.
It deliberately asks nobody for a password: the front door lets its owner in, and the network nobody else.
"""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Annotated, ClassVar, Literal

from pydantic import Field, ValidationInfo, field_validator

from bedplate.kubernetes import (
    NOT_EVICTED,
    SKIP_AWAIT,
    Container,
    IdleSpec,
    Manifest,
    RouteSpec,
    accelerator_placement,
    manifest,
    network_policy,
    pod_spec,
    spread_over_zones_and_nodes,
    template_metadata,
)
from bedplate.kubernetes.pods import memory_quantity
from bedplate.labels import (
    CONFIGURATION_HASH,
    DISK_STAYS,
    IDLE_TIMEOUT_MINUTES,
    ON_REMOVAL,
    SSH_PORT,
    TELLS_BUSY_KERNELS,
    WORKSPACE,
)
from bedplate.spec import EmailAddress, Gib, HttpsUrl, JobName, Spec, StrictBool, matching, mistake
from bedplate.workloads._base import (
    Endpoint,
    Footprint,
    Sleeper,
    Workload,
    WorkloadArgs,
    WorkloadSpec,
    container,
    secrets_hash,
)
from bedplate.workloads._builds import with_account
from bedplate.workloads._interfaces import INTERFACES, SETTINGS_PATH, Interface, InterfaceName
from bedplate.workloads._ssh import files, from_the_gate, with_ssh

_SERVICE_PORT = 80
_STOP_SECONDS = 30
_STARTUP_SECONDS = 600
_ROUTE = RouteSpec.model_validate({"access": "browser", "maxBodyMib": 1024, "answerSeconds": 300})


class GitSpec(Spec):
    """Who commits."""

    name: Annotated[
        str,
        Field(max_length=200),
        matching(
            r"[^\x00-\x1f\x7f-\x9f<>\ud800-\udfff]+",
            "must be a person's name, without < and >, which git drops, and control characters",
            "write it like 'Ines Castro'",
            lambda value: re.sub(r"[\x00-\x1f\x7f-\x9f<>\ud800-\udfff]", "", value).strip(),
        ),
    ]
    """Name of the author."""
    email: EmailAddress | None = None
    """Address of the author; the workspace's owner if absent."""


class WorkspaceSpec(WorkloadSpec):
    """A person's place to work: JupyterLab, VS Code or RStudio."""

    kind: Literal["workspace"] = "workspace"
    """The template."""
    name: JobName
    """Name of the workspace, at most 52 characters: Kubernetes appends eleven in a label of its pods."""
    owner: EmailAddress  # pyright: ignore[reportIncompatibleVariableOverride, reportGeneralTypeIssues] -- specs are frozen
    """Person who works there, by the address that the identity provider knows, letter by letter."""
    memory_gib: Gib = 4
    """Memory of the pod in GiB, request and limit at once. A pod that needs more is killed: raise it and deploy."""
    interface: InterfaceName = "jupyterlab"
    """What the browser shows, which the image must have. jupyterlab: `jupyter lab`; vscode: code-server; rstudio:
    RStudio Server, as in images of the Rocker project."""
    open_to: Literal["owner", "team", "nobody"] = "owner"
    """Who comes in by the browser. owner: the owner alone; team: everybody in the tenant's groups; nobody: there is no
    way in from outside."""
    home_gib: Annotated[Gib, Field(ge=1)] = 20
    """Size of the home volume in GiB; it can grow, not shrink. It stays whatever else of the workspace changes, and its
    disk stays when the workspace is removed."""
    git: GitSpec | None = None
    """Who commits; the owner's address if absent."""
    dotfiles: HttpsUrl | None = None
    """Public git repository that is cloned to ~/.dotfiles when the workspace starts, and whose install.sh is run then;
    the image must have git."""
    idle: IdleSpec = IdleSpec()
    """When it stops while nobody uses it; a visit starts it again."""
    ssh: StrictBool = False
    """Whether its owner also comes in by SSH, by the gate of the stack; the image must have an SSH server."""
    builds_images: StrictBool = False
    """Whether images of the tenant can be built and pushed from its terminal (`bedplate build`), by builds in the
    cluster. It gets a token of Kubernetes that is good for that alone."""
    always_on: StrictBool = False
    """Whether it runs also while nobody uses it; never with GPUs."""

    @field_validator("always_on")
    @classmethod
    def _without_gpus(cls, always_on: bool, info: ValidationInfo) -> bool:
        if always_on and info.data.get("gpu"):
            raise mistake(
                "keeps GPUs that nobody uses; a workspace with GPUs always stops while idle",
                "remove it, and write the longest time that is allowed as `idle: {afterMinutes: …}`, or remove `gpu`",
                allowed="false",
            )
        if always_on and info.data.get("idle") not in (None, IdleSpec()):
            raise mistake("contradicts `idle`, which says when it stops", "keep one of the two")
        return always_on

    @property
    def route(self) -> RouteSpec | None:
        """The way in, for checks between the parts of a stack file."""
        return None if self.open_to == "nobody" else _ROUTE

    def own_paths(self) -> Mapping[str, str]:
        """The home."""
        return {self.home: "the home"}

    @property
    def home(self) -> str:
        """Where the home volume is."""
        return f"/home/{self.login}"

    @property
    def login(self) -> str:
        """Name of the user that it runs as."""
        return self.shown.login or self.name

    @property
    def shown(self) -> Interface:
        """The interface's data."""
        return INTERFACES[self.interface]

    def claims(self) -> Sequence[str]:
        """Its home."""
        return [_home_name(self)]

    def footprint(self) -> Footprint:
        """One pod and the home; an update stops the pod before it starts the next one."""
        return replace(self.footprint_of_pods(1, 1), storage_gib=(self.home_gib,))

    def endpoint(self) -> Endpoint | None:
        """Its Service, for the owner or the team."""
        if self.route is None:
            return None
        return Endpoint(
            service=self.name,
            service_port=_SERVICE_PORT,
            port=self.shown.port,
            route=self.route,
            people=(self.owner,) if self.open_to == "owner" else (),
            polling_paths=self.shown.polling_paths,
        )

    def is_reached_by_ssh(self) -> bool:
        """Where that is asked for."""
        return bool(vars(self).get("ssh"))

    def has_images_built(self) -> bool:
        """Where that is asked for."""
        return bool(vars(self).get("builds_images"))

    def sleeper(self) -> Sleeper | None:
        """Its StatefulSet, unless it always runs."""
        return None if self.always_on else Sleeper(kind="StatefulSet", idle=self.idle)


class Workspace(Workload):
    """A person's place to work."""

    Spec = WorkspaceSpec
    title = "Workspace"
    component = WORKSPACE
    # KEDA's: an update must neither stop what somebody uses nor start what nobody does.
    handed_over: ClassVar[Mapping[str, tuple[str, ...]]] = {"StatefulSet": ("spec.replicas",)}

    def parts(self, args: WorkloadArgs) -> Sequence[tuple[str, Manifest]]:
        """Home, way in, files and the pod."""
        spec = args.spec
        assert isinstance(spec, WorkspaceSpec)
        return [
            ("home", _home(spec, args)),
            *([("files", _files(spec, args))] if spec.shown.files else []),
            *([("ssh", files(spec.name, _user(spec), spec.login, spec.home, args))] if spec.ssh else []),
            ("network-policy", _network_policy(spec, args)),
            ("service", _service(spec, args)),
            ("stateful-set", _stateful_set(spec, args)),
        ]


def _home(spec: WorkspaceSpec, args: WorkloadArgs) -> Manifest:
    return manifest(
        "v1",
        "PersistentVolumeClaim",
        _home_name(spec),
        args.identity,
        namespace=args.namespace_name,
        annotations={**SKIP_AWAIT, ON_REMOVAL: DISK_STAYS},
        spec={
            # Nobody else's pod mounts it meanwhile, on the same node neither.
            "accessModes": ["ReadWriteOncePod"],
            "resources": {"requests": {"storage": memory_quantity(spec.home_gib)}},
            "storageClassName": args.facts.retained_storage_class,
        },
    )


def _home_name(spec: WorkspaceSpec) -> str:
    return f"{spec.name}-home"


def _files(spec: WorkspaceSpec, args: WorkloadArgs) -> Manifest:
    return manifest(
        "v1",
        "ConfigMap",
        f"{spec.name}-interface",
        args.identity,
        namespace=args.namespace_name,
        data=dict(spec.shown.files),
    )


def _network_policy(spec: WorkspaceSpec, args: WorkloadArgs) -> Manifest:
    """To its own tenant's pods. What lets a tenant's pods reach each other leaves workspaces out (see `tenants`)."""
    return network_policy(
        spec.name,
        args.namespace_name,
        args.identity,
        podSelector={"matchLabels": args.identity.selector()},
        policyTypes=["Ingress", "Egress"] if spec.ssh else ["Egress"],
        egress=[{"to": [{"podSelector": {}}]}],
        **({"ingress": [from_the_gate()]} if spec.ssh else {}),
    )


def _service(spec: WorkspaceSpec, args: WorkloadArgs) -> Manifest:
    return manifest(
        "v1",
        "Service",
        spec.name,
        args.identity,
        namespace=args.namespace_name,
        annotations=SKIP_AWAIT,
        spec={
            "type": "ClusterIP",
            "selector": args.identity.selector(),
            "ports": [
                {"name": "http", "port": _SERVICE_PORT, "targetPort": "http", "protocol": "TCP"},
                *([{"name": "ssh", "port": SSH_PORT, "targetPort": "ssh", "protocol": "TCP"}] if spec.ssh else []),
            ],
        },
    )


def _stateful_set(spec: WorkspaceSpec, args: WorkloadArgs) -> Manifest:
    activity = args.offers.activity
    stops = activity is not None and not spec.always_on
    said = {IDLE_TIMEOUT_MINUTES: str(activity.minutes(spec.idle.after_minutes))} if activity and stops else {}
    return manifest(
        "apps/v1",
        "StatefulSet",
        spec.name,
        args.identity,
        namespace=args.namespace_name,
        annotations={**SKIP_AWAIT, **said},
        spec={
            "replicas": 1,  # at first; see `handed_over`
            "serviceName": spec.name,
            "selector": {"matchLabels": args.identity.selector()},
            # Otherwise a pod that never became ready keeps its better successor away for ever
            # (https://kubernetes.io/docs/concepts/workloads/controllers/statefulset/#forced-rollback).
            "podManagementPolicy": "Parallel",
            "revisionHistoryLimit": 5,
            "template": _pod_template(spec, args),
        },
    )


def _pod_template(spec: WorkspaceSpec, args: WorkloadArgs) -> Manifest:
    metadata = template_metadata(args.identity, {**NOT_EVICTED, **secrets_hash(args), **_files_hash(spec)})
    if spec.shown.tells_busy_kernels:
        metadata["labels"] = {**metadata["labels"], TELLS_BUSY_KERNELS: "true"}
    placement = accelerator_placement(spec.gpu.accelerator) if spec.gpu else {}
    pod = pod_spec(
        _container(spec),
        spec.name,
        terminationGracePeriodSeconds=_STOP_SECONDS,
        topologySpreadConstraints=spread_over_zones_and_nodes(args.identity.selector()),
        **placement,
    )
    if spec.dotfiles:
        pod["initContainers"] = [_dotfiles(spec.dotfiles, pod["containers"][0])]
    return {"metadata": metadata, "spec": pod}


def _files_hash(spec: WorkspaceSpec) -> dict[str, str]:
    """Rolls the pod when a release brings other files."""
    if not spec.shown.files:
        return {}
    text = json.dumps(dict(spec.shown.files), sort_keys=True)
    return {CONFIGURATION_HASH: hashlib.sha256(text.encode()).hexdigest()[:16]}


def _container(spec: WorkspaceSpec) -> Container:
    shown = spec.shown
    made = container(
        spec,
        workingDir=spec.home,
        ports=[{"name": "http", "containerPort": shown.port, "protocol": "TCP"}],
        startupProbe=_probe(shown, _STARTUP_SECONDS // 2, 2),
        readinessProbe=_probe(shown, 2, 5),
        livenessProbe=_probe(shown, 12, 10),
    )
    put_in = {"home": spec.home, "user": spec.login}
    interface = {"configMap": {"name": f"{spec.name}-interface"}}
    started = replace(
        made,
        command=spec.command or [part.format(**put_in) for part in shown.command],
        args=spec.args or ([] if spec.command else [part.format(**put_in) for part in shown.args]),
        environment={**made.environment, **_environment(spec), **spec.env},
        volume_mounts={**made.volume_mounts, spec.home: _home_name(spec)},
        files={SETTINGS_PATH: interface} if shown.files else {},
        user=_user(spec),
    )
    started = with_account(started) if spec.builds_images else started
    return with_ssh(started, spec.name) if spec.ssh else started


def _user(spec: WorkspaceSpec) -> int:
    return spec.shown.user if spec.shown.user and "user" not in spec.model_fields_set else spec.user


def _environment(spec: WorkspaceSpec) -> dict[str, str]:
    """HOME, what shells and editors look for, and the names under which git commits
    (https://git-scm.com/book/en/v2/Git-Internals-Environment-Variables)."""
    name, email = spec.owner.partition("@")[0], spec.owner
    if spec.git:
        name, email = spec.git.name, spec.git.email or email
    return {
        "HOME": spec.home,
        "USER": spec.login,
        "LOGNAME": spec.login,
        "SHELL": "/bin/bash",
        "XDG_RUNTIME_DIR": "/tmp",
        "GIT_AUTHOR_NAME": name,
        "GIT_AUTHOR_EMAIL": email,
        "GIT_COMMITTER_NAME": name,
        "GIT_COMMITTER_EMAIL": email,
        **spec.shown.environment,
    }


def _probe(shown: Interface, failures: int, period_seconds: int) -> Manifest:
    return {
        "httpGet": {"path": shown.health_path, "port": "http"},
        "periodSeconds": period_seconds,
        "timeoutSeconds": 3,
        "failureThreshold": failures,
    }


_DOTFILES = """
if [ -d "$HOME/.dotfiles/.git" ]; then timeout 60 git -C "$HOME/.dotfiles" pull --ff-only --depth 1
else timeout 60 git clone --depth 1 "$0" "$HOME/.dotfiles"; fi && {
  [ ! -f "$HOME/.dotfiles/install.sh" ] || (cd "$HOME/.dotfiles" && timeout 60 sh ./install.sh)
} || echo "the dotfiles of $0 were not installed; the workspace starts without them" >&2
""".strip()


def _dotfiles(repository: str, workspace: Manifest) -> Manifest:
    """Before the workspace, in its image and as its user. What fails there keeps nobody from working."""
    left = ("ports", "startupProbe", "readinessProbe", "livenessProbe")
    body = {key: value for key, value in workspace.items() if key not in left}
    return {**body, "name": "dotfiles", "command": ["sh", "-c", _DOTFILES], "args": [repository]}
