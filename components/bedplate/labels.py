"""Identity to labels: one function for every object and every pod.

Owns names that others rely on: label keys, annotation keys, namespace names, hosts. Cost reports, guardrails, network
policies and dashboards all read these.
"""

import re
from dataclasses import dataclass

DOMAIN = "bedplate.dev"
TENANT = f"{DOMAIN}/tenant"
PROJECT = f"{DOMAIN}/project"
OWNER = f"{DOMAIN}/owner"
WORKLOAD = f"{DOMAIN}/workload"
ACCELERATOR = f"{DOMAIN}/accelerator"
POOL = f"{DOMAIN}/pool"
SYSTEM_POOL = "system"
"""The pool that is for what the platform runs, if a stack has one of this name."""
TRIGGERED = f"{DOMAIN}/triggered"
"""Of CronJobs whose runs an account of their own may create."""
OWNER_EMAIL = f"{DOMAIN}/owner-email"
IDLE_TIMEOUT_MINUTES = f"{DOMAIN}/idle-timeout-minutes"
KEEP_UNTIL = f"{DOMAIN}/keep-until"
"""Of a ScaledObject: until when somebody wants it kept; guardrails.idle.maxMinutes bounds it."""
START_AT = f"{DOMAIN}/start-at"
"""Of a ScaledObject: when somebody asked for it, which counts as use at that time. It starts what is stopped, and
begins the idle time anew."""
FORCED = "autoscaling.keda.sh/force-activation"
WOKEN_AT = f"{DOMAIN}/woken-at"
"""Of a ScaledObject: that its target is up whatever KEDA sees, and since when. The waker of `idle` says so, and takes
it back."""
HOST = f"{DOMAIN}/host"
"""Label of a ScaledObject: a hash of the host whose requests start its target."""
STOPPED = "autoscaling.keda.sh/paused-replicas"
"""KEDA's; with "0" the target is stopped now, and stays so until the annotation goes
(https://keda.sh/docs/latest/concepts/scaling-deployments/#pausing-autoscaling)."""
PROJECTS = f"{DOMAIN}/projects"
OWNERS = f"{DOMAIN}/owners"
"""Annotations of a tenant's namespace: the values that its labels of project and owner may have, by commas."""
EXHAUSTED_UNTIL = f"{DOMAIN}/budgets-exhausted-until"
EXHAUSTED_PROJECTS = f"{DOMAIN}/budgets-exhausted-projects"
EXHAUSTED_OWNERS = f"{DOMAIN}/budgets-exhausted-owners"
EXHAUSTED = f"{DOMAIN}/budgets-exhausted"
"""Annotations of a tenant's namespace: whose budgets are used up ('*' among the projects for the tenant's own), the
same for people to read, and until when that is believed. Without a time to come, nothing is."""
BUDGET_MARKER = "budget-marker"
"""The ServiceAccount in COST_NAMESPACE that alone writes those annotations, and nothing else of a namespace."""
BUDGET_MARKER_ROLE = "bedplate-budget-marks"
"""The ClusterRole that lets it do so; bound in each tenant's namespace alone."""
SECRETS_HASH = f"{DOMAIN}/secrets-hash"
CONFIGURATION_HASH = f"{DOMAIN}/configuration-hash"
ON_REMOVAL = f"{DOMAIN}/on-removal"
"""Of a claim: what becomes of its disk when the claim goes, so that a plan can say it before. One of the next three;
without it, the disk counts as lost."""
DISK_STAYS = "disk-stays"
DISK_IS_LOST = "disk-is-lost"
NOTHING_OF_VALUE = "nothing-of-value"

NAME = "app.kubernetes.io/name"
INSTANCE = "app.kubernetes.io/instance"
COMPONENT = "app.kubernetes.io/component"
VERSION = "app.kubernetes.io/version"
MANAGED_BY = "app.kubernetes.io/managed-by"
DEPLOYED = "bedplate-deploy"
"""Value of MANAGED_BY of what a tenant's members deployed themselves; all else is the stack's."""
RESTARTED_AT = f"{DOMAIN}/restarted-at"
"""Of a Deployment's pods: when somebody asked for new ones."""
CLOSED_ENDINGS = f"{DOMAIN}/closed-endings"
"""Annotation of a tenant's namespace: how the names of its members' apps must not end, by commas, because their hosts
would be another tenant's."""
DEPLOYED_BEFORE, DEPLOYED_AFTER, DEPLOYED_PUBLIC = "deployed-before", "deployed-after", "deployed-public"
DEPLOYED_ROUTES = {"api": "deployed-api", "browser": "deployed-browser"}
"""Ends of the names of a tenant's middlewares, behind a dot, by who comes in."""
KEYS_SUFFIX = "-api-keys"
OFFERED = "bedplate"
"""The ConfigMap in each tenant's namespace that says what the platform offers to its members."""

