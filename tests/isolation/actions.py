"""Who may do what: what a row of the table is. The rows stand in `people` and `programs`, the whole in `table`."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Actor = Literal["platform team", "contributor", "member", "workload", "visitor", "caller"]
Answer = Literal["may", "within limits", "refused"]

ACTORS: dict[Actor, str] = {
    "platform team": "merges into the stack's file, and administers the cluster",
    "contributor": "owns the file of one tenant, or a part of the stack's file by CODEOWNERS",
    "member": "is in one of the tenant's groups, at the API server with a kubeconfig",
    "workload": "is a program in a tenant's pod, hostile or taken over",
    "visitor": "comes to the front door with a browser, with a session or without one",
    "caller": "is a program outside that has an API key of one workload",
}
BASE = frozenset(
    ("create", kind)
    for kind in (
        "selfsubjectaccessreviews.authorization.k8s.io",
        "selfsubjectreviews.authentication.k8s.io",
        "selfsubjectrulesreviews.authorization.k8s.io",
    )
)
"""What Kubernetes grants everybody who is signed in: to ask what he may do himself."""


@dataclass(frozen=True)
class Action:
    """test: in tests/, file::name or file::class::name; a name alone is in the actor's file of the review. covers: the
    rights of the role that the row is about."""

    actor: Actor
    tries: str
    answer: Answer
    by: str
    test: str
    covers: Sequence[str] = ()

    @property
    def place(self) -> str:
        """The test with its file."""
        own = f"isolation/test_{self.actor.replace(' ', '_')}.py"
        return self.test if ".py" in self.test else f"{own}::{self.test}"
