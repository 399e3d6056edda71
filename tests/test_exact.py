"""The judge against autograd, central differences and closed forms."""

from functools import partial

import autograd_oracle as oracle
import numpy as np
import pytest
from networks import SMOOTH, example

import sevenconditions as sc
from sevenconditions import exact, settling

KINDS = [(0.0, 1.0), (1.0, 1.0), (0.5, 0.7), (0.0, 0.3)]
WIDTHS = (4, 5, 3, 6, 4, 3)
SMALLEST = [(1, 1), (3, 2), (1, 1, 1), (3, 1, 2)]


def lopsided(net):
    """The same network with random feedback and random lateral matrices."""
    rng = np.random.default_rng(0)
    return net.replace(
        feedback=[None, *(0.3 * rng.standard_normal(b.shape) for b in net.feedback[1:])],
        lateral=[None, *(0.2 * rng.standard_normal((n, n)) for n in net.sizes[1:])],
    )


def assert_equal_parts(gradient, reference, *, tol=1e-12):
    """Every weight matrix and every bias agrees by itself; zero means exactly zero."""
    weights, biases = reference
    for got, wanted in zip((*gradient.weights, *gradient.biases), (*weights, *biases), strict=True):
        np.testing.assert_allclose(got, wanted, rtol=0, atol=tol * np.linalg.norm(wanted))


@pytest.mark.parametrize("activation", SMOOTH)
@pytest.mark.parametrize("output", SMOOTH)
@pytest.mark.parametrize("n_layers", range(1, 6))
def test_backprop_agrees_with_autograd(activation, output, n_layers):
    for seed in range(3):
        net, x, y = example(
            seed, sizes=WIDTHS[: n_layers + 1], activation=activation, output=output, gain=1.0
        )
        assert_equal_parts(exact.backprop(net, x, y), oracle.feedforward_gradient(net, x, y))


@pytest.mark.parametrize("activation", SMOOTH)
@pytest.mark.parametrize("sizes", [(4, 3), (4, 5, 3), (4, 5, 4, 6, 3)])
def test_backprop_agrees_with_central_differences(activation, sizes):
    net, x, y = example(1, sizes=sizes, activation=activation, output="tanh", n_samples=4)
    slopes = exact.central_differences(lambda n: exact.feedforward_loss(n, x, y), net)
    assert sc.relative_error(exact.backprop(net, x, y), slopes) < 1e-8


@pytest.mark.parametrize(("cancellation", "feedback_gain"), KINDS)
@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("seed", [0, 1])
def test_recurrent_backprop_agrees_with_central_differences(
    cancellation, feedback_gain, tied, seed
):
    net, x, y = example(
        seed,
        sizes=(4, 5, 4, 3),
        n_samples=3,
        cancellation=cancellation,
        feedback_gain=feedback_gain,
    )
    free = sc.free_phase(net, x)
    slopes = exact.central_differences(
        lambda n: exact.equilibrium_loss(n, x, y, at=free), net, tied=tied
    )
    assert sc.relative_error(exact.recurrent_backprop(net, x, y, tied=tied), slopes) < 1e-7


@pytest.mark.parametrize("activation", SMOOTH)
@pytest.mark.parametrize("seed", range(3))
def test_full_cancellation_turns_the_equilibrium_gradient_into_backprop(activation, seed):
    net, x, y = example(seed, activation=activation, gain=0.8, cancellation=1.0)
    implicit = exact.recurrent_backprop(net, x, y)
    assert sc.relative_error(implicit, exact.backprop(net, x, y)) < 1e-12
    partial = exact.recurrent_backprop(net.replace(cancellation=0.9), x, y)
    assert sc.relative_error(partial, exact.backprop(net, x, y)) > 1e-3


def test_asymmetric_feedback_and_lateral_matrices_enter_the_gradient():
    net, x, y = example(3, sizes=(4, 5, 4, 3), n_samples=3, cancellation=0.5)
    net = lopsided(net)
    free = sc.free_phase(net, x)
    slopes = exact.central_differences(lambda n: exact.equilibrium_loss(n, x, y, at=free), net)
    assert sc.relative_error(exact.recurrent_backprop(net, x, y), slopes) < 1e-7


