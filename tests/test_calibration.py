"""The page of predictions reads them, with their places, out of the stored notebooks."""

import json

import pytest

from tools.calibration import SEVERAL, asked, html


def notebook(path, *cells):
    """Store a notebook: a text is a markdown cell, a pair is code with its text output."""
    made = [
        {"cell_type": "markdown", "source": cell}
        if isinstance(cell, str)
        else {
            "cell_type": "code",
            "source": cell[0],
            "outputs": [{"data": {"text/plain": cell[1]}}],
        }
        for cell in cells
    ]
    path.write_text(json.dumps({"cells": made}))
    return path


@pytest.fixture
def two(tmp_path):
    one = notebook(
        tmp_path / "01_settling.ipynb",
        "# Settling\n\ntext",
        ("sc.predict()", "Prediction first-key: What of `c = 0`?\n  a) It falls -- right: So."),
        "## Play: one dial\n\ntext\n\n### Deeper",
        ("sc.explore()", "A dial\nPrediction at-09: How many?\nTruth: 44; right within 5."),
        ("sc.quiz()", "1. What?\n  a) yes -- right: So."),
    )
    other = notebook(
        tmp_path / "neuroscience.ipynb", "# Brains", ("", "Prediction in-a-brain: How long?\n")
    )
    return [one, other]


def test_every_prediction_has_its_condition_its_section_and_its_address(two):
    first, second, third = asked(two)
    assert first == (
        "first-key", "What of `c = 0`?", "settling", "Settling", "Settling",
        "01_settling.html#settling",
    )  # fmt: skip
    assert second[:2] == ("at-09", "How many?")
    assert second[4:] == ("Play: one dial", "01_settling.html#play-one-dial")
    assert third.condition == SEVERAL and third.address == "neuroscience.html#brains"


def test_one_key_asked_twice_is_refused(two, tmp_path):
    again = notebook(tmp_path / "02_energy.ipynb", "# E", ("", "Prediction at-09: How many?"))
    with pytest.raises(ValueError, match=r"02_energy.html#e asks 'at-09', as 01_settling"):
        asked([*two, again])


def test_the_page_lists_them_escaped_with_code_as_code(two):
    page = html([each._replace(prompt=f"{each.prompt} <&>") for each in asked(two)])
    assert page.count("<tr data-sc-key=") == 3
    assert "What of <code>c = 0</code>? &lt;&amp;&gt;" in page
