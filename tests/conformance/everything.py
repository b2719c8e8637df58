"""Stacks that have all that a stack can have on one cluster."""

from harness import LOGIN, MINIMAL, job, model_api, platform, tenant

SSH_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOSUJpsCPXddTktcZ38c/KvK6WSOxLpsLf2JLM2cugU4 laptop"
EVERYTHING = platform(
    tenant(
        "vision",
        model_api(
            "api",
            gpu={"accelerator": "nvidia-l4"},
            replicas={"min": 1, "max": 1},
            update="removeFirst",
            secretEnv={"API_TOKEN": "token", "DB_PASSWORD": {"external": "database", "key": "password"}},
        ),
        model_api("web", replicas={"min": 2, "max": 5}, route={"access": "browser"}, idle={"afterMinutes": 60}),
        job("train", gpu={"accelerator": "nvidia-l4", "count": 1}, mounts=[{"volume": "data", "path": "/data"}]),
        {"kind": "workspace", "name": "ines", "owner": "ines@example.com", "image": "ghcr.io/acme/lab:1", "ssh": True},
        job("nightly", schedule="0 1 * * *", secretEnv={"DB_PASSWORD": "token"}),
        volumes=[{"name": "data", "sizeGib": 10, "retain": True}, {"name": "cache", "sizeGib": 5, "retain": False}],
        allowedNetworks=["10.1.2.0/24"],
    ),
    tenant("search", model_api("api")),
    tenantSecrets={"vision": ["token"]},
    certificates={"issuer": "internal"},
    login={**LOGIN, "adminGroups": ["platform"]},
    idle={},
    queue={},
    secrets={"store": "kubernetes"},
    logs={"auditFile": "/var/log/kubernetes/audit/audit.log"},
    ssh={"hostKeyRef": "gate", "keys": {"ines@example.com": [SSH_KEY]}, "allowedNetworks": ["203.0.113.0/24"]},
    images={
        "registry": "ghcr.io/acme/",
        "pull": {"username": "reader", "passwordRef": "pull"},
        "builds": {
            "credentials": {"vision": {"username": "vision", "passwordRef": "push"}},
            "networks": ["10.3.0.0/24"],
            "scan": {},
        },
    },
    monitoring={
        "diskGib": 400,
        "mail": {
            **{"smarthost": "smtp.example.com:587", "sender": "ml@example.com"},
            **{"username": "ml", "passwordRef": "smtp"},
        },
        "receivers": {
            "on-call": {"kind": "webhook", "urlSecretRef": "onCall"},
            "vision": {"kind": "slack", "urlSecretRef": "slack", "channel": "#vision"},
            "search": {"kind": "mail", "to": ["search@example.com"]},
        },
        "platform": "on-call",
        "heartbeat": "on-call",
        "tenants": {"vision": "vision", "search": "search"},
        "tenantDashboards": ["vision"],
        "remoteWrite": {"url": "https://metrics.example.com/write", "tokenRef": "metrics"},
    },
    cost={
        "prices": {"accelerators": {"nvidia-l4": 0.7}, "cpuCoreHour": 0.03, "memoryGibHour": 0.004},
        "budgets": {"tenants": {"vision": {"gpuHoursPerMonth": 500, "whenExhausted": "denyGpus"}}},
        "openCost": True,
    },
)
PROVEN_OVER_HTTP = {
    **EVERYTHING,
    "certificates": {
        **{"issuer": "letsEncrypt", "email": "ines@example.com"},
        **{"mode": "perHost", "challenge": "http01"},
    },
}
WITH_CERT_MANAGER = {
    **EVERYTHING,
    "certificates": {"issuer": "internal", "certManager": {"provided": True}},
    "idle": {"keda": {"provided": True}},
    "secrets": {"store": "vault", "url": "https://vault.example.com", "operators": {"provided": True}},
    "monitoring": {"provided": {"url": "http://prometheus.example.svc:9090"}},
    "logs": {
        "provided": {
            **{
                "store": "opensearch",
                "url": "https://logs.example.com:9200",
                "user": "bedplate",
                "passwordRef": "logs",
            },
            "authority": "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n",
        }
    },
}
SECRETS = frozenset({"gate", "pull", "push", "token", "smtp", "onCall", "slack", "metrics", "logs"})
"""Their config secrets."""

_FACTS = {"deletedStorageClass": "standard", "retainedStorageClass": "standard-retained"}
_CLOUD = {key: value for key, value in MINIMAL["cloud"].items() if key != "storageClasses"}
SHARING = platform(
    tenant(
        "vision",
        job("whole", gpu={"accelerator": "nvidia-l4"}),
        job("turns", gpu={"accelerator": "nvidia-l4-shared-4"}, parallelism=4),
        job("parts", gpu={"accelerator": "nvidia-a100-80gb-3g.40gb"}, parallelism=2),
        quota={
            **{"cpu": 64, "memoryGib": 256},
            "gpus": {"nvidia-l4": 1, "nvidia-l4-shared-4": 4, "nvidia-a100-80gb-3g.40gb": 2},
        },
    ),
    cloud={**_CLOUD, "facts": {**_FACTS, "hasDevicePlugin": False, "hasGpuMetrics": False, "gpuDriver": 580}},
    nodePools={
        **MINIMAL["nodePools"],
        "turns": {**MINIMAL["nodePools"]["l4"], "max": 1, "sharing": {"timeSlicing": 4}},
        "parts": {
            **{"accelerator": "nvidia-a100-80gb", "count": 1, "max": 1, "sharing": {"mig": "3g.40gb"}},
            "machine": {"cpu": 24, "memoryGib": 200},
        },
    },
)
"""GPUs as a whole, used in turns, and cut."""
