"""A witness fails by arithmetic of its own, is small, and is not found where there is none."""

from fractions import Fraction

import numpy as np
import pytest

import sevenconditions as sc
from sevenconditions import rules, witness
from sevenconditions.exact import central_differences, equilibrium_loss, feedforward_loss
from sevenconditions.recipe import CONDITIONS
from sevenconditions.witness import Margin, counterexample, shrink, smallest_witness, written

EXACT = (
    "backprop",
    "recurrent_backprop",
    "equilibrium_propagation",
    "equilibrium_propagation_one_sided",
    "holomorphic_equilibrium_propagation",
    "asymmetric_equilibrium_propagation",
    "contrastive_hebbian_weak_feedback",
    "predictive_coding",
    "fixed_prediction",
    "zero_divergence",
    "dendritic_microcircuit",
    "dual_propagation",
    "burst_dependent",
)
INEXACT = tuple(name for name in sc.ZOO if name not in EXACT)


def differences(found):
    """The true gradient by moving every parameter, with no formula of the library's."""
    if found.against == "backprop":
        return central_differences(lambda net: feedforward_loss(net, found.x, found.y), found.net)
    return central_differences(
        lambda net: equilibrium_loss(net, found.x, found.y), found.net, tied=True
    )


@pytest.mark.parametrize("name", INEXACT)
def test_a_rule_that_is_not_exact_has_a_witness_by_finite_differences(name):
    found = smallest_witness(sc.ZOO[name])
    assert found.n_units <= 6
    true = differences(found).layer(found.layer)
    said = sc.estimate_gradient(found.net, found.x, found.y, sc.ZOO[name]).layer(found.layer)
    assert sc.relative_error(found.gradient.layer(found.layer), true) < 1e-5
    turned, off = sc.angle_deg(said, true), sc.relative_error(said, true)
    assert turned > 10 or off > 0.1
    assert off == pytest.approx(found.relative_error, rel=1e-4)


@pytest.mark.parametrize("name", EXACT)
def test_an_exact_rule_has_no_witness(name):
    assert smallest_witness(sc.ZOO[name], max_units=4) is None


def test_the_output_of_clamping_has_to_be_linear():
    entry = sc.ZOO["contrastive_hebbian_weak_feedback"]
    found = smallest_witness(entry, units=(("tanh", "tanh"),))
    assert found.net.output.name == "tanh"  # it is not made linear where that was not asked for
    assert found.net.sizes == (1, 1)
    v = np.tanh(found.net.weights[0].item() * found.x.item() + found.net.biases[0].item())
    error = v - found.y.item()
    assert found.update.biases[0].item() == pytest.approx(error, rel=1e-3)
    assert found.gradient.biases[0].item() == pytest.approx(error * (1 - v**2), rel=1e-9)


def test_the_same_seed_finds_the_same_witness():
    first, second = (str(smallest_witness(sc.ZOO["sign_symmetric"], seed=3)) for _ in range(2))
    assert first == second


def test_all_sizes_come_once_and_the_smallest_come_first():
    sizes = list(witness._sizes(6))
    units = [sum(each) for each in sizes]
    assert len(set(sizes)) == len(sizes) == sum(2 ** (n - 1) - 1 for n in range(2, 7))
    assert units == sorted(units)
    assert sizes[:4] == [(1, 1), (1, 2), (2, 1), (1, 1, 1)]


def test_shrinking_keeps_the_failure_and_takes_the_rest_away(rng):
    net = sc.layered((4, 5, 3, 2), gain=0.9, bias=0.3, rng=rng)
    x, y = rng.standard_normal((3, 4)), rng.standard_normal((3, 2))
    found = shrink(sc.ZOO["feedback_alignment"], net, x, y)
    assert found.net.sizes == (1, 1, 1)
    assert found.relative_error > 0.1
    simple = np.concatenate([np.ravel(w) for w in (*found.net.weights, found.x, found.y)])
    assert all(Fraction(v).limit_denominator(4) == Fraction(v) for v in simple)


def test_nothing_is_left_to_simplify():
    found = smallest_witness(sc.ZOO["difference_target_propagation"])
    case = witness._Case(found.net, found.x, found.y)
    for simpler in witness._simpler(case, witness.UNITS):
        judged = witness._judged(sc.ZOO["difference_target_propagation"], simpler, None, Margin())
        assert judged is None or not judged.fails(Margin())


def test_what_does_not_fail_cannot_be_shrunk(rng):
    with pytest.raises(ValueError, match="nothing to shrink"):
        shrink(sc.ALL_HOLD, sc.layered((2, 3, 1), rng=rng), [1.0, 2.0], [0.0])


def test_a_rule_that_forgets_the_mean_needs_two_samples():
    def total(net, x, y):
        g = sc.backprop(net, x, y)
        return type(g)(*(tuple(len(x) * part for part in parts) for parts in g))

    found = smallest_witness(total)
    assert len(found.x) == 2
    assert found.relative_error == pytest.approx(1.0)


