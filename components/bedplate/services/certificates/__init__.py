"""Who issues the certificates of hosts."""

from bedplate.services.concern import Concern

CONCERN = Concern(guide="certificates.md", provided="certificates.certManager.provided")
