"""Condition 1: measured decay against the spectral radius, holds and broken."""

import numpy as np
import pytest
from networks import example

import sevenconditions as sc
from sevenconditions import dynamics, settling, solvers
from sevenconditions.energy import rotate
from sevenconditions.equilibrium import Verdict


def start_far_away(net):
    """A random state for a batch of one."""
    rng = np.random.default_rng(99)
    return tuple(rng.standard_normal((1, n)) for n in net.sizes[1:])


@pytest.mark.parametrize("radius", [0.5, 0.7, 0.9, 0.96])
@pytest.mark.parametrize("seed", range(3))
def test_tanh_decay_at_silence_equals_the_radius_that_the_dial_set(radius, seed):
    net, x, _ = example(seed, bias=0.0)
    net, start = settling.with_radius(net, radius), start_far_away(net)
    rest = sc.settle(net, 0 * x[:1], start=start, dt=1.0, tol=1e-120, max_steps=10000)
    # a state that shrinks to zero keeps its relative precision: no floor of rounding here
    assert rest.decay_rate(floor=1e-119).item() == pytest.approx(radius, abs=1e-5)


@pytest.mark.parametrize("radius", [0.6, 0.9, 1.2])
@pytest.mark.parametrize("seed", range(4))
def test_tanh_decay_far_from_silence_equals_the_spectral_radius_to_three_digits(radius, seed):
    net, x, _ = example(seed)
    net = settling.with_radius(net, radius)
    rest = sc.settle(net, x[:1], dt=1.0, tol=1e-14)
    predicted = settling.spectral_radius(net, x[:1], rest).item()
    values, vectors = np.linalg.eig(sc.dynamics.jacobian(net, x[:1], rest.potentials)[0])
    slowest = vectors[:, np.argmax(np.abs(1.0 - values))].real[None]
    pushed = np.concatenate(rest.potentials, axis=1) + 1e-4 * slowest
    start = tuple(np.split(pushed, np.cumsum(net.sizes[1:-1]), axis=1))
    back = sc.settle(net, x[:1], start=start, dt=1.0, tol=1e-13)
    assert back.decay_rate(floor=1e-11).item() == pytest.approx(predicted, abs=5e-4)


@pytest.mark.parametrize("dt", [1.0, 0.5])
@pytest.mark.parametrize("radius", [0.95, 1.05, 1.3])
@pytest.mark.parametrize("seed", range(3))
def test_linear_decay_equals_the_spectral_radius_to_eight_digits(radius, dt, seed):
    net, x, _ = example(seed, activation="linear", bias=0.0)
    net, x = settling.with_radius(net, radius), 0 * x[:1]
    stepwise = 1 - dt + dt * radius
    start = start_far_away(net)
    if radius < 1:
        rest = sc.settle(net, x, start=start, dt=dt, tol=1e-80, max_steps=20000)
    else:
        tiny = tuple(1e-60 * u for u in start)  # room to grow before divergence is called
        with pytest.warns(sc.ConvergenceWarning, match="runs away"):
            rest = sc.settle(net, x, start=tiny, dt=dt, tol=1e-99, max_steps=20000)
    assert rest.decay_rate(floor=1e-98).item() == pytest.approx(stepwise, abs=5e-9)
    assert settling.spectral_radius(net, x, rest).item() == pytest.approx(stepwise, abs=1e-12)


def test_symmetric_layered_networks_have_eigenvalues_in_pairs_of_opposite_sign():
    net, x, _ = example(1)
    rest = sc.settle(net, x)
    eigenvalues = np.sort(settling.spectrum(net, x, rest, dt=1.0).real, axis=1)
    np.testing.assert_allclose(eigenvalues, -eigenvalues[:, ::-1], atol=1e-12)


def test_saturation_keeps_the_settled_radius_below_one_where_silence_says_otherwise():
    net, x, _ = example(2)
    silence = sc.Equilibrium(
        sc.dynamics.silence(net, len(x)), None, np.zeros((1, len(x))), "settled", 1.0, 1e-10
    )
    for radius in (1.2, 1.6, 2.0):
        strong = settling.with_radius(net, radius)
        rest = sc.settle(strong, x)
        assert settling.spectral_radius(strong, 0 * x, silence).max() == pytest.approx(radius)
        assert rest.converged
        assert settling.spectral_radius(strong, x, rest).max() < 1


