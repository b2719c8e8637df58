"""Who signs people in: the section `login` of the stack file.

Owns the specs, and what each kind of provider means for oauth2-proxy. It deliberately asks no provider anything: what
an issuer offers (its endpoints, its keys) the proxy finds out when it starts.
"""

import re
from abc import abstractmethod
from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field, ValidationInfo, field_validator

from bedplate.spec import (
    GUID,
    ClientId,
    ConfigKey,
    Domain,
    EmailAddress,
    GroupName,
    Guid,
    HttpsUrl,
    PositiveCount,
    Spec,
    StrictBool,
    mistake,
)

Setting = str | bool | int | list[str]
"""The value of one of the proxy's options."""
DIRECTORY_FOLDER = "/etc/oauth2-proxy-directory"
DIRECTORY_KEY = "service-account.json"
"""The file in it, where a provider's groups come from a directory that wants a key of its own."""
_OPENID_SCOPES = "openid profile email"


class SessionsSpec(Spec):
    """How long people stay signed in."""

    refresh_minutes: Annotated[PositiveCount, Field(le=1440)] = 15
    """Minutes after which a session in use is renewed at the provider; who left a group is out by then."""
    expire_hours: Annotated[PositiveCount, Field(le=720, validate_default=True)] = 12
    """Hours after its last renewal at which a session ends, and its owner must sign in again."""

    @field_validator("expire_hours")
    @classmethod
    def _after_a_refresh(cls, hours: int, info: ValidationInfo) -> int:
        minutes: int = info.data.get("refresh_minutes", 0)
        if minutes >= hours * 60:
            raise mistake(
                f"sessions end before they are renewed (refreshMinutes is {minutes})",
                "raise expireHours or lower refreshMinutes",
            )
        return hours


class TokenIssuerSpec(Spec):
    """Somebody whose tokens programs may present, such as a CI system or another cluster."""

    issuer_url: HttpsUrl
    """The issuer, exactly as it stands in its tokens; its keys must be public."""
    audience: ClientId
    """Audience that a token must have been issued for."""


SERVICE_ACCOUNT_SUBJECT = "system:serviceaccount:"
CLUSTER_ISSUER = "*"
"""The cluster itself, whose URL on a cloud only the cluster knows: whichever issuer is none of the others."""
SERVICE_ACCOUNT_AUDIENCE = "bedplate"
"""Audience for which the cluster's ServiceAccounts ask their tokens."""


class TokensSpec(Spec):
    """Which tokens programs may present in place of a session."""

    audiences: tuple[ClientId, ...] = ()
    """Audiences of the provider's own tokens that are accepted besides the client's id."""
    service_accounts: StrictBool = False
    """Whether tokens of the cluster's own ServiceAccounts are accepted, where they were issued for the audience
    `bedplate`; like those of `issuers` they are allowed one by one."""
    issuers: tuple[TokenIssuerSpec, ...] = ()
    """Others who issue tokens for programs; their groups do not count, and they are allowed one by one."""

    def issuer_urls(self) -> list[str]:
        """Of the others."""
        return list(dict.fromkeys(issuer.issuer_url for issuer in self.issuers))

    def issuers_of(self, subject: str, stated: str | None) -> list[str]:
        """Whose tokens may have this subject; there must be one. stated: whose it is, where a route says so."""
        if stated is not None:
            return [url for url in self.issuer_urls() if url == stated]
        if self.service_accounts and subject.startswith(SERVICE_ACCOUNT_SUBJECT):
            return [CLUSTER_ISSUER]
        return self.issuer_urls()