WORKSPACE = "workspace"
"""Value of COMPONENT of pods that people work in: no pod of their tenant reaches them."""
TELLS_BUSY_KERNELS = f"{DOMAIN}/tells-busy-kernels"
"""Of pods that say how many kernels compute, at BUSY_KERNELS_PATH of their port `http`."""
BUSY_KERNELS_PATH = "/bedplate/metrics"
SERVING_COMPONENTS = ("app", "llm", "model-api")
"""Values of COMPONENT of what answers requests: it has as many pods as there is load, with GPUs or without."""
BATCH_COMPONENTS = ("batch", "training")
"""Values of COMPONENT that no Service, disruption budget or route picks."""

GPU_RESOURCE = "nvidia.com/gpu"
GPUS_VISIBLE = "NVIDIA_VISIBLE_DEVICES"
"""By it NVIDIA's runtime is told which GPUs of its node a container sees; the device plugin sets it."""
GPU_RUNTIME = "NVIDIA_"
"""How variables begin that NVIDIA's runtime reads: some name devices of the node, such as those that configure MIG."""
GPU_SETTINGS = ("NVIDIA_API_KEY", "NVIDIA_DISABLE_REQUIRE", "NVIDIA_DRIVER_CAPABILITIES", "NVIDIA_TF32_OVERRIDE")
"""Variables of that beginning that programs are given and that name no device."""
GPUS_BY_MOUNT = "nvidia-container-devices"
"""A folder below /var/run; NVIDIA's runtime shows the GPUs that mounts there are named after
(https://bottlerocket.dev/en/os/1.54.x/api/settings/nvidia-container-runtime, where that is the default)."""
GPU_TAINT = {"key": GPU_RESOURCE, "value": "present", "effect": "NoSchedule"}
SYSTEM_TAINT = {"key": "CriticalAddonsOnly", "value": "true", "effect": "NoSchedule"}
"""Of the nodes of SYSTEM_POOL. Add-ons of Kubernetes tolerate it, CoreDNS and kube-dns among them, and no other taint
may stand on a system pool of AKS (https://learn.microsoft.com/azure/aks/use-system-pools)."""

LABEL_LENGTH = 63
"""The most characters of a label, of DNS and of Kubernetes."""

