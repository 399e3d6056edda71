"""Condition 7: where settling net and forward pass meet, and unrolling agrees with nudging."""

import numpy as np
import pytest
from networks import SMOOTH, example

import sevenconditions as sc
from sevenconditions import architecture, nudging, settling, solvers

LIMIT = sc.ALL_HOLD._replace(settling=settling.exact(), nudging=nudging.infinitesimal())


def distance_to_backprop(net, x, y, built, scheme=None):
    recipe = LIMIT._replace(architecture=built)
    if scheme is not None:
        recipe = recipe._replace(nudging=scheme)
    return sc.relative_error(sc.estimate_gradient(net, x, y, recipe), sc.backprop(net, x, y))


@pytest.mark.parametrize("activation", SMOOTH)
def test_full_cancellation_matches_the_forward_pass_and_less_does_not(activation):
    net, x, y = example(0, activation=activation, gain=0.7)
    matched, partial = (
        build(net) for build in (architecture.matched, architecture.cancelling(0.9))
    )
    free = solvers.newton(matched, x)
    assert architecture.state_mismatch(matched, x, free) < 1e-14
    assert architecture.state_mismatch(partial, x, solvers.newton(partial, x)) > 1e-4
    assert distance_to_backprop(net, x, y, architecture.matched) < 1e-13
    assert distance_to_backprop(net, x, y, architecture.cancelling(0.9)) > 1e-3


@pytest.mark.parametrize("seed", range(3))
def test_the_distance_to_backprop_grows_as_what_is_not_cancelled(seed):
    net, x, y = example(seed, gain=0.7, n_samples=16)
    short = np.array([1e-3, 1e-2])
    errors = [distance_to_backprop(net, x, y, architecture.cancelling(1 - s)) for s in short]
    assert nudging.error_order(short, errors) == pytest.approx(1, rel=0.05)


@pytest.mark.parametrize("cancellation", [0.0, 1.0])
@pytest.mark.parametrize("seed", range(3))
def test_clamped_contrastive_hebbian_nears_backprop_as_feedback_weakens(cancellation, seed):
    net, x, y = example(seed, gain=0.5, n_samples=16)
    gains = np.geomspace(1e-4, 1e-3, 3)
    errors = [
        distance_to_backprop(
            net, x, y, architecture.weak_feedback(g, cancellation=cancellation), nudging.clamped()
        )
        for g in gains
    ]
    assert nudging.error_order(gains, errors) == pytest.approx(1, rel=0.03)
    strong = architecture.weak_feedback(1.0, cancellation=cancellation)
    assert distance_to_backprop(net, x, y, strong, nudging.clamped()) > 0.3


def test_forgetting_the_gain_of_each_layer_ruins_the_total_and_no_single_layer():
    net, x, y = example(1, gain=0.5)
    weak = LIMIT._replace(architecture=architecture.weak_feedback(1e-3))
    read = sc.take_phases(net, x, y, weak)
    forgetful = sc.contrast.contrastive_hebbian(
        read._replace(net=read.net.replace(feedback_gain=1.0))
    )
    true = sc.backprop(net, x, y)
    assert min(sc.cosine(forgetful.layer(i), true.layer(i)) for i in range(3)) > 0.9999
    assert sc.relative_error(forgetful, true) > 0.3


@pytest.mark.parametrize(("c", "gain"), [(0.0, 1.0), (1.0, 1.0), (0.5, 0.7), (0.0, 0.3)])
@pytest.mark.parametrize("seed", range(2))
def test_nudging_replays_backprop_through_time_step_by_step(c, gain, seed):
    net, x, y = example(seed, gain=0.4, cancellation=c, feedback_gain=gain)
    near = architecture.replay(net, x, y, n_steps=60, beta=1e-5 if gain == 1 else 1e-4 / 3)
    assert max(near.errors()) < (1e-9 if gain == 1 else 1e-8)
    assert max(architecture.replay(net, x, y, n_steps=60, beta=None).errors()) < 1e-13
    far = architecture.replay(net, x, y, n_steps=60, beta=1e-2)
    assert min(far.errors()) > 1e-5


def test_the_replay_needs_symmetric_feedback():
    net, x, y = example(2, gain=0.4)
    errors = []
    for share in (1e-3, 1e-2, 1e-1):
        bent = sc.feedback.mixed(share, seed=1)(net)
        errors.append(architecture.replay(bent, x, y, n_steps=40, beta=None).errors())
    np.testing.assert_allclose(np.divide(errors[1], errors[0]), 10, rtol=0.05)
    assert min(errors[2]) > 0.05


