"""oauth2-proxy beside an API server: it is asked what the front door asks, and sends people to sign in.

Owns what is different from the cluster: addresses, and that nobody signs in. The provider of people is not asked for
its addresses, which would be the only request that leaves the machine, and sessions have no store: the rehearsal shows
that who has no session gets none. What signing in does is shown by tests with a provider and a store.
"""

import json
from collections.abc import Mapping
from urllib.parse import urlsplit

from bedplate.kubernetes import Manifest
from bedplate.labels import LOGIN_NAMESPACE
from bedplate.services.login import session_store
from bedplate.services.login.authentication import PORT, PROXY
from bedplate.services.login.configuration import configuration_file
from bedplate.services.login.spec import Setting
from bedplate.services.operator import Launch, OperatorProgram, Ready, Shortfall, Sight, Surroundings, Work, asked
from bedplate.wording import counted

_LEFT_OUT = ("google_admin_email", "google_service_account_json", "redis_connection_url", "redis_username")
"""Who is asked for groups, whose key is read when the proxy starts, and here is none; and the store, which it waits
for."""
_LOCAL = "127.0.0.1"


def _launch(surroundings: Surroundings) -> Launch:
    """The arguments are those of its Deployment, the file that of its ConfigMap, the environment that of its Secret."""
    deployment = surroundings.object("Deployment", PROXY, LOGIN_NAMESPACE)
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    file, written = _configuration(surroundings)
    mounted = {mount["mountPath"]: str(surroundings.folder) for mount in container["volumeMounts"]}
    secrets = surroundings.object("Secret", PROXY, LOGIN_NAMESPACE)["stringData"]
    return Launch(
        arguments=[_replaced(argument, mounted) for argument in container["args"]],
        environment={
            item["name"]: secrets[item["valueFrom"]["secretKeyRef"]["key"]]
            for item in container["env"]
            if "valueFrom" in item
        },
        files={file: configuration_file(settings_here(_settings(written), surroundings.ports))},
    )


def settings_here(settings: Mapping[str, Setting], ports: Mapping[str, int]) -> Mapping[str, Setting]:
    """The stack's options with the addresses of this machine, and the provider's made up from its issuer."""
    issuer = str(settings["oidc_issuer_url"]).rstrip("/")
    return {
        **{name: value for name, value in settings.items() if name not in _LEFT_OUT},
        "session_store_type": "cookie",
        "http_address": f"{_LOCAL}:{ports['http']}",
        "metrics_address": f"{_LOCAL}:{ports['metrics']}",
        "trusted_proxy_ips": [f"{_LOCAL}/32"],
        "skip_oidc_discovery": True,
        "login_url": f"{issuer}/authorize",
        "redeem_url": f"{issuer}/token",
        "oidc_jwks_url": f"{issuer}/keys",
        # Each would be asked for its addresses.
        "extra_jwt_issuers": [],
    }


def _configuration(surroundings: Surroundings) -> tuple[str, str]:
    """The proxy's file, by name and as it stands in the cluster."""
    (found,) = surroundings.object("ConfigMap", PROXY, LOGIN_NAMESPACE)["data"].items()
    return found


def _settings(written: str) -> Mapping[str, Setting]:
    pairs = (line.partition(" = ") for line in written.splitlines())
    return {name: json.loads(value) for name, _, value in pairs}


def _replaced(argument: str, mounted: Mapping[str, str]) -> str:
    for path, folder in mounted.items():
        argument = argument.replace(path, folder)
    return argument


def _work(sight: Sight) -> Work:
    """Asks what every route asks, as somebody without a session."""
    settings = _settings(_configuration(sight.surroundings)[1])
    issuer, port = str(settings["oidc_issuer_url"]), sight.surroundings.ports["http"]
    sent_away, refused, missing = 0, 0, list[Shortfall]()
    for middleware in _asking(sight.surroundings):
        status, location = _asks(middleware["spec"]["forwardAuth"]["address"], port)
        if status == 302 and location.startswith(issuer):
            sent_away += 1
        elif status == 401:
            refused += 1
        else:
            missing.append(
                Shortfall(
                    object=f"Middleware {middleware['metadata']['namespace']}/{middleware['metadata']['name']}",
                    reason=f"asked for somebody without a session, {PROXY} answers {status} {location}".rstrip(),
                    fix="see its log, and the address that the middleware asks",
                )
            )
    questions = counted(sent_away + refused, "question")
    text = f"{questions} of routes answered: {sent_away} with the way to sign in, {refused} with a refusal"
    return Work(text=text, counts={"sentToSignIn": sent_away, "refused": refused}, missing=missing)


def _asking(surroundings: Surroundings) -> list[Manifest]:
    return [body for body in surroundings.objects if body["kind"] == "Middleware" and "forwardAuth" in body["spec"]]


def _asks(address: str, port: int) -> tuple[int, str]:
    question = urlsplit(address)
    forwarded = {
        "X-Forwarded-For": "203.0.113.7",
        "X-Forwarded-Host": "rehearsal",
        "X-Forwarded-Method": "GET",
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Uri": "/",
    }
    try:
        answer = asked(port, f"{question.path}?{question.query}", forwarded)
    except OSError as error:
        return 0, str(error)
    return answer.status, answer.headers.get("location", "")


NOT_RUN = {f"{LOGIN_NAMESPACE}/{session_store.NAME}": "nobody signs in, so there is no session to keep"}
OPERATORS = (
    OperatorProgram(
        name=PROXY,
        program="oauth2-proxy",
        deployment=f"{LOGIN_NAMESPACE}/{PROXY}",
        launch=_launch,
        work=_work,
        ready=Ready(port="http", path="/ping"),
        ports=("http", "metrics"),
        service=f"{PROXY}.{LOGIN_NAMESPACE}.svc.cluster.local:{PORT}",
    ),
)
