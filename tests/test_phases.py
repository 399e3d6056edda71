"""Free and nudged states, and the gradient that their difference holds."""

import warnings

import numpy as np
import pytest
from networks import SMOOTH, example

import sevenconditions as sc
from sevenconditions import (
    architecture,
    dynamics,
    feedback,
    nudging,
    phases,
    settling,
    solvers,
)
from sevenconditions.energy import repaired


def test_the_nudged_output_lies_between_the_free_output_and_the_target():
    net = sc.Network(weights=[[[2.0]]], biases=[[0.0]])
    free = sc.free_phase(net, [1.0])
    for beta in (0.1, 1.0, 10.0):
        plus = sc.nudged_phase(net, [1.0], [0.0], beta=beta, start=free)
        assert plus.rates[-1].item() == pytest.approx(2.0 / (1.0 + beta), abs=1e-8)


def test_a_nudge_of_zero_is_refused():
    net, x, y = example(0)
    with pytest.raises(ValueError, match="beta: got 0, expected a nudge different from 0"):
        sc.nudged_phase(net, x, y, beta=0, start=sc.free_phase(net, x))


def test_the_nudged_phase_starts_where_the_free_phase_ended():
    net, x, y = example(1)
    free = sc.free_phase(net, x)
    plus = sc.nudged_phase(net, x, y, beta=0.1, start=free, record=True)
    np.testing.assert_array_equal(plus.trajectory[0][0], free.potentials[0])


@pytest.mark.parametrize("activation", SMOOTH)
@pytest.mark.parametrize("cancellation", [0.0, 1.0])
def test_settled_phases_hold_the_gradient_and_unsettled_ones_do_not(activation, cancellation):
    net, x, y = example(2, activation=activation, cancellation=cancellation)
    truth = sc.recurrent_backprop(net, x, y, tied=True)
    settled = contrast(net, x, y, tol=1e-13)
    assert sc.relative_error(settled, truth) < 1e-6
    with pytest.warns(sc.ConvergenceWarning):
        truncated = contrast(net, x, y, tol=1e-13, max_steps=3)
    assert sc.relative_error(truncated, truth) > 0.1


def contrast(net, x, y, **options):
    free = sc.free_phase(net, x, tol=1e-13)
    plus, minus = (sc.nudged_phase(net, x, y, beta=b, start=free, **options) for b in (1e-4, -1e-4))
    return sc.hebbian(net, x, minus).minus(sc.hebbian(net, x, plus), over=2e-4)


EXACT = sc.ALL_HOLD._replace(settling=settling.exact(), nudging=nudging.centered(1e-3))


@pytest.mark.parametrize("kind", [nudging.one_sided, nudging.centered])
@pytest.mark.parametrize(
    ("built", "gain"),
    [
        (architecture.hopfield, 0.4),
        (architecture.matched, 0.8),
        (architecture.cancelling(0.5), 0.5),
    ],
)
@pytest.mark.parametrize("seed", range(2))
def test_noise_on_the_read_out_costs_what_is_predicted(kind, built, gain, seed):
    net, x, y = example(seed, gain=gain, n_samples=32)
    recipe = EXACT._replace(architecture=built, nudging=kind(1e-3))
    clean = sc.estimate_gradient(net, x, y, recipe)
    rng, sigma = np.random.default_rng(1), 2e-4
    noisy = recipe._replace(phases=phases.noisy(sigma))
    drawn = [sc.estimate_gradient(net, x, y, noisy, rng=rng) for _ in range(40)]
    measured = np.sqrt(np.mean([sc.relative_error(g, clean) ** 2 for g in drawn]))
    ready = sc.recipe.prepared(net, recipe).free
    d3 = phases.noise_to_signal(
        ready, x, sc.solvers.newton(ready, x), sigma=sigma, nudging=recipe.nudging,
        signal=np.linalg.norm(clean.flat()),
    )  # fmt: skip
    assert measured > 0.1
    assert np.sqrt(d3) == pytest.approx(measured, rel=0.05)
    cosine = np.mean([sc.cosine(g, clean) for g in drawn])
    assert cosine == pytest.approx(1 / np.sqrt(1 + d3), abs=0.01)


def test_noise_is_drawn_afresh_and_repeats_with_its_generator():
    net, x, y = example(3)
    noisy = EXACT._replace(phases=phases.noisy(1e-4))
    rng = np.random.default_rng(0)
    first, second = (sc.estimate_gradient(net, x, y, noisy, rng=rng).flat() for _ in range(2))
    again = sc.estimate_gradient(net, x, y, noisy, rng=np.random.default_rng(0)).flat()
    assert (first != second).any()
    np.testing.assert_array_equal(first, again)


