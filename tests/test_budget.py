"""What broken conditions cost together, predicted from what each of them costs."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from networks import example

import sevenconditions as sc
from sevenconditions import architecture, contrast, feedback, nudging, phases, settling
from sevenconditions.budget import (
    Cost,
    condition_costs,
    equilibrium_gradient,
    forward_gradient,
    pair_interactions,
    predicted_cosine,
    predicted_layer_cosines,
    random_violations,
    violated,
)
from sevenconditions.energy import repaired, rotated
from sevenconditions.recipe import CONDITIONS

SMALL = sc.layered((3, 4, 2), rng=np.random.default_rng(0))
X, Y = np.ones((2, 3)), np.zeros((2, 2))
TRANSFER = (  # networks of another kind: other activations, deeper, up to 30 wide
    {"activation": "logistic", "gain": (1.0, 1.8), "n_layers": (2, 5), "widths": (5, 30)},
    {"activation": "squareplus", "gain": (0.3, 0.6), "n_layers": (2, 5), "widths": (5, 30)},
)


def measured(net, x, y, recipe, seed, against=forward_gradient):
    """Cosine of the whole recipe's update with the truth, and the costs of its conditions."""
    update = sc.estimate_gradient(net, x, y, recipe, rng=np.random.default_rng(seed))
    costs = condition_costs(net, x, y, recipe, against=against, rng=np.random.default_rng(seed))
    return sc.cosine(update, against(net, x, y, recipe)), costs


@cache
def drawn():
    """500 random networks with random violations: measured cosines and costs."""
    problems = [random_violations(np.random.default_rng([seed, 7])) for seed in range(500)]
    pairs = [measured(*problem, seed) for seed, problem in enumerate(problems)]
    return np.array([cosine for cosine, _ in pairs]), [costs for _, costs in pairs]


def r_squared(predicted, true):
    return 1.0 - ((predicted - true) ** 2).sum() / ((true - true.mean()) ** 2).sum()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::sevenconditions.BasinWarning")
def test_seven_costs_predict_the_cosine_of_the_whole_recipe():
    true, costs = drawn()
    predicted = np.array([predicted_cosine(each) for each in costs])
    assert np.ptp(true) > 0.7  # there is something to predict
    # nothing is fitted, so every network is held out
    assert r_squared(predicted, true) > 0.98
    assert r_squared(predicted[true > 0.8], true[true > 0.8]) > 0.97
    assert np.abs(predicted - true).max() < 0.25
    # it is not one broken condition, nor their cosines multiplied over the whole update
    alone = np.cos(np.radians([[cost.angle_deg for cost in each] for each in costs]))
    assert r_squared(alone.min(axis=1), true) < 0.9
    assert r_squared(alone.prod(axis=1), true) < 0.9


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::sevenconditions.BasinWarning")
def test_costs_of_other_networks_predict_nothing():
    true, costs = drawn()
    rng, depths = np.random.default_rng(0), np.array([len(each[0].gains) for each in costs])
    shuffled = [list(each) for each in costs]
    for depth in set(depths):
        same = np.flatnonzero(depths == depth)
        for condition in range(7):
            for here, there in zip(same, rng.permutation(same), strict=True):
                shuffled[here][condition] = costs[there][condition]
    assert r_squared(np.array([predicted_cosine(each) for each in shuffled]), true) < 0.5


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::sevenconditions.BasinWarning")
def test_the_prediction_does_not_need_the_same_noise():
    true, _ = drawn()
    rows = range(200)
    fresh = [
        predicted_cosine(condition_costs(*problem, rng=np.random.default_rng([seed, 1])))
        for seed, problem in ((s, random_violations(np.random.default_rng([s, 7]))) for s in rows)
    ]
    assert r_squared(np.array(fresh), true[:200]) > 0.93


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::sevenconditions.BasinWarning")
def test_the_prediction_transfers_to_networks_of_another_kind():
    pairs = [
        measured(*random_violations(np.random.default_rng([seed, 7]), **TRANSFER[seed % 2]), seed)
        for seed in range(40)
    ]
    true = np.array([cosine for cosine, _ in pairs])
    predicted = np.array([predicted_cosine(costs) for _, costs in pairs])
    assert r_squared(predicted, true) > 0.98


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::sevenconditions.BasinWarning")
def test_against_the_equilibrium_the_same_costs_predict_and_the_architecture_is_free():
    problems = [random_violations(np.random.default_rng([seed, 7])) for seed in range(30)]
    pairs = [measured(*p, seed, equilibrium_gradient) for seed, p in enumerate(problems)]
    true = np.array([cosine for cosine, _ in pairs])
    predicted = np.array([predicted_cosine(costs) for _, costs in pairs])
    assert r_squared(predicted, true) > 0.97
    assert max(costs[6].angle_deg for _, costs in pairs) < 1e-5