class AnyLoginSpec(Spec):
    """What every provider's section has."""

    client_id: ClientId
    """Id of the application that is registered at the provider."""
    client_secret_ref: ConfigKey
    """Name of the config secret that holds the application's secret."""
    admin_groups: tuple[GroupName, ...] = ()
    """Groups that may see the platform's own pages."""
    email_domains: tuple[Domain, ...] = ()
    """Domains of the addresses that may come in; none means whomever the provider signs in."""
    sessions: SessionsSpec = SessionsSpec()
    """When sessions are renewed at the provider, and when they end."""
    tokens: TokensSpec = TokensSpec()
    """Which tokens programs may present."""

    def not_a_group(self, name: str) -> str | None:
        """Why this provider has no group of that name; None where it may have one."""
        if "," in name:
            return "a name with a comma, which cannot be asked for"
        return None

    @abstractmethod
    def issuer(self) -> str:
        """The provider's issuer, exactly as it stands in its tokens."""

    @abstractmethod
    def proxy_settings(self) -> Mapping[str, Setting]:
        """The proxy's options for this kind of provider."""

    def end_session_url(self) -> str | None:
        """Where a browser ends its session at the provider (https://openid.net/specs/openid-connect-rpinitiated-1_0.html);
        None where there is no such place."""
        return None

    def directory_secret(self) -> str | None:
        """Name of the config secret with the key of the directory that knows the groups; None where tokens say them."""
        return None

    def config_secrets(self) -> Mapping[str, str]:
        """Names of config secrets by the key that holds them, as far as the section could be read."""
        known = vars(self).get("client_secret_ref")
        return {"clientSecretRef": known} if known else {}


class OktaLoginSpec(AnyLoginSpec):
    """Sign-in by Okta."""

    provider: Literal["okta"]
    """Who signs people in."""
    issuer_url: HttpsUrl
    """Issuer of an authorization server of your own (…/oauth2/…); no other puts groups into tokens."""

    def issuer(self) -> str:
        return self.issuer_url

    def end_session_url(self) -> str | None:
        """https://developer.okta.com/docs/reference/api/oidc/#logout; it needs the id token as a hint
        (https://support.okta.com/help/s/article/the-purpose-of-id-token-hint-in-the-logout-api-and-how-does-it-affect-the-single-logout-process)."""
        return f"{self.issuer_url}/v1/logout"

    def proxy_settings(self) -> Mapping[str, Setting]:
        """https://developer.okta.com/docs/guides/customize-tokens-groups-claim/main/"""
        return {
            "provider": "oidc",
            "scope": f"{_OPENID_SCOPES} groups offline_access",
            "oidc_groups_claim": "groups",
        }


class EntraLoginSpec(AnyLoginSpec):
    """Sign-in by Microsoft Entra ID (Azure AD). Groups are object ids."""

    provider: Literal["entra"]
    """Who signs people in."""
    directory_id: Guid
    """Id of the directory."""

    def not_a_group(self, name: str) -> str | None:
        return None if re.fullmatch(GUID, name) else "in tokens of Entra ID a group is its object id, a GUID"

    def issuer(self) -> str:
        """https://learn.microsoft.com/entra/identity-platform/v2-protocols-oidc#find-your-apps-openid-configuration-document-uri"""
        return f"https://login.microsoftonline.com/{self.directory_id}/v2.0"

    def end_session_url(self) -> str | None:
        """https://learn.microsoft.com/entra/identity-platform/v2-protocols-oidc#send-a-sign-out-request"""
        return f"https://login.microsoftonline.com/{self.directory_id}/oauth2/v2.0/logout"

    def proxy_settings(self) -> Mapping[str, Setting]:
        """Who is in more than 200 groups has none in the token; User.Read lets the proxy ask for them.

        https://oauth2-proxy.github.io/oauth2-proxy/configuration/providers/ms_entra_id
        """
        return {"provider": "entra-id", "scope": f"{_OPENID_SCOPES} offline_access User.Read"}


class DirectorySpec(Spec):
    """Google's directory, which alone knows who is in which group."""

    admin_email: EmailAddress
    """Administrator in whose name groups are read."""
    service_account_ref: ConfigKey
    """Name of the config secret with the service account's key (JSON), which may read groups and nothing else."""


