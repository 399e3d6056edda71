"""Every exercise: a blank is no error, the answer is right, each likely mistake is named."""

import os
import re
from pathlib import Path

import nbformat
import pytest

CHAPTERS = Path(__file__).parents[1] / "chapters"

# One half of the layers, then the other with what the first has become.
SWEEP = """(
    lambda half: (half[0], half[1] {0} dynamics.residual(net, x, half)[1], half[2])
)([a {0} r if i != 1 else a for i, (a, r) in enumerate(zip(u, dynamics.residual(net, x, u)))])"""

# chapter -> cell -> (the answer, wrong answers each with a word of its message)
EXERCISES = {
    "00_one_equation": {
        "exercise-1": ("-1 / 3", {"1 / 3": "sign", "-0.5": "the error", "2 / 3": "target 0"}),
        "exercise-2": (
            "(h_minus - h_plus) / (2 * beta)",
            {
                "(h_plus - h_minus) / (2 * beta)": "sign",
                "(h_minus - h_plus) / beta": "2 beta",
                "h_minus - h_plus": "division",
                "(h_free - h_plus) / beta": "One-sided",
            },
        ),
    },
    "01_settling": {
        "exercise-1": (
            "u + dt * (-u + drive + loop @ u)",
            {
                "u - dt * (-u + drive + loop @ u)": "sign",
                "drive + loop @ u": "dt is missing",
                "u + dt * (drive + loop @ u)": "leak",
                "u[:1]": "shape",
            },
        ),
        "exercise-2": (
            "31",
            {"30": "Round up", "30.96": "part of a step", "35": "logarithm", "14": "decimal"},
        ),
        "exercise-3": ("1 / 4.25", {"2 / 4.25": "real part", "4.0": "rotation"}),
        "exercise-4": (
            "settling.spectral_radius(hot, one, hot_rest)[0]",
            {
                "2.0": "at full steps; the network",
                "1.5": "at silence",
                "settling.spectral_radius(hot, one, hot_rest, dt=1.0)[0]": "at full steps.",
            },
        ),
        "exercise-5": ("2", {"0": "up and down", "1": "straight line"}),
        "exercise-6": (
            SWEEP.format("-"),
            {
                "[u - r for u, r in zip(u, dynamics.residual(net, x, u))]": "synchronous",
                SWEEP.format("+"): "grows",
            },
        ),
    },
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
        "^sc.exercise_check", "check = sc.exercise_check", code[cell + "-check"], flags=re.M
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
