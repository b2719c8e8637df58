"""The registries of the three clouds as far as a push sees them, before a real registry: what each answers is
documented.

Amazon: the agent of Pod Identity gives credentials
(https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html), ECR a password for them
(https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_GetAuthorizationToken.html).
Google: the metadata server gives a token (https://cloud.google.com/compute/docs/metadata/predefined-metadata-keys),
which is the password of `_token`, as Google's own client signs in
(https://github.com/google/go-containerregistry/blob/v0.22.1/pkg/v1/google/auth.go).
Azure: Entra exchanges the ServiceAccount's token
(https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow), the registry what it gives
(https://github.com/Azure/acr/blob/main/docs/AAD-OAuth.md). Signatures are not checked: nobody here is Amazon.
"""

import asyncio
import base64
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
from aiohttp import web

ADDRESS = "127.0.44.1"
"""Of all hosts; processes of this machine reach it, and nobody else."""
AMAZON = "123456789012.dkr.ecr.eu-central-1.amazonaws.com"
AMAZONS_API = "api.ecr.eu-central-1.amazonaws.com"
GOOGLE = "europe-west4-docker.pkg.dev"
AZURE = "nordwindmlvision.azurecr.io"
ENTRA = "login.microsoftonline.com"
HOSTS = (AMAZON, AMAZONS_API, GOOGLE, AZURE, ENTRA)
POD_TOKEN = "a-token-of-the-pod"
_ACCESS_KEY, _PASSWORD, _GOOGLES_TOKEN = "ASIAIOSFODNN7EXAMPLE", "password-for-twelve-hours", "ya29.token-for-an-hour"
_DIRECTORY = "11111111-1111-4111-8111-111111111111"
_OF_ENTRA, _REFRESH, _OF_REGISTRY = "token-of-entra", "refresh-token-for-three-hours", "token-of-the-registry"


