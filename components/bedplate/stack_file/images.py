"""Whether images can be built where the stack says, and run from where they are put."""

import re
from collections.abc import Iterator

from bedplate.labels import LABEL_LENGTH, builds_namespace
from bedplate.services.images.spec import BuildsSpec
from bedplate.stack_file.parts import Parts, has, is_whole
from bedplate.stack_file.problems import PathParts, Problem, shown, suggestion


def builds(parts: Parts) -> Iterator[Problem]:
    """There is a registry, a pool, and each tenant that builds."""
    section = parts.services.images
    if section is None or not has(section, ["registry", "builds"]) or section.builds is None:
        return
    if section.registry is None and parts.cloud is not None and not parts.cloud.has_registry():
        yield Problem(
            path=("images",),
            message="builds have nowhere to put images: this cluster's cloud brings no registry that is known here",
            fix="add `registry: registry.example.com/ml/` to images, or remove images.builds",
        )
    if has(section.builds, ["pool"]):
        yield from _pool(parts, section.builds)
    if has(section.builds, ["credentials", "cloud_identities"]):
        yield from _tenants(parts, section.builds)
        yield from _cloud_identities(parts, section.builds)


def approved(parts: Parts) -> Iterator[Problem]:
    """What is built may run: the guardrails approve of the places where it is put."""
    section, guardrails = parts.services.images, parts.guardrails
    if section is None or guardrails is None or not has(section, ["registry", "builds"]):
        return
    if not has(guardrails, ["approved_images"]):
        return
    places: list[tuple[PathParts, str]] = []
    if section.registry:
        places.append((("images", "registry"), section.registry))
    if section.builds and has(section.builds, ["cloud_identities"]) and parts.cloud:
        for position, tenant in enumerate(section.builds.cloud_identities):
            if place := parts.cloud.images_place(tenant):
                places.append((("images", "builds", "cloudIdentities", position), f"{place.images}/"))
    for path, place in places:
        if not guardrails.approves(place):
            yield Problem(
                path=path,
                message="no image from there may run: the guardrails do not approve of it",
                given=shown(place),
                allowed=", ".join(guardrails.approved_images),
                fix=f"add {place} to guardrails.approvedImages, or name a registry below one of these",
            )


def named_by_digest(parts: Parts) -> Iterator[Problem]:
    """Where the guardrails ask for it, each image of a workload."""
    limits = parts.guardrails
    if limits is None or not has(limits, ["image_digests"]) or not limits.image_digests:
        return
    for path, _, workload in parts.with_workloads(["image"]):
        images = {("image",): workload.image, **(workload.more_images() if is_whole(workload) else {})}
        for place, image in images.items():
            if not re.search(r"@sha256:[0-9a-f]{64}$", image):
                yield Problem(
                    path=(*path, *place),
                    message="the image is not named by its digest (guardrail image-digests)",
                    given=shown(image),
                    fix="write NAME@sha256:…, as `docker buildx imagetools inspect NAME:TAG` shows it",
                )


def scanned(parts: Parts) -> Iterator[Problem]:
    """What the guardrails want scanned, somebody scans."""
    section, guardrails = parts.services.images, parts.guardrails
    if guardrails is None or not has(guardrails, ["scanned_builds"]) or not guardrails.scanned_builds:
        return
    if section is not None and (not has(section, ["builds"]) or (section.builds and not has(section.builds, ["scan"]))):
        return
    if section is None or section.builds is None or section.builds.scan is None:
        yield Problem(
            path=("guardrails", "scannedBuilds"),
            message="nobody scans what tenants build, so nothing of it could run",
            fix="add `scan: {}` to images.builds, or remove `scannedBuilds`",
        )


def workspaces(parts: Parts) -> Iterator[Problem]:
    """Those that have images built are of a tenant that builds."""
    section, builders = parts.services.images, set[str]()
    if parts.has_images:
        if section is None or not has(section, ["builds"]):
            return
        if section.builds is not None:
            if not has(section.builds, ["credentials", "cloud_identities"]):
                return
            builders = {*section.builds.credentials, *section.builds.cloud_identities}
    for path, tenant, workload in parts.with_workloads(of_tenant=["name"]):
        if workload.has_images_built() and tenant.name not in builders:
            yield Problem(
                path=(*path, "buildsImages"),
                message=f"no images of the tenant '{tenant.name}' are built by this stack",
                given="true",
                allowed=f"in the tenants {', '.join(sorted(builders))}" if builders else "false",
                fix="add the tenant to images.builds.credentials or cloudIdentities in the stack's file (and "
                "`services` to layers), or remove it",
            )


def accounts(parts: Parts) -> Iterator[tuple[PathParts, str]]:
    """Where the section names config secrets, and which."""
    section = parts.services.images
    if section is None:
        return
    if has(section, ["pull"]) and section.pull and has(section.pull, ["password_ref"]):
        yield ("images", "pull", "passwordRef"), section.pull.password_ref
    if has(section, ["builds"]) and section.builds and has(section.builds, ["credentials"]):
        for tenant, one in section.builds.credentials.items():
            if has(one, ["password_ref"]):
                yield ("images", "builds", "credentials", tenant, "passwordRef"), one.password_ref


def _pool(parts: Parts, spec: BuildsSpec) -> Iterator[Problem]:
    if spec.pool is None or parts.pools is None:
        return
    fitting = sorted(name for name, pool in parts.pools.items() if has(pool, ["accelerator"]) and not pool.accelerator)
    if spec.pool not in fitting:
        yield Problem(
            path=("images", "builds", "pool"),
            message="there is no pool of this name without GPUs",
            given=shown(spec.pool),
            allowed=", ".join(fitting) or "none",
            fix=suggestion(spec.pool, fitting, "name one of these, or add it to nodePools"),
        )


def _tenants(parts: Parts, spec: BuildsSpec) -> Iterator[Problem]:
    names = {tenant.name for _, tenant in parts.with_tenants("name")}
    named: list[tuple[PathParts, str]] = [
        *((("images", "builds", "credentials", tenant), tenant) for tenant in spec.credentials),
        *((("images", "builds", "cloudIdentities", at), tenant) for at, tenant in enumerate(spec.cloud_identities)),
    ]
    for path, tenant in named:
        if tenant not in names and len(names) == len(parts.tenants):
            yield Problem(
                path=path,
                message="there is no tenant of this name",
                given=shown(tenant),
                fix=suggestion(tenant, names, "correct the name, or remove the entry"),
            )
        elif len(builds_namespace(f"{parts.tenant_prefix or ''}{tenant}")) > LABEL_LENGTH:
            longest = LABEL_LENGTH - len(builds_namespace(parts.tenant_prefix or ""))
            yield Problem(
                path=path,
                message=f"its images are built in {builds_namespace(tenant)}, a name that is too long",
                given=shown(tenant),
                allowed=f"tenants of at most {longest} characters",
                fix=f"shorten the tenant's name by {len(tenant) - longest}, or have it build elsewhere",
            )


def _cloud_identities(parts: Parts, spec: BuildsSpec) -> Iterator[Problem]:
    """There is a cloud that knows them."""
    if not spec.cloud_identities or parts.cloud is None or parts.cloud.images_place(spec.cloud_identities[0]):
        return
    yield Problem(
        path=("images", "builds", "cloudIdentities"),
        message="builds cannot act as an identity of the cloud: what is below this cluster is not known here",
        given=shown(spec.cloud_identities),
        fix="give these tenants an account of a registry in images.builds.credentials",
    )
