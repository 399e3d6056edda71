"""Figures say what they draw: descriptions, readouts and marks against the data."""

import numpy as np
import pytest
from networks import example

import sevenconditions as sc
from sevenconditions import figures, settling

WORDS = {"title": "A finding", "caption": "How to read it."}


def drawn_lines(figure, panel=0):
    """The data of the lines in one panel."""
    return [line.get_xydata() for line in figure.panels[panel].axes[0].lines]


def test_curves_draw_the_data_and_name_ends_and_peak():
    y = np.array([1.0, 4.0, 2.0, 0.5])
    shown = figures.curves(np.arange(4), {"size": y}, xlabel="step", ylabel="size", **WORDS)
    np.testing.assert_array_equal(drawn_lines(shown)[0][:, 1], y)
    assert shown.description == (
        "size falls from 1 to 0.5 as step goes from 0 to 3, with a peak of 4 at 1."
    )


def test_a_curve_may_end_early():
    y = np.array([1.0, 0.5, np.nan])
    shown = figures.curves(np.arange(3), {"size": y}, xlabel="step", ylabel="size", **WORDS)
    assert "from 1 to 0.5 as step goes from 0 to 1" in shown.description


def test_labels_at_the_ends_of_lines_do_not_cover_each_other():
    series = {name: np.array([0.0, 1.0 + 1e-3 * i]) for i, name in enumerate("abcd")}
    shown = figures.curves([0, 1], series, xlabel="x", ylabel="y", **WORDS)
    shown.html()  # draws
    boxes = sorted(text.get_window_extent().y0 for text in shown.panels[0].axes[0].texts)
    assert np.diff(boxes).min() > 8


def test_power_laws_recover_the_exponents():
    x = np.geomspace(1e-3, 1e-1, 6)
    shown = figures.power_laws(
        x, {"error": 3 * x**2, "steps": 1 / x}, xlabel="beta", ylabel="size", **WORDS
    )
    assert dict(shown.readouts) == {"slope of error": "2.00", "slope of steps": "-1.00"}
    assert "error goes as beta to the power 2.00" in shown.description


def test_the_settling_view_reads_out_what_the_library_measures():
    net, x, _ = example(0)
    run = sc.settle(net, x[:1], dt=1.0)
    shown = figures.settling_view(net, x[:1], run, run, readouts={"extra": "1"}, **WORDS)
    radius = settling.spectral_radius(net, x[:1], run)[0]
    assert shown.readouts["spectral radius"] == f"{radius:.3f}"
    assert shown.readouts["steps to 1e-6"] == str(run.steps_to(1e-6)[0])
    assert shown.readouts["how it ends"] == "settled"
    assert shown.readouts["extra"] == "1"
    dots = [line for line in shown.panels[0].axes[0].lines if line.get_marker() == "o"][0]
    drawn = dots.get_xdata() + 1j * dots.get_ydata()
    expected = settling.spectrum(net, x[:1], run)[0]
    np.testing.assert_allclose(np.sort(drawn), np.sort(expected))


def test_the_settling_view_marks_what_lies_outside_the_circle():
    net, x, _ = example(1, activation="linear")
    net = settling.with_radius(net, 1.2)
    run = sc.settle(net, x[:1], dt=1.0, quiet=True)
    shown = figures.settling_view(net, x[:1], run, run, **WORDS)
    outside = [line for line in shown.panels[0].axes[0].lines if line.get_marker() == "D"][0]
    moduli = np.abs(settling.spectrum(net, x[:1], run)[0])
    assert len(outside.get_xdata()) == (moduli > 1).sum() >= 2
    assert shown.readouts["steps to 1e-6"] == "never"
    assert shown.readouts["how it ends"] == "diverged"


def test_traces_share_a_scale_and_report_what_still_moves():
    net, x, _ = example(2)
    run = sc.settle(net, x, record=True)
    shown = figures.traces({"a": (net, run), "b": (net, run)}, layer=0, units=3, **WORDS)
    limits = {panel.axes[0].get_ylim() for panel in shown.panels}
    assert len(shown.panels) == 2
    assert len(limits) == 1
    assert "the rates move by less than 0.1" in shown.description


def rotor(excitation):
    loop = [[excitation, -1.0], [1.0, excitation]]
    return sc.Network(
        weights=[np.zeros((2, 1))], biases=[np.zeros(2)], lateral=[None, loop], output="tanh"
    )


@pytest.mark.parametrize(("excitation", "ends"), [(0.5, "settled"), (1.4, "oscillating")])
def test_the_phase_plane_tells_spirals_from_circles(excitation, ends):
    net = rotor(excitation)
    options = {"start": (np.array([[0.5, 0.0]]),), "record": True, "quiet": True}
    run = sc.settle(net, [0.0], dt=0.1, tol=1e-4, max_steps=1500, **options)
    shown = figures.phase_plane(net, [0.0], run, **WORDS)
    assert shown.readouts["how it ends"] == ends
    assert (shown.readouts["largest stable dt"] == "none") == (excitation > 1)


