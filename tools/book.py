"""Build the site: execute what changed, and swap the new site in only if all went well.

Sphinx starts from nothing every time, so no stale page can hide a failure; what is slow, executing
notebooks, comes from a cache. That cache knows a notebook's code but not the library's, so it
lives in a directory named after the library: another library, another cache.
"""

import argparse
import contextlib
import fcntl
import hashlib
import os
import shutil
import signal
import sys
import tempfile
from pathlib import Path

from tools.steps import ROOT, run_repeatably, step

LIBRARY = ("lib/**/*.py", "requirements.txt")
SITE = (*LIBRARY, "chapters/**/*", "tools/*.py", "_config.yml", "_toc.yml", "CHANGELOG.md")

REDIRECT = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>{title}</title>
<meta http-equiv="refresh" content="0; url={page}">
<link rel="icon" href="data:,">
</head>
<body><p><a href="{page}">{title}</a></p></body>
</html>
"""


def digest(root, patterns):
    """Hash of the names and contents of all files under `root` that match, and of this Python."""
    found = hashlib.sha256(sys.version.encode())
    for path in sorted({path for pattern in patterns for path in root.glob(pattern)}):
        if path.is_file() and not {"__pycache__", ".ipynb_checkpoints"} & set(path.parts):
            found.update(f"\0{path.relative_to(root)}\0".encode() + path.read_bytes())
    return found.hexdigest()[:16]


class Progress:
    """Where Sphinx reports: all of it goes into a log, the executed notebooks on screen."""

    def __init__(self, log, screen):
        self.log, self.screen, self.line = log, screen, ""

    def write(self, text):
        self.log.write(text)
        *lines, self.line = (self.line + text).split("\n")
        for line in lines:
            if "Executed notebook in" in line:
                page, took = line.split(": Executed notebook in ")
                seconds = took.split()[0]
                print(f"  executed {Path(page).name} in {seconds} s", file=self.screen, flush=True)

    def flush(self):
        self.log.flush()
        self.screen.flush()

    def isatty(self):
        return False


def sphinx(root, stage, cache):
    """Build the book in `root` into `stage`/html; True if there was no error and no warning."""
    from jupyter_book.sphinx import build_sphinx
    from sphinx.util.console import nocolor

    if not sys.stderr.isatty():
        nocolor()
    with open(stage / "log", "w", encoding="utf-8") as log:
        with contextlib.redirect_stdout(Progress(log, sys.stdout)):
            failure = build_sphinx(
                root,
                stage / "html",
                noconfig=True,
                path_config=root / "_config.yml",
                doctreedir=stage / "doctrees",
                warningiserror=True,
                keep_going=True,
                confoverrides={
                    "external_toc_path": str(root / "_toc.yml"),
                    "latex_individualpages": False,
                    "nb_execution_cache_path": str(cache),
                    "nitpicky": True,
                },
            )
    if isinstance(failure, KeyboardInterrupt):
        raise failure
    return not failure


@contextlib.contextmanager
def alone(build):
    """Hold the build directory: a second build waits; what a killed one left is removed."""
    build.mkdir(parents=True, exist_ok=True)
    with open(build / ".lock", "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("Another build is running here; waiting for it.", flush=True)
            fcntl.flock(lock, fcntl.LOCK_EX)
        for left in build.glob("stage-*"):
            shutil.rmtree(left)
        yield


def swap(new, site):
    """Put `new` in the place of `site`. Ctrl-C waits for the two renames."""
    old = new.with_name("old")
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    if site.exists():
        os.rename(site, old)
    os.rename(new, site)
    signal.signal(signal.SIGINT, before)


def build(root, site):
    """Bring `site` up to date with the book in `root`; if that fails, keep it and return False."""
    wanted, work = digest(root, SITE), root / "_build"
    stamp = site / ".built-from"
    if stamp.exists() and stamp.read_text() == wanted:
        print("Nothing changed since the site was built.")
        return True
    cache = work / "cache" / digest(root, LIBRARY)
    with alone(work):
        stage = Path(tempfile.mkdtemp(prefix="stage-", dir=work))
        try:
            with step("Executing the notebooks that changed, and building the pages"):
                built = sphinx(root, stage, cache)
            shutil.copy(stage / "log", work / "book.log")
            if built:
                finish(stage / "html", wanted)
                site.parent.mkdir(parents=True, exist_ok=True)
                swap(stage / "html", site)
                for other in cache.parent.iterdir():
                    if other != cache:
                        shutil.rmtree(other)
            return built
        finally:
            shutil.rmtree(stage)


def finish(html, wanted):
    """Send visitors of the bare address to the cover, and note what the site was built from."""
    (html / "index.html").write_text(
        REDIRECT.format(page="chapters/index.html", title="Seven Conditions"), encoding="utf-8"
    )
    (html / ".nojekyll").touch()  # or GitHub's pages would leave out _static
    (html / ".built-from").write_text(wanted)


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--root", type=Path, default=ROOT, help="where _config.yml is")
    arguments.add_argument("--site", type=Path, help="where the site goes (default: _build/html)")
    options = arguments.parse_args()
    site = options.site or options.root / "_build" / "html"
    root, site = options.root.resolve(), site.resolve()
    run_repeatably("page", root)
    try:
        built = build(root, site)
    except KeyboardInterrupt:
        sys.exit("Stopped. The last good site, if there is one, is still in place.")
    if not built:
        last = f"The last good site is still in {site}." if site.exists() else "No site yet."
        sys.exit(f"The book was NOT built: see the messages above. {last}")
    print(f"The site is in {site}. Look at it: open {site / 'index.html'}, or `make serve`.")


if __name__ == "__main__":
    main()
