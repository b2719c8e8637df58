"""Somebody at a real browser: headless Chromium that finds the platform's hosts at a front door of this machine.

Chromium is the one of CHROMIUM or PATH; Playwright drives it and downloads none. Its loop runs in the thread that
opened it, until it is closed: nothing else that needs a loop may run there meanwhile.
"""

import base64
import hashlib
import os
import re
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, Error, Page, Request, Response, sync_playwright

from cluster.login_processes import DOMAIN, program
from harness import ROOT

_MILLISECONDS = 20_000
_QUIET = (
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--disable-gpu",
    "--disable-quic",
)
"""So that it asks nobody but the hosts under test."""


def chromium_program() -> str:
    """Skips the test where there is none."""
    return program("CHROMIUM", "chromium", "chromium-browser", "google-chrome")


def screenshots_folder() -> Path:
    """Where pictures of the main steps are kept."""
    folder = Path(os.environ.get("BEDPLATE_SCREENSHOTS") or ROOT / ".bedplate" / "screenshots")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def key_pin(certificate: Path) -> str:
    """The hash of a certificate's key, by which Chromium trusts this certificate and no other."""
    key = subprocess.run(["openssl", "x509", "-in", certificate, "-noout", "-pubkey"], check=True, capture_output=True)
    der = ["openssl", "pkey", "-pubin", "-outform", "der"]
    return base64.b64encode(
        hashlib.sha256(subprocess.run(der, input=key.stdout, check=True, capture_output=True).stdout).digest()
    ).decode()


@contextmanager
def running_chromium(chromium: str, port: int, certificate: Path) -> Iterator[Browser]:
    """port: where the domain's hosts answer."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium,
            # Chromium refuses to start as root with its sandbox.
            chromium_sandbox=os.geteuid() != 0,
            args=[
                f"--host-resolver-rules=MAP *.{DOMAIN} 127.0.0.1:{port}",
                f"--ignore-certificate-errors-spki-list={key_pin(certificate)}",
                *_QUIET,
            ],
        )
        try:
            yield browser
        finally:
            browser.close()


@dataclass
class Person:
    """Somebody with a browser of her own: cookies and tabs that nobody shares."""

    name: str
    browser: Browser
    context: BrowserContext = field(init=False)
    tab: Page = field(init=False)
    _status: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        self.context = self.browser.new_context(viewport={"width": 1000, "height": 640})
        self.context.set_default_timeout(_MILLISECONDS)
        self.tab = self.context.new_page()
        self.tab.on("response", self._notes)

    def _notes(self, answer: Response) -> None:
        if answer.request.is_navigation_request():
            self._status = answer.status

    def opens(self, url: str) -> int:
        """The status of the page that she ends at."""
        try:
            self.tab.goto(url)
        except Error as error:
            # An error without a body: the browser shows a page of its own, which Playwright takes for a failure.
            if "ERR_HTTP_RESPONSE_CODE_FAILURE" not in error.message:
                raise
        return self._status

    def says_who_she_is(self, tab: Page | None = None) -> None:
        """At the provider's page; she is then where she wanted to be."""
        asking = tab or self.tab
        assert asking.get_by_role("heading").inner_text() == "Who are you?"
        asking.locator(f"#{self.name}").click()
        asking.wait_for_url(f"https://*.{DOMAIN}/**")

    def signs_in(self, url: str) -> None:
        """From a page that wants a session to that page."""
        self.opens(url)
        self.says_who_she_is()

    def cookie(self, name: str) -> str:
        """A cookie of the domain; empty where there is none."""
        return next((str(cookie.get("value")) for cookie in self.context.cookies() if cookie.get("name") == name), "")

    def keeps_picture(self, name: str) -> None:
        """Of her tab."""
        self.tab.screenshot(path=screenshots_folder() / f"{name}.png")

    def counted_while_idle(self, polling_paths: Sequence[str], seconds: float) -> list[str]:
        """What her tab asks its host for by itself, while she does nothing, beside what counts as no use: these
        paths, by GET or the method before them. Patterns are from the beginning, as the front door takes them."""
        asked: list[str] = []

        def note(request: Request) -> None:
            url = urlsplit(request.url)
            said = f"{request.method} {url.path}"
            written = [pattern if " " in pattern else f"GET {pattern}" for pattern in polling_paths]
            is_polling = any(re.match(pattern, said) for pattern in written)
            if not is_polling and url.netloc == urlsplit(self.tab.url).netloc:
                asked.append(f"{request.method} {url.path}")

        self.tab.on("request", note)
        self.tab.wait_for_timeout(seconds * 1000)
        self.tab.remove_listener("request", note)
        return asked

    def leaves(self) -> None:
        self.context.close()
