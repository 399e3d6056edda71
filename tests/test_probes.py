"""Probes: every number recomputed from the equations, by means that the probes do not use."""

import numpy as np
import pytest
from scipy.optimize import root

import sevenconditions as sc
from sevenconditions import budget
from sevenconditions.probes import Specimen, entry

CONDITIONS = sc.ALL_HOLD._fields


def specimen(broken, strength=0.4, seed=1):
    rng = np.random.default_rng(seed)
    net = sc.layered((3, 4, 3, 2), gain=1.0, bias=0.2, rng=rng)
    x, y = rng.standard_normal((1, 3)), rng.standard_normal((1, 2))
    recipe = budget.violated({broken: strength} if broken else {}, seed=seed)
    return Specimen(net, x, y, recipe)


def residual(net, x, rates):
    """R as a function of the rates, from the equation of motion, for one sample and tanh."""
    v = [x[0], *np.split(rates, np.cumsum(net.sizes[1:-1]))]
    a = [
        None,
        *(w @ v[l] + b for l, (w, b) in enumerate(zip(net.weights, net.biases, strict=True))),
    ]
    top, c = net.n_layers, net.cancellation
    phi = [None] + [np.tanh] * (top - 1) + [lambda z: z]
    q = [None, *(v[l] - c * phi[l](a[l]) for l in range(1, top + 1))]
    u = [None, *(np.arctanh(v[l]) if l < top else v[l] for l in range(1, top + 1))]
    parts = []
    for l in range(1, top + 1):
        back = net.feedback_gain * net.feedback[l] @ q[l + 1] if l < top else 0.0
        side = net.lateral[l] @ q[l] if net.lateral[l] is not None else 0.0
        parts.append(u[l] - a[l] - back - side)
    return np.concatenate(parts)


def solve(equations, start):
    found = root(equations, start, tol=1e-14)
    assert np.abs(equations(found.x)).max() < 1e-10
    return found.x


def index(it, unit):
    return it.units.index(unit) - it.net.sizes[0]


@pytest.mark.parametrize("broken", [None, "energy", "feedback", "architecture"])
def test_responses_are_those_of_the_linear_solve(broken):
    it = specimen(broken)
    rest, step = np.concatenate([v[0] for v in it.free.rates]), 1e-6
    assert np.abs(residual(it.ready, it.x, rest)).max() < 1e-12
    columns = [
        residual(it.ready, it.x, rest + d) - residual(it.ready, it.x, rest - d)
        for d in step * np.eye(len(rest))
    ]
    response = np.linalg.inv(np.transpose(columns) / (2 * step))
    for first, second in (("a1", "a2"), ("b1", "o2"), ("a4", "b3"), ("o1", "o2")):
        i, j = index(it, first), index(it, second)
        np.testing.assert_allclose(
            it.perturb(first, second), (response[j, i], response[i, j]), atol=1e-7
        )


@pytest.mark.parametrize("broken", [None, "energy", "architecture"])
def test_a_held_unit_moves_the_others_as_the_equations_say(broken):
    it = specimen(broken)
    rest = np.concatenate([v[0] for v in it.free.rates])
    for unit in ("a2", "b1", "o1"):
        i, linear = index(it, unit), unit == "o1"

        def u(rates, i=i, linear=linear):
            return rates[i] if linear else np.arctanh(rates[i])

        def held(rates, i=i, u=u):
            left = residual(it.ready, it.x, rates)
            left[i] = u(rates) - u(rest) - 0.05
            return left

        expected = solve(held, rest) - rest
        np.testing.assert_allclose(np.concatenate(it.clamp(unit, by=0.05)), expected, atol=1e-8)


@pytest.mark.parametrize("broken", [None, "energy", "architecture"])
def test_a_silenced_unit_sends_and_receives_nothing(broken):
    it = specimen(broken)
    net, rest = it.ready, np.concatenate([v[0] for v in it.free.rates])
    row = 1  # b2
    weights, biases = [w.copy() for w in net.weights], [b.copy() for b in net.biases]
    weights[1][row], biases[1][row] = 0.0, 0.0
    cut = net.replace(weights=weights, biases=biases, feedback=list(net.feedback))
    there = index(it, "b2")

    def without(rates):
        rates = np.where(np.arange(len(rates)) == there, 0.0, rates)
        left = residual(cut, it.x, rates)  # its mismatch is 0, so neither B nor A carries any
        left[there] = 0.0
        return left

    start = np.where(np.arange(len(rest)) == there, 0.0, rest)
    expected = solve(without, start)
    expected[there] = 0.0
    np.testing.assert_allclose(np.concatenate(it.lesion("b2")), expected - rest, atol=1e-8)


def test_a_cut_takes_one_matrix_entry_away():
    it = specimen("architecture")
    rest = np.concatenate([v[0] for v in it.free.rates])
    forward, back = (
        [w.copy() for w in it.ready.weights],
        [None, *map(np.copy, it.ready.feedback[1:])],
    )
    forward[1][2, 0] = back[2][1, 0] = 0.0
    for net, cut in (
        (it.ready.replace(weights=forward, feedback=list(it.ready.feedback)), ("a1", "b3")),
        (it.ready.replace(feedback=back), ("o1", "b2")),
    ):
        expected = solve(lambda rates, net=net: residual(net, it.x, rates), rest) - rest
        np.testing.assert_allclose(np.concatenate(it.lesion(*cut)), expected, atol=1e-8)
        assert np.abs(expected).max() > 1e-3


