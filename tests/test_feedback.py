"""Condition 4: what each feedback matrix delivers, layer by layer, and how one is learned."""

import numpy as np
import pytest
from networks import SMOOTH, example

import sevenconditions as sc
from sevenconditions import feedback, nudging, settling

LIMIT = sc.ALL_HOLD._replace(settling=settling.exact(), nudging=nudging.infinitesimal())
WIDE = {"sizes": (100,) * 6, "gain": 1.0, "n_samples": 64}


def delivered(net, x, y):
    """Errors that reach each layer through the network's feedback, output first."""
    drives, rates = sc.dynamics.forward_pass(net, x)
    slopes = [phi.derivative(a) for phi, a in zip(net.phis, drives, strict=True)]
    errors = [slopes[-1] * (rates[-1] - y)]
    for i in reversed(range(1, net.n_layers)):
        errors.append(slopes[i - 1] * (errors[-1] @ net.feedback[i].T))
    return errors


def hop_cosines(build, seeds=range(5)):
    """Cosine of the delivered error after 1, 2, ... hops: mean over samples and seeds."""
    table = []
    for seed in seeds:
        net, x, y = example(seed, **WIDE)
        pairs = zip(delivered(build(seed)(net), x, y), delivered(net, x, y), strict=True)
        table.append(
            [np.mean([sc.cosine(a, b) for a, b in zip(p, q, strict=True)]) for p, q in pairs]
        )
    return np.mean(table, axis=0)[1:]


@pytest.mark.parametrize(
    ("build", "kappa"),
    [
        (lambda seed: feedback.sign_symmetric, feedback.SIGN_ALIGNMENT),
        (lambda seed: feedback.sign_concordant(seed=seed), feedback.CONCORDANT_ALIGNMENT),
        (lambda seed: feedback.mixed(0.3, seed=seed), feedback.mixing_alignment(0.3)),
        (lambda seed: feedback.mixed(0.5, seed=seed), feedback.mixing_alignment(0.5)),
        (lambda seed: feedback.flipped(0.2, seed=seed), 1.0 - 2.0 * 0.2),
        (lambda seed: feedback.random(seed=seed), 0.0),
    ],
)
def test_each_hop_costs_the_alignment_of_its_matrix(build, kappa):
    found = hop_cosines(build)
    np.testing.assert_allclose(found, kappa ** np.arange(1, 5), atol=0.03)


def test_uniform_weights_are_better_aligned_with_their_signs():
    net, *_ = example(0, **WIDE)
    rng = np.random.default_rng(1)
    net = net.replace(weights=[rng.uniform(-0.2, 0.2, w.shape) for w in net.weights], feedback=None)
    signs = feedback.alignment(feedback.sign_symmetric(net))
    np.testing.assert_allclose(signs, np.sqrt(3) / 2, atol=0.01)


def test_the_prediction_from_the_matrices_alone_fits_what_is_delivered():
    net, x, y = example(3, **WIDE)
    bent = feedback.mixed(0.4, seed=3)(net)
    predicted = feedback.predicted_cosines(bent)[::-1]
    pairs = zip(delivered(bent, x, y), delivered(net, x, y), strict=True)
    found = [np.mean([sc.cosine(a, b) for a, b in zip(p, q, strict=True)]) for p, q in pairs]
    np.testing.assert_allclose(found, predicted, atol=0.05)


@pytest.mark.parametrize("activation", SMOOTH)
@pytest.mark.parametrize("seed", range(3))
def test_random_feedback_delivers_the_formula_of_feedback_alignment_and_not_backprop(
    activation, seed
):
    net, x, y = example(seed, gain=0.8, activation=activation, n_samples=16)
    build = feedback.random(seed=seed, gain=0.6)
    formula = feedback.delivered_gradient(build(net), x, y)
    nudged = LIMIT._replace(feedback=build, nudging=nudging.centered(1e-4))
    assert sc.relative_error(sc.estimate_gradient(net, x, y, nudged), formula) < 1e-6
    limit = sc.estimate_gradient(net, x, y, LIMIT._replace(feedback=build))
    assert sc.relative_error(limit, formula) < 1e-13
    assert sc.angle_deg(limit.layer(0), sc.backprop(net, x, y).layer(0)) > 45


def test_transposed_feedback_delivers_backprop_and_repairs_any_other():
    net, x, y = example(4, gain=0.8)
    bent = feedback.random(seed=1)(net)
    exact = feedback.delivered_gradient(feedback.transposed(bent), x, y)
    assert sc.relative_error(exact, sc.backprop(net, x, y)) < 1e-14


def test_the_global_cosine_hides_what_early_layers_get():
    net, x, y = example(5, sizes=(64, 64, 64, 64, 10), gain=1.0, n_samples=32)
    bent = feedback.delivered_gradient(feedback.random(seed=2)(net), x, y)
    true = sc.backprop(net, x, y)
    assert sc.cosine(bent, true) > 0.2
    assert max(abs(sc.cosine(bent.layer(i), true.layer(i))) for i in range(3)) < 0.2
    listed = feedback.worst_first(bent, true)
    assert listed[-1] == (3, pytest.approx(0, abs=1e-6))
    assert [angle for _, angle in listed] == sorted((a for _, a in listed), reverse=True)


