"""How people reach their workspaces by SSH: one gate for all of them."""

from bedplate.services.concern import Concern

CONCERN = Concern(
    guide="ssh.md", not_provided="it lets each person through to what is theirs, which only the stack knows"
)