class GoogleLoginSpec(AnyLoginSpec):
    """Sign-in by Google Workspace. Groups are e-mail addresses."""

    provider: Literal["google"]
    """Who signs people in."""
    directory: DirectorySpec
    """Where groups are looked up; Google's tokens have none."""
    email_domains: Annotated[tuple[Domain, ...], Field(validate_default=True)] = ()
    """Domains of the addresses that may come in; at least one, because Google signs in anybody with an account."""

    @field_validator("email_domains")
    @classmethod
    def _of_the_company(cls, domains: tuple[str, ...]) -> tuple[str, ...]:
        if not domains:
            raise mistake("Google signs in anybody with an account", "add `emailDomains: [<your domain>]`")
        return domains

    def not_a_group(self, name: str) -> str | None:
        is_address = "@" in name and "," not in name
        return None if is_address else "a group of Google Workspace is its e-mail address"

    def issuer(self) -> str:
        return "https://accounts.google.com"

    def directory_secret(self) -> str | None:
        return self.directory.service_account_ref

    def config_secrets(self) -> Mapping[str, str]:
        directory: DirectorySpec | None = vars(self).get("directory")
        more = {"directory.serviceAccountRef": directory.service_account_ref} if directory else {}
        return {**super().config_secrets(), **more}

    def proxy_settings(self) -> Mapping[str, Setting]:
        """Without `google_groups` every group of a person is read.

        https://oauth2-proxy.github.io/oauth2-proxy/configuration/providers/google
        """
        return {
            "provider": "google",
            "google_admin_email": self.directory.admin_email,
            "google_service_account_json": f"{DIRECTORY_FOLDER}/{DIRECTORY_KEY}",
        }


class OpenIdLoginSpec(AnyLoginSpec):
    """Sign-in by any provider of OpenID Connect, such as Keycloak."""

    provider: Literal["oidc"]
    """Who signs people in."""
    issuer_url: HttpsUrl
    """The issuer, exactly as it stands in its tokens."""
    groups_claim: ClientId = "groups"
    """Claim of the identity token that lists a person's groups."""
    scopes: tuple[ClientId, ...] = ("openid", "profile", "email", "offline_access")
    """Scopes that are asked for; without `offline_access` most providers renew no session."""
    logout_url: HttpsUrl | None = None
    """The provider's `end_session_endpoint`; without it, who signs out here stays signed in there."""

    @field_validator("scopes")
    @classmethod
    def _of_openid(cls, scopes: tuple[str, ...]) -> tuple[str, ...]:
        if "openid" not in scopes:
            raise mistake("without `openid` there is no identity token", "add openid")
        return scopes

    def issuer(self) -> str:
        return self.issuer_url

    def end_session_url(self) -> str | None:
        return self.logout_url

    def proxy_settings(self) -> Mapping[str, Setting]:
        return {"provider": "oidc", "scope": " ".join(self.scopes), "oidc_groups_claim": self.groups_claim}


LoginSpec = Annotated[
    OktaLoginSpec | EntraLoginSpec | GoogleLoginSpec | OpenIdLoginSpec, Field(discriminator="provider")
]


class LoginSection(Spec):
    """The section `login` of the stack file."""

    login: LoginSpec | None = None
    """Who signs people in; without it nobody is let in, and nothing is reachable from outside."""

    @field_validator("login", mode="before")
    @classmethod
    def _with_a_provider(cls, login: object) -> object:
        if login is None:
            raise mistake("has nothing below it", "write `provider:` and its keys below it, or remove the key")
        return login

    @field_validator("login")
    @classmethod
    def _over_https(cls, login: AnyLoginSpec | None, info: ValidationInfo) -> AnyLoginSpec | None:
        if login is not None and info.data.get("certificates", login) is None:
            raise mistake(
                "nobody can sign in without TLS: browsers send a session's cookie over HTTPS only",
                "add `certificates: {issuer: internal}`, or another issuer",
            )
        return login
