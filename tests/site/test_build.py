"""The build's promises: quick if nothing changed, loud if a notebook fails, never half done."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time

import pytest

from tools.book import digest
from tools.steps import ROOT

COMMAND = [sys.executable, "-m", "tools.book", "--root"]
TINY = ROOT / "tests" / "site" / "tiny"


def build(book):
    """Build the tiny book as `make book` does; returns the finished process."""
    return subprocess.run([*COMMAND, book], cwd=ROOT, capture_output=True, text=True, timeout=120)


def page(book):
    return (book / "_build" / "html" / "chapters" / "one.html").read_text()


def write_cell(book, *lines):
    path = book / "chapters" / "one.ipynb"
    notebook = json.loads(path.read_text())
    notebook["cells"][1]["source"] = "\n".join(lines)
    path.write_text(json.dumps(notebook))


@pytest.fixture(scope="module")
def built_once(tmp_path_factory):
    book = shutil.copytree(TINY, tmp_path_factory.mktemp("once") / "book")
    first = build(book)
    assert first.returncode == 0, first.stdout + first.stderr
    assert "executed one.ipynb" in first.stdout
    return book


@pytest.fixture
def book(built_once, tmp_path):
    """A book of one page, one notebook and a library of one number, built once already."""
    return shutil.copytree(built_once, tmp_path / "book")


@pytest.mark.book
def test_only_what_changed_is_executed_again(book):
    assert "the value is 42" in page(book)
    assert "Nothing changed" in build(book).stdout

    (book / "chapters" / "index.md").write_text("# Tiny, with other words\n")
    other_words = build(book)
    assert other_words.returncode == 0
    assert "executed" not in other_words.stdout

    (book / "lib" / "tiny.py").write_text("value = 1\n")
    other_library = build(book)
    assert "executed one.ipynb" in other_library.stdout
    assert "the value is 2" in page(book)


@pytest.mark.book
def test_a_failing_notebook_fails_every_build_and_leaves_the_last_good_site(book):
    write_cell(book, "height = 0", "print('before')", "1 / height")
    for _ in range(2):
        failed = build(book)
        assert failed.returncode != 0
        shown = failed.stdout + failed.stderr
        assert "1 / height" in shown and "ZeroDivisionError" in shown and "one.ipynb" in shown
        assert "The last good site is still in" in shown
        assert "the value is 42" in page(book)
    assert not list((book / "_build").glob("stage-*"))


@pytest.mark.book
def test_a_warning_fails_the_build(book):
    (book / "chapters" / "index.md").write_text("# Other words\n\n[gone](nowhere.md)\n")
    failed = build(book)
    assert failed.returncode != 0
    assert "nowhere" in failed.stderr
    cover = book / "_build" / "html" / "chapters" / "index.html"
    assert "Other words" not in cover.read_text()


@pytest.mark.book
def test_an_interrupted_build_leaves_the_last_good_site_and_nothing_else(book):
    started = book / "started"
    write_cell(book, f"open({str(started)!r}, 'w').close()", "import time", "time.sleep(60)")
    running = subprocess.Popen(
        [*COMMAND, book],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    with running:
        while not started.exists() and running.poll() is None:
            time.sleep(0.05)
        os.killpg(running.pid, signal.SIGINT)
        said, _ = running.communicate(timeout=60)
    assert running.returncode != 0
    assert "last good site" in said
    assert "the value is 42" in page(book)
    assert not list((book / "_build").glob("stage-*"))


def test_the_digest_sees_content_and_names_but_no_caches(tmp_path):
    source = tmp_path / "lib" / "a.py"
    source.parent.mkdir()
    source.write_text("1")
    first = digest(tmp_path, ["lib/**/*.py"])
    cached = tmp_path / "lib" / "__pycache__" / "b.py"
    cached.parent.mkdir()
    cached.write_text("2")
    assert digest(tmp_path, ["lib/**/*.py"]) == first
    source.write_text("3")
    changed = digest(tmp_path, ["lib/**/*.py"])
    source.rename(tmp_path / "lib" / "c.py")
    assert len({first, changed, digest(tmp_path, ["lib/**/*.py"])}) == 3
