"""Definitions of custom kinds for a rehearsal, which installs no chart.

Those that a stack registers itself are made as they are, and go at the end, although the stack would leave them. A
stack's charts are not installed; the kinds that they bring are defined all the same, so that the stack's objects of
those kinds meet an API server. So are those of an operator that somebody else provides, with its namespace. By default
the definitions are stand-ins that admit any object; real ones come from a folder, one definition a file, named as the
definition is: `certificates.cert-manager.io.yaml`, or, where an operator runs, from the module of its program. What the
cluster has already is left alone, before and after.
"""

import contextlib
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from bedplate.embedded_cluster.api_server import ApiServer
from bedplate.embedded_cluster.cluster_api import ApiError
from bedplate.embedded_cluster.objects import Object, ObjectKey, key_of
from bedplate.engine.engine import Recording
from bedplate.engine.resources import RELEASE_TYPE, Resource
from bedplate.errors import RehearsalError
from bedplate.rehearsal.applying import SERVED_FIX, manifest_of, wait_until_served
from bedplate.rehearsal.report import OperatorNotRun

API_VERSION = "apiextensions.k8s.io/v1"
_DEFINITION = "CustomResourceDefinition"
_KINDS_OUTPUT = "custom_kinds"
_PROVIDED_OUTPUT = "provided"
_POLL_SECONDS = 0.1
_DELETION_SECONDS = 180
_NUDGE_SECONDS = 5
_ASKED = "bedplate.dev/asked"
CustomKind = Mapping[str, Any]


def provided_by_others(recording: Recording) -> Iterator[tuple[Mapping[str, str], Sequence[CustomKind]]]:
    """The operators that a program expects to be there, each with the custom kinds that it brings."""
    for outputs in recording.component_outputs.values():
        if _PROVIDED_OUTPUT in outputs:
            yield outputs[_PROVIDED_OUTPUT], outputs[_KINDS_OUTPUT]


def releases_of(recording: Recording) -> Iterator[tuple[Resource, Sequence[CustomKind]]]:
    """The releases of a program, each with the custom kinds that its component declares."""
    for resource in recording.resources:
        if resource.type == RELEASE_TYPE:
            yield resource, recording.component_outputs.get(resource.parent, {}).get(_KINDS_OUTPUT, [])


def stand_in(kind: CustomKind) -> Object:
    """A definition that admits any object. Every version is served, the newest is stored.

    https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#controlling-pruning
    """
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    return {
        "apiVersion": API_VERSION,
        "kind": _DEFINITION,
        "metadata": {"name": _name(kind)},
        "spec": {
            "group": kind["group"],
            "scope": kind["scope"],
            "names": {"kind": kind["kind"], "listKind": f"{kind['kind']}List", "plural": kind["plural"]},
            "versions": [
                {
                    "name": version,
                    "served": True,
                    "storage": position == 0,
                    "schema": {"openAPIV3Schema": schema},
                    "subresources": {"status": {}},
                }
                for position, version in enumerate(kind["versions"])
            ],
        },
    }


def real_definition(folder: Path, kind: CustomKind) -> Object | None:
    """The definition in the folder or below it; None where there is no such file. Raises RehearsalError.

    Conversion between versions is left out: it is the operator's work, and the operator does not run.
    """
    name = _name(kind)
    file = next(iter(sorted(folder.rglob(f"{name}.yaml"))), None)
    if file is None:
        return None
    try:
        body = _parsed(file)
        found = (body["kind"], body["metadata"]["name"])
    except (YAMLError, OSError, KeyError, TypeError) as error:
        raise RehearsalError(f"{file} cannot be used: {error}", "put one CustomResourceDefinition in it") from None
    if found != (_DEFINITION, name):
        raise RehearsalError(f"{file} does not define {name}", "name the file after the definition in it")
    return _without_conversion(body)


def _without_conversion(body: Object) -> Object:
    name = body["metadata"]["name"]
    metadata = {"name": name, "annotations": body["metadata"].get("annotations", {})}
    spec = {key: value for key, value in body["spec"].items() if key != "conversion"}
    return {"apiVersion": API_VERSION, "kind": _DEFINITION, "metadata": metadata, "spec": spec}


