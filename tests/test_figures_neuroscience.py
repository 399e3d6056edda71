"""The figures of the page on brains say what they draw."""

from pathlib import Path

import nbformat
import numpy as np
import pytest

import sevenconditions as sc
from sevenconditions import figures

WORDS = {"title": "A finding", "caption": "How to read it."}
CHAPTERS = Path(__file__).parents[1] / "chapters"


def run(cancellation):
    rng = np.random.default_rng(0)
    net = sc.layered((3, 4, 2), gain=0.6, cancellation=cancellation, rng=rng)
    x, y = rng.standard_normal((2, 3)), np.ones((2, 2))
    free = sc.free_phase(net, x, tol=1e-12)
    how = {"dt": 0.1, "max_steps": 300, "tol": 1e-13, "record": True, "quiet": True}
    return net, x, free, sc.nudged_phase(net, x, y, beta=0.05, start=free, **how)


def test_the_apical_trace_is_what_the_layer_above_sends():
    net, x, free, after = run(0.8)
    shown = figures.compartment_traces({"poor": (net, x, free, after)}, **WORDS)
    drives = free.rates[0][0] @ net.weights[1].T + net.biases[1]
    sent = net.feedback[1] @ (free.rates[1][0] - 0.8 * drives)  # the output is linear
    assert float(shown.readouts["apical before, poor"]) == pytest.approx(
        np.linalg.norm(sent), abs=1e-4
    )
    orange = shown.panels[0].axes[0].lines[0]
    assert orange.get_ydata()[0] == pytest.approx(sent[0], abs=1e-6)


def test_perfect_cancellation_leaves_the_apical_drive_silent_until_the_nudge():
    shown = figures.compartment_traces({"good": run(1.0)}, **WORDS)
    assert shown.readouts["apical before, good"] == "0.0000"
    assert float(shown.readouts["apical change, good"]) > 0.01


def test_the_column_shows_every_label_inside_the_panel():
    shown = figures.cortical_column(**WORDS)
    assert "5 arrows and 10 labels" in shown.description
    assert "feedback B q" in shown.html()


def test_the_grid_counts_both_sides_and_the_empty_squares():
    rows = [("energy", "in vitro", 1, "a"), ("energy", "anatomy", -1, "b")]
    shown = figures.evidence_grid(rows, **WORDS)
    assert dict(shown.readouts) == {"for": "1", "against": "1", "empty squares": "2 of 4"}
    assert shown.description == "energy: anatomy 1 against, in vitro 1 for."


def test_the_budget_reads_a_tenth_between_samples():
    course = (np.array([0.0, 1.0, 2.0]), np.array([1.0, 0.2, 0.0]))
    shown = figures.time_budget({"loop": course}, tau=10.0, marks={"a look": 150.0}, **WORDS)
    assert shown.readouts["a tenth left, loop"] == "15 ms"
    assert "a look at 150 ms" in shown.description


@pytest.mark.book
def test_every_counted_work_is_in_the_bibliography_and_cited_on_the_page():
    cells = nbformat.read(CHAPTERS / "neuroscience.ipynb", as_version=4).cells
    names = {}
    exec([c.source for c in cells if c.id == "evidence-rows"][0].split("grid =")[0], names)
    book = (CHAPTERS / "references.bib").read_text()
    text = " ".join(c.source for c in cells if c.cell_type == "markdown")
    for *_, key in names["EVIDENCE"]:
        assert f"{{{key}," in book
        assert key in text
