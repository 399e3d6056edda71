"""Running to rest: defining property, closed form, how a run ends, bad input."""

import warnings

import numpy as np
import pytest
from networks import SMOOTH, example

import sevenconditions as sc
from sevenconditions import dynamics, settling
from sevenconditions.equilibrium import Verdict


@pytest.mark.parametrize("activation", SMOOTH)
@pytest.mark.parametrize("cancellation", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("seed", range(2))
def test_an_equilibrium_has_no_residual(activation, cancellation, seed):
    net, x, _ = example(seed, activation=activation, cancellation=cancellation)
    rest = sc.settle(net, x, tol=1e-12)
    assert rest.converged
    assert max(np.abs(r).max() for r in dynamics.residual(net, x, rest.potentials)) <= 1e-12
    np.testing.assert_array_equal(rest.rates[0], net.activation(rest.potentials[0]))


@pytest.mark.parametrize("activation", SMOOTH)
def test_full_cancellation_settles_on_the_forward_pass(activation):
    net, x, _ = example(0, activation=activation, cancellation=1.0)
    rest = sc.settle(net, x, tol=1e-12)
    v = x
    for weight, bias, phi, settled in zip(
        net.weights, net.biases, net.phis, rest.rates, strict=True
    ):
        v = phi(v @ weight.T + bias)
        np.testing.assert_allclose(settled, v, atol=1e-10)
    partial = sc.settle(net.replace(cancellation=0.5), x)
    assert np.abs(partial.rates[-1] - v).max() > 1e-2


def test_a_linear_network_settles_where_the_linear_solve_says():
    net, x, _ = example(1, sizes=(3, 4, 2), activation="linear")
    (w1, w2), (b1, b2) = net.weights, net.biases
    loop = np.block([[np.eye(4), -w2.T], [-w2, np.eye(2)]])
    drive = np.concatenate([x @ w1.T + b1, np.tile(b2, (6, 1))], axis=1)
    rest = sc.settle(net, x, tol=1e-13)
    np.testing.assert_allclose(
        np.concatenate(rest.potentials, axis=1), np.linalg.solve(loop, drive.T).T, atol=1e-12
    )


def test_each_sample_has_its_own_residual_and_its_own_number_of_steps():
    net, x, _ = example(2)
    rest = sc.settle(net, x, tol=1e-10, dt=0.5)
    alone = [sc.settle(net, row, tol=1e-10, dt=0.5).n_steps for row in x]
    assert rest.steps_to(1e-10).tolist() == alone
    assert rest.n_steps == max(alone) > min(alone)
    assert rest.residual == rest.residual_per_sample.max()


def test_steps_to_a_tolerance_never_reached_is_minus_one():
    net, x, _ = example(2)
    assert (sc.settle(net, x, tol=1e-6).steps_to(1e-9) == -1).all()


def test_the_trajectory_starts_at_silence_and_ends_at_rest():
    net, x, _ = example(3)
    rest = sc.settle(net, x, record=True)
    for layer, final in zip(rest.trajectory, rest.potentials, strict=True):
        assert layer.shape == (rest.n_steps + 1, *final.shape)
        assert not layer[0].any()
        np.testing.assert_array_equal(layer[-1], final)
    assert sc.settle(net, x).trajectory is None


def test_starting_at_rest_takes_no_step():
    net, x, _ = example(4)
    rest = sc.settle(net, x)
    assert sc.settle(net, x, start=rest).n_steps == 0
    assert sc.settle(net, x, start=rest.potentials).n_steps == 0


def test_slow_settling_is_told_apart_and_asks_for_more_steps():
    net, x, _ = example(5)
    with pytest.warns(sc.ConvergenceWarning, match=r"6 of 6 samples .* residual .* still falls"):
        rest = sc.settle(net, x, max_steps=10, dt=0.5)
    assert rest.verdict is Verdict.SLOW
    assert not rest.converged
    assert not rest.converged_per_sample.any()


def test_the_number_of_steps_that_the_warning_asks_for_is_enough():
    net, x, _ = example(5)
    with pytest.warns(sc.ConvergenceWarning) as caught:
        sc.settle(net, x, max_steps=60, dt=0.5)
    more = int(str(caught[0].message).split("try about ")[1].split()[0])
    assert sc.settle(net, x, max_steps=60 + more + 2, dt=0.5).converged


def two_cycling():
    # two mutually exciting units started out of phase keep swapping under full steps
    net = sc.Network(weights=[[[0.0]], [[1.5]]], biases=[[0.0], [0.0]], output="tanh")
    return net, [0.0], (np.array([[0.5]]), np.array([[-0.5]]))


def test_a_two_cycle_is_told_apart_and_a_smaller_step_heals_it():
    net, x, start = two_cycling()
    with pytest.warns(sc.ConvergenceWarning, match="2-cycle.*try"):
        rest = sc.settle(net, x, start=start, dt=1.0)
    assert rest.verdict is Verdict.TWO_CYCLE
    assert rest.n_steps < 200
    assert sc.settle(net, x, start=start, dt=0.5).converged


def test_a_two_cycle_is_called_when_every_sample_has_settled_or_alternates():
    net, _, _ = two_cycling()
    starts = (np.array([[0.5], [0.3], [0.4]]), np.array([[-0.5], [0.3], [0.39]]))
    rest = sc.settle(net, np.zeros((3, 1)), start=starts, dt=1.0, quiet=True)
    assert rest.verdict is Verdict.TWO_CYCLE
    assert rest.converged_per_sample.tolist() == [False, True, True]


def test_divergence_is_told_apart_before_anything_overflows():
    net, x, _ = example(6, activation="linear")
    net = sc.settling.with_radius(net, 1.3)
    with pytest.warns(sc.ConvergenceWarning, match="Spectral radius .* 1.3.*runs away"):
        rest = sc.settle(net, x, dt=1.0)
    assert rest.verdict is Verdict.DIVERGED
    assert np.isfinite(rest.potentials[-1]).all()


@pytest.mark.parametrize("seed", range(1, 5))
def test_restless_motion_is_not_mistaken_for_slow_settling(seed):
    rng = np.random.default_rng(seed)
    net = sc.Network(
        weights=[np.zeros((40, 1))],
        biases=[np.zeros(40)],
        lateral=[None, 3.0 * rng.standard_normal((40, 40)) / np.sqrt(40)],
        output="tanh",
    )
    start = (rng.standard_normal((1, 40)),)
    rest = sc.settle(net, [0.0], start=start, dt=0.2, max_steps=400, quiet=True)
    assert rest.verdict is Verdict.OSCILLATING


def test_slow_divergence_is_not_mistaken_for_slow_settling():
    net, x, _ = example(6, activation="linear")
    net = sc.settling.with_radius(net, 1.01)
    with pytest.warns(sc.ConvergenceWarning, match="runs away"):
        assert sc.settle(net, x, dt=1.0, max_steps=600).verdict is Verdict.DIVERGED


def rotor(excitation, rotation=1.0):
    return sc.Network(
        weights=[np.zeros((2, 1))],
        biases=[np.zeros(2)],
        lateral=[None, [[excitation, -rotation], [rotation, excitation]]],
        output="tanh",
    )


def test_a_flow_that_rotates_is_told_apart_from_a_step_too_long():
    start = (np.array([[0.1, 0.0]]),)
    with pytest.warns(sc.ConvergenceWarning, match="keeps moving without growing.*asymmetric"):
        rest = sc.settle(rotor(1.2), [0.0], start=start)
    assert rest.verdict is Verdict.OSCILLATING
    assert rest.dt == 1 / 64  # no step was small enough
    assert sc.settle(rotor(0.8), [0.0], start=start).converged


def test_left_to_itself_the_step_shrinks_until_the_network_settles():
    net, x, _ = example(7, cancellation=1.0, gain=1.5)
    rest = sc.settle(net, x)
    assert rest.converged
    assert rest.dt < 0.5
    with pytest.warns(sc.ConvergenceWarning):
        assert not sc.settle(net, x, dt=0.5, max_steps=500).converged


def test_warnings_are_not_shown_when_all_is_well():
    net, x, _ = example(8)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert sc.settle(net, x).verdict is Verdict.SETTLED


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"dt": -0.1}, "dt: got -0.1, expected a finite number above 0"),
        ({"dt": 0}, "dt: got 0"),
        ({"dt": "fast"}, "dt: got 'fast'"),
        ({"tol": -1e-3}, "tol: got -0.001, expected a finite number above 0"),
        ({"tol": np.nan}, "tol: got nan"),
        ({"max_steps": 0}, "max_steps: got 0, expected a whole number of at least 1"),
        ({"max_steps": 2.5}, "max_steps: got 2.5"),
        ({"beta": 0.1}, "y: got None with beta = 0.1"),
        ({"beta": -np.inf, "y": np.ones((6, 5))}, r"beta: got -inf, expected \+inf for all"),
        ({"beta": [0.1, 0.2], "y": np.ones((6, 5))}, r"beta: got shape \(2,\), expected one"),
        ({"y": np.ones((6, 4))}, r"y: got shape \(6, 4\), expected \(any, 5\)"),
        ({"start": (np.zeros((6, 10)),)}, "start: got 1 layers, expected 3"),
        (
            {"start": (np.zeros((6, 10)), np.zeros((6, 8)), np.zeros((2, 5)))},
            r"start\[2\]: got shape",
        ),
    ],
)
def test_bad_settings_are_refused_by_name(options, says):
    net, x, _ = example(9)
    with pytest.raises(ValueError, match=says):
        sc.settle(net, x, **options)


