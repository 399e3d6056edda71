"""Predictive coding: which schedules give backprop exactly, which in a limit, which not at all."""

from functools import partial

import numpy as np
import pytest
from networks import SMOOTH, example

import sevenconditions as sc
from sevenconditions import architecture, feedback, nudging, settling
from sevenconditions.predictive import (
    arrivals,
    centered_predictive_coding,
    first_arrival,
    fixed_prediction,
    linear_predictive_coding,
    output_compliance,
    predictive_equilibrium,
    quadratic_predictive_coding,
    zero_divergence,
)

DEPTHS = [(6, 7, 4), (6, 8, 7, 4), (6, 5, 7, 6, 4), (6, 5, 7, 6, 5, 3)]
ODD = [(6, 4), (1, 1), (1, 1, 1), (3, 1, 1, 2), (1, 4, 1)]
ESTIMATES = {
    "zero_divergence": zero_divergence,
    "first_arrival": first_arrival,
    "fixed_prediction": fixed_prediction,
    "one_sided": quadratic_predictive_coding(1e-3),
    "centered": centered_predictive_coding(1e-3),
    "clamped": quadratic_predictive_coding(),
}


def off(estimate, net, x, y):
    """Relative error against backprop."""
    return sc.relative_error(estimate(net, x, y), sc.backprop(net, x, y))


def slope(values, errors):
    """Slope of log error against log value."""
    return np.polyfit(np.log(values), np.log(errors), 1)[0]


def forward(net, x):
    """Drives and rates of the layers 1 to L, written out once more."""
    drives, rates = [], [x]
    for weight, bias, phi in zip(net.weights, net.biases, net.phis, strict=True):
        drives.append(rates[-1] @ weight.T + bias)
        rates.append(phi(drives[-1]))
    return drives, rates[1:]


def closer(net, x, y, part):
    """Targets that leave only a part of the output error."""
    output = forward(net, x)[1][-1]
    return output - part * (output - y)


def quadratic_energy(net, x, rates):
    """Sum over layers of gamma^(l-L) 1/2 |v_l - phi(W v_{l-1} + b)|^2, for each sample."""
    below = [x, *rates[:-1]]
    errors = [
        v - phi(under @ w.T + b)
        for v, under, w, b, phi in zip(rates, below, net.weights, net.biases, net.phis, strict=True)
    ]
    return sum(0.5 * m * (e**2).sum(axis=1) for m, e in zip(net.metric, errors, strict=True))


def through_feedback(net, x, y):
    """Backprop with net.feedback in place of the transposed weights."""
    drives, rates = forward(net, x)
    delta = net.output.derivative(drives[-1]) * (rates[-1] - y) / len(x)
    weights = [delta.T @ rates[-2]]
    for i in reversed(range(1, net.n_layers)):
        delta = net.activation.derivative(drives[i - 1]) * (delta @ net.feedback[i].T)
        weights.append(delta.T @ (rates[i - 2] if i > 1 else x))
    return tuple(weights[::-1])


def random_feedback(net, gain=1.0):
    rng = np.random.default_rng(99)
    mats = [gain * rng.standard_normal(w.T.shape) / np.sqrt(len(w)) for w in net.weights[1:]]
    return net.replace(feedback=[None, *mats])


# Zero divergence: read at first arrival


@pytest.mark.parametrize("activation", SMOOTH)
@pytest.mark.parametrize("sizes", DEPTHS + ODD)
def test_read_at_first_arrival_the_clamped_error_is_backprop(sizes, activation):
    for seed, output in enumerate(("linear", activation)):
        net, x, y = example(seed, sizes=sizes, activation=activation, output=output, gain=0.8)
        assert off(zero_divergence, net, x, y) <= 1e-13
        assert off(zero_divergence, net.replace(feedback_gain=0.4), x, y) <= 1e-13


@pytest.mark.parametrize("sizes", DEPTHS)
def test_read_one_step_late_it_is_not(sizes):
    for seed in range(3):
        net, x, y = example(seed, sizes=sizes, gain=0.8)
        assert off(partial(zero_divergence, late=1), net, x, y) > 0.5