@dataclass
class CloudRegistries:
    """registry: host and port of the one behind. asked: what was, in order."""

    registry: str
    asked: list[str] = field(default_factory=list[str])
    agent_port: int = 0

    def variables(self, cloud: str, token: str) -> dict[str, str]:
        """What each cloud puts into the pod. token: the file with the pod's."""
        agent = f"{ADDRESS}:{self.agent_port}"
        return {
            # https://docs.aws.amazon.com/eks/latest/userguide/pod-id-how-it-works.html
            "aws": {
                "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"http://{agent}/v1/credentials",
                "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": token,
                "AWS_REGION": "eu-central-1",
            },
            # Where the metadata server has another address than everywhere.
            "gcp": {"GCE_METADATA_HOST": agent},
            # https://azure.github.io/azure-workload-identity/docs/topics/service-account-labels-and-annotations.html
            "azure": {
                "AZURE_CLIENT_ID": "22222222-2222-4222-8222-222222222222",
                "AZURE_TENANT_ID": _DIRECTORY,
                "AZURE_FEDERATED_TOKEN_FILE": token,
                "AZURE_AUTHORITY_HOST": f"https://{ENTRA}/",
            },
        }[cloud]

    def agent(self) -> web.Application:
        """What answers within a node."""
        made = web.Application()
        made.add_routes(
            [
                web.get("/v1/credentials", self._credentials),
                web.get("/computeMetadata/v1/instance/service-accounts/default/token", self._metadata),
            ]
        )
        return made

    def outside(self) -> web.Application:
        """What answers outside, by HTTPS."""
        made = web.Application(client_max_size=2**30)
        made.add_routes(
            [
                web.post("/", self._amazons_api),
                web.post(f"/{_DIRECTORY}/oauth2/token", self._entra),
                web.post("/oauth2/exchange", self._exchange),
                web.post("/oauth2/token", self._registry_token),
                web.route("*", "/v2/{path:.*}", self._registry),
            ]
        )
        return made

    async def _credentials(self, request: web.Request) -> web.Response:
        if request.headers.get("Authorization") != POD_TOKEN:
            return web.Response(status=401)
        self.asked.append("pod identity")
        until = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3600))
        keys = {"AccessKeyId": _ACCESS_KEY, "SecretAccessKey": "secret", "Token": "session", "Expiration": until}
        return web.json_response(keys)

    async def _metadata(self, request: web.Request) -> web.Response:
        if request.headers.get("Metadata-Flavor") != "Google":
            return web.Response(status=403)
        self.asked.append("metadata server")
        token = {"access_token": _GOOGLES_TOKEN, "expires_in": 3599, "token_type": "Bearer"}
        return web.json_response(token, headers={"Metadata-Flavor": "Google"})

    async def _amazons_api(self, request: web.Request) -> web.Response:
        signed = request.headers.get("Authorization", "")
        if request.host != AMAZONS_API or f"Credential={_ACCESS_KEY}/" not in signed:
            return web.Response(status=400)
        assert request.headers["X-Amz-Target"].endswith(".GetAuthorizationToken")
        self.asked.append("GetAuthorizationToken")
        token = base64.b64encode(f"AWS:{_PASSWORD}".encode()).decode()
        given = {"authorizationToken": token, "expiresAt": time.time() + 43_200, "proxyEndpoint": f"https://{AMAZON}"}
        return web.json_response({"authorizationData": [given]}, content_type="application/x-amz-json-1.1")

    async def _entra(self, request: web.Request) -> web.Response:
        form = await request.post()
        if request.host != ENTRA or form["client_assertion"] != POD_TOKEN:
            return web.Response(status=401)
        self.asked.append("Entra")
        now = int(time.time())
        token = {"access_token": _OF_ENTRA, "token_type": "Bearer", "expires_in": "3599", "resource": "r"}
        return web.json_response({**token, "expires_on": str(now + 3599), "not_before": str(now)})

    async def _exchange(self, request: web.Request) -> web.Response:
        form = await request.post()
        if request.host != AZURE or form["access_token"] != _OF_ENTRA or form["service"] != AZURE:
            return web.Response(status=401)
        self.asked.append("exchange")
        return web.json_response({"refresh_token": _REFRESH})

    async def _registry_token(self, request: web.Request) -> web.Response:
        form = await request.post()
        if form["grant_type"] != "refresh_token" or form["refresh_token"] != _REFRESH:
            return web.Response(status=401)
        return web.json_response({"access_token": _OF_REGISTRY})

    async def _registry(self, request: web.Request) -> web.StreamResponse:
        """The real one, for who may."""
        basic = {AMAZON: f"AWS:{_PASSWORD}", GOOGLE: f"_token:{_GOOGLES_TOKEN}"}.get(request.host)
        may = f"Basic {base64.b64encode(basic.encode()).decode()}" if basic else f"Bearer {_OF_REGISTRY}"
        if request.headers.get("Authorization") != may:
            token = f'Bearer realm="https://{AZURE}/oauth2/token",service="{AZURE}"'
            return web.Response(status=401, headers={"WWW-Authenticate": 'Basic realm="registry"' if basic else token})
        # The registry's own addresses are made of the host that was asked.
        kept = {name: value for name, value in request.headers.items() if name != "Authorization"}
        url = f"http://{self.registry}{request.path_qs}"
        async with (
            aiohttp.ClientSession(auto_decompress=False) as session,
            session.request(
                request.method,
                url,
                headers={**kept, "X-Forwarded-Proto": "https"},
                data=await request.read(),
                allow_redirects=False,
            ) as answer,
        ):
            headers = {name: value for name, value in answer.headers.items() if name != "Transfer-Encoding"}
            return web.Response(status=answer.status, headers=headers, body=await answer.read())


@contextmanager
def cloud_registries(registry: str, folder: Path) -> Iterator[CloudRegistries]:
    """All of them, in a thread of its own; `folder/authority.crt` is whose certificate they show."""
    clouds = CloudRegistries(registry)
    loop = asyncio.new_event_loop()
    outside, agent = (web.AppRunner(one, access_log=None) for one in (clouds.outside(), clouds.agent()))
    for runner in (outside, agent):
        loop.run_until_complete(runner.setup())
    loop.run_until_complete(web.TCPSite(outside, ADDRESS, 443, ssl_context=_certificate(folder)).start())
    loop.run_until_complete(web.TCPSite(agent, ADDRESS, 0).start())
    clouds.agent_port = agent.addresses[0][1]
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield clouds
    finally:
        for runner in (outside, agent):
            asyncio.run_coroutine_threadsafe(runner.cleanup(), loop).result(70)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(20)
        loop.close()


def _certificate(folder: Path) -> ssl.SSLContext:
    key, certificate = folder / "authority.key", folder / "authority.crt"
    names = ",".join(f"DNS:{host}" for host in HOSTS)
    command = [
        *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=clouds"),
        *("-addext", f"subjectAltName={names}", "-keyout", str(key), "-out", str(certificate)),
    ]
    subprocess.run(command, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context