@pytest.mark.parametrize(
    ("x", "says"),
    [
        (np.ones((2, 3)), r"x: got shape \(2, 3\), expected \(any, 8\)"),
        (np.ones((0, 8)), "x: got an empty array"),
        (np.full((1, 8), np.nan), "x: got 8 NaN or infinite"),
        ("digits", "x: got 'digits'"),
    ],
)
def test_bad_input_is_refused_by_name(x, says):
    net, *_ = example(9)
    with pytest.raises(ValueError, match=says):
        sc.settle(net, x)


def record(*columns, **options):
    """An equilibrium with these residuals, one column a sample, and nothing else."""
    history = np.array(columns, dtype=float).T
    return sc.Equilibrium(
        (np.zeros((len(columns), 1)),), (np.zeros((len(columns), 1)),), history,
        **{"verdict": Verdict.SLOW, "dt": 0.5, "tol": 1e-6} | options,
    )  # fmt: skip


def test_one_sample_that_did_not_settle_is_enough_not_to_have_converged():
    both = record([1.0, 1e-6], [1.0, 1e-3])
    assert both.converged_per_sample.tolist() == [True, False]
    assert not both.converged
    assert both.samples([0]).converged


def test_some_samples_keep_the_nudges_that_belong_to_them():
    nudged = record([1.0], [1.0], [1.0], beta=np.array([0.1, 0.2, 0.3]))
    assert nudged.samples([2, 0]).beta.tolist() == [0.3, 0.1]
    assert record([1.0], [1.0], beta=0.5).samples([1]).beta == 0.5


