"""The built site, a server for it, and pages of it opened in the browser."""

import functools
import http.server
import subprocess
import sys
import threading

import pytest

from tools.steps import ROOT

SITE = ROOT / "_build" / "checked" / "html"


class Quiet(http.server.SimpleHTTPRequestHandler):
    """A file server that keeps no log."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass


@pytest.fixture(scope="session")
def site():
    """The real book, built as `make book` builds it but beside the reader's own site."""
    command = [sys.executable, "-m", "tools.book", "--site", SITE]
    built = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600)
    assert built.returncode == 0, built.stdout[-4000:] + built.stderr[-8000:]
    return SITE


@pytest.fixture(scope="session")
def address(site):
    """Where the built site is served, with a closing slash."""
    handler = functools.partial(Quiet, directory=site)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


class Visit:
    """One page, opened: what it asked for, and what went wrong."""

    def __init__(self, browser, address, path, theme="light", width=1280):
        self.context = browser.new_context(viewport={"width": width, "height": 900})
        self.page = self.context.new_page()
        self.page.emulate_media(color_scheme=theme)
        self.responses, self.problems = [], []
        self.page.on("response", lambda response: self.responses.append(response))
        self.page.on("request", lambda request: self._asked(request.url, address))
        self.page.on("requestfailed", lambda request: self._wrong("request failed", request.url))
        self.page.on("pageerror", lambda error: self._wrong("script error", error))
        self.page.on("console", self._said)
        self.page.goto(address + path)
        self.page.evaluate("() => window.MathJax?.startup?.promise")
        self.page.evaluate("() => window.MathJax?.startup?.document?.lazyTypesetAll?.()")
        self.page.evaluate("() => document.fonts.ready.then(() => true)")

    def _wrong(self, kind, what):
        self.problems.append(f"{kind}: {what}")

    def _asked(self, url, address):
        if not url.startswith((address, "data:", "blob:")):
            self._wrong("asked another host", url)

    def _said(self, message):
        if message.type in ("error", "warning"):
            self._wrong(f"console {message.type}", message.text)


@pytest.fixture
def visit(browser, address):
    """Open a page of the site: visit("chapters/index.html", theme="dark", width=360)."""
    opened = []

    def open_page(path, **how):
        opened.append(Visit(browser, address, path, **how))
        return opened[-1]

    yield open_page
    for one in opened:
        one.context.close()