def test_a_shorter_step_shrinks_each_layer_by_a_power_of_dt():
    net, x, y = example(0, sizes=DEPTHS[2], gain=0.8)
    slow, true = zero_divergence(net, x, y, dt=0.5), sc.backprop(net, x, y)
    for i in range(net.n_layers):
        expected = true.layer(i).flat() * 0.5 ** (net.n_layers - 1 - i)
        np.testing.assert_allclose(slow.layer(i).flat(), expected, rtol=1e-12, atol=1e-15)


def test_through_random_feedback_the_schedules_give_feedback_alignment():
    net, x, y = example(1, sizes=DEPTHS[2], gain=0.8)
    net = random_feedback(net)
    wanted = np.concatenate([w.ravel() for w in through_feedback(net, x, y)])
    tolerances = {
        zero_divergence: 1e-13, fixed_prediction: 1e-12, quadratic_predictive_coding(1e-8): 1e-6
    }  # fmt: skip
    for estimate, tolerance in tolerances.items():
        found = np.concatenate([w.ravel() for w in estimate(net, x, y).weights])
        assert sc.relative_error(found, wanted) <= tolerance
    assert sc.relative_error(wanted, np.concatenate(
        [w.ravel() for w in sc.backprop(net, x, y).weights]
    )) > 0.5  # fmt: skip


# First arrival in the lifted model


@pytest.mark.parametrize("activation", ["tanh", "logistic", "squareplus"])
@pytest.mark.parametrize("sizes", DEPTHS)
def test_in_the_lifted_model_the_error_of_first_arrival_falls_as_beta(sizes, activation):
    net, x, y = example(2, sizes=sizes, activation=activation, output=activation, gain=0.8)
    betas = [1e-2, 1e-3, 1e-4]
    errors = [off(partial(first_arrival, beta=b), net, x, y) for b in betas]
    assert slope(betas, errors) == pytest.approx(1.0, abs=0.05)
    assert errors[-1] < 2e-4
    assert off(partial(first_arrival, beta=1.0), net, x, y) > 1e-3


@pytest.mark.parametrize("sizes", DEPTHS + ODD)
def test_with_linear_units_first_arrival_is_exact_at_full_nudge(sizes):
    net, x, y = example(3, sizes=sizes, activation="linear", gain=0.8, cancellation=0.3)
    assert off(partial(first_arrival, beta=1.0), net, x, y) <= 1e-13


def test_each_layer_is_silent_then_exact_then_swings_and_comes_back():
    net, x, y = example(0, sizes=(8, 10, 9, 8, 7, 6, 5), gain=0.2)
    seen = arrivals(net, x, y, sc.backprop(net, x, y), n_steps=100)
    for i in range(net.n_layers):
        arrival = net.n_layers - i
        assert (seen.norm_ratios[:arrival, i] == 0).all()
        assert np.isnan(seen.cosines[:arrival, i]).all()
        assert seen.norm_ratios[arrival, i] == pytest.approx(1.0, abs=1e-3)
        assert seen.cosines[arrival, i] == pytest.approx(1.0, abs=1e-6)
        assert seen.norm_ratios[arrival + 1, i] < 0.96
        assert seen.norm_ratios[arrival + 2, i] > 1.004
    np.testing.assert_allclose(seen.norm_ratios[-1], 1.0, atol=2e-3)


def test_at_twice_the_gain_it_swings_ever_wider():
    net, x, y = example(0, sizes=(8, 10, 9, 8, 7, 6, 5), gain=0.4)
    seen = arrivals(net, x, y, sc.backprop(net, x, y), n_steps=40, beta=1e-9)
    assert seen.norm_ratios[6, 0] == pytest.approx(1.0, abs=1e-5)  # exact all the same, once
    assert seen.norm_ratios[-1].min() > 100


# Fixed predictions


@pytest.mark.parametrize("activation", SMOOTH)
@pytest.mark.parametrize("sizes", DEPTHS + ODD)
def test_with_predictions_frozen_the_settled_errors_are_backprop(sizes, activation):
    net, x, y = example(4, sizes=sizes, activation=activation, gain=0.8, feedback_gain=0.6)
    assert off(fixed_prediction, net, x, y) <= 1e-12
    assert off(partial(fixed_prediction, dt=0.2), net, x, y) <= 1e-12