def test_linear_equilibrium_gradient_has_its_closed_form():
    net, x, y = example(4, sizes=(3, 4, 2), activation="linear")
    (w1, w2), (b1, b2) = net.weights, net.biases
    loop = np.block([[np.eye(4), -w2.T], [-w2, np.eye(2)]])
    v = np.linalg.solve(loop, np.concatenate([x @ w1.T + b1, np.tile(b2, (6, 1))], axis=1).T).T
    error = np.concatenate([np.zeros((6, 4)), v[:, 4:] - y], axis=1) / 6
    lam = np.linalg.solve(loop.T, error.T).T
    gradient = exact.recurrent_backprop(net, x, y)
    np.testing.assert_allclose(gradient.weights[0], lam[:, :4].T @ x, atol=1e-14)
    np.testing.assert_allclose(gradient.weights[1], lam[:, 4:].T @ v[:, :4], atol=1e-14)


def test_an_unstable_fixed_point_is_refused_although_the_solve_returns_a_number():
    net, x, y = example(5, activation="linear")
    net = settling.with_radius(net, 1.05)
    with pytest.raises(sc.ConvergenceError, match="repels .* spectral radius .* 1.05"):
        exact.recurrent_backprop(net, x, y)
    number = exact.recurrent_backprop(net, x, y, allow_unstable=True)
    assert np.isfinite(number.flat()).all()
    assert np.linalg.norm(number.flat()) > 1.0


@pytest.mark.parametrize("from_rest", [False, True])
@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("symmetric", [False, True])
@pytest.mark.parametrize(("cancellation", "feedback_gain"), KINDS)
@pytest.mark.parametrize("activation", SMOOTH)
def test_bptt_agrees_with_autograd(
    activation, cancellation, feedback_gain, symmetric, tied, from_rest
):
    net, x, y = example(
        8,
        sizes=(4, 5, 4, 3),
        n_samples=3,
        activation=activation,
        output="tanh",
        cancellation=cancellation,
        feedback_gain=feedback_gain,
    )
    net = net if symmetric else lopsided(net)
    free = sc.free_phase(net, x) if from_rest else None
    run = {"n_steps": 7, "dt": 0.4, "tied": tied}
    reference = oracle.unrolled_gradient(
        net, x, y, potentials=free.potentials if from_rest else None, **run
    )
    assert_equal_parts(exact.bptt(net, x, y, at=free, **run), reference)


@pytest.mark.parametrize("n_layers", range(1, 6))
@pytest.mark.parametrize("output", SMOOTH)
def test_bptt_agrees_with_autograd_at_every_depth(output, n_layers):
    net, x, y = example(9, sizes=WIDTHS[: n_layers + 1], output=output, cancellation=0.3, gain=0.7)
    run = {"n_steps": 12, "dt": 1.0}
    assert_equal_parts(exact.bptt(net, x, y, **run), oracle.unrolled_gradient(net, x, y, **run))


@pytest.mark.parametrize("sizes", SMALLEST)
def test_one_sample_one_layer_and_one_unit_are_no_exception(sizes):
    net, x, y = example(2, sizes=sizes, n_samples=1, output="logistic", cancellation=0.5)
    run = {"n_steps": 6, "dt": 0.5, "tied": True}
    assert_equal_parts(exact.backprop(net, x, y), oracle.feedforward_gradient(net, x, y))
    assert_equal_parts(exact.bptt(net, x, y, **run), oracle.unrolled_gradient(net, x, y, **run))
    assert_equal_parts(exact.bptt(net, x[0], y[0], **run), exact.bptt(net, x, y, **run))
    assert exact.bptt_by_step(net, x, y, **run).rates[0].shape == (6, 1, sizes[1])


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize(("cancellation", "feedback_gain"), KINDS)
def test_a_long_run_gives_the_gradient_of_the_equilibrium_and_a_short_one_does_not(
    cancellation, feedback_gain, tied, seed
):
    net, x, y = example(seed, cancellation=cancellation, feedback_gain=feedback_gain)
    implicit = exact.recurrent_backprop(net, x, y, tied=tied)
    assert_equal_parts(exact.bptt(net, x, y, n_steps=2000, tied=tied), implicit)
    assert sc.relative_error(exact.bptt(net, x, y, n_steps=10, tied=tied), implicit) > 0.03


