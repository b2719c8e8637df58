"""A stand-in for Pulumi's provider `random`: RandomPassword alone, made once and kept in the state.

The real one (https://github.com/pulumi/pulumi-random) is in no registry. This one speaks the same protocol
(https://github.com/pulumi/pulumi/blob/master/proto/pulumi/provider.proto); every change of an input makes a new value,
as there.
"""

import secrets
import string
from hashlib import sha256
from typing import Any

from google.protobuf import empty_pb2, struct_pb2
from language_host import serve
from pulumi.runtime import rpc
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc

TYPE = "random:index/randomPassword:RandomPassword"


class RandomProvider(provider_pb2_grpc.ResourceProviderServicer):
    """One kind of resource, without anything outside."""

    def Handshake(self, request: Any, context: Any) -> Any:  # noqa: N802 - name of the RPC, here and below
        return provider_pb2.ProviderHandshakeResponse(accept_secrets=True, accept_resources=True)

    def GetPluginInfo(self, request: Any, context: Any) -> Any:  # noqa: N802
        return plugin_pb2.PluginInfo(version="4.21.4")

    def CheckConfig(self, request: Any, context: Any) -> Any:  # noqa: N802
        return provider_pb2.CheckResponse(inputs=request.news)

    def DiffConfig(self, request: Any, context: Any) -> Any:  # noqa: N802
        return provider_pb2.DiffResponse(changes=provider_pb2.DiffResponse.DIFF_NONE)

    def Configure(self, request: Any, context: Any) -> Any:  # noqa: N802
        return provider_pb2.ConfigureResponse(acceptSecrets=True, supportsPreview=True, acceptResources=True)

    def Check(self, request: Any, context: Any) -> Any:  # noqa: N802
        if request.type != TYPE:
            reason = f"{request.type} is not known to this stand-in, which has {TYPE} alone"
            return provider_pb2.CheckResponse(failures=[provider_pb2.CheckFailure(reason=reason)])
        return provider_pb2.CheckResponse(inputs=request.news)

    def Diff(self, request: Any, context: Any) -> Any:  # noqa: N802
        old, new = request.old_inputs.fields, request.news.fields
        keys = {key for key in (*old, *new) if not key.startswith("__")}
        changed = sorted(key for key in keys if old.get(key) != new.get(key))
        kinds = provider_pb2.DiffResponse
        changes = kinds.DIFF_SOME if changed else kinds.DIFF_NONE
        return provider_pb2.DiffResponse(changes=changes, diffs=changed, replaces=changed)

    def Create(self, request: Any, context: Any) -> Any:  # noqa: N802
        properties = struct_pb2.Struct()
        properties.CopyFrom(request.properties)
        if request.preview:
            return provider_pb2.CreateResponse(properties=properties)
        letters = string.ascii_letters + string.digits
        value = "".join(secrets.choice(letters) for _ in range(int(request.properties["length"])))
        signature = {rpc._special_sig_key: rpc._special_secret_sig}  # pyright: ignore[reportPrivateUsage]
        made_up = f"$2a$10${sha256(value.encode()).hexdigest()[:53]}"  # of bcrypt's form; nothing reads it
        properties.update(
            {
                "result": {**signature, "value": value},
                "bcryptHash": {**signature, "value": made_up},
            }
        )
        return provider_pb2.CreateResponse(id="none", properties=properties)

    def Read(self, request: Any, context: Any) -> Any:  # noqa: N802
        return provider_pb2.ReadResponse(id=request.id, properties=request.properties, inputs=request.inputs)

    def Update(self, request: Any, context: Any) -> Any:  # noqa: N802
        return provider_pb2.UpdateResponse(properties=request.olds)

    def Delete(self, request: Any, context: Any) -> Any:  # noqa: N802
        return empty_pb2.Empty()

    def Cancel(self, request: Any, context: Any) -> Any:  # noqa: N802
        return empty_pb2.Empty()


if __name__ == "__main__":
    serve(provider_pb2_grpc.add_ResourceProviderServicer_to_server, RandomProvider())
