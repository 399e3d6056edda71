"""The linear response is the limit of small nudges, and says where negative ones go wrong."""

import warnings

import numpy as np
import pytest
from networks import SMOOTH, example

import sevenconditions as sc
from sevenconditions import dynamics, feedback, linearisation, nudging, response, settling, solvers
from sevenconditions.equilibrium import Verdict


def by_nudging(net, x, y, free, beta=1e-5):
    plus, minus = (solvers.newton(net, x, y=y, beta=b, start=free) for b in (beta, -beta))
    return [(p - m) / (2 * beta) for p, m in zip(plus.potentials, minus.potentials, strict=True)]


@pytest.mark.parametrize("activation", SMOOTH)
@pytest.mark.parametrize(("cancellation", "gain"), [(0.0, 1.0), (0.5, 0.7), (1.0, 1.0), (1.0, 0.4)])
def test_the_response_is_the_slope_of_the_state_in_the_nudge(activation, cancellation, gain):
    net, x, y = example(
        1, activation=activation, cancellation=cancellation, feedback_gain=gain, output="tanh"
    )
    free = solvers.newton(net, x)
    for a, b in zip(
        response.linear_response(net, x, y, free), by_nudging(net, x, y, free), strict=True
    ):
        np.testing.assert_allclose(a, b, atol=2e-8 * max(1.0, np.abs(b).max()))


def test_two_sweeps_and_the_linear_solve_are_the_same_response():
    net, x, y = example(2, cancellation=1.0, gain=0.8)
    rng = np.random.default_rng(0)
    net = net.replace(
        feedback=[None, *(rng.standard_normal(b.shape) / 4 for b in net.feedback[1:])]
    )
    free = solvers.newton(net, x)
    swept = response.linear_response(net, x, y, free)
    nearly = net.replace(cancellation=np.nextafter(1.0, 0.0))  # too little for the sweeps
    solved = response.linear_response(nearly, x, y, free)
    for a, b in zip(swept, solved, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-13)


def fixed_point(net, x):
    """Where a linear network would rest, if it could: by a linear solve, stable or not."""
    n = len(x)
    constant = [x @ net.weights[0].T + net.biases[0], *(np.tile(b, (n, 1)) for b in net.biases[1:])]
    local = sc.dynamics.jacobian(net, x, tuple(np.zeros_like(c) for c in constant))
    rest = np.linalg.solve(local, np.concatenate(constant, axis=1)[:, :, None])[:, :, 0]
    layers = sc.dynamics.split(net, rest)
    return sc.Equilibrium(layers, layers, np.zeros((1, n)), Verdict.SETTLED, np.inf, 1e-10)


def test_a_fixed_point_that_repels_is_refused_with_its_radius():
    net, x, y = example(5, activation="linear")
    net = settling.with_radius(net, 1.05)
    free = fixed_point(net, x)
    with pytest.raises(sc.ConvergenceError, match=r"repels .* spectral radius .* 1\.05"):
        response.linear_response(net, x, y, free)
    assert np.isfinite(response.linear_response(net, x, y, free, allow_unstable=True)[0]).all()


def test_an_estimate_from_a_fixed_point_that_repels_is_refused():
    net, x, y = example(5, activation="linear")
    net = settling.with_radius(net, 1.05)
    askew = [None, None, None, 1e-9 * np.triu(np.ones((5, 5)), 1)]  # no energy to promise rest
    recipe = sc.ALL_HOLD._replace(
        architecture=lambda n: n,
        energy=lambda n: n.replace(lateral=askew),
        settling=lambda *args, **options: fixed_point(net, x),
    )
    with pytest.raises(sc.ConvergenceError, match=r"repels .* spectral radius .* 1\.05"):
        sc.estimate_gradient(net, x, y, recipe._replace(nudging=nudging.one_sided(0.1)))