def test_a_weight_that_feedback_uses_too_has_another_gradient():
    net, x, y = example(0)
    once, twice = (exact.bptt(net, x, y, n_steps=60, tied=tied) for tied in (False, True))
    np.testing.assert_array_equal(once.weights[0], twice.weights[0])  # nothing is fed back to x
    assert sc.relative_error(twice.layer(1), once.layer(1)) > 0.1


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("symmetric", [False, True])
@pytest.mark.parametrize(("cancellation", "feedback_gain"), KINDS)
def test_each_step_agrees_with_autograd_and_the_steps_add_up(
    cancellation, feedback_gain, symmetric, tied
):
    net, x, y = example(
        5,
        sizes=(4, 5, 4, 3),
        n_samples=3,
        output="tanh",
        cancellation=cancellation,
        feedback_gain=feedback_gain,
    )
    net = net if symmetric else lopsided(net)
    run = {"n_steps": 6, "dt": 0.4, "tied": tied}
    steps = exact.bptt_by_step(net, x, y, **run)
    copies, rates = oracle.gradient_by_step(net, x, y, **run)
    for part, copy in zip(steps.parameters, copies, strict=True):
        assert_equal_parts(part, copy)
    for layer, wanted in zip(steps.rates, zip(*rates, strict=True), strict=True):
        np.testing.assert_allclose(layer, wanted, rtol=1e-12, atol=1e-13)
    total = sum(part.flat() for part in steps.parameters)
    assert sc.relative_error(total, exact.bptt(net, x, y, **run)) < 1e-14


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize(("cancellation", "feedback_gain"), KINDS)
def test_the_error_needs_one_step_for_each_layer(cancellation, feedback_gain, tied):
    net, x, y = example(3, cancellation=cancellation, feedback_gain=feedback_gain)
    free = sc.free_phase(net, x)
    for n_steps in (1, 2, 3):
        gradient = exact.bptt(net, x, y, n_steps=n_steps, at=free, tied=tied)
        reached = [gradient.layer(i).flat().any() for i in range(3)]
        assert reached == [n_steps >= 3, n_steps >= 2, True]
    rates = exact.bptt_by_step(net, x, y, n_steps=3, at=free).rates
    assert [[bool(layer[t].any()) for layer in rates] for t in range(3)] == [
        [False, False, True],
        [False, True, True],
        [True, True, True],
    ]
    # the last state feels the slope of each sample's own cost, not of the mean
    np.testing.assert_allclose(rates[-1][0], free.rates[-1] - y, atol=1e-8)


def test_a_rate_without_slope_has_no_gradient_but_the_weights_do():
    net, x, y = example(0, activation="hard_sigmoid")
    with pytest.raises(ValueError, match="units with phi' = 0 during the run, expected none"):
        exact.bptt_by_step(net, x, y, n_steps=5)
    assert np.isfinite(exact.bptt(net, x, y, n_steps=5).flat()).all()


@pytest.mark.parametrize("judge", [exact.bptt, exact.bptt_by_step])
def test_bptt_says_what_is_wrong_with_a_run(judge):
    net, x, y = example(0)
    for wrong, says in [
        ({"n_steps": 0}, "n_steps: got 0, expected a whole number of at least 1"),
        ({"n_steps": 2.5}, "n_steps: got 2.5"),
        ({"n_steps": 3, "dt": 0.0}, "dt: got 0.0, expected a finite number above 0"),
        ({"n_steps": 3, "at": sc.free_phase(net, x[:1])}, r"at: got shape \(1, 23\), expected \(6"),
    ]:
        with pytest.raises(ValueError, match=says):
            judge(net, x, y, **wrong)
    with pytest.raises(
        sc.ConvergenceError, match="diverged: .* after 25 of 60 steps .* dt below 3"
    ):
        judge(net, x, y, n_steps=60, dt=3.0)
    loud = net.replace(weights=[1e200 * w for w in net.weights], activation="linear")
    with pytest.raises(sc.ConvergenceError, match="diverged"):
        judge(loud, x, y, n_steps=5)


def test_a_run_that_stands_on_a_repelling_point_overflows_only_on_the_way_back():
    net = sc.Network(weights=[[[3.0]], [[3.0]]], biases=[[0.0], [0.0]])
    assert np.isfinite(exact.bptt(net, [[0.0]], [[1.0]], n_steps=900).flat()).all()
    with pytest.raises(sc.ConvergenceError, match="overflowed on its way back through 1100 steps"):
        exact.bptt(net, [[0.0]], [[1.0]], n_steps=1100)


