"""Figures of the chapter on nudging: what they say, against what they were given."""

import numpy as np
import pytest

from sevenconditions import Gradient, figures
from sevenconditions.display import SEQUENCE

WORDS = {"title": "A finding", "caption": "How to read it."}
B = np.geomspace(1e-3, 1e-1, 5)


def test_the_fan_fits_each_family_over_its_own_range():
    shown = figures.fan(
        {"one": (B, 3 * B), "eight": (2 * B, B**8)}, xlabel="beta", ylabel="error", **WORDS
    )
    assert dict(shown.readouts) == {"slope of one": "1.00", "slope of eight": "8.00"}
    assert "one goes as beta to the power 1.00" in shown.description


def test_the_fan_draws_predictions_dashed_and_names_them():
    shown = figures.fan(
        {"one": (B, 3 * B)}, lines={"law": (B, B)}, xlabel="beta", ylabel="error", **WORDS
    )
    assert [line.get_linestyle() for line in shown.panels[0].axes[0].lines].count("--") == 1
    assert "law, predicted: from 0.001 to 0.1" in shown.description


def test_the_wall_marks_the_predicted_best_and_reads_out_the_measured_one():
    error = B + 1e-4 / B
    shown = figures.wall(B, {"one": error}, {"one": error}, {"one": (0.01, 0.02)}, **WORDS)
    assert shown.readouts["best for one"] == "0.01, measured 0.01"
    diamonds = [x for x in shown.panels[0].axes[0].lines if x.get_marker() == "D"]
    assert diamonds[0].get_xdata()[0] == pytest.approx(0.01)


def test_the_nudge_view_reads_out_each_layer():
    truth = Gradient((np.eye(2), np.ones((1, 2))), (np.zeros(2), np.zeros(1)))
    off = Gradient((np.eye(2), 1.5 * np.ones((1, 2))), (np.zeros(2), np.zeros(1)))
    shown = figures.nudge_view(off, truth, B, np.ones((5, 2)), 0.01, 0.1, **WORDS)
    assert shown.readouts["error by layer"] == "0, 0.5"
    assert shown.description.startswith("beta 0.01, predicted best 0.1.")
    assert len(shown.panels) == 2


def test_the_nudge_view_colours_layers_alike_in_both_panels_and_unlike_schemes():
    g = Gradient((np.eye(2), np.ones((1, 2)), np.ones((1, 1))), (np.zeros(2), *2 * [np.zeros(1)]))
    shown = figures.nudge_view(g, g, B, np.ones((5, 3)), 0.01, 0.1, **WORDS)
    curves, dots = (
        [x.get_color() for x in drawn.axes[0].lines if x.get_marker() in list("os^")]
        for drawn in shown.panels
    )
    assert curves == dots and len(set(curves)) == 3
    assert not set(curves) & set(SEQUENCE)


@pytest.mark.parametrize(("beta", "where"), [(0.1, "inside"), (0.6, "outside")])
def test_the_circle_view_says_on_which_side_of_the_radius_the_nudges_lie(beta, where):
    shown = figures.circle_view(beta, 4, 0.5, [2, 4], [0.04, 0.0016], **WORDS)
    assert f"{where} the radius 0.5" in shown.description
    nudges = [x for x in shown.panels[0].axes[0].lines if len(x.get_xdata()) == 4]
    np.testing.assert_allclose(np.hypot(*nudges[0].get_data()), beta)
