"""What containers print, and where it is kept and read."""

from bedplate.services.concern import Concern

CONCERN = Concern(guide="logs.md", provided="logs.provided")
