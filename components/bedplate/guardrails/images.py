"""By what name images run, and whether somebody looked through them.

Owns two policies beside the guardrails, which are there only where a stack asks for one. The API server cannot ask a
registry, nor a scanner. What it sees is the reference, which names a digest or does not, and the tenant's namespace,
where a scan writes the digests that have passed (`services/images/scan.py`); nobody else may, and what is not written
has not passed. No parameter object: the trap of ADR 0008 cannot be where there is none.

Judged is what somebody makes. Pods that controllers make of it are not judged again, so that what runs goes on running
when a scan is believed no more.
"""

from collections.abc import Sequence
from json import dumps

from bedplate.guardrails.sight import POD_KINDS, VARIABLES, templates
from bedplate.kubernetes import Manifest
from bedplate.labels import SCAN, SCANNED, builds_namespace

POLICY, SCANS_POLICY = "bedplate-images", "bedplate-scans"
_DIGEST = "@sha256:[0-9a-f]{64}$"
_SCANNED = f"namespaceObject.metadata.?annotations[?'{SCANNED}'].orValue('').split(',')"
_VARIABLES = {
    "templates": VARIABLES["templates"],
    "isOwned": VARIABLES["isOwned"],
    "isChanged": (
        f"oldObject == null || variables.templates.map(t, t.spec) != {templates('oldObject')}.map(t, t.spec)"
    ),
    "images": (
        "variables.templates.map(t, ((t.spec.containers + t.spec.?initContainers.orValue([]) + "
        "t.spec.?ephemeralContainers.orValue([])).map(c, c.?image.orValue('')) + "
        "t.spec.?volumes.orValue([]).filter(v, has(v.image)).map(v, v.image.?reference.orValue(''))))"
    ),
}


def images_spec(*, digests: bool, places: Sequence[str]) -> Manifest:
    """Of the policy. digests: whether all images are named by them. places: what those begin with that must have been
    scanned."""
    wrong = {"byTag": _listed(f"!i.matches('{_DIGEST}')")} if digests else {}
    if places:
        below = f"{dumps(list(places))}.exists(a, i.startsWith(a))"
        passed = f"i.matches('{_DIGEST}') && {_SCANNED}.exists(e, e.startsWith(i.substring(i.size() - 64) + '='))"
        wrong["unscanned"] = _listed(f"{below} && !({passed})")
    said = {
        "byTag": (
            "image-digests: ' + variables.byTag + ' may be another image tomorrow; name it by its digest, as "
            "NAME@sha256:..."
        ),
        "unscanned": (
            "scanned-builds: no scan has passed ' + variables.unscanned + '; deploy with bedplate deploy, which has "
            "scanned what it builds, or have it scanned: bedplate scan NAME@sha256:..."
        ),
    }
    is_left = "has(object.metadata.deletionTimestamp) || variables.isOwned || !variables.isChanged"
    return {
        "failurePolicy": "Fail",
        "matchConstraints": {"resourceRules": [{**kind, "operations": ["CREATE", "UPDATE"]} for kind in POD_KINDS]},
        "variables": [{"name": name, "expression": cel} for name, cel in {**_VARIABLES, **wrong}.items()],
        "validations": [
            {
                "expression": f"{is_left} || variables.{name} == ''",
                "message": f"an image breaks the guardrail {name}; see docs/guides/images.md",
                "messageExpression": f"'{said[name]}'",
                "reason": "Forbidden",
            }
            for name in wrong
        ],
    }


def scans_spec() -> Manifest:
    """Of the policy that holds scans to the one annotation of the one namespace that they are about."""
    new, old = "object.metadata.?annotations.orValue({})", "oldObject.metadata.?annotations.orValue({})"
    kept = " && ".join(
        f"{one}.all(k, k == '{SCANNED}' || (k in {two} && {two}[k] == {one}[k]))"
        for one, two in ((new, old), (old, new))
    )
    same = " && ".join(
        f"object.{path} == oldObject.{path}"
        for path in ("metadata.?labels", "metadata.?ownerReferences", "metadata.?finalizers", "?spec")
    )
    place = builds_namespace("")
    changed = f"object.metadata.?annotations[?'{SCANNED}'] != oldObject.metadata.?annotations[?'{SCANNED}']"
    account = f"'system:serviceaccount:{place}' + object.metadata.name + ':{SCAN}'"
    return {
        "failurePolicy": "Fail",
        "matchConstraints": {
            "resourceRules": [
                {"apiGroups": [""], "apiVersions": ["v1"], "resources": ["namespaces"], "operations": ["UPDATE"]}
            ]
        },
        "matchConditions": [
            {
                "name": "scan",
                "expression": (
                    f"request.userInfo.username.startsWith('system:serviceaccount:{place}') && "
                    f"request.userInfo.username.endsWith(':{SCAN}') || ({changed})"
                ),
            }
        ],
        "validations": [
            {
                "expression": f"request.userInfo.username == {account} && {same} && {kept}",
                "message": "what has passed a scan is written by the scans of this tenant, and they write nothing else",
                "reason": "Forbidden",
            }
        ],
    }


def _listed(wrong: str) -> str:
    """CEL: the images `i` that are wrong."""
    return f"variables.images.map(l, l.filter(i, {wrong}).join(', ')).filter(s, s != '').join(', ')"