@pytest.mark.parametrize("sizes", DEPTHS)
def test_with_predictions_that_move_they_are_not(sizes):
    for seed in range(3):
        net, x, y = example(seed, sizes=sizes, gain=0.8)
        assert off(quadratic_predictive_coding(), net, x, y) > 0.2


@pytest.mark.parametrize("sizes", DEPTHS)
def test_frozen_errors_arrive_in_one_step_a_layer_and_not_before(sizes):
    net, x, y = example(5, sizes=sizes)
    enough = net.n_layers - 1
    assert off(partial(fixed_prediction, dt=1.0, max_steps=enough), net, x, y) <= 1e-13
    if enough > 1:
        with pytest.raises(sc.ConvergenceError, match=f"not settled in {enough - 1} steps"):
            fixed_prediction(net, x, y, dt=1.0, max_steps=enough - 1)


# The quadratic energy, settled


def test_the_equilibrium_is_where_energy_and_nudge_together_are_flat():
    net, x, y = example(6, sizes=(4, 5, 4, 3), gain=0.8, feedback_gain=0.7, output="logistic")
    beta, step = 0.7, 1e-5
    rest = predictive_equilibrium(net, x, y, beta=beta)

    def total(rates):
        return quadratic_energy(net, x, rates) + beta * 0.5 * ((rates[-1] - y) ** 2).sum(axis=1)

    for l, unit in ((0, 2), (1, 3), (2, 1)):
        moved = [[v.copy() for v in rest.rates] for _ in range(2)]
        moved[0][l][:, unit] += step
        moved[1][l][:, unit] -= step
        pull = (total(moved[0]) - total(moved[1])) / (2 * step)
        np.testing.assert_allclose(pull, 0.0, atol=1e-9)


@pytest.mark.parametrize("beta", [0.3, None])
def test_the_rule_is_minus_the_slope_of_the_energy(beta):
    net, x, y = example(7, sizes=(3, 4, 4, 2), gain=0.8, feedback_gain=0.7)
    rates = predictive_equilibrium(net, x, y, beta=beta).rates
    slopes = sc.central_differences(lambda n: quadratic_energy(n, x, rates).mean(), net)
    found = quadratic_predictive_coding(beta)(net, x, y).flat() * (1.0 if beta is None else beta)
    np.testing.assert_allclose(found, slopes.flat(), atol=1e-9)


