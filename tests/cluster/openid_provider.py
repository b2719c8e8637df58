"""A provider of OpenID Connect for tests: Authlib's, with people and groups that tests change while it runs.

`python openid_provider.py PORT` serves http://127.0.0.1:PORT, or https with CERTIFICATE and KEY in its environment.
Authlib does the protocol (authorization code with PKCE, signed tokens, refresh); here stand only its storage, one
client, and a sign-in that takes a name for a password.
"""

# Authlib types what it leaves to others more narrowly than it documents it.
# pyright: reportIncompatibleMethodOverride=false

import os
import sys
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"

from authlib.integrations.flask_oauth2 import AuthorizationServer
from authlib.oauth2.rfc6749 import ClientMixin, TokenMixin, grants
from authlib.oauth2.rfc6750 import BearerTokenGenerator
from authlib.oauth2.rfc7636 import CodeChallenge
from authlib.oidc.core import AuthorizationCodeMixin
from authlib.oidc.core.grants import OpenIDCode
from authlib.oidc.core.grants.code import OpenIDToken
from flask import Flask, jsonify, redirect, request
from joserfc import jwt
from joserfc.jwk import RSAKey

PORT = int(sys.argv[1])
TLS = (os.environ["CERTIFICATE"], os.environ["KEY"]) if "CERTIFICATE" in os.environ else None
ISSUER = f"{'https' if TLS else 'http'}://127.0.0.1:{PORT}"
CLIENT, SECRET = "ml-platform", os.environ["CLIENT_SECRET"]
KEY = RSAKey.generate_key(2048, parameters={"kid": "first", "use": "sig", "alg": "RS256"})

people: dict[str, dict[str, Any]] = {}
"""Claims of everybody who may sign in, by subject."""
codes: dict[str, "Code"] = {}
refresh_tokens: dict[str, "Token"] = {}
ended: list[str] = []
"""Subjects whose session a browser has ended here."""
lifetime = {"seconds": 3600}


@dataclass
class Client(ClientMixin):
    id: str = CLIENT

    def get_client_id(self) -> str:
        return self.id

    def get_allowed_scope(self, scope: str) -> str:
        return scope

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        return redirect_uri == os.environ["REDIRECT_URI"]

    def check_client_secret(self, client_secret: str) -> bool:
        return client_secret == SECRET

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        return method in ("client_secret_basic", "client_secret_post")

    def check_response_type(self, response_type: str) -> bool:
        return response_type == "code"

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type in ("authorization_code", "refresh_token")


@dataclass
class Code(AuthorizationCodeMixin):
    code: str
    subject: str
    redirect_uri: str
    scope: str
    nonce: str | None
    code_challenge: str
    code_challenge_method: str

    def get_redirect_uri(self) -> str:
        return self.redirect_uri

    def get_scope(self) -> str:
        return self.scope

    def get_nonce(self) -> str | None:
        return self.nonce

    def get_auth_time(self) -> int:
        return int(time.time())

    def get_acr(self) -> None:
        return None

    def get_amr(self) -> None:
        return None


@dataclass
class Token(TokenMixin):
    subject: str
    scope: str

    def check_client(self, client: Client) -> bool:
        return client.id == CLIENT

    def get_scope(self) -> str:
        return self.scope


class SignedTokens:
    """What identity tokens say, at the sign-in and at each refresh."""

    def generate_user_info(self, user: str, scope: str) -> dict[str, Any]:
        return {"sub": user, **people[user]}

    def get_client_algorithm(self, client: Client) -> str:
        return "RS256"

    def get_encode_header(self, client: Client) -> dict[str, str]:
        return {"alg": "RS256", "kid": "first"}

    def resolve_client_private_key(self, client: Client) -> Any:
        return KEY

    def get_compatible_claims(self, request: Any) -> dict[str, Any]:
        now = int(time.time())
        return {"iss": ISSUER, "aud": CLIENT, "iat": now, "exp": now + lifetime["seconds"]}


class SignInTokens(SignedTokens, OpenIDCode):
    def exists_nonce(self, nonce: str, request: Any) -> bool:
        return False


class RefreshedTokens(SignedTokens, OpenIDToken):
    pass


