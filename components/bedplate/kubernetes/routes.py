"""How a workload is reached from outside the cluster: what a person decides about it."""

from typing import Annotated, Literal

from pydantic import Field

from bedplate.spec import PositiveCount, Seconds, Spec


class RouteSpec(Spec):
    """A way in from outside the cluster, at https://<workload>-<tenant>.<domain>."""

    access: Literal["browser", "api", "public"]
    """Who comes in. browser: people of the tenant's groups, who are sent to the login; api: who shows a token of such a
    person, and 401 otherwise; public: everybody, where guardrails.publicRoutes allows it."""
    max_body_mib: Annotated[PositiveCount, Field(le=102_400)] = 100
    """Largest request body in MiB; what is larger gets 413."""
    answer_seconds: Annotated[Seconds, Field(le=3600)] = 300
    """Time until the workload must begin to answer; then the caller gets 504. Streams and websockets may go on."""
    max_concurrent: Annotated[PositiveCount, Field(le=100_000)] = 500
    """Most requests and websockets at once, for each pod of the front door; what is more gets 429."""