def test_noise_against_an_infinitesimal_nudge_is_refused():
    net, x, y = example(3)
    recipe = EXACT._replace(phases=phases.noisy(0.1), nudging=nudging.infinitesimal())
    with pytest.raises(ValueError, match="infinitesimal limit together with noise"):
        sc.estimate_gradient(net, x, y, recipe)


@pytest.mark.parametrize("share", [0.1, 0.25, 0.45, 0.6])
@pytest.mark.parametrize("kind", [nudging.one_sided, nudging.centered])
def test_an_overlap_shrinks_the_contrast_and_keeps_its_direction(share, kind):
    net, x, y = example(4)
    recipe = EXACT._replace(nudging=kind(1e-3))
    clean = sc.estimate_gradient(net, x, y, recipe).flat()
    mixed = sc.estimate_gradient(
        net, x, y, recipe._replace(phases=phases.overlapping(share))
    ).flat()  # fmt: skip
    np.testing.assert_allclose(mixed, (1 - 2 * share) * clean, atol=1e-11)


def test_an_overlap_needs_two_phases():
    net, x, y = example(4)
    recipe = EXACT._replace(
        phases=phases.overlapping(0.1, phases.compartments), nudging=nudging.one_sided(0.1)
    )
    with pytest.raises(ValueError, match="got 1 phases with a weight, expected 2"):
        sc.estimate_gradient(net, x, y, recipe)


@pytest.mark.parametrize("activation", SMOOTH)
def test_one_phase_is_enough_only_where_the_free_phase_carries_no_error(activation):
    net, x, y = example(5, gain=0.7, activation=activation)
    single = EXACT._replace(phases=phases.compartments, nudging=nudging.one_sided(1e-5))
    true = sc.backprop(net, x, y)
    assert sc.relative_error(sc.estimate_gradient(net, x, y, single), true) < 1e-4
    two = single._replace(phases=phases.two_phases)
    np.testing.assert_allclose(
        sc.estimate_gradient(net, x, y, single).flat(), sc.estimate_gradient(net, x, y, two).flat(),
        atol=1e-9,
    )  # fmt: skip
    leaky = single._replace(architecture=architecture.cancelling(0.99))
    assert sc.relative_error(sc.estimate_gradient(net, x, y, leaky), true) > 10


@pytest.mark.parametrize("seed", range(3))
def test_the_leak_of_a_mismatch_is_the_free_product_over_the_nudge(seed):
    net, x, y = example(seed, gain=0.8, n_samples=32)
    beta, true = 0.01, sc.backprop(net, x, y)
    errors = []
    for short in (1e-3, 1e-2, 1e-1):
        recipe = EXACT._replace(phases=phases.mismatched(short), nudging=nudging.one_sided(beta))
        leaky = architecture.cancelling(1 - short)(net)
        free = sc.solvers.newton(leaky, x)
        leak = phases.residue_to_signal(
            leaky, x, free, nudging=recipe.nudging, signal=np.linalg.norm(true.flat())
        )
        errors.append(sc.relative_error(sc.estimate_gradient(net, x, y, recipe), true))
        assert errors[-1] == pytest.approx(leak, rel=0.15)
        two = recipe._replace(phases=phases.mismatched(short, phases.two_phases))
        assert sc.relative_error(sc.estimate_gradient(net, x, y, two), true) < errors[-1] / 3
    assert errors[1] > 0.5


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: phases.noisy(-1.0), "sigma: got -1.0"),
        (lambda: phases.overlapping(1.2), "share: got 1.2"),
        (lambda: phases.mismatched(np.inf), "shortfall: got inf"),
    ],
)
def test_bad_dials_are_refused(make, says):
    with pytest.raises(ValueError, match=says):
        make()


def test_one_sample_alone_and_in_a_batch_of_one_are_the_same():
    net, x, y = example(6)
    one, batch = sc.estimate_gradient(net, x[0], y[0]), sc.estimate_gradient(net, x[:1], y[:1])
    np.testing.assert_array_equal(one.flat(), batch.flat())


def test_a_start_that_never_settled_is_no_measure_of_a_jump():
    net, x, y = example(0, gain=0.6)
    crude = sc.settle(net, x, max_steps=1, quiet=True)
    near = solvers.newton(net, x).rates[-1]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert sc.nudged_phase(net, x, near, beta=0.01, start=crude, tol=1e-12).converged


@pytest.mark.parametrize("beta", [np.inf, 0.1j, np.nan, "strong"])
def test_what_is_no_finite_nudge_is_refused(beta):
    net, x, y = example(0)
    with pytest.raises(ValueError, match="beta: got"):
        sc.nudged_phase(net, x, y, beta=beta, start=sc.free_phase(net, x))