def test_a_contraction_bound_below_one_bounds_every_step_and_is_not_necessary():
    net, x, _ = example(3, gain=0.2)
    bound = settling.contraction_bound(net, dt=1.0)
    rest = sc.settle(net, x, dt=1.0, record=True)
    states = np.concatenate(rest.trajectory, axis=2)
    moves = np.linalg.norm(np.diff(states, axis=0), axis=2)
    assert bound < 1
    assert (moves[1:] <= bound * moves[:-1] + 1e-12).all()
    loose, _, _ = example(3, gain=0.6)
    assert settling.contraction_bound(loose, dt=1.0) > 1
    assert sc.settle(loose, x).converged


@pytest.mark.parametrize("cancellation", [0.4, 1.0])
def test_the_contraction_bound_holds_between_random_states_under_cancellation(cancellation):
    net, x, _ = example(4, cancellation=cancellation, feedback_gain=0.8)
    rng = np.random.default_rng(0)
    bound = settling.contraction_bound(net, dt=0.5)
    for _ in range(20):
        u, w = ([rng.standard_normal((6, n)) for n in net.sizes[1:]] for _ in range(2))
        after = [
            np.concatenate(
                [
                    s - 0.5 * r
                    for s, r in zip(state, sc.dynamics.residual(net, x, state), strict=True)
                ],
                axis=1,
            )
            for state in (u, w)
        ]
        before = np.concatenate(u, axis=1) - np.concatenate(w, axis=1)
        ratio = np.linalg.norm(after[0] - after[1], axis=1) / np.linalg.norm(before, axis=1)
        assert (ratio <= bound).all()


@pytest.mark.parametrize("gain", [0.5, 1.0, 2.0])
def test_the_largest_step_separates_settling_from_persistent_motion(gain):
    net, x, _ = example(5, cancellation=1.0, gain=gain)
    limit = settling.largest_dt(net, x, sc.settle(net, x))
    below = sc.settle(net, x, dt=0.95 * limit, max_steps=20000)
    assert below.converged
    nearby = tuple(u + 1e-6 for u in below.potentials)
    with pytest.warns(sc.ConvergenceWarning):
        above = sc.settle(net, x, dt=1.05 * limit, start=nearby, max_steps=3000)
    assert above.residual > 1e-3


@pytest.mark.parametrize("n_steps", [1, 3, 10, 30, 100])
@pytest.mark.parametrize("cancellation", [0.0, 1.0])
def test_a_truncated_nudge_delivers_exactly_the_truncated_series(n_steps, cancellation):
    net, x, y = example(6, cancellation=cancellation)
    free = sc.settle(net, x, tol=1e-14, dt=0.3)
    response = []
    for beta in (1e-3, 2e-3):
        with pytest.warns(sc.ConvergenceWarning):
            plus, minus = (
                sc.settle(net, x, y=y, beta=b, start=free, dt=0.3, max_steps=n_steps, tol=1e-30)
                for b in (beta, -beta)
            )
        response.append(
            [(p - m) / (2 * beta) for p, m in zip(plus.rates, minus.rates, strict=True)]
        )
    measured = [(4 * a - b) / 3 for a, b in zip(*response, strict=True)]  # beta^2 removed
    predicted = settling.truncated_response(net, x, y, free, n_steps=n_steps, dt=0.3)
    for m, p in zip(measured, predicted, strict=True):
        np.testing.assert_allclose(m, p, atol=1e-9)


@pytest.mark.parametrize("sizes", [(4, 5, 3), (4, 6, 5, 3), (4, 5, 5, 5, 3)])
def test_a_layer_learns_exactly_nothing_before_the_nudge_has_reached_it(sizes):
    net, x, y = example(7, sizes=sizes)
    free = sc.settle(net, x, tol=1e-13)
    n_layers = net.n_layers
    for n_steps in range(1, n_layers + 1):
        response = settling.truncated_response(net, x, y, free, n_steps=n_steps, dt=1.0)
        for layer in range(1, n_layers + 1):
            reached = n_steps >= n_layers - layer + 1
            assert bool(np.abs(response[layer - 1]).max() > 0.0) == reached


def test_a_layer_that_the_nudge_has_not_reached_keeps_its_rates_to_the_last_bit():
    net, x, y = example(8)
    free = _fixed(net, x)
    with pytest.warns(sc.ConvergenceWarning):
        nudged = sc.settle(net, x, y=y, beta=0.1, start=free, dt=1.0, max_steps=2, tol=1e-30)
    np.testing.assert_array_equal(nudged.rates[0], free.rates[0])
    assert np.abs(nudged.rates[1] - free.rates[1]).max() > 1e-4
    update = sc.hebbian(net, x, free).minus(sc.hebbian(net, x, nudged), over=0.1)
    assert np.abs(update.weights[0]).max() == 0.0
    assert np.abs(update.weights[1]).max() > 0.0


