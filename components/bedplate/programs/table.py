"""The programs that something here runs, one entry each, and all that their builds depend on.

A program is a folder `go/NAME` with a go.mod and a go.sum. The go.mod says the module's version, its replacements, the
Go that it needs, and by its `tool` line which main package is built; where upstream publishes no main package, our own
`main.go` is beside it. Renovate updates those files (renovate.json5, `gomod`). What a go.mod cannot say stands here.
"""

import hashlib
import importlib.resources
import platform
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from importlib.resources.abc import Traversable

SOURCES: Traversable = importlib.resources.files("bedplate.programs") / "go"
"""A folder for each program."""
_GO_ARCHITECTURES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}


@dataclass(frozen=True, kw_only=True)
class Program:
    """A program and how it is built.

    name: of its file, and of its folder in `go/`; title: what it is, before its version; module: the Go module whose
    version is the program's; needed_by: what does not work without it; otherwise: what to do where it cannot be built.
    stamps: variables that the linker sets, with `{version}` (without v), `{major}` and `{minor}`; tags: of the build;
    sources: the files of its folder that are built. release: its version where the module's own says something else.
    version_option: its option that prints its version; a program of that name on PATH that prints exactly this one is
    then as good as a built one. definitions: files and folders of the module that define the kinds it serves.
    unpublished: files that its packages embed, and its module lacks: they are there and empty.
    """

    name: str
    title: str
    module: str
    needed_by: str
    otherwise: str
    stamps: Mapping[str, str] = field(default_factory=dict[str, str])
    tags: tuple[str, ...] = ()
    sources: tuple[str, ...] = ("go.mod", "go.sum")
    release: str | None = None
    version_option: str | None = None
    definitions: tuple[str, ...] = ()
    unpublished: tuple[str, ...] = ()

    @cached_property
    def files(self) -> Mapping[str, str]:
        """What is built, by paths in the build's folder."""
        folder = SOURCES / self.name
        return {name: (folder / name).read_text(encoding="utf-8") for name in self.sources}

    @property
    def version(self) -> str:
        """Such as `v1.35.4`."""
        module_version = self._said(rf"^(?:require )?\s*{re.escape(self.module)} (v\S+)")
        return f"v{self.release}" if self.release else module_version

    @property
    def titled(self) -> str:
        """What it is, with its version."""
        return f"{self.title} {self.version}"

    @property
    def go_version(self) -> str:
        """The oldest Go that builds it, such as `1.26.0`."""
        return self._said(r"^go (\S+)$")

    @property
    def package(self) -> str:
        """The main package: `.` for our own."""
        return "." if "main.go" in self.sources else self._said(r"^tool (\S+)$")

    @property
    def arguments(self) -> tuple[str, ...]:
        """Of `go`, with `{output}` for the folder that receives the program."""
        number = self.version.removeprefix("v")
        major, minor, *_ = number.split(".")
        stamps = [
            f"-X {variable}={text.format(version=number, major=major, minor=minor)}"
            for variable, text in self.stamps.items()
        ]
        tags = ("-tags", ",".join(self.tags)) if self.tags else ()
        return (
            *("build", "-mod=readonly", "-trimpath", "-buildvcs=false", *tags),
            *("-ldflags", " ".join(["-s -w", *stamps]), "-o", f"{{output}}/{self.name}", self.package),
        )

    @property
    def key(self) -> str:
        """Of its cache entry: changes with sources, flags and the machine's kind, not with the Go that builds."""
        parts = [*self.arguments, *self.files.values(), *self.unpublished]
        return hashlib.sha256("\n".join([*parts, go_platform()]).encode()).hexdigest()[:16]

    def _said(self, pattern: str) -> str:
        found = re.search(pattern, self.files["go.mod"], re.MULTILINE)
        if found is None:
            raise ValueError(f"go.mod of {self.name} has no line like {pattern}")
        return found[1]


def go_platform() -> str:
    """What is built for, such as `linux/amd64`."""
    machine = platform.machine().lower()
    return f"{platform.system().lower()}/{_GO_ARCHITECTURES.get(machine, machine)}"


