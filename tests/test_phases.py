"""Free and nudged states, and the gradient that their difference holds."""

import numpy as np
import pytest
from networks import SMOOTH, example

import sevenconditions as sc
from sevenconditions import architecture, nudging, phases, settling


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