def _fixed(net, x):
    """A free state that one more step leaves unchanged to the last bit."""
    with pytest.warns(sc.ConvergenceWarning):
        return sc.settle(net, x, dt=1.0, tol=1e-300, max_steps=1500)


def test_predicted_steps_to_a_tolerance_are_the_measured_ones():
    net, x, _ = example(9)
    rest = sc.settle(net, x[:1], dt=1.0, tol=1e-13)
    rate = settling.spectral_radius(net, x[:1], rest).item()
    middle = rest.steps_to(1e-4).item()
    predicted = settling.steps_between(rate, rest.residuals[middle].item(), 1e-12)
    assert rest.steps_to(1e-12).item() - middle == pytest.approx(float(predicted), abs=2)
    assert settling.steps_between(1.0, 1.0, 1e-6) == np.inf


@pytest.mark.parametrize("radius", [0.0, 0.4, 1.3])
def test_the_dial_sets_the_radius_and_leaves_the_input_weights(radius):
    net, x, _ = example(10, activation="linear")
    turned = settling.with_radius(net, radius)
    loop = 1.0 - np.linalg.eigvals(
        sc.dynamics.jacobian(turned, x, sc.dynamics.silence(net, len(x)))
    )
    assert np.abs(loop).max() == pytest.approx(radius, abs=1e-12)
    np.testing.assert_array_equal(turned.weights[0], net.weights[0])


def test_the_dial_refuses_what_it_cannot_scale():
    net, *_ = example(11)
    with pytest.raises(ValueError, match="net: got cancellation 1, expected 0"):
        settling.with_radius(net.replace(cancellation=1.0), 0.5)
    with pytest.raises(ValueError, match="without a loop"):
        settling.with_radius(sc.Network(weights=[[[1.0]]], biases=[[0.0]]), 0.5)
    with pytest.raises(ValueError, match="radius: got -1"):
        settling.with_radius(net, -1)


def test_a_radius_below_one_promises_nothing_for_finite_times():
    n = 12
    loop = 0.5 * np.eye(n) + 2.0 * np.eye(n, k=1)
    net = sc.Network(
        weights=[np.zeros((n, 1))], biases=[np.zeros(n)], lateral=[None, loop], output="linear"
    )
    start = (np.eye(n)[-1:],)
    rest = sc.settle(net, [0.0], start=start, dt=1.0, record=True)
    assert rest.converged
    assert settling.spectral_radius(net, [0.0], rest).item() == pytest.approx(0.5, abs=1e-2)
    peak = np.linalg.norm(rest.trajectory[0][:, 0], axis=1).max()
    assert peak > 1e4
    powers = [np.linalg.norm(np.linalg.matrix_power(loop, t)[:, -1]) for t in range(60)]
    assert peak == pytest.approx(max(powers))


def test_phases_cut_short_still_know_their_start_and_their_current():
    net, x, y = example(3)
    push = tuple(0.3 * np.ones((len(x), n)) for n in net.sizes[1:])
    short = settling.fixed_steps(1, dt=0.5)
    free, whole = short(net, x, current=push), solvers.newton(net, x, current=push)
    for a, b in zip(free.potentials, whole.potentials, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-14)
    nudged = short(net, x, y=y, beta=0.1, start=free, current=push)
    moved = dynamics.residual(net, x, free.potentials, y=y, beta=0.1, current=push)
    for u, start, r in zip(nudged.potentials, free.potentials, moved, strict=True):
        np.testing.assert_allclose(u, start - 0.5 * r, atol=1e-15)
    two_states = sc.Network(weights=[[[0.0]], [[1.5]]], biases=[[0.0], [0.01]], output="tanh")
    below = (np.array([[-1.0]]), np.array([[-1.0]]))
    assert short(two_states, [0.0], start=below).rates[-1].item() < -0.5


def test_a_phase_cut_short_is_taken_as_it_is():
    net, x, y = example(3)
    run = settling.fixed_steps(2)(net, x, y=y, beta=0.1, start=solvers.newton(net, x))
    assert run.verdict is Verdict.TRUNCATED and run.residual > 1e-4
    assert run.converged and run.tol == np.inf


def test_resting_takes_the_settings_that_it_was_given():
    assert settling.rest(tol=1e-9, max_sweeps=7, follow=0.5).keywords == {
        "tol": 1e-9, "max_sweeps": 7, "follow": 0.5,
    }  # fmt: skip


def test_the_best_step_is_the_best_for_the_slowest_of_all_samples():
    net, x, _ = example(2, cancellation=1.0, gain=2.0)
    free = solvers.newton(net, x)
    best = settling.best_dt(net, x, free)
    radii = {dt: settling.spectral_radius(net, x, free, dt=dt).max()
             for dt in np.linspace(0.02, 1.0, 50)}  # fmt: skip
    assert radii[best] == min(radii.values())
    np.testing.assert_array_equal(
        settling.spectral_radius(net, x, free), settling.spectral_radius(net, x, free, dt=best)
    )


