"""Stored notebooks: text only, the same on every run, and compared with a fresh run."""

import json
import os
import re
import subprocess
import sys

import nbformat
import pytest
from nbclient.exceptions import CellExecutionError

from tools.notebooks import NotText, execute, load, normalised
from tools.steps import REPEATABLE, ROOT, run_repeatably

CHAPTERS = sorted((ROOT / "chapters").glob("*.ipynb"))

FIGURE = """\
from sevenconditions.display import Figure, panel
drawing, axes = panel()
axes.plot([0, 1], [0, 2])
Figure((drawing,), "A line rises", "Read it upwards.", f"It rises from 0 to {2:.2f}.")"""


def compare(path, threads=1):
    """Strict nbval on one notebook: every stored output against a fresh run."""
    command = [sys.executable, "-m", "pytest", "--nbval", "--nbval-current-env", str(path)]
    command += ["--nbval-cell-timeout=300", "-q", "-p", "no:cacheprovider"]
    plain = ["-o", "addopts=", "-o", "filterwarnings=default", "--rootdir", str(path.parent)]
    return subprocess.run(
        [*command, *plain],
        cwd=ROOT,
        capture_output=True,
        text=True,
        env=os.environ
        | REPEATABLE
        | {"SEVENCONDITIONS_OUTPUT": "text", "OPENBLAS_NUM_THREADS": str(threads)},
    )


def notebook(path, *sources):
    """Write a notebook of code cells."""
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    return path


@pytest.fixture
def text_mode(monkeypatch, tmp_path):
    for name in [*REPEATABLE, "SEVENCONDITIONS_OUTPUT", "IPYTHONDIR"]:
        monkeypatch.setenv(name, "")  # so that the surroundings of the other tests come back
    run_repeatably("text", tmp_path)


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    """A notebook with a number and a figure, executed and stored."""
    path = tmp_path_factory.mktemp("stored") / "stored.ipynb"
    notebook(path, "print(round(1 / 8, 3))", FIGURE)
    with pytest.MonkeyPatch.context() as patch:
        for name in [*REPEATABLE, "SEVENCONDITIONS_OUTPUT", "IPYTHONDIR"]:
            patch.setenv(name, "")
        run_repeatably("text", path.parent)
        execute(path)
    return path


@pytest.mark.book
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_a_fresh_run_of_the_chapter_gives_what_is_stored(path, threads):
    compared = compare(path, threads)
    assert compared.returncode == 0, compared.stdout[-6000:]


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_the_chapter_is_stored_as_the_tool_stores_it(path):
    text = path.read_text(encoding="utf-8")
    again = normalised(nbformat.reads(text, as_version=4), path.name)
    assert text == nbformat.writes(again) + "\n", "run `make notebooks`"


@pytest.mark.book
def test_a_fresh_run_of_an_unaltered_notebook_agrees(stored):
    assert compare(stored).returncode == 0


@pytest.mark.book
@pytest.mark.parametrize(
    ("was", "altered"),
    [("0.125", "0.126"), ("0 to 2.00", "0 to 2.01")],
    ids=["a stored number", "the description of a figure"],
)
def test_a_fresh_run_disagrees_with_what_was_altered(stored, tmp_path, was, altered):
    text = stored.read_text()
    assert text.count(was) == 1
    path = tmp_path / "altered.ipynb"
    path.write_text(text.replace(was, altered))
    compared = compare(path)
    assert compared.returncode == 1
    assert altered in compared.stdout


@pytest.mark.book
def test_storing_twice_changes_nothing(stored, text_mode):
    before = stored.read_text()
    execute(stored)
    assert stored.read_text() == before
    assert not re.search(r"image/|text/html|widget|\d{4}-\d\d-\d\dT", before)


@pytest.mark.book
@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ("1 / 0", CellExecutionError),
        ("from IPython.display import HTML\nHTML('<b>bold</b>')", NotText),
    ],
    ids=["fails", "shows HTML"],
)
def test_a_notebook_is_left_as_it_was_when_it(tmp_path, text_mode, source, problem):
    path = notebook(tmp_path / "wrong.ipynb", "print('fine')", source)
    before = path.read_text()
    with pytest.raises(problem):
        execute(path)
    assert path.read_text() == before
    assert list(tmp_path.glob("*.new")) == []


def test_stored_notebooks_keep_tags_and_ids_and_lose_times_and_counts(tmp_path):
    busy = {"iopub.status.busy": "2001-01-01T00:00"}
    cell = nbformat.v4.new_code_cell("1", id="kept", execution_count=7)
    cell.metadata = {"tags": ["hide-input"], "execution": busy}
    cell.outputs = [nbformat.v4.new_output("stream", text=text) for text in ("a", "b\n")]
    twin = nbformat.v4.new_markdown_cell("# Twin", id="kept")
    nameless = nbformat.v4.new_markdown_cell("# Nameless")
    del nameless["id"]
    path = tmp_path / "x.ipynb"
    raw = {"cells": [cell, twin, nameless], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    path.write_text(json.dumps(raw))
    stored = normalised(load(path), path.name)
    assert [cell.id for cell in stored.cells] == ["kept", "cell-2", "cell-3"]
    assert stored.cells[0].metadata == {
        "tags": ["hide-input"],
        "jupyter": {"source_hidden": True},
    }
    assert stored.cells[0].execution_count == 1
    assert [output.text for output in stored.cells[0].outputs] == ["ab\n"]
    nbformat.validate(stored)


def test_the_example_on_the_cover_prints_what_it_says(capsys):
    cover = (ROOT / "chapters" / "index.md").read_text(encoding="utf-8")
    example = cover.split("```python\n")[1].split("```")[0]
    exec(compile(example, "index.md", "exec"), {})
    assert capsys.readouterr().out.strip() == example.strip().split("# ")[-1]