def test_where_all_conditions_hold_nothing_is_lost():
    net, x, y = example(0, gain=0.7)
    costs = condition_costs(net, x, y, sc.ALL_HOLD)
    assert tuple(cost.condition for cost in costs) == CONDITIONS
    assert predicted_cosine(costs) == pytest.approx(1.0, abs=1e-6)
    np.testing.assert_allclose(predicted_layer_cosines(costs), 1.0, atol=1e-6)
    assert max(cost.relative_error for cost in costs) < 1e-6


SINGLE = {
    "settling": {"settling": settling.fixed_steps(6, dt=0.3)},
    "tolerance": {"settling": settling.euler(tol=1e-6)},
    "energy": {"energy": rotated(0.6)},
    "phases": {"phases": phases.noisy(0.3e-5)},
    "feedback": {"feedback": feedback.random(seed=1)},
    "contrast": {"contrast": contrast.mixed_with_hebbian(0.3)},
    "nudging": {"nudging": nudging.one_sided(0.5)},
    "clamped": {"nudging": nudging.clamped()},
    "architecture": {"architecture": architecture.cancelling(0.5)},
}


@pytest.mark.parametrize("broken", SINGLE)
def test_for_one_broken_condition_the_prediction_is_what_is_measured(broken):
    net, x, y = example(1, gain=0.6, n_samples=16)
    recipe = sc.ALL_HOLD._replace(**SINGLE[broken])
    costs = condition_costs(net, x, y, recipe, rng=np.random.default_rng(3))
    update = sc.estimate_gradient(net, x, y, recipe, rng=np.random.default_rng(3))
    truth = sc.backprop(net, x, y)
    by_layer = [sc.cosine(update.layer(i), truth.layer(i)) for i in range(net.n_layers)]
    assert sc.cosine(update, truth) < 0.9999
    assert predicted_cosine(costs) == pytest.approx(sc.cosine(update, truth), abs=1e-6)
    np.testing.assert_allclose(predicted_layer_cosines(costs), by_layer, atol=1e-6)
    (slot,) = SINGLE[broken]
    cost = costs[CONDITIONS.index(slot)]
    assert cost.angle_deg == pytest.approx(sc.angle_deg(update, truth), abs=1e-4)
    assert cost.relative_error == pytest.approx(sc.relative_error(update, truth), abs=1e-5)
    assert max(other.angle_deg for other in costs if other is not cost) < 0.01


def test_a_rule_of_ones_own_is_a_black_box_like_any_other():
    net, x, y = example(2, gain=0.6)
    halved = lambda n: n.replace(feedback=[None, *(0.5 * w.T for w in n.weights[1:])])
    doubled = lambda read: sc.Gradient(*map(twice, contrast.contrastive_hebbian(read)))
    twice = lambda parts: tuple(2.0 * part for part in parts)
    true, costs = measured(net, x, y, sc.ALL_HOLD._replace(feedback=halved, contrast=doubled), 0)
    assert predicted_cosine(costs) == pytest.approx(true, abs=1e-9)
    np.testing.assert_allclose(costs[3].gains, [0.25, 0.5, 1.0], atol=1e-6)
    np.testing.assert_allclose(costs[4].gains, 2.0, atol=1e-6)
    np.testing.assert_allclose(costs[3].turns, 0.0, atol=1e-6)


def test_what_is_written_with_nothing_to_learn_is_an_addition_and_not_a_turn():
    net, x, y = example(2, gain=0.6)
    short = sc.ALL_HOLD._replace(phases=phases.mismatched(0.05), nudging=nudging.one_sided(0.1))
    true, costs = measured(net, x, y, short, 0)
    assert true < 0.95
    assert predicted_cosine(costs) == pytest.approx(true, abs=0.01)
    assert np.abs(costs[2].turns).max() < 0.05 < 0.3 < costs[2].beside.min()
    shared = sc.ALL_HOLD._replace(phases=phases.overlapping(0.7))
    true, costs = measured(net, x, y, shared, 0)  # an overlap above one half turns the update round
    assert true == pytest.approx(-1.0) == predicted_cosine(costs)


def test_an_addition_counts_along_what_is_learned_where_that_is_not_the_true_gradient():
    net, x, y = example(2, gain=0.6)
    recipe = sc.ALL_HOLD._replace(
        architecture=architecture.cancelling(0.3), contrast=contrast.mixed_with_hebbian(0.3)
    )
    true, costs = measured(net, x, y, recipe, 0)
    assert np.abs(costs[4].ahead - costs[4].along).max() > 0.05
    assert predicted_cosine(costs) == pytest.approx(true, abs=1e-6)


def test_what_a_nudging_leaves_unsubtracted_is_counted_once():
    net, x, y = example(2, gain=0.4)
    uneven = nudging.Nudging((0.1,), (-10.0,), 9.8)  # a fiftieth of the free product remains
    recipe = sc.ALL_HOLD._replace(architecture=architecture.hopfield, nudging=uneven)
    for rule in (contrast.contrastive_hebbian, contrast.mixed_with_hebbian(0.3)):
        true, costs = measured(net, x, y, recipe._replace(contrast=rule), 0)
        assert np.abs(costs[5].along).max() > 0.1
        assert predicted_cosine(costs) == pytest.approx(true, abs=1e-6)


