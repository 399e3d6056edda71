"""The benchmarks compare programs that compute the same, and write down what they measure."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

import sevenconditions as sc
from benchmarks import adapters, daily, growth, nets, programs, propagation, table, timing
from sevenconditions import nudging, settling
from tools.steps import ROOT

COUNTS = {"beta": 0.1, "n_free": 6, "n_nudged": 4}


def tiny(sizes=(5, 7, 6, 3), **options):
    """A small case; three weight layers, so that no branch of a loop is left out."""
    return nets.case("tiny", sizes, n_samples=4, **options)


def flat(gradient):
    """All numbers of a gradient, whatever library they come from."""
    parts = (gradient.weights, gradient.biases) if isinstance(gradient, sc.Gradient) else gradient
    return np.concatenate([np.ravel(np.asarray(array)) for part in parts for array in part])


def distance(first, second):
    """Relative distance of two gradients."""
    return np.linalg.norm(flat(first) - flat(second)) / np.linalg.norm(flat(second))


def plain(case, **counts):
    """The algorithm of the fixed sweeps in plain NumPy."""
    net = case.net
    arrays = (net.weights, net.biases, net.feedback, case.x, case.y)
    return programs.sweep_gradient(programs.PLAIN, *arrays, **counts)


class Clock:
    """A clock that moves only when a program says so."""

    now = 0.0

    def __call__(self):
        return self.now

    def takes(self, *seconds):
        """A program whose calls take these times in turn, the last one from then on."""
        left = list(seconds)

        def program():
            self.now += left.pop(0) if len(left) > 1 else left[0]

        return program


def test_a_program_repeats_until_a_round_is_long_enough():
    clock = Clock()
    assert timing.repeats_for(clock.takes(3e-4), 2e-3, clock) == 7
    assert timing.repeats_for(clock.takes(1.0), 2e-3, clock) == 1


def test_the_first_call_does_not_count_and_neither_does_one_slow_call():
    clock = Clock()
    assert timing.repeats_for(clock.takes(8.0, 0.5, 2.0**-10), 2.0**-8, clock) == 4


def test_programs_run_in_turn_and_the_ratio_is_that_of_the_first_over_the_second():
    clock, calls = Clock(), []
    slow, fast = clock.takes(0.6), clock.takes(0.2)
    ratio = timing.side_by_side(
        lambda: (calls.append("A"), slow()),
        lambda: (calls.append("B"), fast()),
        rounds=3,
        clock=clock,
    )
    assert "".join(calls) == "AAABBB" + 3 * "AB"
    assert ratio.median == pytest.approx(3.0) and ratio.seconds == pytest.approx((0.6, 0.2))


def test_a_ratio_is_taken_round_by_round_before_its_quartiles():
    ratio = timing.ratio_of([(1.0, 1.0), (4.0, 2.0), (9.0, 3.0), (40.0, 10.0), (50.0, 10.0)])
    assert (ratio.low, ratio.median, ratio.high) == (2.0, 3.0, 4.0)
    assert ratio.seconds == (9.0, 3.0) and ratio.rounds == (1.0, 2.0, 3.0, 4.0, 5.0)


def test_garbage_is_collected_again_after_a_program_that_fails():
    import gc

    with pytest.raises(ZeroDivisionError):
        timing.side_by_side(lambda: None, lambda: 1 / 0)
    assert gc.isenabled()


@pytest.mark.parametrize(
    ("bounds", "verdict"),
    [({}, None), ({"at_most": 2.0}, True), ({"at_most": 1.9}, False),
     ({"at_least": 2.0}, True), ({"at_least": 2.1}, False)],
)  # fmt: skip
def test_a_row_holds_when_its_bound_does(bounds, verdict):
    assert table.Row("a / b", "A", 2.0, **bounds).ok is verdict
    assert table.Row("a / b", "A", **bounds).ok is None


def test_the_table_is_written_as_data_and_as_markdown(tmp_path):
    ratio = timing.Ratio(1.234567, 1.2, 1.3, (1.0, 2.0), (1.2, 1.234567, 1.3))
    rows = [
        table.compared("a / b", "A", ratio, at_most=1.0, note="a remark"),
        table.compared("c / d", "B", ratio, at_least=1.0),
        table.left_out("e / f", "torch is not installed: pip install torch"),
    ]
    table.write(rows, {"threads": "1"}, tmp_path / "new")
    data = json.loads((tmp_path / "new" / "bench.json").read_text())
    assert data["conditions"] == {"threads": "1"}
    assert [row["ok"] for row in data["rows"]] == [False, True, None]
    assert data["rows"][0]["value"] == 1.234567
    lines = (tmp_path / "new" / "bench.md").read_text().splitlines()
    assert "| a / b | A | 1.23 | 1.2 to 1.3 | at most 1 | NO |" in lines
    assert "| c / d | B | 1.23 | 1.2 to 1.3 | at least 1 | yes |" in lines
    assert "- threads: 1" in lines and "- a / b (A): a remark" in lines
    assert "- e / f: torch is not installed: pip install torch" in lines
    assert not any(line.startswith("| e / f") for line in lines)
    assert "e / f: torch is not installed: pip install torch" in table.as_text(rows).splitlines()
    assert [table.as_line(row) for row in rows[1:]] == [
        "c / d (B): 1.23 1.2 to 1.3",
        "e / f: torch is not installed: pip install torch",
    ]


@pytest.mark.parametrize("sizes", [(5, 7, 3), (5, 7, 6, 3)])
def test_our_fixed_sweeps_are_the_same_arithmetic_as_the_plain_ones(sizes):
    case = tiny(sizes)
    ours = adapters.fixed_sweep_gradient(case.net, case.x, case.y, *COUNTS.values())
    assert distance(ours, plain(case, **COUNTS)) < 1e-14


@pytest.mark.parametrize(
    ("library", "program"), [("torch", programs.torch_program), ("jax", programs.jax_program)]
)
def test_torch_and_jax_run_the_same_arithmetic(library, program):
    pytest.importorskip(library)
    case = tiny()
    assert distance(program(case.net, case.x, case.y, **COUNTS)(), plain(case, **COUNTS)) < 1e-14


def test_many_fixed_sweeps_reach_the_gradient_of_the_equilibrium():
    case = tiny()
    settled = plain(case, beta=1e-4, n_free=100, n_nudged=100)
    assert distance(settled, sc.recurrent_backprop(case.net, case.x, case.y, tied=True)) < 1e-6


def test_an_imaginary_nudge_gives_the_limit_that_the_judge_gives():
    case = tiny()
    limit = programs.limit_gradient(case.net, case.x, case.y)
    assert distance(limit, sc.recurrent_backprop(case.net, case.x, case.y, tied=True)) < 1e-13


@pytest.mark.parametrize("sizes", [(5, 7, 3), (5, 7, 6, 3)])
def test_the_bare_products_are_as_many_as_the_algorithm_needs(sizes, monkeypatch):
    case, shapes = tiny(sizes), {"products": [], "activations": []}

    def counting(kind, function):
        def counted(*arrays, **options):
            shapes[kind].append(tuple(np.shape(a) for a in arrays))
            return function(*arrays, **options)

        return counted

    products = counting("products", np.matmul)
    tools = programs.Toolbox(
        lambda v, w, b=None: products(v, w.T) + (0.0 if b is None else b),
        counting("activations", np.tanh),
        np.concatenate,
    )
    net = case.net
    programs.sweep_gradient(tools, net.weights, net.biases, net.feedback, case.x, case.y, **COUNTS)
    wanted = {kind: sorted(found) for kind, found in shapes.items()}
    shapes["products"].clear(), shapes["activations"].clear()
    counts = {name: COUNTS[name] for name in ("n_free", "n_nudged")}
    bare = programs.bare_products(net, case.x, **counts)
    monkeypatch.setattr(np, "matmul", products)
    monkeypatch.setattr(np, "tanh", counting("activations", np.tanh))
    bare()
    assert sorted(shapes["activations"]) == wanted["activations"]
    gradients = net.n_layers  # the algorithm's own last products are made with @
    assert sorted(shapes["products"][:-gradients]) == wanted["products"]


def test_the_units_are_backprop():
    case = tiny()
    raw = programs.raw_backprop(case.net, case.x, case.y)
    assert distance(raw, sc.backprop(case.net, case.x, case.y)) < 1e-15
    linear = tiny(activation="linear")
    raw = programs.raw_linear_backprop(linear.net, linear.x, linear.y)
    assert distance(raw, sc.backprop(linear.net, linear.x, linear.y)) < 1e-15


def test_the_naive_loop_goes_to_the_same_gradient():
    case = tiny()
    truth = sc.recurrent_backprop(case.net, case.x, case.y, tied=True)
    errors = [
        distance(programs.naive_gradient(case.net, case.x, case.y, beta, 2000, 2000), truth)
        for beta in (0.02, 0.01)
    ]
    assert errors[1] < 0.02 and errors[0] / errors[1] == pytest.approx(4.0, rel=0.05)


def test_naive_steps_are_enough_and_hardly_more():
    case = tiny()
    truth = sc.recurrent_backprop(case.net, case.x, case.y, tied=True)
    n_free, n_nudged = propagation.naive_steps(case, truth, 0.05, 0.01)
    found = [
        distance(programs.naive_gradient(case.net, case.x, case.y, 0.01, n_free, n), truth)
        for n in (n_nudged - 5, n_nudged)
    ]
    assert found[0] > 0.05 >= found[1]


def test_the_naive_loop_that_cannot_reach_an_error_says_so():
    case = tiny()
    truth = sc.recurrent_backprop(case.net, case.x, case.y, tied=True)
    assert propagation.naive_steps(case, truth, 1e-9, 0.1, most=60) is None


def test_a_net_is_scaled_to_its_radius_at_silence_as_the_library_does_it():
    case = tiny()
    ours, theirs = nets.with_radius_at_silence(case, 0.9).net, settling.with_radius(case.net, 0.9)
    for first, second in zip(ours.weights, theirs.weights, strict=True):
        np.testing.assert_allclose(first, second, rtol=1e-6)
    assert ours.feedback_is_transposed


def test_a_net_is_scaled_to_its_largest_radius_at_rest():
    case = nets.with_radius_at_rest(tiny(), 0.9)
    free = sc.settle(case.net, case.x, tol=1e-12)
    radii = settling.spectral_radius(case.net, case.x, free, dt=1.0)
    assert radii.max() == pytest.approx(0.9, abs=2e-3)
    assert radii.min() < 0.89  # the samples differ, and the largest counts


def test_the_cheapest_recipe_meets_its_target():
    case = tiny()
    truth = sc.recurrent_backprop(case.net, case.x, case.y, tied=True)
    recipe, beta, tol = propagation.cheapest(case, truth, 1e-3)
    estimate = sc.estimate_gradient(case.net, case.x, case.y, recipe)
    assert 1e-5 < sc.relative_error(estimate, truth) <= 1.05e-3
    assert recipe.nudging.betas == (-beta, beta) and tol < 1e-3


def test_a_recipe_that_does_not_settle_is_not_chosen():
    case = tiny(gain=2.5, activation="linear")
    assert propagation.error_of(case, propagation.recipe_of(nudging.centered(0.1), 1e-9), None) == (
        np.inf
    )


def test_a_slope_is_that_of_the_logarithms_line_by_line():
    lines = [(3.0, 5.0), (6.0, 5.0), (12.0, 5.0), (24.0, 5.0)]
    np.testing.assert_allclose(growth.slope([1, 2, 4, 8], lines), [1.0, 0.0], atol=1e-12)


def test_the_bars_of_an_audit_show_its_angles():
    case = tiny()
    report = sc.audit(case.net, case.x, case.y)
    figure = daily.audit_bars(report)
    costs, layers = (panel.axes[0] for panel in figure.panels)
    assert [round(bar.get_width(), 9) for bar in costs.patches] == [
        round(row.predicted_angle_deg or 0.0, 9) for row in report.conditions
    ]
    heights = [bar.get_height() for bar in layers.patches]
    assert heights == [layer.angle_deg for layer in report.layers]


def test_libraries_that_are_missing_leave_their_rows_out(monkeypatch):
    from benchmarks import fixed

    for name in ("torch", "jax"):
        monkeypatch.setitem(sys.modules, name, None)
        (row,) = getattr(fixed, name)(1)
        assert row.value is None and row.note == f"{name} is not installed: pip install {name}"


def test_a_wrong_group_is_refused_and_the_groups_are_named():
    run = subprocess.run(
        [sys.executable, "-m", "benchmarks", "--only", "everything"],
        cwd=ROOT, capture_output=True, text=True, timeout=60,
        env=os.environ | {"OPENBLAS_NUM_THREADS": "2"},
    )  # fmt: skip
    assert run.returncode == 2
    assert "'everything'" in run.stderr and "growth" in run.stderr