def test_images_settling_picks_the_quickest_and_the_slowest():
    net, x, _ = example(3, sizes=(9, 6, 4), n_samples=5)
    run = sc.settle(net, x)
    shown = figures.images_settling(x.reshape(5, 3, 3), run, **WORDS)
    steps = run.steps_to(run.tol)
    assert dict(shown.readouts) == {
        "quickest": f"{steps.min()} steps",
        "median": f"{np.median(steps):.0f} steps",
        "slowest": f"{steps.max()} steps",
    }


def test_three_doors_mark_each_eigenvalue_and_its_conjugate():
    shown = figures.three_doors({"turn": (1 + 0.5j, [0.0, 1.0, -1.0])}, **WORDS)
    outside = [line for line in shown.panels[0].axes[0].lines if line.get_marker() == "D"][0]
    assert sorted(outside.get_ydata()) == [-0.5, 0.5]
    assert "modulus 1.12, rate from -1.00 to 1.00, at the end -1.00" in shown.description


def test_three_doors_show_each_cure_inside_the_circle():
    doors, cures = {"swap": (-1.2, [0.1, -0.5, 0.9])}, {"swap": (0.3, [0.1, 0.03, 0.01])}
    shown = figures.three_doors(doors, cures=cures, **WORDS)
    assert "swap, mended: eigenvalue 0.30 of modulus 0.30" in shown.description
    strip = shown.panels[1].axes[0]
    np.testing.assert_array_equal(strip.lines[1].get_ydata(), cures["swap"][1])


def test_agreement_compares_direction_and_size():
    g = sc.Gradient((np.eye(2),), (np.ones(2),))
    doubled = sc.Gradient((2 * np.eye(2),), (2 * np.ones(2),))
    shown = figures.agreement(doubled, g, **WORDS)
    assert shown.readouts["angle"] == "below 0.01 degrees"
    assert shown.readouts["norm ratio"] == "2.000"
    assert shown.readouts["relative error"] == "1"
    assert "beyond" not in shown.description


def test_agreement_keeps_its_axes_where_told_and_puts_what_lies_beyond_at_the_edge():
    truth = sc.Gradient((np.full((1, 2), 0.5),), (np.full(1, 0.5),))
    wild = sc.Gradient((np.array([[0.5, -40.0]]),), (np.array([3.0]),))
    shown = figures.agreement(wild, truth, reach=1.0, **WORDS)
    (axes,) = shown.panels[0].axes
    assert axes.get_xlim() == axes.get_ylim() == (-1.0, 1.0)
    _, inside, edge = axes.lines
    np.testing.assert_array_equal(inside.get_ydata(), [0.5])
    np.testing.assert_allclose(edge.get_ydata(), [-0.97, 0.97])
    assert "2 dots lie beyond the axes, which end at 1." in shown.description
    assert (
        shown.readouts["norm ratio"]
        == figures.agreement(wild, truth, **WORDS).readouts["norm ratio"]
    )


def test_bars_say_every_value_and_theory_is_a_line_not_a_bar():
    series = {"measured": [1.0, 2.0], "theory": [1.5, 2.5]}
    shown = figures.bars(["a", "b"], series, theory={"theory"}, ylabel="angle", **WORDS)
    assert shown.description == "angle, measured: a 1, b 2; theory: a 1.5, b 2.5."
    (axes,) = shown.panels[0].axes
    assert [bar.get_height() for bar in axes.patches] == [1.0, 2.0]
    assert shown.html()


def test_scatter_reads_how_much_the_diagonal_explains(rng):
    x = rng.standard_normal(200)
    y = x + 0.1 * rng.standard_normal(200)
    cloud = {"nets": (x, y)}
    shown = figures.scatter(cloud, xlabel="predicted", ylabel="true", diagonal=True, **WORDS)
    left = np.sum((y - x) ** 2) / np.sum((y - y.mean()) ** 2)
    assert shown.readouts["R2 of nets"] == f"{1 - left:.3f}"
    for bare in ({}, {"diagonal": True, "explained": False}):
        assert figures.scatter(cloud, xlabel="a", ylabel="b", **bare, **WORDS).readouts == {}
    assert shown.html()


def test_a_matrix_names_its_extremes_and_leaves_unknown_cells_empty():
    values = [[np.nan, 0.2], [0.7, 0.1]]
    shown = figures.matrix(values, ["a", "b"], ["c", "d"], what="interaction", **WORDS)
    assert shown.description == "interaction, from 0.10 (b, d) to 0.70 (b, c)."
    assert [text.get_text() for text in shown.panels[0].axes[0].texts] == ["0.20", "0.70", "0.10"]
    assert shown.html()