def test_a_nudge_stiffens_the_settling_map_by_its_own_strength():
    net = sc.Network(weights=[[[1.0]]], biases=[[0.0]])
    plus = sc.settle(net, [1.0], y=[0.0], beta=3.0, dt=0.2)
    assert settling.spectral_radius(net, [1.0], plus).item() == pytest.approx(1 - 0.2 * 4)
    assert settling.largest_dt(net, [1.0], plus) == pytest.approx(2 / 4)


def test_what_is_below_the_tolerance_already_needs_no_steps():
    assert settling.steps_between(0.5, [1.0, 1e-9], 1e-6).tolist()[1] == 0


@pytest.mark.parametrize("dt", [0.5, 1.0, 1.5])
@pytest.mark.parametrize(
    ("weight", "options"),
    [
        (3.0, {"activation": "linear"}),
        (3.0, {"activation": "linear", "cancellation": 1.0}),
        (0.5, {"activation": "linear", "feedback_gain": 4.0}),
        (3.0, {"activation": "logistic", "output": "linear"}),
        (0.5, {"activation": "linear", "lateral": [None, [[2.0]], None]}),
        (0.01, {"activation": "linear"}),
    ],
)
def test_no_step_is_steeper_than_the_contraction_bound_says(weight, options, dt):
    net = sc.Network(weights=[[[1.0]], [[weight]]], biases=[[0.0], [0.0]], **options)
    local = dynamics.jacobian(net, np.zeros((1, 1)), dynamics.silence(net, 1))[0]
    steepest = np.linalg.norm(np.eye(2) - dt * local, 2)
    bound = settling.contraction_bound(net, dt=dt)
    assert steepest <= bound + 1e-12
    if dt == 1.0 and options == {"activation": "linear"}:
        assert steepest == pytest.approx(bound)


@pytest.mark.parametrize("activation", ["logistic", "tanh"])
def test_the_dial_sets_the_radius_of_gentle_units_and_lateral_loops_too(activation):
    net, x, _ = example(12, activation=activation)
    net = rotate(net, 0.5, rng=np.random.default_rng(0))
    turned = settling.with_radius(net, 0.7)
    local = dynamics.jacobian(turned, x, dynamics.silence(net, len(x)))
    radii = np.abs(np.linalg.eigvals(np.eye(local.shape[1]) - local)).max(axis=1)
    np.testing.assert_allclose(radii, 0.7, atol=1e-12)


@pytest.mark.parametrize(("c", "askew"), [(0.0, False), (0.7, False), (1.0, True), (0.0, True)])
def test_wide_networks_settle_by_the_same_numbers_as_narrow_ones(c, askew):
    net, x, _ = example(3, sizes=(4, 70, 40, 66, 3), cancellation=c, gain=0.6, n_samples=3)
    if askew:
        net = rotate(net, 0.7, rng=np.random.default_rng(0))
    free = sc.free_phase(net, x, tol=1e-10)
    dense = np.linalg.eigvals(dynamics.jacobian(net, x, free.potentials))
    for dt in (0.1, 0.9):
        np.testing.assert_allclose(
            settling.spectral_radius(net, x, free, dt=dt),
            np.abs(1.0 - dt * dense).max(axis=1), rtol=1e-8,
        )  # fmt: skip
    limits = 2.0 * dense.real / np.abs(dense) ** 2
    assert settling.largest_dt(net, x, free) == pytest.approx(limits.min(), rel=1e-8)
    steps = np.linspace(0.02, 1.0, 50)
    radii = np.abs(1.0 - steps[:, None, None] * dense).max(axis=(1, 2))
    assert settling.best_dt(net, x, free) == steps[radii.argmin()]


def test_the_whole_spectrum_of_a_layered_network_is_that_of_its_jacobian():
    net, x, _ = example(3)
    for turned in (net, sc.feedback.random(seed=1)(net)):
        free = sc.settle(turned, x)
        found = settling.spectrum(turned, x, free, dt=0.5)
        dense = 1.0 - 0.5 * np.linalg.eigvals(dynamics.jacobian(turned, x, free.potentials))
        assert found.dtype == complex and found.shape == dense.shape
        apart = np.abs(found[:, :, None] - dense[:, None, :])
        assert max(apart.min(axis=1).max(), apart.min(axis=2).max()) < 1e-6
        np.testing.assert_allclose(np.abs(found).max(1), np.abs(dense).max(1), rtol=1e-12)