def test_cancellation_cannot_fall_short_of_nothing():
    net, x, y = example(1)
    recipe = EXACT._replace(
        architecture=architecture.cancelling(0.1), nudging=nudging.centered(1e-3),
        phases=phases.mismatched(0.3, phases.two_phases),
    )  # fmt: skip
    none = recipe._replace(architecture=architecture.hopfield, phases=phases.two_phases)
    np.testing.assert_allclose(
        sc.estimate_gradient(net, x, y, recipe).flat(),
        sc.estimate_gradient(net, x, y, none).flat(), atol=1e-10,
    )  # fmt: skip


@pytest.mark.parametrize("cancellation", [0.0, 0.5, 1.0])
def test_the_noise_of_a_product_is_that_of_each_rate_by_itself(cancellation):
    net, x, _ = example(
        2, sizes=(2, 7, 3, 4), gain=0.8, cancellation=cancellation, feedback_gain=0.6, n_samples=2
    )
    free, energy_of_noise = solvers.newton(net, x), 0.0
    free = free if cancellation < 1 else solvers.newton(net, x, y=np.ones((2, 4)), beta=0.5)
    for layer in range(3):
        for index in np.ndindex(free.rates[layer].shape):
            moved = [v.astype(complex) for v in free.rates]
            moved[layer][index] += 1e-30j
            product = dynamics.local_product(net, dynamics.signals(net, x, moved))
            energy_of_noise += ((product.flat().imag / 1e-30) ** 2).sum()
    options = {"sigma": 0.1, "nudging": nudging.one_sided(0.2), "signal": 3.0}
    both = phases.noise_to_signal(net, x, free, **options)
    assert both == pytest.approx(0.1**2 * 2 / 0.2**2 * energy_of_noise / 3.0**2)
    single = phases.noise_to_signal(net, x, free, free_weight=0.0, **options)
    assert single == pytest.approx(both / 2)


def test_opposite_nudges_leave_no_residue_of_the_free_phase():
    net, x, _ = example(3)
    free = solvers.newton(net, x)
    for scheme, share in ((nudging.centered(0.1), 0.0), (nudging.one_sided(0.1), 10.0)):
        found = phases.residue_to_signal(net, x, free, nudging=scheme, signal=2.0)
        length = np.linalg.norm(sc.hebbian(net, x, free).flat())
        assert found == pytest.approx(share * length / 2.0)


def test_a_response_out_of_proportion_is_seen_through_a_gentle_output_too():
    net, x, _ = example(5, gain=0.5, output="logistic", n_samples=3)
    free = sc.free_phase(net, x, tol=1e-13)
    target = free.rates[-1] + 1e-5
    limit = nudging.critical_beta(net, x, free)
    with pytest.warns(sc.BasinWarning, match="more than twice as far"):
        sc.nudged_phase(net, x, target, beta=-0.85 * limit, start=free, tol=1e-13)


def test_what_a_loose_free_phase_leaves_open_is_not_taken_for_a_jump():
    net, x, y = example(6, gain=0.5)
    free = sc.free_phase(net, x, tol=1e-4)
    near = free.rates[-1] + 1e-6
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        sc.nudged_phase(net, x, near, beta=0.1, start=free, tol=1e-12)


def test_a_clamped_target_that_is_met_moves_nothing_in_a_repaired_network():
    net, x, _ = example(6, gain=0.4)
    recipe = EXACT._replace(
        architecture=architecture.hopfield, feedback=feedback.random(seed=1),
        energy=repaired, nudging=nudging.clamped(),
    )  # fmt: skip
    met = solvers.newton(sc.recipe.prepared(net, recipe).free, x).rates[-1]
    free, held = sc.take_phases(net, x, met, recipe).states
    for a, b in zip(free.rates, held.rates, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-12)


def test_a_real_nudge_on_the_circle_leaves_a_real_state():
    net, x, y = example(7)
    read = sc.take_phases(net, x, y, EXACT._replace(nudging=nudging.holomorphic(0.05, 4)))
    kinds = [np.iscomplexobj(state.rates[-1]) for state in read.states]
    assert kinds == [False, False, True, False]


def test_the_limit_of_small_nudges_is_refused_where_nothing_would_rest():
    net, x, y = example(0, gain=1.5, bias=0.0, output="tanh")
    recipe = EXACT._replace(architecture=architecture.hopfield, nudging=nudging.infinitesimal())
    with pytest.raises(sc.ConvergenceError, match="6 of 6 samples rest at a fixed point that rep"):
        sc.estimate_gradient(net, 0 * x, y, recipe)
