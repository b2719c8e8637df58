"""A workload with a page: it shows who it takes its visitor for, and what it was sent."""

import json
from collections.abc import Mapping
from html import escape
from typing import Any, ClassVar

from cluster.processes_under_test import Workload

_PAGE = """<!doctype html>
<title>{host}</title>
<style>
body {{ font: 15px sans-serif; margin: 2em }}
pre {{ background: #eee; padding: 1em; white-space: pre-wrap }}
</style>
<h1>{host}</h1>
<p>You are <b id="user">{user}</b> &lt;<span id="email">{email}</span>&gt; of <span id="groups">{groups}</span>.</p>
<p>A websocket echoes: <b id="echo"></b></p>
<pre id="seen">{seen}</pre>
<script>
const socket = new WebSocket(`wss://${{location.host}}/socket`);
const echo = document.getElementById("echo");
socket.onopen = () => socket.send("hello from the page");
socket.onmessage = (message) => {{ echo.textContent = message.data }};
</script>
"""


class Pages(Workload):
    """A page for browsers, and the same as JSON for whoever does not ask for a page."""

    reached: ClassVar[list[str]] = []
    """What was asked for, by host and path; browsers ask for a picture of the page by themselves."""

    def log_request(self, code: object = "-", size: object = "-") -> None:
        if self.path != "/favicon.ico":
            Pages.reached.append(f"{self.headers['Host']}{self.path}")

    def _said(self, said: Mapping[str, Any]) -> bytes:
        if "text/html" not in self.headers.get("Accept", ""):
            return super()._said(said)
        headers = said["headers"]
        who = {name: headers.get(f"x-auth-request-{name}", "") for name in ("user", "email", "groups")}
        seen = json.dumps(said, indent=1)
        values = {"host": self.headers["Host"], "seen": seen, **who}
        return _PAGE.format(**{key: escape(value) for key, value in values.items()}).encode()
