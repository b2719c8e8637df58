"""Where images come from: the registry they are in, and the builds that make them."""

from bedplate.services.concern import Concern

CONCERN = Concern(guide="images.md", provided="images.registry")
