"""Sweeps and Newton's method reach what the physical dynamics reach."""

import numpy as np
import pytest
from networks import SMOOTH, example

import sevenconditions as sc
from sevenconditions import dynamics, solvers
from sevenconditions.equilibrium import Verdict
from sevenconditions.sweeps import Sweeps


def distance(first, second):
    return max(
        np.abs(a - b).max() for a, b in zip(first.potentials, second.potentials, strict=True)
    )


@pytest.mark.parametrize("activation", SMOOTH)
@pytest.mark.parametrize("cancellation", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("beta", [0.0, 0.3, -0.1])
def test_sweeps_and_newton_agree_with_the_euler_steps(activation, cancellation, beta):
    net, x, y = example(1, activation=activation, cancellation=cancellation, output="tanh")
    free = solvers.newton(net, x)
    options = {"y": y, "beta": beta, "start": free}
    slow = sc.settle(net, x, **options, tol=1e-12)
    fast, exact = solvers.relax(net, x, **options), solvers.newton(net, x, **options)
    assert slow.converged and fast.converged and exact.converged
    assert distance(slow, exact) < 1e-9
    assert distance(fast, exact) < 1e-10
    assert exact.residual < 1e-15 * max(1.0, np.abs(exact.potentials[-1]).max())


def test_sweeps_need_far_fewer_steps():
    net, x, y = example(3, gain=0.5, n_samples=16)
    free = solvers.newton(net, x)
    fast = solvers.relax(net, x, y=y, beta=0.1, start=free)
    slow = sc.settle(net, x, y=y, beta=0.1, start=free, tol=fast.tol)
    assert fast.n_steps < slow.n_steps / 10


@pytest.mark.parametrize("cancellation", [0.0, 1.0])
def test_feedback_of_any_kind_and_lateral_matrices_take_part(cancellation):
    net, x, y = example(2, cancellation=cancellation, feedback_gain=0.7)
    rng = np.random.default_rng(0)
    net = net.replace(
        feedback=[None, *(0.3 * rng.standard_normal(b.shape) for b in net.feedback[1:])],
        lateral=[None, *(0.2 * rng.standard_normal((n, n)) / np.sqrt(n) for n in net.sizes[1:])],
    )
    for beta in (0.0, 0.5):
        slow = sc.settle(net, x, y=y, beta=beta, tol=1e-12)
        assert distance(solvers.relax(net, x, y=y, beta=beta), slow) < 1e-10


def test_one_nudge_a_sample_equals_one_run_a_nudge():
    net, x, y = example(4)
    betas = np.array([0.0, 0.1, -0.1, 0.5, 1.0, 2.0])
    together = solvers.relax(net, x, y=y, beta=betas)
    for i, beta in enumerate(betas):
        alone = solvers.relax(net, x[i : i + 1], y=y[i : i + 1], beta=beta)
        assert distance(together.samples(slice(i, i + 1)), alone) < 1e-14


def test_a_result_does_not_depend_on_the_rest_of_the_batch():
    net, x, _ = example(5, gain=0.6, n_samples=12)
    together = solvers.relax(net, x)
    for i in range(12):
        assert distance(together.samples([i]), solvers.relax(net, x[i])) < 1e-14


def test_a_complex_nudge_settles_to_the_analytic_continuation():
    net, x, y = example(6)
    state = solvers.newton(net, x, y=y, beta=0.05 + 0.02j)
    residual = dynamics.residual(net, x, state.potentials, y=y, beta=0.05 + 0.02j)
    assert max(np.abs(r).max() for r in residual) < 1e-15
    mirrored = solvers.newton(net, x, y=y, beta=0.05 - 0.02j)
    assert all(
        np.allclose(a, b.conj(), atol=1e-14)
        for a, b in zip(state.potentials, mirrored.potentials, strict=True)
    )


@pytest.mark.parametrize("activation", ["tanh", "logistic"])
@pytest.mark.parametrize("cancellation", [0.0, 1.0])
def test_a_clamped_output_is_the_limit_of_a_strong_nudge(activation, cancellation):
    net, x, y = example(7, activation=activation, cancellation=cancellation)
    clamped = sc.clamped_phase(net, x, y, start=sc.free_phase(net, x), tol=1e-12)
    fast = solvers.newton(net, x, y=y, beta=np.inf)
    gaps = [
        np.abs(solvers.newton(net, x, y=y, beta=b, start=clamped).rates[0] - clamped.rates[0]).max()
        for b in (1e2, 1e3)
    ]
    np.testing.assert_array_equal(clamped.rates[-1], y)
    np.testing.assert_array_equal(fast.rates[-1], y)
    for a, b in zip(clamped.rates, fast.rates, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-10)
    assert gaps[0] / gaps[1] == pytest.approx(10, rel=0.1)


def test_sweeps_that_fail_leave_the_sample_to_the_dynamics():
    net, x, y = example(3, gain=0.5, n_samples=4)
    few = solvers.relax(net, x, y=y, beta=0.1, tol=1e-10, max_sweeps=2)
    assert few.verdict is Verdict.SETTLED
    assert distance(few, solvers.newton(net, x, y=y, beta=0.1)) < 1e-8


def test_what_does_not_settle_at_all_is_reported_and_not_hidden():
    net, x, _ = example(3, activation="linear", gain=2.5)
    for solver in (solvers.relax, solvers.newton):
        run = solver(net, x)
        assert run.verdict is Verdict.DIVERGED
        assert not run.converged


def test_a_constant_current_acts_as_a_bias():
    net, x, _ = example(8)
    push = tuple(0.3 * np.ones((len(x), n)) for n in net.sizes[1:])
    biased = net.replace(biases=[b + 0.3 for b in net.biases])
    assert distance(solvers.newton(net, x, current=push), solvers.newton(biased, x)) < 1e-14
    assert distance(sc.settle(net, x, current=push, tol=1e-12), solvers.newton(biased, x)) < 1e-10


@pytest.mark.parametrize("sizes", [(1, 1), (1, 1, 1), (3, 1, 2), (4, 3)])
def test_one_layer_and_width_one_settle_too(sizes):
    net, x, y = example(9, sizes=sizes, n_samples=1)
    for beta in (0.0, 0.2):
        assert distance(
            solvers.newton(net, x, y=y, beta=beta), sc.settle(net, x, y=y, beta=beta, tol=1e-12)
        ) < 1e-10  # fmt: skip


def test_newton_polishes_in_a_few_steps_and_never_makes_it_worse():
    net, x, y = example(1, gain=0.5, output="tanh")
    push = tuple(0.3 * np.ones((len(x), n)) for n in net.sizes[1:])
    for options in ({"current": push}, {"y": y, "beta": 2.0}):
        run = solvers.newton(net, x, **options)
        assert run.residuals[0].max() < 1e-9  # where the sweeps left it
        assert run.residuals[1].max() < 1e-14
        assert (np.diff(run.residuals, axis=0) <= 0).all()


def test_rounding_of_large_states_still_counts_as_settled():
    net, x, _ = example(2, activation="linear", cancellation=1.0, feedback_gain=0.9)
    assert solvers.newton(net, 1e9 * x, start=solvers.newton(net, 0.9e9 * x)).converged


def test_a_strong_nudge_settles_by_sweeps_alone():
    net, x, y = example(3, gain=0.5, output="linear")
    strong = solvers.relax(net, x, y=y, beta=1e3, start=solvers.newton(net, x))
    assert strong.converged and strong.n_steps < 50 and strong.dt == np.inf


def test_a_nudge_that_takes_all_stiffness_away_takes_steps_instead_of_dividing_by_nothing():
    net, x, y = example(3, output="linear")
    for beta in (-1.0, -0.95):
        sweeps = Sweeps(net, x @ net.weights[0].T + net.biases[0], y, beta, None, float)
        sweeps.start(None)
        before = sweeps.before.output.copy()
        step = sweeps.sweep()[:, -5:]
        missing = before + beta * (before - y) - sweeps.before.drives[-1]
        np.testing.assert_allclose(step, -10.0 * missing, atol=1e-12)


def test_the_dynamics_that_take_over_know_start_current_and_nudge():
    net, x, y = example(3, gain=0.5, n_samples=4)
    push = tuple(0.3 * np.ones((len(x), n)) for n in net.sizes[1:])
    few = solvers.relax(net, x, y=y, beta=0.1, current=push, tol=1e-10, max_sweeps=2)
    assert np.isfinite(few.dt)  # it was the dynamics that settled
    whole = solvers.newton(net, x, y=y, beta=0.1, current=push)
    for a, b in zip(few.potentials, whole.potentials, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-8)


def test_the_dynamics_that_take_over_stay_where_they_were_started():
    net = sc.Network(
        weights=[[[0.0]], [[1.5]]], biases=[[0.0], [0.01]], activation="tanh", output="tanh"
    )
    below = (np.array([[-1.0]]), np.array([[-1.0]]))
    for max_sweeps in (1, 500):
        run = solvers.relax(net, [0.0], start=below, max_sweeps=max_sweeps)
        assert run.converged and run.rates[-1].item() < -0.5


def test_a_clamped_phase_started_from_a_clamped_one_is_at_rest():
    net, x, y = example(7, output="tanh")
    clamped = solvers.newton(net, x, y=0.5 * np.tanh(y), beta=np.inf)
    again = solvers.relax(net, x, y=0.5 * np.tanh(y), beta=np.inf, start=clamped, tol=1e-12)
    assert again.n_steps == 0
    assert all(u.dtype == float for u in again.potentials)


@pytest.mark.parametrize("seed", [9, 17, 24, 29, 37, 48])
def test_a_symmetric_lateral_matrix_that_meets_cancellation_is_judged_by_its_eigenvalues(seed):
    rng = np.random.default_rng(seed)
    net = sc.layered((3, 5, 4, 2), gain=0.8, cancellation=0.6, output="tanh", rng=rng)
    draws = [rng.standard_normal((n, n)) for n in net.sizes[1:]]
    net = net.replace(lateral=[None, *(0.25 * (a + a.T) for a in draws)])
    x, u = rng.standard_normal((2, 3)), tuple(rng.standard_normal((2, n)) for n in net.sizes[1:])
    rest = sc.Equilibrium(u, dynamics.rates(net, u), np.zeros((1, 2)), Verdict.SETTLED, 1.0, 1e-9)
    lowest = np.linalg.eigvals(dynamics.jacobian(net, x, u)).real.min(axis=1)
    np.testing.assert_array_equal(solvers.repelling(net, x, rest), lowest <= 0.0)