def test_sweeping_down_and_up_by_hand_finds_the_same_equilibrium():
    net, x, y = example(8, sizes=(8, 10, 8, 5), gain=0.8)
    beta = 0.05
    errors = [np.zeros((len(x), n)) for n in net.sizes[1:]]
    for _ in range(60):
        rates, drives = [x], []
        for w, b, phi, e in zip(net.weights, net.biases, net.phis, errors, strict=True):
            drives.append(rates[-1] @ w.T + b)
            rates.append(phi(drives[-1]) + e)
        errors[-1] = beta * (y - rates[-1])
        for i in (1, 0):
            errors[i] = (
                net.phis[i + 1].derivative(drives[i + 1]) * errors[i + 1] @ net.weights[i + 1]
            )
    rest = predictive_equilibrium(net, x, y, beta=beta)
    for found, expected in zip(rest.mismatches, errors, strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("activation", SMOOTH)
@pytest.mark.parametrize("sizes", DEPTHS)
def test_one_nudge_is_off_by_beta_and_two_opposite_ones_by_beta_squared(sizes, activation):
    net, x, y = example(9, sizes=sizes, activation=activation, gain=0.6)
    betas = [3e-3, 1e-3, 3e-4]
    one = [off(quadratic_predictive_coding(b), net, x, y) for b in betas]
    two = [off(centered_predictive_coding(b), net, x, y) for b in betas]
    assert slope(betas, one) == pytest.approx(1.0, abs=0.05)
    assert slope(betas, two) == pytest.approx(2.0, abs=0.05)
    assert one[-1] < 2e-3 and two[-1] < 5e-6


def test_the_errors_keep_their_digits_at_a_tiny_nudge():
    net, x, y = example(10, gain=0.8)
    assert off(quadratic_predictive_coding(1e-11), net, x, y) < 1e-10


def test_the_errors_of_a_middling_network_are_those_of_the_table():
    found = []
    for seed in range(5):
        net, x, y = example(seed, sizes=(8, 12, 10, 5), gain=0.8, n_samples=32)
        names = ("one_sided", "centered", "clamped")
        found.append([off(ESTIMATES[name], net, x, y) for name in names])
    one, two, clamped = np.median(found, axis=0)
    assert 3e-3 < one < 7e-3
    assert 1e-5 < two < 4e-5
    assert clamped > 1.0


def test_a_smaller_output_error_does_not_bring_the_clamped_rule_to_backprop():
    net, x, y = example(0, gain=0.8)
    clamped = [
        off(quadratic_predictive_coding(), net, x, closer(net, x, y, part))
        for part in (0.1, 0.01, 0.001)
    ]
    assert min(clamped) > 0.3
    assert clamped[-1] == pytest.approx(clamped[-2], rel=0.01)
    assert off(quadratic_predictive_coding(1e-4), net, x, y) < 1e-3


def test_weak_feedback_brings_it_there_with_slope_one():
    net, x, y = example(0, gain=0.8)
    gains = [0.1, 0.01, 0.001]
    errors = [off(quadratic_predictive_coding(), net.replace(feedback_gain=g), x, y) for g in gains]
    assert slope(gains, errors) == pytest.approx(1.0, abs=0.1)
    assert errors[-1] < 0.01


def test_quadratic_and_lifted_energy_deliver_the_same_to_first_order_only():
    net, x, y = example(11, gain=0.5, cancellation=1.0)
    free = sc.settle(net, x, tol=1e-14)
    betas, gaps = [0.1, 0.03, 0.01], []
    for beta in betas:
        plus = sc.nudged_phase(net, x, y, beta=beta, start=free, tol=1e-13)
        lifted = sc.hebbian(net, x, free).minus(sc.hebbian(net, x, plus), over=beta)
        quadratic = quadratic_predictive_coding(beta)(net, x, y)
        gaps.append(sc.relative_error(quadratic, lifted))
    assert slope(betas, gaps) == pytest.approx(1.0, abs=0.1)
    assert gaps[0] > 1e-3


# What the nudge leaves of the output error


def delivered(net, x, y, beta):
    """The output error that the equilibrium delivers, and what the compliance says it should be."""
    output = forward(net, x)[1][-1]
    compliance = output_compliance(net, x)
    factor = compliance if beta is None else np.eye(net.sizes[-1]) + beta * compliance
    expected = np.linalg.solve(factor, (output - y)[:, :, None])[:, :, 0]
    rest = predictive_equilibrium(net, x, y, beta=beta)
    return -rest.mismatches[-1] / (1.0 if beta is None else beta), expected, rest


@pytest.mark.parametrize("sizes", DEPTHS + ODD)
@pytest.mark.parametrize("beta", [1.0, 0.1, 0.01, None])
def test_linear_units_deliver_exactly_what_the_compliance_leaves(sizes, beta):
    for seed in range(3):
        net, x, y = example(seed, sizes=sizes, activation="linear", gain=0.8)
        found, expected, rest = delivered(net, x, y, beta)
        assert sc.relative_error(found, expected) < 1e-12
        # with presynaptic rates of the free phase: backprop from that error
        _, rates = forward(net, x)
        below = [x, *rates[:-1]]
        over = -len(x) * (1.0 if beta is None else beta)
        rule = [s.T @ v / over for s, v in zip(rest.signals, below, strict=True)]
        true = sc.backprop(net, x, rates[-1] - expected).weights
        for mine, theirs in zip(rule, true, strict=True):
            np.testing.assert_allclose(mine, theirs, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("gain", [1.0, 0.3])
def test_the_compliance_holds_for_any_feedback_and_gain(gain):
    net, x, y = example(3, activation="linear", gain=0.6)
    net = random_feedback(net, 0.5).replace(feedback_gain=gain)
    found, expected, _ = delivered(net, x, y, 0.2)
    assert sc.relative_error(found, expected) < 1e-12


def test_for_other_units_it_holds_to_first_order_in_the_output_error():
    net, x, y = example(0, gain=0.8)
    parts = [0.1, 0.01, 0.001]
    for beta in (1.0, None):
        gaps = [
            sc.relative_error(*delivered(net, x, closer(net, x, y, part), beta)[:2])
            for part in parts
        ]
        assert slope(parts, gaps) == pytest.approx(1.0, abs=0.1)


def test_the_compliance_is_symmetric_and_at_least_one():
    for activation in SMOOTH:
        net, x, _ = example(1, activation=activation, gain=0.9)
        compliance = output_compliance(net, x)
        np.testing.assert_allclose(compliance, compliance.transpose(0, 2, 1), atol=1e-14)
        assert np.linalg.eigvalsh(compliance).min() >= 1.0 - 1e-12
    one_layer, x, _ = example(1, sizes=(4, 3))
    np.testing.assert_array_equal(output_compliance(one_layer, x), np.tile(np.eye(3), (6, 1, 1)))


# All of them


@pytest.mark.parametrize("name", ESTIMATES)
def test_without_an_output_error_there_is_nothing_to_learn(name):
    net, x, _ = example(0)
    found = ESTIMATES[name](net, x, forward(net, x)[1][-1])
    np.testing.assert_allclose(found.flat(), 0.0, atol=1e-11)


@pytest.mark.parametrize("name", ESTIMATES)
@pytest.mark.parametrize("sizes", [(8, 10, 8, 5), *ODD])
def test_a_batch_is_the_mean_of_its_samples_and_nothing_is_modified(name, sizes):
    net, x, y = example(1, sizes=sizes)
    x.setflags(write=False)
    y.setflags(write=False)
    whole = ESTIMATES[name](net, x, y)
    parts = [ESTIMATES[name](net, a, b).flat() for a, b in zip(x, y, strict=True)]
    np.testing.assert_allclose(whole.flat(), np.mean(parts, axis=0), rtol=1e-8, atol=1e-11)
    assert [w.shape for w in whole.weights] == [w.shape for w in net.weights]
    assert [b.shape for b in whole.biases] == [b.shape for b in net.biases]


@pytest.mark.parametrize("name", ESTIMATES)
def test_predictions_are_subtracted_in_full_whatever_the_cancellation(name):
    net, x, y = example(2)
    full = ESTIMATES[name](net.replace(cancellation=1.0), x, y)
    np.testing.assert_array_equal(ESTIMATES[name](net, x, y).flat(), full.flat())


@pytest.mark.parametrize("name", ESTIMATES)
def test_what_does_not_fit_is_refused(name):
    net, x, y = example(0)
    for bad_x, bad_y, says in (
        (x[:, :3], y, "x: got shape"),
        (x, y[:, :2], "y: got shape"),
        (x, y[:2], "y: got 2 samples"),
        (x * np.nan, y, "x: got .* NaN"),
        (x, None, "y: got None"),
        (x[:0], y[:0], "x: got an empty array"),
    ):
        with pytest.raises(ValueError, match=says):
            ESTIMATES[name](net, bad_x, bad_y)


@pytest.mark.parametrize("bad", [0, -1, -2.5, np.nan, "small", True])
def test_a_beta_that_cannot_nudge_is_refused(bad):
    for kind in (quadratic_predictive_coding, centered_predictive_coding):
        with pytest.raises(ValueError, match="beta: got"):
            kind(bad)


def test_other_numbers_out_of_range_are_refused():
    net, x, y = example(0)
    true = sc.backprop(net, x, y)
    other = sc.backprop(*example(0, sizes=(8, 5)))
    for call, says in (
        (lambda: first_arrival(net, x, y, beta=0), "beta: got 0"),
        (lambda: arrivals(net, x, y, true, beta=0), "beta: got 0"),
        (lambda: arrivals(net, x, y, true, n_steps=0), "n_steps: got 0"),
        (lambda: arrivals(net, x, y, other), "another network's gradient"),
        (lambda: zero_divergence(net, x, y, dt=0), "dt: got 0"),
        (lambda: zero_divergence(net, x, y, late=-1), "late: got -1"),
        (lambda: fixed_prediction(net, x, y, dt=1.5), "dt: got 1.5"),
        (lambda: fixed_prediction(net, x, y, tol=0), "tol: got 0"),
        (lambda: fixed_prediction(net, x, y, max_steps=0), "max_steps: got 0"),
        (lambda: quadratic_predictive_coding(0.1, tol=-1), "tol: got -1"),
        (lambda: quadratic_predictive_coding(0.1, max_steps=0.5), "max_steps: got 0.5"),
        (lambda: centered_predictive_coding(1.0), "beta: got 1, expected below 1"),
        (lambda: centered_predictive_coding(None), "beta: got None"),
        (lambda: predictive_equilibrium(net, x, y, beta=0), "beta: got 0"),
        (lambda: output_compliance(net, y), "x: got shape"),
    ):
        with pytest.raises(ValueError, match=says):
            call()


def test_what_does_not_settle_says_so():
    net, x, y = example(0, gain=0.8)
    with pytest.raises(sc.ConvergenceError, match="did not settle within 1 steps"):
        quadratic_predictive_coding(max_steps=1)(net, x, y)


def test_rest_where_the_dynamics_would_leave_is_refused():
    # dv/dt = -(1 + w B) v + ..., w = 1 clamped: B = -3 repels, though there is an equilibrium
    net = sc.Network(
        weights=[[[1.0]], [[1.0]]], biases=[[0.0], [0.0]], feedback=[None, [[-3.0]]],
        activation="linear",
    )  # fmt: skip
    with pytest.raises(sc.ConvergenceError, match="would leave"):
        quadratic_predictive_coding()(net, [[1.0]], [[0.0]])
    quadratic_predictive_coding(0.1)(net, [[1.0]], [[0.0]])  # w = 1/11 does not repel


def test_a_negative_nudge_past_the_critical_one_is_refused_and_before_it_is_not():
    net, x, y = example(0, gain=0.8)
    y = closer(net, x, y, 0.01)
    critical = 1.0 / np.linalg.eigvalsh(output_compliance(net, x)).max()
    assert 0 < critical < 1
    assert off(centered_predictive_coding(0.1 * critical), net, x, y) < 0.1
    with pytest.raises(sc.ConvergenceError, match="critical value"):
        centered_predictive_coding(1.01 * critical)(net, x, y)


@pytest.mark.parametrize("scheme", ["transposed", "random"])
@pytest.mark.parametrize("gain", [0.3, 1.0])
@pytest.mark.parametrize("beta", [0.05, 2.0])
@pytest.mark.parametrize("sizes", [(5, 3), (5, 6, 3), (5, 7, 6, 4, 3)])
def test_a_linear_network_has_its_estimate_in_closed_form(sizes, beta, gain, scheme):
    net, x, y = example(
        2, sizes=sizes, activation="linear", cancellation=1.0, feedback_gain=gain, bias=0.3
    )
    if scheme == "random":
        net = feedback.random(seed=1)(net)
    recipe = sc.ALL_HOLD._replace(
        architecture=architecture.as_given, feedback=feedback.as_given,
        settling=settling.rest(tol=1e-13), nudging=nudging.one_sided(beta),
    )  # fmt: skip
    settled = sc.estimate_gradient(net, x, y, recipe)
    closed = linear_predictive_coding(net, x, y, beta=beta)
    assert sc.relative_error(closed, settled) < 1e-10
    assert sc.relative_error(closed, sc.backprop(net, x, y)) > 1e-3


def test_the_closed_form_is_refused_where_there_is_none():
    net, x, y = example(2, cancellation=1.0)
    with pytest.raises(ValueError, match="activation: got tanh, expected linear"):
        linear_predictive_coding(net, x, y, beta=0.1)
    net, x, y = example(2, activation="linear")
    tied = net.replace(lateral=[None, np.eye(10), None, None])
    with pytest.raises(ValueError, match="lateral: got a matrix"):
        linear_predictive_coding(tied, x, y, beta=0.1)
    with pytest.raises(ValueError, match="beta: got 0"):
        linear_predictive_coding(net, x, y, beta=0)
