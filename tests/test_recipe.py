"""All seven conditions hold: backprop. One is broken: not backprop. And what a recipe refuses."""

import numpy as np
import pytest
from networks import SMOOTH, example

import sevenconditions as sc
from sevenconditions import (
    architecture,
    contrast,
    feedback,
    nudging,
    phases,
    recipe,
    settling,
    solvers,
)
from sevenconditions.energy import rotated

BROKEN = {
    "settling": settling.fixed_steps(2),
    "energy": rotated(0.8, seed=1),
    "phases": phases.mismatched(0.3, phases.compartments),
    "feedback": feedback.random(seed=1),
    "contrast": contrast.mixed_with_hebbian(0.5),
    "nudging": nudging.clamped(),
    "architecture": architecture.hopfield,
}


def random_net(seed, activation):
    rng = np.random.default_rng([seed, 99])
    sizes = tuple(int(n) for n in rng.integers(3, 12, 3 + seed % 4))
    return example(seed, sizes=sizes, activation=activation, gain=0.8, n_samples=16)


@pytest.mark.parametrize("activation", SMOOTH)
@pytest.mark.parametrize("seed", range(20))
def test_all_seven_conditions_together_are_backprop(activation, seed):
    net, x, y = random_net(seed, activation)
    assert sc.relative_error(sc.estimate_gradient(net, x, y), sc.backprop(net, x, y)) < 1e-6


@pytest.mark.parametrize("condition", recipe.CONDITIONS)
@pytest.mark.parametrize("seed", range(3))
def test_one_broken_condition_is_enough_to_miss_backprop(condition, seed):
    net, x, y = example(seed, gain=0.6, n_samples=16)
    broken = sc.ALL_HOLD._replace(**{condition: BROKEN[condition]})
    estimate = sc.estimate_gradient(net, x, y, broken)
    assert sc.relative_error(estimate, sc.backprop(net, x, y)) > 0.05


@pytest.mark.parametrize("sizes", [(1, 1), (4, 3), (1, 1, 1, 1), (3, 1, 2), (8, 10, 8, 9, 7, 5)])
def test_depth_and_width_one_are_no_exceptions(sizes):
    net, x, y = example(3, sizes=sizes, gain=0.8, n_samples=1)
    true = sc.backprop(net, x, y)
    if np.linalg.norm(true.flat()) > 1e-3:
        assert sc.relative_error(sc.estimate_gradient(net, x, y), true) < 1e-6


def test_the_slots_stand_in_the_order_of_the_chapters():
    assert sc.Recipe._fields == recipe.CONDITIONS
    assert recipe.CONDITIONS[0] == "settling" and recipe.CONDITIONS[-1] == "architecture"


def test_a_function_of_ones_own_fits_every_slot():
    net, x, y = example(4, gain=0.6)
    calls = []

    def spied(name, function):
        def mine(*args, **options):
            calls.append(name)
            return function(*args, **options)

        return mine

    own = sc.Recipe(
        *(
            value if name == "nudging" else spied(name, value)
            for name, value in zip(recipe.CONDITIONS, sc.ALL_HOLD, strict=True)
        )
    )
    np.testing.assert_array_equal(
        sc.estimate_gradient(net, x, y, own).flat(), sc.estimate_gradient(net, x, y).flat()
    )
    order = [name for i, name in enumerate(calls) if name not in calls[:i]]
    assert order == ["architecture", "feedback", "energy", "phases", "settling", "contrast"]


def test_every_way_of_settling_gives_the_same_estimate():
    net, x, y = example(5, gain=0.6)
    nudged = sc.ALL_HOLD._replace(nudging=nudging.centered(1e-3))
    exact = sc.estimate_gradient(net, x, y, nudged._replace(settling=settling.exact()))
    for other in (settling.rest(), settling.euler(tol=1e-12), settling.fixed_steps(2000, dt=0.3)):
        estimate = sc.estimate_gradient(net, x, y, nudged._replace(settling=other))
        assert sc.relative_error(estimate, exact) < 1e-7