PLATFORM_OWNER = "platform"
FRONT_DOOR_NAMESPACE = "bedplate-front-door"
SIGN_IN, SIGN_IN_PAGES, SIGN_OUT = "sign-in", "sign-in-pages", "sign-out"
CLIENT_HEADERS, ANSWER_HEADERS, CREDENTIALS = "client-headers", "answer-headers", "credentials"
OWN_PAGES, PROVIDER_TOKENS, STARTING, ASLEEP = "own-pages", "provider-tokens", "starting", "asleep"
FRONT_DOOR_NAMES = (
    *(DEPLOYED_BEFORE, DEPLOYED_AFTER, DEPLOYED_PUBLIC, "deployed-filter", "deployed-concurrency"),
    *(
        SIGN_IN,
        SIGN_IN_PAGES,
        SIGN_OUT,
        CLIENT_HEADERS,
        ANSWER_HEADERS,
        OWN_PAGES,
        PROVIDER_TOKENS,
        CREDENTIALS,
        STARTING,
        ASLEEP,
    ),
)
"""Names of the platform's own objects beside the routes in the front door's namespace."""
LOGIN_NAMESPACE = "bedplate-login"
SESSION_COOKIE = "__Http-bedplate"
"""Of the login; further cookies of its begin with the same name. None of them ever reaches a workload: who has it is
signed in everywhere. Browsers take a cookie of this prefix over HTTPS only, and from an answer's header only: a page
cannot write it by a script, for the whole domain neither, where the browser knows the prefix (Chromium since 140);
https://developer.mozilla.org/docs/Web/HTTP/Reference/Headers/Set-Cookie#cookie_prefixes."""
RESERVED_COOKIES = (SESSION_COOKIE, "__Secure-bedplate")
"""Beginnings of names that are the login's, or were: workloads neither get nor set such cookies."""
CERTIFICATES_NAMESPACE = "bedplate-certificates"
QUEUE_NAMESPACE = "bedplate-queue"
DEFAULT_QUEUE = "default"
"""A tenant's one queue: what names none goes into the one of this name
(https://kueue.sigs.k8s.io/docs/tasks/manage/enforce_job_management/setup_default_local_queue/)."""
QUEUE_NAME = "kueue.x-k8s.io/queue-name"
QUEUE_PRIORITY = "kueue.x-k8s.io/priority-class"
MAX_EXECUTION_SECONDS = "kueue.x-k8s.io/max-exec-time-seconds"
"""Labels of what is queued: where, whose turn it is first, and how long it may run, all its attempts together."""
MONITORING_NAMESPACE = "bedplate-monitoring"
SECRETS_NAMESPACE = "bedplate-secrets"
SECRET_SOURCE_NAMESPACE = "bedplate-secret-source"
"""Where secrets stand that tenants are given, if the cluster itself is their store."""
EXTERNAL_SECRETS = "external-secrets"
"""The release and the ServiceAccount, in SECRETS_NAMESPACE."""
SECRET_STORE = "bedplate-secret-store"
"""A tenant's one SecretStore, and the ServiceAccount that it reads as; no workload has this name."""
RELOADED_WITH = "secret.reloader.stakater.com/reload"
"""Of a Deployment: the Secret with whose content its pods are replaced
(https://github.com/stakater/Reloader/blob/v1.4.21/README.md)."""
SSH_NAMESPACE = "bedplate-ssh"
SSH_GATE = "ssh-gate"
"""The name of its pods, in SSH_NAMESPACE."""
SSH_HOST = "ssh"
"""The first label of the host that the gate is reached at."""
SSH_PORT = 22
"""Of the gate and of workspaces, as people see it."""
WORKSPACE_SSH_PORT = 2222
"""Of a workspace's pods, behind port 22 of its Service."""
BUILDS_OF = f"{DOMAIN}/builds-of"
"""Of a namespace in which images are built: the namespace of the tenant whose images they are."""
BUILD = "build"
"""The PodTemplate in such a namespace that every build is a copy of, and its ServiceAccount."""
MAX_BUILD_SECONDS = f"{DOMAIN}/max-build-seconds"
"""Annotation of that PodTemplate: the longest that a build may take."""
SCAN = "scan"
"""The same of scans of images; Jobs of scans are named so by NAME."""
SCAN_ROLE = "bedplate-scans"
"""The ClusterRole that lets them say in the tenant's namespace what has passed; bound there alone."""
SCANNED_IMAGE = f"{DOMAIN}/image"
"""Annotation of such a Job: the image, by its digest."""
SCANNED = f"{DOMAIN}/scanned-images"
"""Annotation of a tenant's namespace: digests of images that a scan has passed, each as HEX=DATE, by commas. What
scans in the namespace of its builds alone writes it."""
CACHE_TAG = "buildcache"
"""The one tag of a repository that moves: of what builds keep for the next one."""
BUILD_HEADER_BYTES = 20
"""In which a build is told how long the archive is that it gets, as a number after spaces."""
PULL_SECRET = "registry"
"""The Secret in a tenant's namespace by which its pods' images are pulled, where the registry asks for one."""
DELETED_CLASS, RETAINED_CLASS, SHARED_CLASS = "bedplate-deleted", "bedplate-retained", "bedplate-shared"
"""StorageClasses that the platform makes in a cloud: of disks that go with their claim and that do not, and of volumes
that many nodes use."""
IDLE_NAMESPACE = "bedplate-idle"
KEDA = "keda"
"""The release, in IDLE_NAMESPACE."""
ACCOUNT_FOLDER = "/var/run/secrets/kubernetes.io/serviceaccount"
"""Where a pod has what it asks Kubernetes with
(https://kubernetes.io/docs/tasks/run-application/access-api-from-pod/#directly-accessing-the-rest-api)."""
WAKER, WAKER_PORT = "waker", 8090
WAKER_URL = f"http://{WAKER}.{IDLE_NAMESPACE}.svc:{WAKER_PORT}"
"""Who starts at once what somebody asks for; there is none where somebody else runs KEDA."""
NODE_EXPORTER_NAMESPACE = "bedplate-node-exporter"
COST_NAMESPACE = "bedplate-cost"
LOGS_NAMESPACE = "bedplate-logs"
LOG_COLLECTOR_NAMESPACE = "bedplate-log-collector"
LOGS_HOST = "logs"
GRAFANA = "grafana"
TENANT_GRAFANA = "tenant-grafana"
"""The name of namespaces with the Grafana of a tenant."""
"""The first label of the host at which the platform's team reads logs, and how those of tenants begin."""
GPU_NAMESPACE = "bedplate-gpu"
GPU_METRICS_NAMESPACE = "bedplate-gpu-metrics"
AUTOSCALING_NAMESPACE = "bedplate-autoscaling"
KARPENTER_NAMESPACE = "bedplate-karpenter"
AUTOSCALER_SERVICE_ACCOUNT = "cluster-autoscaler"
"""In AUTOSCALING_NAMESPACE; clouds give it the right to change sizes of node groups."""
KARPENTER = "karpenter"
"""The release and the ServiceAccount, in KARPENTER_NAMESPACE; clouds give it the right to start and end machines."""
TRAEFIK = "traefik"
"""The release, the ServiceAccount and the name of the pods, in FRONT_DOOR_NAMESPACE."""
TRAEFIK_HTTP_PORT = 8000
TRAEFIK_HTTPS_PORT = 8443
"""Of Traefik's pods: what comes to port 80 of the load balancer."""
CERT_MANAGER = "cert-manager"
"""The release and the ServiceAccount, in the namespace of certificates."""


