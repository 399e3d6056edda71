"""The judge against central differences and closed forms."""

import numpy as np
import pytest
from networks import SMOOTH, example

import sevenconditions as sc
from sevenconditions import exact

KINDS = [(0.0, 1.0), (1.0, 1.0), (0.5, 0.7), (0.0, 0.3)]


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
    rng = np.random.default_rng(0)
    net = net.replace(
        feedback=[None, *(0.3 * rng.standard_normal(b.shape) for b in net.feedback[1:])],
        lateral=[None, *(0.2 * rng.standard_normal((n, n)) for n in net.sizes[1:])],
    )
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
    net = sc.settling.with_radius(net, 1.05)
    with pytest.raises(sc.ConvergenceError, match="repels .* spectral radius .* 1.05"):
        exact.recurrent_backprop(net, x, y)
    number = exact.recurrent_backprop(net, x, y, allow_unstable=True)
    assert np.isfinite(number.flat()).all()
    assert np.linalg.norm(number.flat()) > 1.0


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
@pytest.mark.parametrize("judge", [sc.backprop, sc.recurrent_backprop])
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
    sc.backprop(net, x, y), sc.recurrent_backprop(net, x, y, at=free)