@pytest.mark.parametrize("dt", [0.3, 0.5])
@pytest.mark.parametrize("n_steps", [3, 10, 30])
def test_stopping_early_costs_what_the_truncated_response_leaves_out(n_steps, dt):
    net, x, y = example(6, gain=0.4, n_samples=4)
    base = sc.ALL_HOLD._replace(architecture=architecture.hopfield, nudging=nudging.centered(1e-4))
    stopped = base._replace(settling=settling.fixed_steps(n_steps, dt=dt))
    free = solvers.newton(net, x)
    response = settling.truncated_response(net, x, y, free, n_steps=n_steps, dt=dt)
    below, slopes = (x, *free.rates[:-1]), [-r for r in response]
    extra = (np.zeros_like(x), *slopes[:-1])
    predicted = [
        (s.T @ v + u.T @ e) / len(x)
        for s, v, u, e in zip(slopes, below, free.rates, extra, strict=True)
    ]
    found = sc.estimate_gradient(net, x, y, stopped)
    for mine, theory in zip(found.weights, predicted, strict=True):
        np.testing.assert_allclose(mine, theory, atol=2e-7)
    assert sc.relative_error(found, sc.recurrent_backprop(net, x, y, tied=True)) > 1e-3


def test_what_does_not_settle_is_refused_unless_asked_for():
    net, x, y = example(7, activation="linear", gain=2.5)
    hopfield = sc.ALL_HOLD._replace(architecture=architecture.hopfield)
    with pytest.raises(sc.ConvergenceError, match="did not settle.*diverged.*allow_unsettled"):
        sc.estimate_gradient(net, x, y, hopfield)
    rotating = sc.ALL_HOLD._replace(
        architecture=architecture.hopfield, energy=rotated(8.0), settling=settling.euler(dt=0.5)
    )
    calm, *_ = example(7, gain=0.4)
    with pytest.raises(sc.ConvergenceError, match="oscillating"):
        sc.estimate_gradient(calm, x, y, rotating)
    estimate = sc.estimate_gradient(calm, x, y, rotating, allow_unsettled=True)
    assert np.isfinite(estimate.flat()).all()


def test_a_rule_that_is_one_function_is_a_recipe_too():
    net, x, y = example(8)
    np.testing.assert_array_equal(
        sc.estimate_gradient(net, x, y, sc.backprop).flat(), sc.backprop(net, x, y).flat()
    )


@pytest.mark.parametrize(
    ("rule", "says"),
    [
        (lambda net, x, y: None, "rule: got a NoneType, expected a Gradient with weights of shape"),
        (lambda net, x, y: sc.Gradient((np.eye(2),), (np.ones(2),)), "rule: got weights of shape"),
        ("equilibrium_propagation", "recipe: got 'equilibrium_propagation', expected a Recipe"),
    ],
)
def test_what_is_no_rule_is_refused(rule, says):
    net, x, y = example(8)
    with pytest.raises(ValueError, match=says):
        sc.estimate_gradient(net, x, y, rule)


@pytest.mark.parametrize(
    ("slot", "says"),
    [
        ({"nudging": 0.1}, r"nudging: got 0\.1, expected a Nudging such as nudging\.centered"),
        ({"feedback": "random"}, "feedback: got 'random', expected a function such as"),
        ({"architecture": lambda net: None}, "architecture: it returned NoneType, expected a Net"),
        ({"contrast": None}, "contrast: got None"),
    ],
)
def test_what_does_not_fit_a_slot_is_refused(slot, says):
    net, x, y = example(8)
    with pytest.raises(ValueError, match=says):
        sc.estimate_gradient(net, x, y, sc.ALL_HOLD._replace(**slot))


def test_what_is_no_network_is_refused():
    with pytest.raises(ValueError, match="net: got list, expected a Network"):
        sc.estimate_gradient([1], [1.0], [1.0])