def test_the_judge_finds_the_equilibrium_that_the_dynamics_find():
    net, x, y = example(6, cancellation=0.3, feedback_gain=0.8)
    free = sc.free_phase(net, x, tol=1e-13)
    settled = 0.5 * ((free.rates[-1] - y) ** 2).sum() / len(x)
    assert exact.equilibrium_loss(net, x, y) == pytest.approx(settled, abs=1e-12)
    assert exact.equilibrium_loss(net, x, y, at=free) == pytest.approx(settled, abs=1e-12)


def test_the_judge_says_when_there_is_no_equilibrium_to_find():
    net = sc.Network(weights=[[[1.0]], [[1.0]]], biases=[[1.0], [0.0]], activation="linear")
    with pytest.raises((sc.ConvergenceError, np.linalg.LinAlgError)):
        exact.equilibrium_loss(net, [[1.0]], [[0.0]])


@pytest.mark.parametrize(
    ("x", "y", "says"),
    [
        (np.ones((2, 7)), np.ones((2, 5)), "x: got shape"),
        (np.ones((2, 8)), np.ones((3, 5)), "y: got 3 samples, expected 2"),
        (np.ones((0, 8)), np.ones((0, 5)), "x: got an empty array"),
        (np.full((1, 8), np.inf), np.ones((1, 5)), "x: got 8 NaN or infinite"),
    ],
)
@pytest.mark.parametrize(
    "judge",
    [
        exact.backprop,
        exact.recurrent_backprop,
        partial(exact.bptt, n_steps=2),
        partial(exact.bptt_by_step, n_steps=2),
    ],
)
def test_the_judge_refuses_data_that_do_not_fit(judge, x, y, says):
    net, *_ = example(0)
    with pytest.raises(ValueError, match=says):
        judge(net, x, y)


def test_nothing_that_is_passed_in_is_modified():
    net, x, y = example(7)
    x.setflags(write=False)
    y.setflags(write=False)
    free = sc.free_phase(net, x)
    plus = sc.nudged_phase(net, x, y, beta=0.1, start=free)
    for state in (free, plus):
        (
            sc.hebbian(net, x, state),
            sc.energy(net, x, state),
            sc.total_energy(net, x, y, state, beta=0.1),
        )
    for state in (free, plus):
        for part in state.potentials:
            part.setflags(write=False)
    exact.backprop(net, x, y), exact.recurrent_backprop(net, x, y, at=free)
    exact.bptt(net, x, y, n_steps=2, at=plus), exact.bptt_by_step(net, x, y, n_steps=2, at=plus)


def test_one_sample_at_a_point_that_repels_is_enough_for_the_judge_to_refuse():
    net, x, y = example(0, gain=1.5, bias=0.0, output="tanh", n_samples=2)
    x[0] = 0.0  # silence is a saddle here; the other sample finds a place to rest
    with pytest.raises(sc.ConvergenceError, match="1 of 2 samples rest at a fixed point that rep"):
        exact.recurrent_backprop(net, x, y)


def test_the_judge_polishes_where_it_is_told_to_and_does_not_wander_off():
    net, x, y = example(0, gain=1.5, bias=0.0, output="tanh", n_samples=2)
    near = tuple(np.full((2, n), 1e-4) for n in net.sizes[1:])
    saddle = sc.Equilibrium(near, near, *[None] * 4)
    stays = exact.equilibrium_loss(net, 0 * x, y, at=saddle)
    assert stays == pytest.approx(0.5 * (y**2).sum() / 2)


@pytest.mark.parametrize("output", SMOOTH)
@pytest.mark.parametrize("tied", [False, True])
def test_recurrent_backprop_sees_the_slope_of_any_output(output, tied):
    net, x, y = example(
        1, sizes=(4, 5, 3), n_samples=3, output=output, cancellation=0.5, feedback_gain=0.7
    )
    free = sc.free_phase(net, x)
    slopes = exact.central_differences(
        lambda n: exact.equilibrium_loss(n, x, y, at=free), net, tied=tied
    )
    assert sc.relative_error(exact.recurrent_backprop(net, x, y, tied=tied), slopes) < 1e-7


@pytest.mark.parametrize("step", [0.0, -1e-5, np.nan])
def test_central_differences_need_a_step_above_zero(step):
    with pytest.raises(ValueError, match="step: got"):
        exact.central_differences(lambda net: 0.0, example(0)[0], step=step)
