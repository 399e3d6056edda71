"""The local product is minus the slope of the energy in each parameter."""

import numpy as np
import pytest
from networks import example

import sevenconditions as sc
from sevenconditions import architecture, contrast, nudging, settling


@pytest.mark.parametrize(("cancellation", "feedback_gain"), [(0, 1), (1, 1), (0.5, 0.7)])
def test_the_hebbian_product_is_minus_the_slope_of_the_energy(cancellation, feedback_gain):
    net, x, y = example(
        0, sizes=(3, 4, 4, 2), cancellation=cancellation, feedback_gain=feedback_gain
    )
    free = sc.free_phase(net, x)
    # away from rest, where the product does not vanish even under full cancellation
    state = sc.nudged_phase(net, x, y, beta=0.5, start=free)
    slopes = sc.central_differences(lambda n: sc.energy(n, x, state).mean(), net, tied=True)
    np.testing.assert_allclose(sc.hebbian(net, x, state).flat(), -slopes.flat(), atol=1e-8)


LIMIT = sc.ALL_HOLD._replace(settling=settling.exact(), nudging=nudging.infinitesimal())


def leaky(phases):
    """A rule that is not local: each entry also answers to the mean of all its neighbours."""
    base = contrast.contrastive_hebbian(phases)
    return base._replace(weights=tuple(w + w.mean() for w in base.weights))


@pytest.mark.parametrize("c", [0.0, 0.5, 1.0])
def test_a_local_rule_reaches_its_own_two_ends_and_another_one_further(c):
    net, x, y = example(1, sizes=(3, 4, 3, 2), n_samples=2)
    recipe = LIMIT._replace(architecture=architecture.cancelling(c), nudging=nudging.centered(0.1))
    read = sc.take_phases(net, x, y, recipe)
    n_entries = sum(w.size for w in net.weights)
    for rule in (contrast.contrastive_hebbian, contrast.post_change):
        assert contrast.reach(rule, read) == (2 * n_entries, 0)
    assert contrast.reach(leaky, read)[1] > 0


@pytest.mark.parametrize("c", [0.0, 1.0])
@pytest.mark.parametrize("seed", range(3))
def test_tied_and_untied_gradients_differ_unless_the_free_phase_is_silent(c, seed):
    net, x, y = example(seed, gain=0.4, n_samples=16)
    recipe = LIMIT._replace(architecture=architecture.cancelling(c))
    ready = sc.recipe.prepared(net, recipe).free
    tied, loose = (sc.recurrent_backprop(ready, x, y, tied=t) for t in (True, False))
    product = sc.estimate_gradient(net, x, y, recipe)
    post = sc.estimate_gradient(net, x, y, recipe._replace(contrast=contrast.post_change))
    assert sc.relative_error(product, tied) < 1e-13
    assert sc.relative_error(post, loose) < 1e-13
    if c == 0.0:
        assert sc.relative_error(product, loose) > 0.05
        assert sc.relative_error(post, tied) > 0.05
        # the first layer has no feedback copy, nor has any bias: they cannot tell the two apart
        assert sc.relative_error(tied.weights[0], loose.weights[0]) < 1e-13
        assert sc.relative_error(np.concatenate(tied.biases), np.concatenate(loose.biases)) < 1e-13
    else:
        assert sc.relative_error(tied, loose) < 1e-12


@pytest.mark.parametrize("c", [0.0, 1.0])
@pytest.mark.parametrize("share", [0.05, 0.2, 0.4, 1.0])
def test_a_share_of_plain_hebb_turns_the_update_as_two_vectors_do(c, share):
    net, x, y = example(3, gain=0.5, n_samples=32)
    recipe = LIMIT._replace(architecture=architecture.cancelling(c))
    pure = sc.estimate_gradient(net, x, y, recipe)
    plain = sc.estimate_gradient(net, x, y, recipe._replace(contrast=contrast.plain_hebbian))
    rule = contrast.mixed_with_hebbian(share, scale=0.7)
    mixed = sc.estimate_gradient(net, x, y, recipe._replace(contrast=rule))
    predicted = contrast.two_vector_cosine(
        share, 0.7 * sc.norm_ratio(plain, pure), sc.cosine(plain, pure)
    )
    assert sc.cosine(mixed, pure) == pytest.approx(predicted, abs=1e-12)
    gap = np.linalg.norm(0.7 * plain.flat() - pure.flat()) / np.linalg.norm(pure.flat())
    assert sc.relative_error(mixed, pure) == pytest.approx(share * gap)


def test_half_the_product_is_half_off():
    net, x, y = example(4)

    def half_of_it(phases):
        return contrast.contrastive_hebbian(
            phases._replace(weights=tuple(0.5 * w for w in phases.weights))
        )

    half = LIMIT._replace(contrast=half_of_it)
    true = sc.backprop(net, x, y)
    assert sc.relative_error(sc.estimate_gradient(net, x, y, half), true) == pytest.approx(0.5)


def test_a_share_out_of_range_is_refused():
    with pytest.raises(ValueError, match="share: got 1.5"):
        contrast.mixed_with_hebbian(1.5)


def test_plain_hebb_is_minus_the_rates_of_the_free_phase_whatever_the_feedback_gain():
    net, x, y = example(2, feedback_gain=0.5)
    recipe = LIMIT._replace(architecture=architecture.as_given, nudging=nudging.centered(0.05))
    found = contrast.plain_hebbian(sc.take_phases(net, x, y, recipe))
    rates = sc.solvers.newton(net, x).rates
    for got, post, pre in zip(found.weights, rates, (x, *rates[:-1]), strict=True):
        np.testing.assert_allclose(got, -post.T @ pre / len(x), atol=1e-12)


def test_a_rule_that_reads_deviations_from_the_batch_is_seen_to_reach_its_own_ends():
    net, x, y = example(1, sizes=(2, 3, 2), n_samples=3)

    def centred(read):
        def without_mean(part):
            return sc.dynamics.Signals(*(tuple(s - s.mean(axis=0) for s in side) for side in part))

        return contrast.contrastive_hebbian(
            read._replace(
                free=without_mean(read.free), nudged=tuple(map(without_mean, read.nudged))
            )
        )

    read = sc.take_phases(net, x, y, LIMIT._replace(nudging=nudging.centered(0.1)))
    assert contrast.reach(centred, read) == (2 * (2 * 3 + 3 * 2), 0)


def test_a_weight_listens_to_its_own_two_ends_and_a_normalised_one_to_all(rng):
    net = sc.layered((2, 3, 2), rng=rng)
    read = sc.take_phases(net, rng.standard_normal((4, 2)), rng.standard_normal((4, 2)))
    names, answers, own = contrast.listens(contrast.post_change, read, 0)
    assert answers.shape == own.shape == (6, len(names)) == (6, 10)
    assert (own.sum(axis=1) == 2).all()
    assert (answers == own).all()

    def normalised(phases):
        update = contrast.contrastive_hebbian(phases)
        return update.minus(update.minus(update), over=np.linalg.norm(update.flat()))

    _, answers, own = contrast.listens(normalised, read, 0)
    assert answers[own].all() and (answers & ~own).sum() > 40
    assert (answers & ~own).sum() + (answers & own).sum() == answers.sum()
