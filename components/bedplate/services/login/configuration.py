"""oauth2-proxy's configuration, as data and as the file it reads.

Owns the options; it deliberately holds no secret: those travel as environment variables of the proxy's Secret. The
form is the one that upstream calls legacy, because only there a secret can come from the environment
(https://oauth2-proxy.github.io/oauth2-proxy/configuration/alpha-config).
"""

import json
from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

from bedplate.clouds.networks import not_internet
from bedplate.labels import SESSION_COOKIE
from bedplate.services.login.authentication import PORT, AuthenticationEndpoints
from bedplate.services.login.session_store import ADDRESS, USER
from bedplate.services.login.spec import SERVICE_ACCOUNT_AUDIENCE, AnyLoginSpec, Setting

METRICS_PORT = 44180
CLIENT_SECRET = "OAUTH2_PROXY_CLIENT_SECRET"
COOKIE_SECRET = "OAUTH2_PROXY_COOKIE_SECRET"
STORE_PASSWORD = "OAUTH2_PROXY_REDIS_PASSWORD"
STORE_RETRIES = 100
"""How often the proxy asks a store that does not answer, after the first second twice a second
(https://pkg.go.dev/github.com/redis/go-redis/v9#Options): for longer than the 30 s that Traefik waits for the proxy. It
takes a session that it cannot read for one that is over, and has the browser forget it: better no answer than that one.
"""


def endpoints_of(spec: AnyLoginSpec, domain: str) -> AuthenticationEndpoints:
    """Where routes ask and where people go."""
    return AuthenticationEndpoints(
        domain=domain,
        issuer=spec.issuer(),
        tokens=spec.tokens,
        admin_groups=spec.admin_groups,
        email_domains=spec.email_domains,
        end_session_url=spec.end_session_url(),
    )


def settings_of(
    spec: AnyLoginSpec, domain: str, service_account_issuer: str | None = None, networks: Sequence[str] = ()
) -> Mapping[str, Setting]:
    """The proxy's options by name: https://oauth2-proxy.github.io/oauth2-proxy/configuration/overview.

    service_account_issuer: of the cluster, where its tokens are accepted. networks: of the cluster, besides what is no
    internet anyway.
    """
    endpoints = endpoints_of(spec, domain)
    return {
        **spec.proxy_settings(),
        "oidc_issuer_url": spec.issuer(),
        "client_id": spec.client_id,
        "redirect_url": f"https://{endpoints.host}/oauth2/callback",
        "code_challenge_method": "S256",
        # The default skips the check that a token belongs to this sign-in.
        "insecure_oidc_skip_nonce": False,
        # Who may come in is asked for each route (`AuthenticationEndpoints`): a token of a program has no such address.
        "email_domains": ["*"],
        **_cookies(spec, domain),
        **_tokens(spec, service_account_issuer),
        **_serving(endpoints, networks),
    }


def _cookies(spec: AnyLoginSpec, domain: str) -> Mapping[str, Setting]:
    """One cookie for all hosts holds a ticket; the session itself is in the store."""
    return {
        "session_store_type": "redis",
        "redis_connection_url": f"redis://{ADDRESS}?max_retries={STORE_RETRIES}",
        "redis_username": USER,
        "cookie_name": SESSION_COOKIE,
        "cookie_domains": [f".{domain}"],
        "cookie_secure": True,
        "cookie_httponly": True,
        "cookie_samesite": "lax",
        "cookie_refresh": f"{spec.sessions.refresh_minutes}m",
        "cookie_expire": f"{spec.sessions.expire_hours}h",
        # Every tab that signs in has a cookie of its own, and the oldest goes before the headers get too large.
        "cookie_csrf_per_request": True,
        "cookie_csrf_per_request_limit": 16,
        "cookie_csrf_expire": "15m",
    }


def _tokens(spec: AnyLoginSpec, service_account_issuer: str | None) -> Mapping[str, Setting]:
    issuers = [(issuer.issuer_url, issuer.audience) for issuer in spec.tokens.issuers]
    if service_account_issuer:
        issuers.append((service_account_issuer, SERVICE_ACCOUNT_AUDIENCE))
    return {
        "skip_jwt_bearer_tokens": True,
        "oidc_extra_audiences": list(spec.tokens.audiences),
        "extra_jwt_issuers": [f"{issuer}={audience}" for issuer, audience in issuers],
        # A header that holds no valid token counts as none: 401 instead of 403, and applications that authorize their
        # own requests (Jupyter's `Authorization: token …`) work inside a session.
        "bearer_token_login_fallback": True,
    }


def _serving(endpoints: AuthenticationEndpoints, networks: Sequence[str]) -> Mapping[str, Setting]:
    ipv4, ipv6 = not_internet(networks)
    provider = [urlsplit(endpoints.end_session_url).netloc] if endpoints.end_session_url else []
    return {
        "http_address": f"0.0.0.0:{PORT}",
        "metrics_address": f"0.0.0.0:{METRICS_PORT}",
        # The front door says where a request came from and where it wanted to go.
        "reverse_proxy": True,
        # It is a pod, wherever pods have their addresses; of all these nobody else reaches the proxy.
        "trusted_proxy_ips": [*ipv4, *ipv6],
        "real_client_ip_header": "X-Forwarded-For",
        # Where a browser may be sent after signing in or out.
        "whitelist_domains": [f".{endpoints.domain}", *provider],
        # Whom it lets in gets an empty 202, which tells the front door to go on.
        "upstreams": ["static://202"],
        "skip_provider_button": True,
        "set_xauthrequest": True,
        "pass_access_token": False,
        "pass_basic_auth": False,
        "pass_user_headers": False,
        "pass_authorization_header": False,
        "set_authorization_header": False,
        # The front door's access log has every request already.
        "request_logging": False,
        "silence_ping_logging": True,
    }


def configuration_file(settings: Mapping[str, Setting]) -> str:
    """The options as TOML, whose strings and lists are written as JSON's are (https://toml.io/en/v1.0.0#string)."""
    return "".join(f"{name} = {json.dumps(value)}\n" for name, value in settings.items() if value != [])