@dataclass(frozen=True, kw_only=True)
class Identity:
    """Who an object belongs to.

    name: the software or template (`job`); component: its role (`batch`); tenant, project, owner, workload: the chain
    of ownership, empty where it does not apply; version: of the software that runs, so that a dashboard can tell
    releases apart. Only what runs carries it (ADR 0011).
    """

    name: str
    component: str
    owner: str = PLATFORM_OWNER
    tenant: str = ""
    project: str = ""
    workload: str = ""
    version: str = ""

    def selector(self) -> dict[str, str]:
        """The labels that pick this identity's pods: only what never changes, because selectors cannot change.

        A workload's owner, project and version change during its life; a Deployment's selector may not
        (https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#selector).
        """
        stable = (NAME, INSTANCE, COMPONENT, TENANT, WORKLOAD)
        return {key: value for key, value in self.labels().items() if key in stable}

    def labels(self) -> dict[str, str]:
        """The labels of every object of this identity; none of them changes with a release."""
        labels = {
            NAME: self.name,
            INSTANCE: self.workload or self.tenant or self.name,
            COMPONENT: self.component,
            "app.kubernetes.io/part-of": "bedplate",
            MANAGED_BY: "pulumi",
            TENANT: self.tenant,
            PROJECT: self.project,
            OWNER: label_value(self.owner),
            WORKLOAD: self.workload,
        }
        return {key: value for key, value in labels.items() if value}

    def running_labels(self) -> dict[str, str]:
        """The labels of pods and of what starts them: with the version that runs.

        A Service or a route is the same whatever runs behind it: another image is a change of one object.
        """
        version = label_value(self.version)
        return {**self.labels(), **({VERSION: version} if version else {})}

    def annotations(self) -> dict[str, str]:
        """The owner's address in full, because a label value cannot hold an '@'."""
        return {OWNER_EMAIL: self.owner} if "@" in self.owner else {}


def label_value(text: str) -> str:
    """The text as a label value: '@' becomes '_at_', what labels forbid becomes '-', at most 63 characters.

    https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#syntax-and-character-set
    """
    return re.sub(r"[^A-Za-z0-9._-]", "-", text.replace("@", "_at_"))[:LABEL_LENGTH].strip("-_.")


def image_version(image: str) -> str:
    """The release an image reference names: its tag, or the first twelve digits of its digest."""
    path, _, digest = image.partition("@sha256:")
    tag = path.rpartition("/")[2].partition(":")[2]
    return tag or digest[:12]


def host_label(tenant: str, workload: str) -> str:
    """The first label of a workload's host; one label, so that one wildcard certificate serves all."""
    return f"{workload}-{tenant}"


def login_host(domain: str) -> str:
    """The one host that people sign in at."""
    return f"auth.{domain}"


def builds_namespace(namespace: str) -> str:
    """Where the images of a tenant are built. namespace: the tenant's."""
    return f"bedplate-builds-{namespace}"


def tenant_grafana_namespace(namespace: str) -> str:
    """Where the Grafana of a tenant runs. namespace: the tenant's."""
    return f"bedplate-grafana-{namespace}"


def grafana_label(tenant: str = "") -> str:
    """The first label of the host that dashboards are at: a tenant's, or the platform's."""
    return host_label(tenant, GRAFANA) if tenant else GRAFANA


def grafana_host(domain: str, tenant: str = "") -> str:
    """The host that dashboards are at: a tenant's, or the platform's."""
    return f"{grafana_label(tenant)}.{domain}"


def logs_host(domain: str, tenant: str = "") -> str:
    """Where logs are read: a tenant's, or all of them."""
    return f"{host_label(tenant, LOGS_HOST) if tenant else LOGS_HOST}.{domain}"


def accelerator_class(accelerator: str) -> str:
    """The PriorityClass by which a quota counts the GPUs of one accelerator."""
    return f"bedplate-{accelerator}"


def priority_name(priority: str) -> str:
    """The WorkloadPriorityClass of queued work."""
    return f"bedplate-{priority}"
