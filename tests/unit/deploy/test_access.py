"""Whose kubeconfig, which context, and nothing of what it holds in an error."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from bedplate.deploy import access
from bedplate.deploy.access import find_access
from bedplate.deploy.cluster import Cluster
from bedplate.deploy.errors import DeployError


def written(folder: Path, name: str, user: dict[str, Any], *, current: bool = True) -> Path:
    content = {
        "contexts": [{"name": name, "context": {"cluster": name, "user": name, "namespace": f"ns-{name}"}}],
        "clusters": [{"name": name, "cluster": {"server": f"https://{name}:6443/"}}],
        "users": [{"name": name, "user": user}],
        **({"current-context": name} if current else {}),
    }
    file = folder / name
    file.write_text(json.dumps(content))
    return file


class TestAKubeconfig:
    def test_gives_the_current_context(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("KUBECONFIG", str(written(tmp_path, "desk", {"token": "t"})))
        found = find_access()
        assert (found.server, found.namespace, found.token) == ("https://desk:6443", "ns-desk", "t")
        assert "t" not in repr(found).replace("https://desk", "").replace("Access", "")

    def test_that_is_not_there_is_said_to_be_missing(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
        with pytest.raises(DeployError, match=f"there is no kubeconfig at {tmp_path / 'none'}"):
            find_access()

    def test_is_not_needed_in_a_pod_that_has_a_token(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        for name, text in (("token", "of-pod\n"), ("namespace", "vision"), ("ca.crt", "")):
            (tmp_path / name).write_text(text)
        monkeypatch.setattr(access, "ACCOUNT", tmp_path)
        monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
        monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "fd00::1")
        monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "6443")
        found = find_access()
        assert (found.server, found.namespace, found.token) == ("https://[fd00::1]:6443", "vision", "of-pod")
        assert found.authority == str(tmp_path / "ca.crt")
        assert found.is_verified
        with pytest.raises(DeployError, match="there is no kubeconfig"):
            find_access("office")
        monkeypatch.setenv("KUBECONFIG", str(written(tmp_path, "desk", {"token": "t"})))
        assert find_access().token == "t", "a kubeconfig that is there decides"

    def test_may_be_several_files_of_which_the_first_decides(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        first, second = written(tmp_path, "a", {}, current=False), written(tmp_path, "b", {"token": "b"})
        monkeypatch.setenv("KUBECONFIG", f"{first}:{second}")
        assert find_access().context == "b"
        assert find_access("a").server == "https://a:6443"
        with pytest.raises(DeployError) as error:
            find_access("c")
        assert "a, b" in error.value.fix

    def test_asks_the_program_that_it_names(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        answer = "import json; print(json.dumps({'status': {'token': 'from-the-program'}}))"
        plugin = {"apiVersion": "client.authentication.k8s.io/v1", "command": sys.executable, "args": ["-c", answer]}
        monkeypatch.setenv("KUBECONFIG", str(written(tmp_path, "cloud", {"exec": plugin})))
        assert find_access().token == "from-the-program"
        plugin["args"] = ["-c", "print('secret-of-the-program')"]
        written(tmp_path, "cloud", {"exec": plugin})
        with pytest.raises(DeployError) as error:
            find_access()
        assert "secret-of" not in str(error.value)

    def test_that_is_broken_is_not_quoted(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        file = tmp_path / "broken"
        file.write_text("users: [token: very-secret")
        monkeypatch.setenv("KUBECONFIG", str(file))
        with pytest.raises(DeployError) as error:
            find_access()
        assert "very-secret" not in str(error.value)

    @pytest.mark.parametrize("part", ["contexts", "clusters", "users"])
    @pytest.mark.parametrize("content", ["very-secret", ["very-secret"], {"a": "very-secret"}, 5, [{"name": "desk"}]])
    def test_of_another_form_is_refused(
        self, part: str, content: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        file = written(tmp_path, "desk", {"token": "very-secret"})
        file.write_text(json.dumps({**json.loads(file.read_text()), part: content}))
        monkeypatch.setenv("KUBECONFIG", str(file))
        if (part, content) == ("users", [{"name": "desk"}]):  # Somebody without credentials.
            assert find_access().token == ""
            return
        with pytest.raises(DeployError) as error:
            find_access()
        assert "very-secret" not in str(error.value)

    @pytest.mark.parametrize("user", [
        {"client-certificate-data": "!", "client-key-data": "!"},
        {"client-certificate-data": "aHVudGVyMg==", "client-key-data": "aHVudGVyMg=="},
        {"client-certificate": "/nowhere", "client-key": "/nowhere"},
        {"tokenFile": "/nowhere"},
        {"exec": {"command": "true", "env": ["very-secret"]}},
    ])  # fmt: skip
    def test_whose_credentials_are_none_is_refused(
        self, user: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("KUBECONFIG", str(written(tmp_path, "desk", user)))
        with pytest.raises(DeployError) as error:
            Cluster(find_access(), "vision")
        assert "very-secret" not in str(error.value)

    @pytest.mark.parametrize("server", [5, "desk:6443", "file:///etc/passwd", "https://"])
    def test_whose_server_is_no_address_is_refused(
        self, server: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        file = written(tmp_path, "desk", {"token": "very-secret"})
        file.write_text(file.read_text().replace('"https://desk:6443/"', json.dumps(server)))
        monkeypatch.setenv("KUBECONFIG", str(file))
        with pytest.raises(DeployError, match="the server of the context 'desk' is no address"):
            find_access()