def test_what_is_at_rest_from_the_start_needs_no_step_to_a_tolerance():
    assert record([1e-9, 1e-9], [1.0, 1e-9], [1.0, 1.0]).steps_to(1e-6).tolist() == [0, 1, -1]


def test_the_decay_rate_leaves_out_rounding_and_what_overflowed():
    falling = 0.5 ** np.arange(40.0)
    rounding = np.full(40, 3e-14)
    fell, grew = record(
        [*falling, *rounding], [*2.0 ** np.arange(79), np.inf]
    ).decay_rate()  # fmt: skip
    assert fell == pytest.approx(0.5)
    assert grew == pytest.approx(2.0)


def test_divergence_is_called_long_before_numbers_end():
    net, x, _ = example(6, activation="linear")
    run = sc.settle(settling.with_radius(net, 1.3), x, dt=1.0, quiet=True)
    assert run.residual < 1e10
    loud = net.replace(weights=[1e200 * w for w in net.weights], activation="squareplus")
    run = sc.settle(loud, x, dt=1.0, quiet=True)
    assert run.verdict is Verdict.DIVERGED and run.n_steps < 5


def test_a_run_that_only_needs_more_steps_is_not_tried_again_with_a_smaller_one():
    net, x, _ = example(5)
    run = sc.settle(net, x, max_steps=20, quiet=True)
    assert run.verdict is Verdict.SLOW and run.dt == 0.5


def test_no_two_cycle_is_called_while_another_sample_still_falls():
    net = sc.Network(weights=[[[0.0]], [[1.5]]], biases=[[0.0], [0.0]], output="tanh")
    swapping, falling = (0.5, -0.5), (1e-9, 1e-9)  # leaves the saddle at rate 1.5 a step
    starts = tuple(np.array([[a], [b]]) for a, b in zip(swapping, falling, strict=True))
    run = sc.settle(net, np.zeros((2, 1)), start=starts, dt=1.0, quiet=True, max_steps=60)
    assert run.n_steps > 50


def test_one_sample_that_runs_away_slowly_decides_the_verdict():
    net = sc.Network(
        weights=[np.zeros((1, 1))], biases=[[0.0]], lateral=[None, [[1.01]]], output="linear"
    )
    start = (np.array([[1.0], [0.0]]),)
    push = (np.array([[0.0], [1e-3]]),)
    run = sc.settle(
        net, np.zeros((2, 1)), start=start, current=push, dt=1.0, max_steps=400, quiet=True
    )
    assert run.verdict is Verdict.DIVERGED


def test_no_step_below_zero_is_ever_advised():
    turning = sc.Network(
        weights=[np.zeros((2, 1))], biases=[np.zeros(2)],
        lateral=[None, [[1.2, -1.0], [1.0, 1.2]]], output="tanh",
    )  # fmt: skip
    with pytest.warns(sc.ConvergenceWarning) as seen:
        sc.settle(turning, [0.0], start=(np.array([[0.1, 0.0]]),), dt=0.1, max_steps=400)
    assert "below -" not in str(seen[0].message)