@pytest.mark.parametrize(
    ("x", "y", "says"),
    [
        (np.ones((2, 7)), np.ones((2, 5)), r"x: got shape \(2, 7\)"),
        (np.ones((2, 8)), np.ones((3, 5)), "y: got 3 samples, expected 2"),
        (np.ones((0, 8)), np.ones((0, 5)), "x: got an empty array"),
        (np.ones((1, 8)), np.full((1, 5), np.nan), "y: got 5 NaN or infinite"),
    ],
)
@pytest.mark.parametrize("rule", [sc.ALL_HOLD, sc.backprop])
def test_data_that_do_not_fit_are_refused_by_name(x, y, says, rule):
    net, *_ = example(0)
    with pytest.raises(ValueError, match=says):
        sc.estimate_gradient(net, x, y, rule)


def test_inputs_stay_as_they_were_and_global_randomness_is_not_touched():
    net, x, y = example(9)
    x.setflags(write=False), y.setflags(write=False)
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    noisy = sc.ALL_HOLD._replace(
        phases=phases.noisy(1e-7), feedback=feedback.mixed(0.1), energy=rotated(0.1)
    )
    for rule in (sc.ALL_HOLD, noisy):
        sc.estimate_gradient(net, x, y, rule)
    np.testing.assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002


def test_a_saddle_of_a_symmetric_network_is_refused_too():
    net, x, y = example(0, gain=1.5, bias=0.0, output="tanh")
    hopfield = sc.ALL_HOLD._replace(architecture=architecture.hopfield)
    with pytest.raises(sc.ConvergenceError, match="6 of 6 samples rest at a fixed point that rep"):
        sc.estimate_gradient(net, 0 * x, y, hopfield)  # silence, where nothing falls either way
    awake = sc.estimate_gradient(net, x, y, hopfield)
    assert np.isfinite(awake.flat()).all()


def test_a_nudged_phase_that_did_not_settle_is_refused_although_the_free_one_did():
    net, x, y = example(7, gain=0.4)

    def impatient(net, x, *, beta=0.0, **options):
        steps = 3 if np.any(beta) else 5000
        return sc.settle(net, x, beta=beta, tol=1e-12, max_steps=steps, quiet=True, **options)

    recipe = sc.ALL_HOLD._replace(settling=impatient, nudging=nudging.one_sided(0.1))
    with pytest.raises(sc.ConvergenceError, match="a phase with beta = 0.1 did not settle"):
        sc.estimate_gradient(net, x, y, recipe)
    assert np.isfinite(sc.estimate_gradient(net, x, y, recipe, allow_unsettled=True).flat()).all()


def test_sweeps_down_and_up_need_no_stability_and_phases_that_settle_do():
    net, x, y = example(0, gain=2.0)
    limit = sc.ALL_HOLD._replace(
        feedback=feedback.random(seed=0, gain=2.0), nudging=nudging.infinitesimal()
    )
    ready = sc.recipe.prepared(net, limit).free
    local = sc.dynamics.jacobian(ready, x, solvers.newton(ready, x).potentials)
    assert np.linalg.eigvals(local).real.min() < 0  # nothing would stay here
    formula = feedback.delivered_gradient(ready, x, y)
    assert sc.relative_error(sc.estimate_gradient(net, x, y, limit), formula) < 1e-12
    with pytest.raises(sc.ConvergenceError):
        sc.estimate_gradient(net, x, y, limit._replace(nudging=nudging.centered(1e-6)))


def test_a_function_of_ones_own_gets_arrays_of_samples_in_rows():
    net, *_ = example(8, sizes=(3, 2))
    seen = []

    def rule(net, x, y):
        seen.extend((x, y))
        return sc.backprop(net, x, y)

    sc.estimate_gradient(net, [1, 0, 1], [0, 1], rule)
    assert [(part.shape, part.dtype) for part in seen] == [((1, 3), float), ((1, 2), float)]


def test_only_the_energy_may_answer_with_two_networks():
    net, x, y = example(8)
    pair = sc.network.PhaseNetworks(net, net)
    for name in ("architecture", "feedback"):
        with pytest.raises(ValueError, match=f"{name}: it returned PhaseNetworks, expected a Net"):
            sc.estimate_gradient(net, x, y, sc.ALL_HOLD._replace(**{name: lambda n: pair}))