def test_a_repair_is_measured_beside_what_it_mends():
    net, x, y = example(3, gain=0.4)
    mended = sc.ALL_HOLD._replace(
        architecture=architecture.hopfield, feedback=feedback.mixed(0.4), energy=repaired
    )
    for recipe, expected in ((mended, 1.0), (mended._replace(energy=lambda n: n), None)):
        true, costs = measured(net, x, y, recipe, 0, equilibrium_gradient)
        assert predicted_cosine(costs) == pytest.approx(true, abs=1e-6)
        assert true == pytest.approx(expected, abs=1e-6) if expected else true < 0.95


def test_a_run_that_does_not_settle_costs_an_unknown_amount_and_stops_nothing():
    net, x, y = example(4, gain=2.5, activation="linear")
    costs = condition_costs(net, x, y, sc.ALL_HOLD._replace(architecture=architecture.hopfield))
    assert np.isnan(costs[6].gains).all() and np.isnan(predicted_cosine(costs))
    assert np.isnan(costs[6].angle_deg)
    net, x, y = example(4, gain=1.0)
    long = sc.ALL_HOLD._replace(settling=settling.euler(dt=2.5, max_steps=400))
    assert np.isnan(predicted_cosine(condition_costs(net, x, y, long)))
    settle = settling.rest()
    lost = lambda n, x, **options: replace(
        settle(n, x, **options), rates=tuple(np.full((len(x), k), np.inf) for k in n.sizes[1:])
    )
    costs = condition_costs(net, x, y, sc.ALL_HOLD._replace(settling=lost))
    assert np.isnan(costs[0].gains).all() and costs[3].angle_deg < 1e-3


def test_a_layer_of_which_nothing_is_left_is_turned_without_bound():
    net, x, y = example(5)
    one_step = sc.ALL_HOLD._replace(settling=settling.fixed_steps(1, dt=0.3))
    true, costs = measured(net, x, y, one_step, 0)
    assert costs[0].gains[0] == costs[0].lengths[0] == 0.0
    assert costs[0].turns[0] == np.inf
    assert predicted_cosine(costs) == pytest.approx(true, abs=1e-6)


def test_the_generator_that_is_passed_does_not_move():
    net, x, y, recipe = random_violations(np.random.default_rng([3, 7]))
    rng = np.random.default_rng(5)
    before = rng.bit_generator.state
    condition_costs(net, x, y, recipe, rng=rng)
    assert rng.bit_generator.state == before


def test_inputs_are_not_modified():
    net, x, y, recipe = random_violations(np.random.default_rng([3, 7]))
    for array in (x, y):
        array.setflags(write=False)
    costs = condition_costs(net, x, y, recipe)
    again = condition_costs(net, x, y, recipe)
    assert predicted_cosine(costs) == predicted_cosine(again)


def test_errors_add_to_first_order_in_the_strength_of_the_violations():
    net, x, y = example(0, gain=0.7, n_samples=16)
    strengths = (1.0, 0.5, 0.25, 0.1)
    tables = [
        pair_interactions(
            net, x, y, lambda names, s=s: violated(dict.fromkeys(names, s), seed=3),
            rng=np.random.default_rng(0),
        )
        for s in strengths
    ]  # fmt: skip
    mean = np.array([np.nanmean(table) for table in tables])
    np.testing.assert_array_equal(tables[0], tables[0].T)
    assert mean[3] < 0.1 < mean[0]
    slope = np.polyfit(np.log(strengths[1:]), np.log(mean[1:]), 1)[0]
    assert slope == pytest.approx(1.0, abs=0.25)


@pytest.mark.parametrize("strengths", [{"wings": 0.1}, {"energy": 0.0}, {"energy": 1.5}])
def test_unknown_conditions_and_strengths_out_of_range_are_refused(strengths):
    with pytest.raises(ValueError, match="strengths"):
        violated(strengths)


def test_gains_multiply_and_what_is_added_passes_what_reads_it_later():
    one, none = np.ones(1), np.zeros(1)
    noise = Cost("phases", one, one, none, none, one, one)
    muted = Cost("contrast", 0.5 * one, 0.5 * one, none, none, none, one)
    assert predicted_cosine((noise,)) == pytest.approx(np.sqrt(0.5))
    # half the signal, half the noise: the angle stays; noise that is added afterwards does not
    assert predicted_cosine((noise, muted)) == pytest.approx(np.sqrt(0.5))
    later = muted._replace(beside=one)
    assert predicted_cosine((later,)) == pytest.approx(0.5 / np.sqrt(1.25))
    # what settling leaves is read by the phases and by the rule, noise by the rule alone
    shared = Cost("phases", 0.5 * one, 0.5 * one, none, none, none, one)
    early = noise._replace(condition="settling")
    assert predicted_cosine((early, shared, muted)) == pytest.approx(np.sqrt(0.5))
    assert predicted_cosine((noise, shared, muted)) < 0.45
