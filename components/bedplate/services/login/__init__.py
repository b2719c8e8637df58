"""Who somebody is: the login proxy and its sessions."""

from bedplate.services.concern import Concern

CONCERN = Concern(
    guide="login.md",
    not_provided="a session is what this one proxy signed; the provider of people is somebody else's anyway (ADR 0018)",
)
