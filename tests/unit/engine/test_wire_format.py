"""The engine reads the wire without importing the SDK for it; both must mean the same by the same word."""

from pulumi.runtime import rpc

from bedplate.engine import resources


def test_has_the_words_of_the_sdk() -> None:
    ours = (resources._SIGNATURE, resources._SECRET, resources._RESOURCE)  # pyright: ignore[reportPrivateUsage]
    theirs = (rpc._special_sig_key, rpc._special_secret_sig, rpc._special_resource_sig)  # pyright: ignore[reportPrivateUsage]
    assert ours == theirs