@pytest.mark.parametrize("cancellation", [0.0, 1.0])
def test_a_linear_network_loses_its_equilibrium_at_the_critical_beta(cancellation):
    net, x, y = example(4, activation="linear", cancellation=cancellation)
    free = solvers.newton(net, x)
    critical = nudging.critical_beta(net, x, free)

    def lowest(beta):
        return np.linalg.eigvals(
            sc.dynamics.jacobian(net, x, free.potentials, beta=beta)
        ).real.min()

    assert lowest(-0.99 * critical) > 0 > lowest(-1.01 * critical)


def test_a_jump_beyond_the_critical_beta_is_seen_and_a_gentle_nudge_passes():
    net, x, y = example(5, gain=0.5, output="tanh")
    free = sc.free_phase(net, x, tol=1e-12)
    near = 0.5 * np.tanh(y)  # a modest output error, so that first order reaches far
    y = free.rates[-1] + 0.05 * (near - free.rates[-1])
    critical = nudging.critical_beta(net, x, free)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        sc.nudged_phase(net, x, y, beta=-0.2 * critical, start=free, tol=1e-12)
        sc.nudged_phase(net, x, y, beta=2.0, start=free, tol=1e-12)
    with pytest.warns(sc.BasinWarning, match="another equilibrium.*loses the equilibrium at -"):
        beyond = sc.nudged_phase(net, x, y, beta=-1.3 * critical, start=free, tol=1e-12)
    assert beyond.converged  # it settles as well as ever: the residual alone says nothing


def test_an_estimate_with_a_jump_warns_although_everything_settled():
    net, x, y = example(5, gain=0.5, output="tanh")
    critical = nudging.critical_beta(net, x, solvers.newton(net, x))
    y = solvers.newton(net, x).rates[-1] + 0.05
    recipe = sc.ALL_HOLD._replace(architecture=sc.architecture.hopfield)
    with pytest.warns(sc.BasinWarning):
        far = sc.estimate_gradient(
            net, x, y, recipe._replace(nudging=nudging.centered(1.3 * critical))
        )
    truth = sc.recurrent_backprop(net, x, y, tied=True)
    assert sc.relative_error(far, truth) > 0.3


@pytest.mark.parametrize(("cancellation", "bias", "size"), [(1.0, 0.1, 1.0), (0.5, 0.0, 0.0)])
def test_the_sweeps_serve_only_a_free_phase_that_is_the_forward_pass(cancellation, bias, size):
    net, x, y = example(3, cancellation=cancellation, bias=bias, output="tanh")
    rng = np.random.default_rng(0)
    if cancellation == 1.0:
        net = net.replace(
            lateral=[None, *(0.2 * rng.standard_normal((n, n)) for n in net.sizes[1:])]
        )
    free = solvers.newton(net, size * x)  # silent where size is 0: no mismatch at any c
    measured = by_nudging(net, size * x, y, free)
    for a, b in zip(response.linear_response(net, size * x, y, free), measured, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-8)


def test_a_small_mismatch_is_not_taken_for_none():
    net, x, y = example(6, cancellation=1.0, gain=0.8, output="tanh")
    free = solvers.newton(net, x, y=y, beta=0.05)  # rests, but carries a mismatch of 1e-2
    free = sc.Equilibrium(free.potentials, free.rates, free.residuals, free.verdict, 1.0, 1e-10)
    given = response.linear_response(net, x, y, free)
    local = dynamics.jacobian(net, x, free.potentials)
    nudge = np.zeros((*local.shape[:2], 1))
    nudge[:, -5:, 0] = y - free.rates[-1]
    solved = dynamics.split(net, np.linalg.solve(local, nudge)[:, :, 0])
    for a, b in zip(given, solved, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-12)


def test_one_sample_at_a_point_that_repels_is_enough_to_be_refused():
    net = sc.Network(weights=[[[1.0]], [[1.5]]], biases=[[0.0], [0.0]], activation="tanh")
    x, calm, both = np.zeros((2, 1)), np.full((2, 1), 2.0), np.array([[2.0], [0.0]])
    response.refuse_repelling(net, x, (calm, calm))
    with pytest.raises(sc.ConvergenceError, match="1 of 2 samples rest at a fixed point that"):
        response.refuse_repelling(net, x, (both, both))


