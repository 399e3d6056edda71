"""Every exercise: a blank is no error, the answer is right, each likely mistake is named."""

import os
import re
import runpy
from pathlib import Path

import nbformat
import pytest

CHAPTERS = Path(__file__).parents[1] / "chapters"

# chapter -> cell -> (the answer, wrong answers each with a word of its message)
EXERCISES = {
    path.stem: runpy.run_path(str(path))["EXERCISES"]
    for path in sorted((Path(__file__).parent / "exercises").glob("*.py"))
}
CASES = [(chapter, cell) for chapter, cells in EXERCISES.items() for cell in cells]


@pytest.fixture(scope="module")
def spaces():
    """The names that each chapter's cells have defined, and its cells."""
    os.environ["SEVENCONDITIONS_OUTPUT"] = "text"
    made = {}
    for chapter in EXERCISES:
        cells = nbformat.read(CHAPTERS / f"{chapter}.ipynb", as_version=4).cells
        code = {cell.id: cell.source for cell in cells if cell.cell_type == "code"}
        names = {}
        for source in code.values():
            exec(compile(source, chapter, "exec"), names)
        made[chapter] = (code, names)
    yield made
    del os.environ["SEVENCONDITIONS_OUTPUT"]


def checked(spaces, chapter, cell, answer):
    """The check that a cell shows when a reader has written `answer`."""
    code, names = spaces[chapter]
    here = dict(names)  # of the whole chapter: an answer may use what a later cell makes
    exec(compile(code[cell].replace("...", answer, 1), chapter, "exec"), here)
    check = re.sub(
        r"^(sc\.(exercise_check|grade)\()", r"check = \1", code[cell + "-check"], flags=re.M
    )
    exec(compile(check, chapter, "exec"), here)
    return here["check"]


@pytest.mark.book
@pytest.mark.parametrize(("chapter", "cell"), CASES)
def test_a_blank_is_not_yet_an_error(spaces, chapter, cell):
    assert checked(spaces, chapter, cell, "...").status == "not yet"


@pytest.mark.book
@pytest.mark.parametrize(("chapter", "cell"), CASES)
def test_the_answer_is_right(spaces, chapter, cell):
    assert checked(spaces, chapter, cell, EXERCISES[chapter][cell][0]).status == "right"


@pytest.mark.book
@pytest.mark.parametrize(("chapter", "cell"), CASES)
def test_each_likely_mistake_is_named(spaces, chapter, cell):
    for wrong, word in EXERCISES[chapter][cell][1].items():
        shown = checked(spaces, chapter, cell, wrong)
        assert shown.status == "look again"
        assert word in shown.message