def test_the_replay_sums_to_the_whole_gradient():
    net, x, y = example(3, gain=0.4, n_samples=3)
    both = architecture.replay(net, x, y, n_steps=400, beta=None)
    total = -np.sum([g.flat() for g in both.products], axis=0)
    assert sc.relative_error(total, sc.recurrent_backprop(net, x, y, tied=True)) < 1e-10


def test_untied_copies_cost_in_proportion_to_their_noise():
    net, x, y = example(4, gain=0.4)
    noise = [1e-3, 1e-2, 1e-1]
    errors = [
        architecture.tying_error(net, x, y, noise=n, n_steps=40, rng=np.random.default_rng(0))
        for n in noise
    ]
    assert nudging.error_order(noise[:2], errors[:2]) == pytest.approx(1, rel=0.02)
    assert errors[2] > 0.02
    tied = architecture.tying_error(net, x, y, noise=0, n_steps=40, rng=np.random.default_rng(0))
    assert tied == 0.0


def test_the_room_unrolls_as_the_judge_does():
    net, x, y = example(5, gain=0.4, cancellation=0.5, feedback_gain=0.7)
    mine = architecture._unrolled([net] * 30, x, y, 0.5)
    judge = sc.bptt(net, x, y, n_steps=30, dt=0.5, tied=True)
    assert sc.relative_error(mine, np.concatenate([w.ravel() for w in judge.weights])) < 1e-13


def test_too_few_steps_leave_early_layers_without_any_update():
    net, x, y = example(6)
    for n_steps in (1, 2, 3):
        recipe = sc.ALL_HOLD._replace(settling=settling.fixed_steps(n_steps, dt=0.5))
        estimate = sc.estimate_gradient(net, x, y, recipe)
        moved = [np.abs(w).max() > 0.0 for w in estimate.weights]
        assert moved == architecture.layers_reached(net, n_steps).tolist()
        assert sum(moved) == n_steps


def test_the_matched_architecture_drops_lateral_matrices():
    net, x, y = example(7)
    net = net.replace(lateral=[None, 0.1 * np.eye(10), None, None])
    assert architecture.matched(net).lateral == (None,) * 4
    assert distance_to_backprop(net, x, y, architecture.matched) < 1e-13


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: architecture.cancelling(1.1), "cancellation: got 1.1"),
        (lambda: architecture.weak_feedback(0.0), "gain: got 0.0, expected .* above 0"),
    ],
)
def test_bad_settings_are_refused(make, says):
    with pytest.raises(ValueError, match=says):
        make()


def test_an_architecture_sets_the_feedback_gain_unless_only_cancellation_is_turned():
    net, *_ = example(0, feedback_gain=0.3, cancellation=0.2)
    assert architecture.matched(net).feedback_gain == 1.0
    assert architecture.hopfield(net).feedback_gain == 1.0
    turned = architecture.cancelling(0.5)(net)
    assert (turned.cancellation, turned.feedback_gain) == (0.5, 0.3)
    weak = architecture.weak_feedback(0.1)(net)
    assert (weak.cancellation, weak.feedback_gain) == (0.0, 0.1)


@pytest.mark.parametrize("beta", [0.0, -0.1, np.nan])
def test_a_replay_needs_a_nudge_above_zero(beta):
    net, x, y = example(0)
    with pytest.raises(ValueError, match="beta: got"):
        architecture.replay(net, x, y, n_steps=2, beta=beta)


def test_every_step_has_a_copy_of_its_own_as_far_off_as_the_noise_says():
    net, x, y = example(4, gain=0.4)
    options = {"n_steps": 6, "dt": 0.5}
    found = architecture.tying_error(
        net, x, y, noise=0.2, rng=np.random.default_rng(0), **options
    )  # fmt: skip
    rng, copies = np.random.default_rng(0), []
    for _ in range(6):
        draws = [rng.standard_normal(w.shape) for w in net.weights]
        weights = [
            w + 0.2 * d * np.linalg.norm(w) / np.linalg.norm(d)
            for w, d in zip(net.weights, draws, strict=True)
        ]
        copies.append(net.replace(weights=weights, feedback=None))
    loose, tied = (architecture._unrolled(c, x, y, 0.5) for c in (copies, [net] * 6))
    assert found == pytest.approx(sc.relative_error(loose, tied), rel=1e-12)
    with pytest.raises(ValueError, match="noise: got -0.1"):
        architecture.tying_error(net, x, y, noise=-0.1, rng=rng, **options)


def test_feedback_follows_the_weights_into_every_copy():
    net, *_ = example(4)
    moved = architecture._perturbed(net, 0.2, np.random.default_rng(0))
    assert moved.feedback_is_transposed
    for before, after in zip(net.weights, moved.weights, strict=True):
        assert sc.relative_error(after, before) == pytest.approx(0.2)
