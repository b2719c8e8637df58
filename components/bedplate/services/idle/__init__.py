"""What nobody uses is stopped, and started when somebody asks for it."""

from bedplate.services.concern import Concern

CONCERN = Concern(guide="idle.md", provided="idle.keda.provided")