@pytest.mark.parametrize("output", ["tanh", "logistic", "squareplus"])
@pytest.mark.parametrize("cancellation", [0.0, 0.5, 1.0])
def test_the_output_gives_way_as_its_measured_slope_says(output, cancellation):
    net, x, _ = example(2, output=output, cancellation=cancellation, n_samples=3)
    free = solvers.newton(net, x)
    soft = response.output_response(net, x, free)
    for unit in np.eye(5):
        target = free.rates[-1] + unit  # pulls with the force beta along this unit alone
        response_ = response.linear_response(net, x, target, free)[-1]
        moved = net.output.derivative(free.potentials[-1]) * response_
        np.testing.assert_allclose(soft @ unit, moved, atol=1e-12)


def test_a_network_says_itself_whether_its_fixed_point_repels():
    net, x, _ = example(5, activation="linear")
    for radius, n_repel in ((0.95, 0), (1.05, 6)):
        turned = settling.with_radius(net, radius)
        u = dynamics.silence(turned, len(x))
        if n_repel:
            with pytest.raises(sc.ConvergenceError, match=r"6 of 6 samples rest .* map 1\.05\)"):
                response.refuse_repelling(turned, x, u)
            response.refuse_repelling(turned, x, u, beta=1.0)  # held by its nudge
        else:
            response.refuse_repelling(turned, x, u)


@pytest.mark.parametrize("askew", [False, True])
@pytest.mark.parametrize("c", [0.0, 0.5])
def test_without_dense_matrices_the_response_has_as_many_digits(monkeypatch, c, askew):
    net, x, y = example(3, sizes=(4, 20, 15, 6), cancellation=c, output="tanh")
    if askew:
        net = feedback.random(seed=1)(net)
    free = solvers.newton(net, x)

    def measured():
        return (
            *response.linear_response(net, x, y, free),
            response.output_response(net, x, free),
            response.critical_beta(net, x, free),
        )

    monkeypatch.setattr(linearisation, "_FEW", -1)
    dense = measured()
    monkeypatch.setattr(linearisation, "DENSE", 0)
    monkeypatch.setattr(dynamics, "jacobian", None)
    for a, b in zip(measured(), dense, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-11, atol=1e-13)


def test_the_response_of_another_network_at_the_same_state_is_its_own():
    net, x, y = example(4)
    bent = feedback.random(seed=1)(net)
    free = solvers.newton(bent, x)
    local = dynamics.jacobian(net, x, free.potentials)
    nudge = np.zeros((*local.shape[:2], 1))
    nudge[:, -5:, 0] = y - free.rates[-1]
    solved = dynamics.split(net, np.linalg.solve(local, nudge)[:, :, 0])
    for a, b in zip(response.linear_response(net, x, y, free), solved, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-13)


def test_the_response_of_a_float32_network_is_of_its_type_and_right_in_all_its_digits():
    net, x, y = example(4, cancellation=0.5)
    exact = response.linear_response(net, x, y, solvers.newton(net, x))
    single = net.astype(np.float32)
    free = sc.free_phase(single, x.astype(np.float32), tol=1e-6)
    for a, b in zip(response.linear_response(single, x, y, free), exact, strict=True):
        assert a.dtype == np.float32
        np.testing.assert_allclose(a, b, atol=1e-5)


@pytest.mark.parametrize("kind", [np.complex128, np.complex64])
def test_rounding_on_a_circle_is_not_taken_for_a_singularity_inside(kind):
    betas = np.array(nudging.holomorphic(0.005, 16).betas)
    outputs = (1.0 + 1e-3 * betas / (1.0 + betas / 0.4)).astype(kind)
    rng = np.random.default_rng(0)
    noise = np.finfo(kind).eps * rng.standard_normal((2, len(betas)))
    noisy = outputs + (noise[0] + 1j * noise[1]).astype(kind)
    assert response.convergence_radius(betas, noisy[:, None, None]) > 0.01
