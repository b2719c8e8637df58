"""Stacks that have all that a stack can have on one cluster."""

from harness import LOGIN, job, model_api, platform, tenant

EVERYTHING = platform(
    tenant(
        "vision",
        model_api(
            "api", gpu={"accelerator": "nvidia-l4"}, replicas={"min": 1, "max": 1}, secretEnv={"API_TOKEN": "token"}
        ),
        model_api("web", replicas={"min": 2, "max": 5}, route={"access": "browser"}),
        job("train", gpu={"accelerator": "nvidia-l4", "count": 1}, mounts=[{"volume": "data", "path": "/data"}]),
        job("nightly", schedule="0 1 * * *", secretEnv={"DB_PASSWORD": "token"}),
        volumes=[{"name": "data", "sizeGib": 10, "retain": True}, {"name": "cache", "sizeGib": 5, "retain": False}],
        allowedNetworks=["10.1.2.0/24"],
    ),
    tenant("search", model_api("api")),
    tenantSecrets={"vision": ["token"]},
    certificates={"issuer": "internal"},
    login=LOGIN,
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
WITH_CERT_MANAGER = {**EVERYTHING, "certificates": {"issuer": "internal", "certManager": {"provided": True}}}
SECRETS = frozenset({"token"})
"""Their config secrets."""
