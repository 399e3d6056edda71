"""Measure every page of the built site with Lighthouse, as its readers' browsers would.

The site is served compressed, as every static host does it. Lighthouse comes through npx at a
pinned version and needs node and a Chromium on this machine; nothing of it enters the repository.
Its settings are its own: a slow phone by default, and its desktop preset.
"""

import argparse
import functools
import gzip
import http.server
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

from tools.steps import ROOT

VERSION = "12.8.2"
CATEGORIES = ("accessibility", "best-practices", "seo", "performance")
REACHED = {"accessibility": 100, "best-practices": 100, "seo": 100}
FAST = {"desktop": 90, "mobile": 75}
TEXT = (".html", ".css", ".js", ".json", ".svg", ".txt", ".xml")


class Compressed(http.server.SimpleHTTPRequestHandler):
    """A file server that compresses text, lets a browser keep files, and writes no log."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def end_headers(self):
        self.send_header("Cache-Control", "max-age=600")
        super().end_headers()

    def do_GET(self):
        path = Path(self.translate_path(self.path))
        if path.suffix not in TEXT or not path.is_file():
            return super().do_GET()
        body = compressed(path, path.stat().st_mtime_ns)
        self.send_response(200)
        self.send_header("Content-Type", self.guess_type(path))
        self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@functools.cache
def compressed(path, changed):
    """The bytes of a file as they travel; `changed` is the file's time, for the cache."""
    return gzip.compress(path.read_bytes())


def pages(site):
    """The paths of all pages of the site; not the cover's redirect, nor printed sources."""
    found = [path.relative_to(site) for path in site.rglob("*.html")]
    return sorted(
        path.as_posix()
        for path in found
        if not path.parts[0].startswith("_") and path.as_posix() != "index.html"
    )


def measure(url, form, chromium):
    """Lighthouse's report on one page, a dictionary."""
    with tempfile.TemporaryDirectory() as work:
        report = Path(work) / "report.json"
        command = [
            *("npx", "--yes", f"lighthouse@{VERSION}", url, "--quiet"),
            *("--output=json", f"--output-path={report}"),
            f"--only-categories={','.join(CATEGORIES)}",
            "--chrome-flags=--headless=new --no-sandbox",
            *(["--preset=desktop"] if form == "desktop" else []),
        ]
        done = subprocess.run(
            command, env=os.environ | {"CHROME_PATH": chromium}, capture_output=True, text=True
        )
        if done.returncode:
            sys.exit(f"Lighthouse failed on {url}:\n{done.stderr}")
        return json.loads(report.read_text(encoding="utf-8"))


def scores(report):
    """Category -> score out of 100."""
    return {name: round(100 * report["categories"][name]["score"]) for name in CATEGORIES}


def short(page, form, got):
    """What a page misses of the marks, as sentences."""
    wanted = REACHED | {"performance": FAST[form]}
    return [
        f"{page}, {form}: {name} is {got[name]}, below {least}"
        for name, least in wanted.items()
        if got[name] < least
    ]


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--site", type=Path, default=ROOT / "_build" / "html")
    arguments.add_argument("--only", default="", help="measure pages whose path contains this")
    options = arguments.parse_args()
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if not shutil.which("npx") or not chromium:
        sys.exit("Lighthouse needs node 22 or newer (for npx) and chromium or google-chrome.")
    site, missed = options.site.resolve(), []
    print(f"{'page':34}{'form':9}{'a11y':>5}{'best':>5}{'seo':>5}{'fast':>5}{'kB':>6}", flush=True)
    handler = functools.partial(Compressed, directory=site)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        for page in pages(site):
            for form in FAST if options.only in page else ():
                address = f"http://127.0.0.1:{server.server_port}/{page}"
                report = measure(address, form, chromium)
                got = scores(report)
                weight = report["audits"]["total-byte-weight"]["numericValue"] / 1000
                row = "".join(f"{got[name]:5}" for name in CATEGORIES)
                print(f"{page:34}{form:9}{row}{weight:6.0f}", flush=True)
                missed += short(page, form, got)
        server.shutdown()
    sys.exit("\n".join(missed) or 0)


if __name__ == "__main__":
    main()