@dataclass
class Definitions:
    """The definitions, and namespaces of absent operators, that a rehearsal created. folders: of real definitions,
    the first that has one decides."""

    api: ApiServer
    folders: Sequence[Path] = ()
    own: int = field(init=False, default=0)
    """Those of the stack itself that were created."""
    _created: list[Object] = field(init=False, default_factory=list[Object])

    def create(self, recording: Recording) -> list[OperatorNotRun]:
        """Creates what is missing, and waits until the API server serves it; returns the operators that do not run.

        Raises RehearsalError where the cluster refuses a definition.
        """
        for resource in recording.resources:
            if resource.is_definition:
                self.own += self._create_missing(manifest_of(resource), "correct the definition")
        operators = [self._create_for(release.inputs, kinds) for release, kinds in releases_of(recording)]
        operators += [self._create_provided(operator, kinds) for operator, kinds in provided_by_others(recording)]
        for body in self._created:
            if body["kind"] == _DEFINITION:
                self._wait_until_served(body)
        return operators

    def create_all(self, folder: Path) -> None:
        """Creates every definition of a folder, whatever the stack has of its kinds, and waits until it is served.

        Raises RehearsalError.
        """
        made = [_without_conversion(_parsed(file)) for file in sorted(folder.glob("*.yaml"))]
        for body in (body for body in made if self.api.get(body) is None):
            self.api.create(body)
            self._created.append(body)
        for body in made:
            self._wait_until_served(body)

    def remove(self) -> list[ObjectKey]:
        """Deletes what was created; returns what is still there after three minutes."""
        remaining, self._created = self._created, []
        for body in remaining:
            self.api.delete(body)
        began = time.monotonic()
        nudges = 0
        while (remaining := [body for body in remaining if self.api.get(body)]) and _seconds(began) < _DELETION_SECONDS:
            if _seconds(began) > (nudges + 1) * _NUDGE_SECONDS:
                nudges += 1
                self._look_again_at(remaining, nudges)
            time.sleep(_POLL_SECONDS)
        return [key_of(body) for body in remaining]

    def _look_again_at(self, bodies: Sequence[Object], time_of_asking: int) -> None:
        """Where requests for objects of a kind were under way, the API server looks at its definition later and later,
        and at once when the definition changes
        (https://github.com/kubernetes/apiextensions-apiserver/blob/v0.35.4/pkg/controller/finalizer/crd_finalizer.go).
        """
        for body in bodies:
            with contextlib.suppress(ApiError):  # gone meanwhile
                self.api.merge(body, {"metadata": {"annotations": {_ASKED: str(time_of_asking)}}})

    def _create_provided(self, operator: Mapping[str, str], kinds: Sequence[CustomKind]) -> OperatorNotRun:
        """Also the namespace of an operator that is not there: the stack puts objects into it."""
        body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": operator["namespace"]}}
        if self.api.get(body) is None:
            self.api.create(body)
            self._created.append(body)
        return self._create_for(operator, kinds, provided=True)

    def _create_for(
        self, operator: Mapping[str, Any], kinds: Sequence[CustomKind], *, provided: bool = False
    ) -> OperatorNotRun:
        counts = Counter(self._create_one(kind) for kind in kinds)
        return OperatorNotRun(
            release=operator["name"],
            chart=operator["chart"],
            version=operator["version"],
            namespace=operator["namespace"],
            stand_ins=counts["stand_ins"],
            real=counts["real"],
            found=counts["found"],
            provided=provided,
        )

    def _create_one(self, kind: CustomKind) -> str:
        real = next((body for folder in self.folders if (body := real_definition(folder, kind))), None)
        fix = "correct the file, or leave it out" if real else "use credentials that may create definitions"
        if not self._create_missing(real or stand_in(kind), fix):
            return "found"
        return "real" if real else "stand_ins"

    def _create_missing(self, body: Object, fix: str) -> bool:
        """Whether it was missing. fix: what to do where the cluster refuses it."""
        if self.api.get(body) is not None:
            return False
        try:
            self.api.create(body)
        except ApiError as error:
            name = body["metadata"]["name"]
            raise RehearsalError(f"the cluster refuses the definition {name}: {error.reason}", fix) from None
        self._created.append(body)
        return True

    def _wait_until_served(self, body: Object) -> None:
        if not wait_until_served(self.api, body):
            raise RehearsalError(f"the cluster does not serve {body['metadata']['name']} in time", SERVED_FIX)


def _seconds(since: float) -> float:
    return time.monotonic() - since


def _parsed(file: Path) -> Object:
    """The file's one document. The fast parser knows YAML 1.1 only, where a plain `=` is a type of its own."""
    reader: Any = YAML(typ="safe")
    reader.constructor.add_constructor("tag:yaml.org,2002:value", _text_of)
    return reader.load(file)


def _text_of(_constructor: Any, node: Any) -> str:
    return node.value


def _name(kind: CustomKind) -> str:
    return f"{kind['plural']}.{kind['group']}"
