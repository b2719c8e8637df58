"""What a program registers, as plain data."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from google.protobuf.struct_pb2 import Struct, Value

_SIGNATURE = "4dabf18193072939515e22adb298388d"
"""The wire format's own constants, without the SDK that has them too:
https://github.com/pulumi/pulumi/blob/master/sdk/go/common/resource/sig/sig.go."""
_SECRET = "1b47061264138c4ac30d75fd1eb44270"
_RESOURCE = "5cf8f73096256a8f31e491e813e4eb8e"
HIDDEN = "[secret]"
_DEFINITION_TYPE = "kubernetes:apiextensions.k8s.io/v1:CustomResourceDefinition"
"""Also of patches, whose type goes on."""

STACK_TYPE = "pulumi:pulumi:Stack"
KUBERNETES_PROVIDER_TYPE = "pulumi:providers:kubernetes"
RELEASE_TYPE = "kubernetes:helm.sh/v3:Release"
"""A chart that Helm installs: no object of a Kubernetes API."""


@dataclass(frozen=True)
class Secret:
    """A value that must not be shown."""

    value: Any

    def __repr__(self) -> str:
        return HIDDEN


@dataclass(frozen=True, kw_only=True)
class Resource:
    """One registered resource. inputs: plain data, secrets wrapped in `Secret`."""

    urn: str
    type: str
    name: str
    custom: bool
    parent: str
    provider: str
    """URN of the provider; '' for components."""
    dependencies: tuple[str, ...]
    aliases: tuple[str, ...]
    """URNs that the resource had under former names, types or parents."""
    protect: bool
    retain_on_delete: bool
    deleted_with: str
    ignore_changes: tuple[str, ...] = ()
    """Paths of inputs that keep their value once the resource is made."""
    options: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """Others that only an update of what exists heeds, by their names in Pulumi's state, where they are set."""
    inputs: Mapping[str, Any]

    @property
    def is_kubernetes_object(self) -> bool:
        """Whether the resource is an object of a Kubernetes API."""
        return self.custom and self.type.startswith("kubernetes:") and "metadata" in self.inputs

    @property
    def is_definition(self) -> bool:
        """Whether it defines a custom kind of a cluster."""
        return self.type.startswith(_DEFINITION_TYPE)

    @property
    def object_named(self) -> tuple[str, ...] | None:
        """What the resource's object is in its cluster: provider, group, kind, namespace and name, of which there can
        be one; None of what is no Kubernetes object."""
        if not self.is_kubernetes_object:
            return None
        metadata = self.inputs["metadata"]
        group = str(self.inputs["apiVersion"]).rpartition("/")[0]
        return self.provider, group, self.inputs["kind"], metadata.get("namespace", ""), metadata.get("name", "")

    def as_first_made(self) -> "Resource":
        """The resource under its former name, if it has one: what exists keeps its id when it is renamed here."""
        if not self.aliases:
            return self
        former = self.aliases[0]
        return replace(self, urn=former, name=former.rpartition("::")[2])

    def shown(self) -> dict[str, Any]:
        """The resource as `bedplate preview -o json` prints it; secrets hidden."""
        return {
            "urn": self.urn,
            "type": self.type,
            "name": self.name,
            "parent": self.parent,
            "provider": self.provider,
            "dependencies": sorted(self.dependencies),
            "aliases": sorted(self.aliases),
            "protect": self.protect,
            "ignoreChanges": sorted(self.ignore_changes),
            "replaceOnChanges": self.options.get("replaceOnChanges", []),
            "inputs": hidden(self.inputs),
        }


def hidden(value: Any) -> Any:
    """The value with every secret replaced by '[secret]'."""
    return _mapped(value, _hidden)


def _hidden(_value: Any) -> str:
    return HIDDEN


def revealed(value: Any) -> Any:
    """The value with every secret in the clear, for the API server only."""
    return _mapped(value, revealed)


def _mapped(value: Any, secret: Any) -> Any:
    if isinstance(value, Secret):
        return secret(value.value)
    if isinstance(value, Mapping):
        return {key: _mapped(item, secret) for key, item in cast(Mapping[str, Any], value).items()}
    if isinstance(value, list):
        return [_mapped(item, secret) for item in cast(list[Any], value)]
    return value


def inputs_of(struct: "Struct") -> dict[str, Any]:
    """Inputs from the wire: secrets wrapped, references as URNs, whole numbers as int."""
    return {key: _plain(struct.fields[key]) for key in sorted(struct.fields)}


def _plain(value: "Value") -> Any:
    kind = value.WhichOneof("kind")
    if kind == "struct_value":
        return _plain_struct(value.struct_value)
    if kind == "list_value":
        return [_plain(item) for item in value.list_value.values]
    if kind == "number_value":
        number = value.number_value
        return int(number) if number.is_integer() else number
    if kind == "string_value":
        return value.string_value
    return value.bool_value if kind == "bool_value" else None


def _plain_struct(struct: "Struct") -> Any:
    fields = struct.fields
    signature = fields[_SIGNATURE].string_value if _SIGNATURE in fields else ""
    if signature == _SECRET:
        return Secret(_plain(fields["value"]))
    if signature == _RESOURCE:
        return fields["urn"].string_value
    return {key: _plain(fields[key]) for key in sorted(fields)}


def urn_of(stack: str, project: str, parent: str, kind: str, name: str) -> str:
    """The URN as the real engine makes it: parents' types in front, the stack's left out.

    https://www.pulumi.com/docs/iac/concepts/resources/names/#urns
    """
    parent_type = parent.split("::")[2] if parent else ""
    qualified = kind if parent_type in ("", STACK_TYPE) else f"{parent_type}${kind}"
    return f"urn:pulumi:{stack}::{project}::{qualified}::{name}"
