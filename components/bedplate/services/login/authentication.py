"""What a route asks before it lets a request through.

Owns the addresses of the login proxy and the names of what passes between it and the front door. It deliberately owns
no route and no middleware: those are the front door's. The proxy answers 202 with identity headers, or refuses; what
somebody must be stands in the query of the address, which no client can change, because the front door asks an address
of its own and not the client's.

https://oauth2-proxy.github.io/oauth2-proxy/features/endpoints#auth
"""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote, urlencode

from bedplate.labels import LOGIN_NAMESPACE, login_host
from bedplate.services.login.spec import TokensSpec

PROXY = "oauth2-proxy"
"""The Deployment, its Service and its ServiceAccount."""
PORT = 4180
CHECK_PATH = "/oauth2/auth"
SIGN_OUT_PATH = "/sign-out"
IDENTITY_HEADERS = (
    "X-Auth-Request-User",
    "X-Auth-Request-Email",
    "X-Auth-Request-Groups",
    "X-Auth-Request-Preferred-Username",
)
"""What a workload learns of a person; the front door must drop what a client sends under these names."""

_NO_TOKENS = TokensSpec()


@dataclass(frozen=True, kw_only=True)
class AuthenticationEndpoints:
    """Where routes ask and where people go.

    domain: of the platform. issuer: of people's tokens. tokens: which others are accepted. admin_groups: who may see
    the platform's own pages. email_domains: of the addresses that may come in, all where there are none.
    end_session_url: the provider's, None where it has none. proxy: where the front door asks.
    """

    domain: str
    issuer: str
    tokens: TokensSpec = _NO_TOKENS
    admin_groups: Sequence[str] = ()
    email_domains: Sequence[str] = ()
    end_session_url: str | None = None
    proxy: str = f"http://{PROXY}.{LOGIN_NAMESPACE}.svc.cluster.local:{PORT}"

    @property
    def host(self) -> str:
        """The one host that people sign in at; its paths below /oauth2/ go to the proxy without a check."""
        return login_host(self.domain)

    @property
    def sign_in(self) -> str:
        """Where a browser signs in; `?rd=` says where it goes then, within the domain."""
        return f"https://{self.host}/oauth2/sign_in"

    @property
    def sign_out(self) -> str:
        """Where a browser signs out; applications link to it, and it never changes."""
        return f"https://{self.host}{SIGN_OUT_PATH}"

    @property
    def end_of_session(self) -> str:
        """Where signing out leads: the session ends here, and then at the provider, which says so on its own page.

        The proxy puts the session's own token in the place of `{id_token}`.
        """
        here = f"https://{self.host}/oauth2/sign_out"
        if self.end_session_url is None:
            return here
        return f"{here}?rd={quote(f'{self.end_session_url}?id_token_hint={{id_token}}', safe='')}"

    def browser_address(self, groups: Sequence[str], people: Sequence[str] = ()) -> str:
        """For people: who has no session is sent to sign in and comes back; who is in none of the groups gets 403.

        people: those of the groups alone who have one of these addresses, letter by letter as the provider writes it.
        """
        return f"{self.proxy}/?{self._people(groups, people)}"

    def api_address(self, groups: Sequence[str]) -> str:
        """For programs with a token of the provider, and pages with a session: 401 without either, never a redirect."""
        return f"{self.proxy}{CHECK_PATH}?{self._people(groups)}"

    def service_account_address(self, accounts: Sequence[str]) -> str:
        """For programs with a token of another issuer: `system:serviceaccount:<namespace>:<name>`, or another subject.

        An address of its own, because conditions add up: such a token has no groups.
        """
        return f"{self.proxy}{CHECK_PATH}?{_query(allowed_emails=accounts)}"

    def _people(self, groups: Sequence[str], people: Sequence[str] = ()) -> str:
        further = {"allowed_email_domains": self.email_domains, "allowed_emails": people}
        return _query(allowed_groups=groups, **{condition: values for condition, values in further.items() if values})


def _query(**allowed: Sequence[str]) -> str:
    """Conditions that must all hold. The proxy takes an empty one for none at all, and splits at commas."""
    for condition, values in allowed.items():
        if not [value for value in values if value] or any("," in value for value in values):
            raise ValueError(f"{condition} needs at least one name, and none with a comma: {list(values)}")
    return urlencode({condition: ",".join(values) for condition, values in allowed.items()}, quote_via=quote, safe=",")