class SignIn(grants.AuthorizationCodeGrant):
    def save_authorization_code(self, code: str, request: Any) -> None:
        asked = request.payload
        codes[code] = Code(
            code=code,
            subject=request.user,
            redirect_uri=asked.redirect_uri,
            scope=asked.scope,
            nonce=asked.data.get("nonce"),
            code_challenge=asked.data["code_challenge"],
            code_challenge_method=asked.data["code_challenge_method"],
        )

    def query_authorization_code(self, code: str, client: Client) -> Code | None:
        return codes.get(code)

    def delete_authorization_code(self, authorization_code: Code) -> None:
        del codes[authorization_code.code]

    def authenticate_user(self, authorization_code: Code) -> str:
        return authorization_code.subject


class Refresh(grants.RefreshTokenGrant):
    INCLUDE_NEW_REFRESH_TOKEN = True
    TOKEN_ENDPOINT_AUTH_METHODS = ("client_secret_basic", "client_secret_post")

    def authenticate_refresh_token(self, refresh_token: str) -> Token | None:
        found = refresh_tokens.get(refresh_token)
        return found if found and found.subject in people else None

    def authenticate_user(self, refresh_token: Token) -> str:
        return refresh_token.subject

    def revoke_old_credential(self, refresh_token: Token) -> None:
        for name in [name for name, token in refresh_tokens.items() if token is refresh_token]:
            del refresh_tokens[name]


def save_token(token: dict[str, Any], asked: Any) -> None:
    refresh_tokens[token["refresh_token"]] = Token(subject=asked.user, scope=token["scope"])


def signed(claims: dict[str, Any]) -> str:
    return jwt.encode({"alg": "RS256", "kid": "first"}, claims, KEY)


app = Flask(__name__)
server = AuthorizationServer(app, query_client=lambda name: Client() if name == CLIENT else None, save_token=save_token)
server.register_token_generator(
    "default",
    BearerTokenGenerator(
        lambda **_: os.urandom(16).hex(), lambda **_: os.urandom(16).hex(), lambda *_: lifetime["seconds"]
    ),
)
server.register_grant(SignIn, [SignInTokens(require_nonce=True), CodeChallenge(required=True)])
server.register_grant(Refresh, [RefreshedTokens()])


@app.get("/.well-known/openid-configuration")
def discovery() -> Any:
    return jsonify(
        issuer=ISSUER,
        authorization_endpoint=f"{ISSUER}/authorize",
        token_endpoint=f"{ISSUER}/token",
        userinfo_endpoint="",
        end_session_endpoint=f"{ISSUER}/logout",
        jwks_uri=f"{ISSUER}/keys",
        response_types_supported=["code"],
        subject_types_supported=["public"],
        id_token_signing_alg_values_supported=["RS256"],
        code_challenge_methods_supported=["S256"],
    )


@app.get("/keys")
def keys() -> Any:
    return jsonify(keys=[KEY.as_dict(private=False)])


@app.get("/authorize")
def authorize() -> Any:
    """A page that asks who is there; a browser that says so is signed in."""
    if request.args.get("login_hint") is None:
        again = urlencode(list(request.args.items(multi=True)))
        links = [f'<a id="{name}" href="/authorize?{again}&login_hint={name}">{name}</a>' for name in sorted(people)]
        return f"<h1>Who are you?</h1>{' '.join(links)}"
    return server.create_authorization_response(grant_user=request.args["login_hint"])


@app.post("/token")
def token() -> Any:
    return server.create_token_response()


@app.get("/logout")
def logout() -> Any:
    """Ends the session that the hint belongs to: https://openid.net/specs/openid-connect-rpinitiated-1_0.html."""
    claims = jwt.decode(request.args["id_token_hint"], KEY).claims
    ended.append(claims["sub"])
    after = request.args.get("post_logout_redirect_uri")
    return redirect(after) if after else "<h1>You are signed out</h1>"


@app.get("/test/ended")
def test_ended() -> Any:
    return jsonify(ended)


@app.put("/test/people/<name>")
def test_put(name: str) -> Any:
    people[name] = request.get_json(force=True)
    return ""


@app.delete("/test/people/<name>")
def test_delete(name: str) -> Any:
    del people[name]
    return ""


@app.put("/test/lifetime/<int:seconds>")
def test_lifetime(seconds: int) -> Any:
    lifetime["seconds"] = seconds
    return ""


@app.post("/test/token")
def test_token() -> Any:
    """A token with any claims, signed with the provider's key."""
    return signed(request.get_json(force=True))


if __name__ == "__main__":
    app.run(host="127.0.0.1", port=PORT, threaded=True, ssl_context=TLS)
