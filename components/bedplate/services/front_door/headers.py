"""Headers that speak for the platform: what no client may say of itself, and no workload may answer.

Owns both tables, as data; `traefik_plugins` has what applies them. A name belongs to a family by how it begins, in any
case of letters and with anything in the place of a hyphen. What a workload checks itself, such as a key of its own in
`X-Api-Key`, says nothing by being there and is in neither table.
"""

from collections.abc import Mapping

FAMILIES: Mapping[str, str] = {
    "X-Auth-": "oauth2-proxy, and so the platform itself; FastAPI and Flask behind it",
    "X-Authenticated-": "Kong (https://developer.konghq.com/plugins/oauth2/)",
    "X-Authentik-": "authentik (https://docs.goauthentik.io/add-secure-apps/providers/proxy/)",
    "X-Forwarded-": "oauth2-proxy (-User, -Email, -Groups, -Access-Token), Envoy (-Client-Cert), all behind Traefik",
    "Forwarded": "whatever reads RFC 7239 (https://datatracker.ietf.org/doc/html/rfc7239)",
    "X-Real-": "nginx and whatever stands behind one",
    "X-Original-": "nginx' and Envoy's questions to a login; frameworks that take the address from it",
    "X-Rewrite-": "frameworks that take the address from it",
    "X-Envoy-": "Envoy and Istio (https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_conn_man/headers)",
    "X-Remote-": "Kubernetes (https://kubernetes.io/docs/reference/access-authn-authz/authentication/#authenticating-proxy)",
    "Remote-": "Authelia; Apache's and CGI's REMOTE_USER (https://datatracker.ietf.org/doc/html/rfc3875#section-4.1.11)",
    "Auth-": "basic authentication in front of PHP and Rails",
    "Impersonate-": "Kubernetes (https://kubernetes.io/docs/reference/access-authn-authz/user-impersonation/)",
    "X-User": "API gateways: X-User, X-User-Id, X-Username, X-Userinfo",
    "X-Webauth-": "Grafana (https://grafana.com/docs/grafana/latest/setup-grafana/configure-access/configure-authentication/auth-proxy/)",
    "X-Ssl-": "HAProxy, Puppet and others of a client's certificate",
    "Ssl-": "nginx' ingress of a client's certificate",
    "X-Client-": "nginx and Azure of a client's certificate and address",
    "Client-Cert": "RFC 9440 (https://datatracker.ietf.org/doc/html/rfc9440)",
    "X-Cluster-Client-": "load balancers, of a client's address",
    "X-Goog-Iap-": "Google's IAP (https://cloud.google.com/iap/docs/signed-headers-howto)",
    "X-Goog-Authenticated-User-": "Google's IAP (https://cloud.google.com/iap/docs/identity-howto)",
    "X-Endpoint-Api-": "Google's ESP, of a token's claims",
    "X-Apigateway-Api-": "Google's API Gateway, of a token's claims",
    "X-Amzn-Oidc-": "AWS' ALB (https://docs.aws.amazon.com/elasticloadbalancing/latest/application/listener-authenticate-users.html)",
    "X-Amzn-Mtls-": "AWS' ALB (https://docs.aws.amazon.com/elasticloadbalancing/latest/application/mutual-authentication.html)",
    "X-Ms-Client-Principal": "Azure (https://learn.microsoft.com/azure/app-service/configure-authentication-user-identities)",
    "X-Ms-Token-": "Azure (https://learn.microsoft.com/azure/app-service/configure-authentication-oauth-tokens)",
    "X-Arr-": "Azure, of a client's certificate",
    "Cf-": "Cloudflare: Cf-Access-Jwt-Assertion, Cf-Connecting-Ip (https://developers.cloudflare.com/fundamentals/reference/http-headers/)",
    "True-Client-": "Cloudflare and Akamai, of a client's address",
    "Fastly-": "Fastly, of a client's address",
    "Tailscale-": "Tailscale Serve (https://tailscale.com/kb/1312/serve#identity-headers)",
    "X-Pomerium-": "Pomerium (https://www.pomerium.com/docs/capabilities/getting-users-identity)",
    "X-Vouch-": "Vouch",
    "X-Token-": "Vouch and Keycloak's gatekeeper",
    "X-Jwt-": "WSO2 and others, of a token's claims",
    "X-Id-Token": "Kong's plugins of OpenID Connect",
    "X-Access-Token": "Kong's plugins of OpenID Connect",
    "X-Consumer-": "Kong (https://developer.konghq.com/plugins/key-auth/)",
    "X-Anonymous-": "Kong",
    "X-Credential-": "Kong",
    "X-Shib-": "Shibboleth",
    "Shib-": "Shibboleth",
    "Oidc-": "Apache's mod_auth_openidc (https://github.com/OpenIDC/mod_auth_openidc)",
    "Gap-": "oauth2-proxy, of who signed a request",
    "Kubeflow-": "Kubeflow (https://www.kubeflow.org/docs/components/central-dash/profiles/)",
    "X-Oidc-": "what stands behind Traefik's plugin of OpenID Connect (https://github.com/sevensolutions/traefik-oidc-auth)",
    "X-Sso-": "what stands behind a company's own single sign-on",
    "X-Email": "what trusts a proxy's word (https://github.com/chatgpt-web-dev/chatgpt-web/issues/468)",
    "X-Groups": "what trusts a proxy's word",
    "X-Roles": "what trusts a proxy's word",
    "X-Principal": "what trusts a proxy's word",
    "X-Authorization": "what stands behind a gateway that keeps `Authorization` for itself",
}
"""What begins like this is removed from every request, and who would believe it."""
WHOLE: Mapping[str, str] = {
    "Proxy": "programs by CGI, as the address to send their own requests by (https://httpoxy.org/)",
}
"""What is called so is removed from every request; what only begins like it, such as `Proxy-Authorization`, is not."""
KEPT = (
    "X-Forwarded-For",
    "X-Forwarded-Host",
    "X-Forwarded-Port",
    "X-Forwarded-Proto",
    "X-Forwarded-Server",
    "X-Real-Ip",
)
"""Traefik's own, which it has written by then in place of a client's
(https://doc.traefik.io/traefik/reference/install-configuration/entrypoints/#opt-forwardedHeaders-insecure)."""

NOT_ANSWERED: Mapping[str, str] = {
    "Clear-Site-Data": "`cookies` ends all sessions of the domain (https://www.w3.org/TR/clear-site-data/#grammardef-cookies)",
    "Set-Cookie2": "sets cookies by rules that are none any more",
    "Strict-Transport-Security": "the front door's own",
    "Alt-Svc": "leads all further requests to the host past the front door (https://datatracker.ietf.org/doc/html/rfc7838)",
    "Sec-Session-": "binds cookies of the whole site to a key (https://w3c.github.io/webappsec-dbsc/)",
    "Secure-Session-": "the same, by its newer name",
    "X-Auth-": "says who somebody is, as only the login does",
}
"""What begins like this is removed from every answer, and what it would do. `Set-Cookie` stays, for the host alone."""