def test_a_matched_network_does_not_miss_what_is_above_and_another_does():
    assert max(np.abs(specimen(None).lesion("o1")[l]).max() for l in (0, 1)) < 1e-12
    assert np.abs(specimen("architecture").lesion("o1")[1]).max() > 0.01


def test_a_pair_is_read_from_the_two_matrices():
    it = specimen("feedback")
    mixed = sc.feedback.mixed(0.8 * 0.4, seed=2)(sc.architecture.matched(it.net))
    assert it.weight_pair("a4", "b1") == (it.net.weights[1][0, 3], mixed.feedback[1][3, 0])
    assert it.weight_pair("b2", "o1") == (it.net.weights[2][0, 1], mixed.feedback[2][1, 0])
    assert np.subtract(*it.weight_pair("a4", "b1")) != 0


@pytest.mark.parametrize("broken", [None, *CONDITIONS])
def test_the_update_is_what_the_recipe_estimates(broken):
    it = specimen(broken)
    wanted = sc.estimate_gradient(
        it.net, it.x, it.y, it.recipe, allow_unsettled=True, rng=np.random.default_rng(3)
    )
    np.testing.assert_array_equal(it.update(np.random.default_rng(3)).flat(), wanted.flat())


def test_longer_is_four_times_the_steps_and_nothing_new_where_it_rests():
    it, other = specimen("settling"), specimen("feedback")
    steps = 4 * round(4 - 12 * np.log(0.4))
    recipe = it.recipe._replace(settling=sc.settling.fixed_steps(steps, dt=0.3))
    wanted = sc.estimate_gradient(it.net, it.x, it.y, recipe, allow_unsettled=True)
    np.testing.assert_array_equal(it.longer_update(None).flat(), wanted.flat())
    np.testing.assert_array_equal(other.longer_update(None).flat(), other.update(None).flat())


def test_gentler_is_half_the_nudge():
    it = specimen("nudging")
    recipe = it.recipe._replace(nudging=sc.nudging.one_sided(it.recipe.nudging.betas[0] / 2))
    wanted = sc.estimate_gradient(it.net, it.x, it.y, recipe)
    np.testing.assert_allclose(it.gentler_update(None).flat(), wanted.flat(), rtol=1e-12)


@pytest.mark.parametrize("broken", [None, "contrast", "phases", "nudging"])
def test_the_contrast_is_post_times_pre_of_the_states_that_were_read(broken):
    it = specimen(broken)
    written, contrast = it.update_and_contrast(np.random.default_rng(5))
    read = sc.take_phases(it.net, it.x, it.y, it.recipe, rng=np.random.default_rng(5))
    (beta,), (nudged,) = read.betas, read.nudged
    for l, found in enumerate(contrast.weights):
        free, after = (np.outer(r.post[l], r.pre[l]) for r in (read.free, nudged))
        np.testing.assert_allclose(found, (free - after) / beta, atol=1e-7 * np.abs(found).max())
    same = np.allclose(written.flat(), contrast.flat(), rtol=1e-12)
    assert same == (broken != "contrast")


def test_the_slope_of_the_loss_is_backprop():
    it = specimen("contrast")
    truth = sc.backprop(it.net, it.x, it.y)
    for pair in (("x2", "a1"), ("a3", "b2"), ("b1", "o2")):
        assert it.slope(*pair) == pytest.approx(entry(truth, it.connection(*pair)), abs=1e-8)


def test_the_steepest_connections_lie_below_the_top_and_come_in_order():
    it = specimen(None)
    sizes = [abs(entry(it.gradient, it.connection(*pair))) for pair in it.steepest(24)]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] == max(np.abs(g).max() for g in it.gradient.weights[:-1])
    assert len(set(it.steepest(24))) == 24


@pytest.mark.parametrize(
    "ask, said",
    [
        (lambda it: it.perturb("x1", "a1"), "an input"),
        (lambda it: it.perturb("a9", "a1"), "expected one of x1"),
        (lambda it: it.clamp("x1"), "an input"),
        (lambda it: it.lesion("a1", "a2"), "neighbouring layers"),
        (lambda it: it.lesion("a1", "x2"), "neighbouring layers"),
        (lambda it: it.weight_pair("x1", "a1"), "nothing is fed back"),
        (lambda it: it.weight_pair("a1", "o1"), "the layer above"),
        (lambda it: it.slope("b1", "a1"), "the layer above"),
    ],
)
def test_a_place_that_is_none_is_refused_with_the_fix(ask, said):
    with pytest.raises(ValueError, match=said):
        ask(specimen(None))


def test_even_a_saturated_unit_can_be_held():
    it = specimen(None)
    moved = it.clamp("a1", by=30.0)
    assert abs(it.free.rates[0][0, 0] + moved[0][0] - 1) < 1e-12