def test_a_scale_keeps_every_direction_and_still_costs_the_total():
    net, x, y = example(6, gain=1.0)
    true = sc.backprop(net, x, y)
    for factor in (0.5, 2.0):
        bent = feedback.delivered_gradient(feedback.scaled(factor)(net), x, y)
        assert all(
            sc.cosine(bent.layer(i), true.layer(i)) == pytest.approx(1) for i in range(net.n_layers)
        )
        assert sc.cosine(bent, true) < 0.99


@pytest.mark.parametrize("decay", [0.01, 0.1])
def test_kolen_pollack_forgets_the_difference_at_exactly_the_rate_of_decay(decay):
    net, x, y = example(7)
    net = feedback.random(seed=3)(net)
    first = [b - w.T for b, w in zip(net.feedback[1:], net.weights[1:], strict=True)]
    for step in range(1, 101):
        gradient = sc.estimate_gradient(net, x, y, sc.backprop)
        moved = [
            (1 - decay) * w - 0.05 * g for w, g in zip(net.weights, gradient.weights, strict=True)
        ]
        net = feedback.kolen_pollack(net, net.replace(weights=moved), decay=decay)
        if step in (1, 10, 100):
            for gap, b, w in zip(first, net.feedback[1:], net.weights[1:], strict=True):
                expected = (1 - decay) ** step * np.linalg.norm(gap)
                assert np.linalg.norm(b - w.T) == pytest.approx(expected, rel=1e-10)


def test_without_decay_kolen_pollack_never_closes_the_gap():
    net, *_ = example(7)
    bent = feedback.random(seed=3)(net)
    moved = bent.replace(weights=[w + 0.1 for w in bent.weights])
    after = feedback.kolen_pollack(bent, moved, decay=0.0)
    gaps = [
        np.linalg.norm(n.feedback[1] - n.weights[1].T) for n in (bent, after)
    ]  # fmt: skip
    assert gaps[1] == pytest.approx(gaps[0])


@pytest.mark.parametrize("n_samples", [100, 1000, 10000])
def test_the_weight_mirror_errs_as_the_square_root_says(n_samples):
    net, *_ = example(8, sizes=(5, 30, 30, 5))
    rng = np.random.default_rng(n_samples)
    learned = feedback.weight_mirror(net, n_samples=n_samples, rate=1.0, rng=rng)
    error = sc.relative_error(learned.feedback[2], net.weights[2].T)
    assert error == pytest.approx(np.sqrt(31 / n_samples), rel=0.25)


def test_the_mirror_step_by_step_forgets_what_it_was():
    net, *_ = example(9)
    net = feedback.random(seed=1)(net)
    rng, before = np.random.default_rng(0), feedback.alignment(net)
    for _ in range(200):
        net = feedback.weight_mirror(net, n_samples=32, rate=0.05, rng=rng)
    assert (before < 0.5).all() and (feedback.alignment(net) > 0.95).all()


def test_a_seed_gives_the_same_matrices_and_shares_them_with_no_other_draw():
    net, *_ = example(0)
    a, b = (feedback.random(seed=5)(net).feedback[1] for _ in range(2))
    np.testing.assert_array_equal(a, b)
    same_seed = np.random.default_rng(5).standard_normal(a.shape)
    assert abs(sc.cosine(a, same_seed)) < 0.4


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: feedback.mixed(1.5), "share: got 1.5, expected .* at most 1"),
        (lambda: feedback.flipped(-0.1), "share: got -0.1"),
        (lambda: feedback.random(seed=-1), "seed: got -1"),
        (lambda: feedback.random(gain=0), "gain: got 0"),
        (lambda: feedback.scaled(np.nan), "factor: got nan"),
    ],
)
def test_bad_settings_are_refused(make, says):
    with pytest.raises(ValueError, match=says):
        make()


def test_random_feedback_has_the_size_of_its_gain_over_the_width_it_enters():
    net, *_ = example(0, sizes=(5, 60, 20, 4))
    one, more = (feedback.random(seed=1, gain=g)(net) for g in (1.0, 3.0))
    for i, width in ((1, 60), (2, 20)):
        np.testing.assert_allclose(more.feedback[i], 3.0 * one.feedback[i])
        assert one.feedback[i].std() * np.sqrt(width) == pytest.approx(1.0, rel=0.2)


@pytest.mark.parametrize(
    "build", [feedback.sign_symmetric, feedback.sign_concordant(seed=1), feedback.mixed(1.0)]
)
def test_feedback_that_stands_for_weights_has_their_length(build):
    net, *_ = example(0)
    for b, w in zip(build(net).feedback[1:], net.weights[1:], strict=True):
        assert np.linalg.norm(b) == pytest.approx(np.linalg.norm(w))


def test_weights_of_zero_have_signs_of_zero():
    net, *_ = example(0, gain=0.0)
    assert not feedback.sign_symmetric(net).feedback[1].any()


@pytest.mark.parametrize("decay", [-0.1, 1.5, np.nan])
def test_kolen_pollack_refuses_a_decay_that_is_no_share(decay):
    net, *_ = example(0)
    with pytest.raises(ValueError, match="decay: got"):
        feedback.kolen_pollack(net, net, decay=decay)
