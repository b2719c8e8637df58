"""The Pulumi program: read the stack's configuration, build the platform, export what people ask for."""

from pathlib import Path

import pulumi

from bedplate import Platform, PlatformArgs, StackFileError, load_for_program

config = pulumi.Config("bedplate")
stack_file = Path(pulumi.get_root_directory()) / "stacks" / f"Pulumi.{pulumi.get_stack()}.yaml"
try:
    spec = load_for_program(config.get_object("platform"), stack_file, lambda key: config.get_secret(key) is not None)
except StackFileError as error:
    raise pulumi.RunError(str(error)) from None

platform = Platform("platform", PlatformArgs(spec=spec, secret=config.require_secret))

pulumi.export("domain", spec.domain)
pulumi.export("facts", platform.facts.written())
if platform.front_door:
    pulumi.export("frontDoor", {"hosts": f"*.{spec.domain}", "address": platform.front_door.address})
pulumi.export("tenants", {tenant.name: spec.namespace(tenant.name) for tenant in spec.tenants})