_BUILD_ELSEWHERE = "build it on a machine that can, and copy its folder in the cache"
PROGRAMS = (
    Program(
        name="control-plane",
        title="the control plane of Kubernetes",
        module="k8s.io/kubernetes",
        needed_by="rehearsals, all tests on a cluster",
        otherwise="use a cluster that you have, with --context NAME",
        # Without a version of its own, clients refuse the server.
        stamps={
            "k8s.io/component-base/version.gitVersion": "v{version}",
            "k8s.io/component-base/version.gitMajor": "{major}",
            "k8s.io/component-base/version.gitMinor": "{minor}",
        },
        sources=("main.go", "namespaces.go", "go.mod", "go.sum"),
    ),
    Program(
        name="kwok",
        title="kwok",
        module="sigs.k8s.io/kwok",
        needed_by="rehearsals, all tests on a cluster",
        otherwise="put kwok {version} itself on PATH (https://kwok.sigs.k8s.io/docs/user/installation/)",
        stamps={"sigs.k8s.io/kwok/pkg/consts.Version": "v{version}"},
        version_option="--version",
    ),
    Program(
        name="pulumi",
        title="the Pulumi CLI",
        module="github.com/pulumi/pulumi/pkg/v3",
        needed_by="tests of the real engine",
        otherwise=_BUILD_ELSEWHERE,
        stamps={"github.com/pulumi/pulumi/sdk/v3/go/common/version.Version": "{version}"},
    ),
    Program(
        name="pulumi-resource-kubernetes",
        title="the Kubernetes provider of Pulumi",
        module="github.com/pulumi/pulumi-kubernetes/provider/v4",
        needed_by="tests of the real engine",
        otherwise=_BUILD_ELSEWHERE,
        stamps={"main.version": "{version}"},
        sources=("main.go", "go.mod", "go.sum"),
        # Of the newest commit that the module proxy serves, of 15 January 2026
        # (https://github.com/pulumi/pulumi-kubernetes/releases/tag/v4.25.0).
        release="4.25.0",
    ),
    Program(
        name="traefik",
        title="Traefik",
        module="github.com/traefik/traefik/v3",
        needed_by="tests of the front door, rehearsals with operators",
        otherwise=_BUILD_ELSEWHERE,
        sources=("go.mod", "go.sum", "ext/go.mod", "ext/ext.go"),
        definitions=("docs/content/reference/dynamic-configuration/kubernetes-crd-definition-v1.yml",),
    ),
    Program(
        name="oauth2-proxy",
        title="oauth2-proxy",
        module="github.com/oauth2-proxy/oauth2-proxy/v7",
        needed_by="tests of the login (beside Valkey or Redis), rehearsals with operators",
        otherwise=_BUILD_ELSEWHERE,
        stamps={"github.com/oauth2-proxy/oauth2-proxy/v7/pkg/version.VERSION": "v{version}"},
    ),
    Program(
        name="cert-manager",
        title="the controllers of cert-manager",
        module="github.com/cert-manager/cert-manager",
        needed_by="rehearsals with operators",
        otherwise=_BUILD_ELSEWHERE,
        stamps={"github.com/cert-manager/cert-manager/pkg/util.AppVersion": "v{version}"},
        sources=("main.go", "go.mod", "go.sum"),
        definitions=("deploy/crds",),
    ),
    Program(
        name="karpenter",
        title="Karpenter for simulated nodes",
        module="sigs.k8s.io/karpenter",
        needed_by="rehearsals with operators: pools that come from zero",
        otherwise=_BUILD_ELSEWHERE,
        stamps={"sigs.k8s.io/karpenter/pkg/operator.Version": "{version}"},
        definitions=("kwok/charts/crds", "kwok/apis/crds"),
    ),
    Program(
        name="promtool",
        title="promtool of Prometheus",
        module="github.com/prometheus/prometheus",
        needed_by="tests of the alerts",
        otherwise=_BUILD_ELSEWHERE,
        stamps={"github.com/prometheus/common/version.Version": "{version}"},
        # Without the clouds that Prometheus can discover: rules need none of them.
        tags=("remove_all_sd", "netgo"),
        # Modules of Prometheus 3.X are v0.3XX (https://github.com/prometheus/prometheus#using-prometheus-as-a-library).
        release="3.16.0",
    ),
    Program(
        name="keda",
        title="the operator of KEDA",
        module="github.com/kedacore/keda/v2",
        needed_by="tests of idle shutdown, rehearsals with operators",
        otherwise=_BUILD_ELSEWHERE,
        stamps={"github.com/kedacore/keda/v2/version.Version": "{version}"},
        definitions=("config/crd/bases",),
    ),
    Program(
        name="prometheus",
        title="Prometheus",
        module="github.com/prometheus/prometheus",
        needed_by="tests of rules, rehearsals with operators",
        otherwise=_BUILD_ELSEWHERE,
        stamps={"github.com/prometheus/common/version.Version": "{version}"},
        # It discovers what it is told and what a cluster has, and nothing of the clouds.
        tags=("remove_all_sd", "enable_kubernetes_sd", "netgo"),
        release="3.16.0",
    ),
    Program(
        name="kube-state-metrics",
        title="kube-state-metrics",
        module="k8s.io/kube-state-metrics/v2",
        needed_by="tests of rules, rehearsals with operators",
        otherwise=_BUILD_ELSEWHERE,
        stamps={"github.com/prometheus/common/version.Version": "v{version}"},
    ),
    Program(
        name="alertmanager",
        title="Alertmanager",
        module="github.com/prometheus/alertmanager",
        needed_by="tests of alerts",
        otherwise=_BUILD_ELSEWHERE,
        stamps={"github.com/prometheus/common/version.Version": "{version}"},
        # Its pages, which a build of JavaScript makes: there are none here.
        unpublished=("ui/app/dist/elm/index.html", "ui/app/dist/mantine/index.html"),
    ),
    Program(
        name="amtool",
        title="amtool of Alertmanager",
        module="github.com/prometheus/alertmanager",
        needed_by="tests of alerts",
        otherwise=_BUILD_ELSEWHERE,
        stamps={"github.com/prometheus/common/version.Version": "{version}"},
    ),
    Program(
        name="prometheus-operator",
        title="the operator of Prometheus",
        module="github.com/prometheus-operator/prometheus-operator",
        needed_by="tests of rules, rehearsals with operators",
        otherwise=_BUILD_ELSEWHERE,
        stamps={"github.com/prometheus/common/version.Version": "{version}"},
        definitions=("example/prometheus-operator-crd",),
    ),
    Program(
        name="prom-label-proxy",
        title="prom-label-proxy",
        module="github.com/prometheus-community/prom-label-proxy",
        needed_by="tests of tenants' dashboards",
        otherwise=_BUILD_ELSEWHERE,
        stamps={"github.com/prometheus/common/version.Version": "{version}"},
    ),
    Program(
        name="jobset",
        title="the controller of JobSet",
        module="sigs.k8s.io/jobset",
        needed_by="tests of trainings, rehearsals with operators",
        otherwise=_BUILD_ELSEWHERE,
        definitions=("charts/jobset/crds",),
    ),
    Program(
        name="kueue",
        title="the controller of Kueue",
        module="sigs.k8s.io/kueue",
        needed_by="tests of queues, rehearsals with operators",
        otherwise=_BUILD_ELSEWHERE,
        stamps={"sigs.k8s.io/kueue/pkg/version.GitVersion": "v{version}"},
        definitions=("config/components/crd/bases",),
    ),
    Program(
        name="buildctl",
        title="the client of BuildKit",
        module="github.com/moby/buildkit",
        needed_by="builds by a BuildKit of one's own, tests of builds",
        otherwise="put buildctl {version} itself on PATH (https://github.com/moby/buildkit/releases)",
        stamps={"github.com/moby/buildkit/version.Version": "v{version}"},
        version_option="--version",
    ),
    Program(
        name="buildkitd",
        title="BuildKit",
        module="github.com/moby/buildkit",
        needed_by="tests of builds",
        otherwise=_BUILD_ELSEWHERE,
        stamps={"github.com/moby/buildkit/version.Version": "v{version}"},
    ),
    Program(
        name="registry",
        title="the registry of Distribution",
        module="github.com/distribution/distribution/v3",
        needed_by="tests of builds",
        otherwise=_BUILD_ELSEWHERE,
        stamps={"github.com/distribution/distribution/v3/version.version": "v{version}"},
    ),
    Program(
        name="krane",
        title="krane",
        module="github.com/google/go-containerregistry",
        needed_by="tests of builds that push as an identity of a cloud",
        otherwise=_BUILD_ELSEWHERE,
        stamps={"github.com/google/go-containerregistry/cmd/crane/cmd.Version": "v{version}"},
        sources=("main.go", "go.mod", "go.sum"),
    ),
    Program(
        name="grype",
        title="Grype",
        module="github.com/anchore/grype",
        needed_by="tests of scans",
        otherwise=_BUILD_ELSEWHERE,
        stamps={"main.version": "{version}"},
    ),
    Program(
        name="external-secrets",
        title="the operator of External Secrets",
        module="github.com/external-secrets/external-secrets",
        needed_by="tests of external secrets, rehearsals with operators",
        otherwise=_BUILD_ELSEWHERE,
        definitions=("deploy/crds/bundle.yaml",),
    ),
    Program(
        name="eck",
        title="the operator of Elasticsearch and Kibana",
        module="github.com/elastic/cloud-on-k8s/v3",
        needed_by="tests of logs, rehearsals with operators",
        otherwise=_BUILD_ELSEWHERE,
        stamps={"github.com/elastic/cloud-on-k8s/v3/pkg/about.version": "{version}"},
        definitions=("config/crds/v1/all-crds.yaml",),
    ),
)
"""In the order in which `bedplate programs build` builds them: what most needs first."""


def program(name: str) -> Program:
    """The entry of that name. Raises `KeyError` where there is none."""
    return {one.name: one for one in PROGRAMS}[name]
