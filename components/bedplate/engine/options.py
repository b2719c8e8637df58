"""Resource options as the embedded engine takes them: recorded for who plans with them, or refused.

It keeps no state and asks no provider. An option that only an update of what exists heeds is recorded; one by which
the program would register something else than it wrote, or by which something outside would be asked, is refused: a
preview without it would show what production does not do. The options:
https://www.pulumi.com/docs/iac/concepts/resources/options/.
"""

from collections.abc import Mapping
from typing import Any

from bedplate.errors import RehearsalError

_REFUSED = {
    "transforms": ("transforms", "change the resource's arguments where it is made"),
    "hooks": ("hooks", "do what the hook does in a step of its own, before or after the update"),
    "importId": ("import", "import what exists with `pulumi import`, and take the option out again"),
    "replace_with": ("replace_with", "give what must be replaced together one name that changes"),
    "replacement_trigger": ("replacement_trigger", "give the resource a name that changes"),
    "state_migrations": ("state_migrations", "name what the resource was before as an alias"),
    "envVarMappings": ("env_var_mappings", "pass the value as an argument of the provider"),
}
"""By field of the request: the option as a program writes it, and what to write instead."""
_LISTS = {
    "additionalSecretOutputs": "additionalSecretOutputs",
    "hideDiffs": "hideDiff",
    "replaceOnChanges": "replaceOnChanges",
}
"""By field of the request: the option's name in Pulumi's state
(https://github.com/pulumi/pulumi/blob/master/sdk/go/common/apitype/core.go, `ResourceV3`)."""


def recorded_options(request: Any) -> Mapping[str, Any]:
    """The options of a registration that only an update of what exists heeds, by their names in Pulumi's state.

    Raises RehearsalError for an option that the embedded engine does not follow.
    """
    for field, (option, fix) in _REFUSED.items():
        if _is_set(request, field):
            raise refusal(f"'{request.name}' ({request.type}) has the option {option}", fix)
    lists = {state: sorted(getattr(request, field)) for field, state in _LISTS.items()}
    timeouts = {"customTimeouts": {field.name: value for field, value in request.customTimeouts.ListFields()}}
    return {name: value for name, value in {**lists, **timeouts}.items() if value}


def _is_set(request: Any, field: str) -> bool:
    """A program that has no hooks sends an empty binding of them."""
    if field == "hooks":
        return bool(request.hooks.ListFields())
    return request.HasField(field) if field == "replacement_trigger" else bool(getattr(request, field))


def refusal(what: str, fix: str) -> RehearsalError:
    """The error for something that the embedded engine does not do."""
    return RehearsalError(f"{what}, which the embedded engine does not follow", fix)