def test_a_margin_on_direction_alone_forgives_the_size():
    def doubled(net, x, y):
        g = sc.backprop(net, x, y)
        return g.minus(g).minus(g).minus(g)  # g - g - g - g is minus twice g

    turned = smallest_witness(doubled, fails=Margin(10, np.inf))
    assert turned.angle_deg == pytest.approx(180)

    def half(pre_free, post_free, pre_nudged, post_nudged, beta):
        return (pre_free * post_free - pre_nudged * post_nudged) / (2 * beta)

    halved = rules.local(half)
    assert smallest_witness(halved, fails=Margin(10, np.inf), max_units=3) is None
    assert smallest_witness(halved, max_units=3).relative_error == pytest.approx(0.5, abs=1e-3)


def test_a_rule_that_raises_fails_and_says_how():
    found = smallest_witness(rules.by_hops(lambda d, back, slope: slope * (back.T @ d)))
    assert "ValueError" in found.error
    assert found.n_units == 4
    assert "raises" in found.sentence()


def test_a_rule_that_is_not_written_is_told_apart():
    with pytest.raises(rules.Unwritten):
        smallest_witness(rules.local(lambda pre_free: ...))


def test_settings_out_of_range_are_refused():
    with pytest.raises(ValueError, match="max_units"):
        smallest_witness(sc.ALL_HOLD, max_units=1)
    with pytest.raises(ValueError, match="draws"):
        smallest_witness(sc.ALL_HOLD, draws=("weights",))
    with pytest.raises(ValueError, match="condition"):
        counterexample("sleep")


def test_a_rule_of_one_end_fails_only_where_a_rate_below_can_move():
    def post_end(pre_free, post_free, post_nudged, beta):
        return (post_free - post_nudged) * pre_free / beta

    flat = [sizes for sizes in witness._sizes(3) if len(sizes) == 2]
    found = smallest_witness(rules.local(post_end))
    assert found.net.sizes == (1, 1, 1)
    assert [sizes for sizes, count in found.tried if count][: len(flat)] == flat


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.5, "1/2"), (-3.0, "-3"), (0.0, "0"), (40 / 27, "40/27"), (1e-5, "1e-05"), (1e-9, "0")],
)
def test_simple_numbers_are_written_as_fractions(value, text):
    assert written(value) == text


# --- the seven counterexamples, each by arithmetic of its own -------------------------------------


def by_hand(found):
    """Weights, input and target: all that each function below has for what is said and true."""
    return found.net.weights, found.x[0], found.y[0]


def settling(found):
    (w1, w2), (x,), (y,) = by_hand(found)
    error = w2.item() * w1.item() * x - y
    return 0.0, w2.item() * error * x  # the step has reached the output only


def energy(found):
    (w,), x, y = by_hand(found)
    loops = found.net.lateral[1]
    rest = np.linalg.inv(np.eye(2) - loops)
    error = rest @ w @ x - y
    return np.outer(rest @ error, x), np.outer(rest.T @ error, x)


def phases(found):
    (w,), (x,), (y,) = by_hand(found)
    v = w.item() * x
    return (v - y) * x - 2 * v * x, (v - y) * x


def feedback(found):
    (w1, w2), (x,), (y,) = by_hand(found)
    error = w2.item() * w1.item() * x - y
    return found.net.feedback[1].item() * error * x, w2.item() * error * x


def contrast(found):
    (w,), (x,), (y,) = by_hand(found)
    return -w.item() * x * x, (w.item() * x - y) * x


def nudging(found):
    (w,), (x,), (y,) = by_hand(found)
    return (w.item() * x - y) * x / 2, (w.item() * x - y) * x


def architecture(found):
    (w1, w2), (x,), (y,) = by_hand(found)
    w, drive = w2.item(), w1.item() * x
    at_rest, slope = drive * w / (1 - w * w), drive * (1 + w * w) / (1 - w * w) ** 2
    return (at_rest - y) * slope, (w * drive - y) * drive


@pytest.mark.parametrize("condition", CONDITIONS)
def test_a_counterexample_is_what_arithmetic_says(condition):
    found = counterexample(condition).witness
    says, true = globals()[condition](found)
    assert found.update.weights[found.layer] == pytest.approx(np.atleast_2d(says), abs=1e-3)
    assert found.gradient.weights[found.layer] == pytest.approx(np.atleast_2d(true), abs=1e-9)
    assert not np.allclose(says, true, rtol=0.3)


@pytest.mark.parametrize("condition", ("settling", "energy", "feedback", "architecture"))
def test_fewer_units_cannot_do(condition):
    recipe, _, _, draws, against = witness._DROPPED[condition]
    found = counterexample(condition).witness
    few = {"draws": draws, "against": against, "fails": witness.VISIBLE, "tries": 20}
    assert smallest_witness(recipe, max_units=2, **few) is None
    assert found.n_units == 3
    if condition != "energy":  # there a second output is enough, elsewhere it must be a layer
        assert found.net.n_layers == 2
