"""Codes in space: the error waits in a compartment, and one settled state gives the gradient."""

import numpy as np
import pytest
from networks import SMOOTH, example

import sevenconditions as sc
from sevenconditions.compartments import (
    SpatialCode,
    burst_dependent,
    conductance_microcircuit,
    dual_propagation,
)

# Each factory with a nudge at which its error is far below its bound.
SMALL_NUDGE = {
    dual_propagation: (1e-3, 1e-5),
    burst_dependent: (1e-3, 1e-5),
    conductance_microcircuit: (1e-6, 1e-5),
}
CODES = pytest.mark.parametrize(
    ("factory", "nudge", "bound"), [(f, *v) for f, v in SMALL_NUDGE.items()]
)


def error(code, net, x, y):
    """Relative error against backprop."""
    return sc.relative_error(code(net, x, y), sc.backprop(net, x, y))


def slope(nudges, errors):
    """Slope of log error against log nudge."""
    return np.polyfit(np.log(nudges), np.log(errors), 1)[0]


def forward(net, x):
    """Drives of the layers 1 to L and rates of the layers 0 to L, by hand."""
    drives, rates = [], [x]
    for w, b, phi in zip(net.weights, net.biases, net.phis, strict=True):
        drives.append(rates[-1] @ w.T + b)
        rates.append(phi(drives[-1]))
    return drives, rates


def feedback_alignment(net, x, y):
    """Backprop with the feedback matrices in place of the transposed weights, by hand."""
    drives, rates = forward(net, x)
    delta = net.output.derivative(drives[-1]) * (rates[-1] - y) / len(x)
    weights, biases = [], []
    for i in reversed(range(net.n_layers)):
        weights.insert(0, delta.T @ rates[i])
        biases.insert(0, delta.sum(axis=0))
        if i > 0:
            delta = net.phis[i - 1].derivative(drives[i - 1]) * (delta @ net.feedback[i].T)
    return sc.Gradient(tuple(weights), tuple(biases))


@CODES
@pytest.mark.parametrize("activation", SMOOTH)
@pytest.mark.parametrize("sizes", [(4, 3), (4, 5, 3), (4, 5, 6, 5, 3)])
@pytest.mark.parametrize("seed", range(3))
def test_a_small_nudge_gives_backprop(factory, nudge, bound, activation, sizes, seed):
    net, x, y = example(seed, sizes=sizes, gain=0.8, activation=activation)
    assert error(factory(nudge), net, x, y) < bound


@CODES
def test_a_small_nudge_gives_backprop_through_a_bent_output(factory, nudge, bound):
    net, x, y = example(0, gain=0.8, output="logistic")
    assert error(factory(nudge), net, x, y) < bound


@CODES
def test_what_comes_down_comes_through_the_feedback_matrices(factory, nudge, bound, rng):
    net, x, y = example(0, gain=0.8)
    other = [None, *(rng.standard_normal(b.shape) for b in net.feedback[1:])]
    net = net.replace(feedback=other)
    estimate = factory(nudge)(net, x, y)
    assert sc.relative_error(estimate, feedback_alignment(net, x, y)) < bound
    assert sc.angle_deg(estimate.layer(0), sc.backprop(net, x, y).layer(0)) > 45


@CODES
@pytest.mark.parametrize("sizes", [(3, 2), (1, 1), (1, 1, 1, 1), (4, 1, 3)])
def test_one_layer_and_width_one_are_no_exception(factory, nudge, bound, sizes):
    net, x, y = example(3, sizes=sizes)
    assert error(factory(nudge), net, x, y) < bound


@CODES
def test_the_estimate_of_a_batch_is_the_mean_over_its_samples(factory, nudge, bound):
    net, x, y = example(1, n_samples=4, gain=0.8)
    code = factory(0.3)
    alone = np.mean([code(net, a, b).flat() for a, b in zip(x, y, strict=True)], axis=0)
    np.testing.assert_allclose(code(net, x, y).flat(), alone, atol=1e-9)
    single = code(net, x[:1], y[:1])
    assert [w.shape for w in single.weights] == [w.shape for w in net.weights]


@CODES
def test_inputs_are_left_as_they_were(factory, nudge, bound):
    net, x, y = example(2)
    x.setflags(write=False)
    y.setflags(write=False)
    code = factory(nudge)
    np.testing.assert_array_equal(code(net, x, y).flat(), code(net, x, y).flat())


@CODES
def test_nothing_is_learned_where_the_prediction_is_right(factory, nudge, bound):
    net, x, _ = example(2)
    right = forward(net, x)[1][-1]
    assert np.abs(factory(nudge)(net, x, right).flat()).max() < 1e-15 / nudge


# Dual propagation


def test_dual_propagation_errs_by_the_square_of_beta_and_can_be_used_at_one():
    net, x, y = example(0, n_samples=16, gain=0.8)
    betas = np.array([0.01, 0.03, 0.1])
    errors = [error(dual_propagation(b), net, x, y) for b in betas]
    assert slope(betas, errors) == pytest.approx(2.0, abs=0.02)
    assert errors[0] < 5e-5
    strong = dual_propagation(1.0)(net, x, y)
    assert 0.05 < sc.relative_error(strong, sc.backprop(net, x, y)) < 0.25
    assert sc.angle_deg(strong, sc.backprop(net, x, y)) < 10


def test_dual_propagation_is_exact_at_every_beta_where_nothing_bends():
    net, x, y = example(0, gain=1.0, activation="linear")
    assert error(dual_propagation(5.0), net, x, y) < 1e-12
    assert error(dual_propagation(5.0), net.replace(activation="tanh"), x, y) > 0.3


def test_the_two_states_of_a_dyad_solve_their_equations():
    net, x, y = example(0, gain=1.5)  # at beta = 1 a full step of the sweeps does not settle here
    beta = 1.0
    rest = dual_propagation(beta).settle(net, x, y)
    states = [
        (phi(a + h / 2), phi(a - h / 2))
        for phi, a, h in zip(net.phis, rest.basal, rest.apical, strict=True)
    ]
    means = [x, *((up + down) / 2 for up, down in states)]
    for i, a in enumerate(rest.basal):
        np.testing.assert_allclose(a, means[i] @ net.weights[i].T + net.biases[i], atol=1e-10)
    for i, h in enumerate(rest.apical[:-1]):
        up, down = states[i + 1]
        np.testing.assert_allclose(h, (up - down) @ net.feedback[i + 1].T, atol=1e-10)
    np.testing.assert_allclose(rest.apical[-1], beta * (y - means[-1]), atol=1e-10)


# Bursts


@pytest.mark.parametrize(("baseline", "order", "bound"), [(0.5, 2, 1e-4), (0.2, 1, 2e-2)])
def test_bursts_err_by_beta_and_by_its_square_at_a_baseline_of_one_half(baseline, order, bound):
    net, x, y = example(0, n_samples=16, gain=0.8)
    betas = np.array([0.001, 0.01, 0.1])
    errors = [error(burst_dependent(b, baseline), net, x, y) for b in betas]
    assert slope(betas, errors) == pytest.approx(order, abs=0.02)
    assert bound / 10 < errors[1] < bound


def test_one_unit_bursts_as_sigma_says():
    net = sc.Network(weights=[[[1.0]]], biases=[[0.0]])
    estimate = burst_dependent(0.5, 0.2)(net, [1.0], [3.0]).weights[0].item()
    p = 1 / (1 + 4 * np.exp(-0.5 * (3 - 1)))  # logit 0.2 = -log 4
    assert estimate == pytest.approx(-(p - 0.2) / (0.2 * 0.8) / 0.5)


def test_bursts_leave_the_event_rates_alone():
    net, x, y = example(0, gain=1.5)
    rest = burst_dependent(3.0).settle(net, x, y)
    assert rest.n_sweeps == 1
    np.testing.assert_array_equal(rest.basal[-1], forward(net, x)[0][-1])


# The conductance circuit


def circuit_by_euler(net, x, y, nudge, calibration, n_steps=6000, dt=0.05):
    """Somatic potentials of the circuit with one hidden layer, from its conductances."""
    leak, basal, apical, dendrite, above = 0.1, 1.0, 0.8, 1.0, 0.8
    (w1, w2), (b1, b2), phi = net.weights, net.biases, net.activation
    teacher = nudge * (leak + basal) / (1 - nudge)
    hidden, output, inter = (np.zeros((len(x), n)) for n in (len(b1), len(b2), len(b2)))
    v_hidden = (x @ w1.T + b1) * (leak + basal + apical) / basal
    for _ in range(n_steps):
        predicted = phi(hidden) @ w2.T + b2
        v_inter = predicted * (leak + dendrite) / dendrite
        v_output = predicted * (leak + basal) / basal
        # a linear output: rates are potentials
        v_apical = (output - calibration * inter) @ net.feedback[1].T
        flow_h = -leak * hidden + basal * (v_hidden - hidden) + apical * (v_apical - hidden)
        flow_o = -leak * output + basal * (v_output - output) + teacher * (y - output)
        flow_i = -leak * inter + dendrite * (v_inter - inter) + above * (output - inter)
        hidden, output, inter = hidden + dt * flow_h, output + dt * flow_o, inter + dt * flow_i
    return hidden, output


@pytest.mark.parametrize("calibration", [1.0, 0.9])
def test_sweeps_find_the_steady_state_of_the_conductances(calibration):
    net, x, y = example(0, sizes=(3, 4, 2), n_samples=2, gain=0.8)
    rest = conductance_microcircuit(0.3, calibration=calibration).settle(net, x, y)
    simulated = circuit_by_euler(net, x, y, 0.3, calibration)
    for a, h, u in zip(rest.basal, rest.apical, simulated, strict=True):
        np.testing.assert_allclose(a + h, u, atol=1e-10)


def test_the_linear_circuit_has_the_error_that_a_linear_solve_gives():
    net, x, y = example(0, sizes=(3, 4, 2), gain=0.8, activation="linear")
    nudge, code = 0.3, conductance_microcircuit(0.3)
    predicted = (x @ net.weights[0].T + net.biases[0]) @ net.weights[1].T + net.biases[1]
    loop = np.eye(2) + nudge * code.attenuation(1) * net.weights[1] @ net.feedback[1]
    exact = np.linalg.solve(loop, nudge * (y - predicted).T).T
    np.testing.assert_allclose(code.settle(net, x, y).apical[-1], exact, atol=1e-10)


def test_the_attenuation_of_a_hop_follows_from_the_conductances():
    code = conductance_microcircuit(0.01)
    assert code.attenuation(1) == pytest.approx((0.8 / 1.9) * (1.1 / 1.9))
    assert code.attenuation(1) == pytest.approx(0.2438, abs=5e-5)
    assert code.attenuation(3) == pytest.approx(code.attenuation(1) ** 3)
    assert code.attenuation(0) == 1.0
    still = conductance_microcircuit(0.01, leak=0, basal=1, apical=1, interneuron_gain=0)
    assert still.attenuation(1) == 0.5


def test_the_circuit_errs_by_its_nudge():
    net, x, y = example(0, n_samples=16, gain=0.8)
    nudges = np.array([0.001, 0.01, 0.1])
    errors = [error(conductance_microcircuit(n), net, x, y) for n in nudges]
    assert slope(nudges, errors) == pytest.approx(1.0, abs=0.02)
    assert 2e-3 < errors[1] < 6e-3


def test_the_raw_circuit_has_the_direction_of_every_layer_but_not_of_all_together():
    net, x, y = example(0, n_samples=16, gain=0.8)
    truth, code = sc.backprop(net, x, y), conductance_microcircuit(1e-3, rescale=False)
    raw = code(net, x, y)
    factors = np.array([code.attenuation(n) for n in (2, 1, 0)])
    for i, factor in enumerate(factors):
        assert sc.cosine(raw.layer(i), truth.layer(i)) > 0.99999
        assert sc.norm_ratio(raw.layer(i), truth.layer(i)) == pytest.approx(factor, rel=1e-3)
    sizes = np.array([np.linalg.norm(truth.layer(i).flat()) for i in range(3)])
    together = factors @ sizes**2 / np.sqrt((sizes @ sizes) * (factors**2 @ sizes**2))
    assert sc.cosine(raw, truth) == pytest.approx(together, abs=1e-3)
    assert together < 0.9


def test_interneurons_two_percent_off_bury_a_small_nudge():
    net, x, y = example(0, n_samples=16, gain=0.8)
    truth = sc.backprop(net, x, y)
    calibrated, off = (
        conductance_microcircuit(0.01, calibration=k)(net, x, y) for k in (1.0, 0.98)
    )
    assert sc.cosine(calibrated.layer(0), truth.layer(0)) > 0.9999
    assert sc.cosine(off.layer(0), truth.layer(0)) < 0.4
    assert sc.cosine(off.layer(2), truth.layer(2)) > 0.999  # nothing is fed back to the output


def test_a_miscalibrated_circuit_errs_by_its_mismatch_over_its_nudge():
    net, x, y = example(0, n_samples=16, gain=0.8)

    def bias(nudge, mismatch):
        off = conductance_microcircuit(nudge, calibration=1 - mismatch)(net, x, y)
        return sc.relative_error(off, conductance_microcircuit(nudge)(net, x, y))

    nudges = np.array([1e-3, 1e-2])
    assert slope(nudges, [bias(n, 1e-3) for n in nudges]) == pytest.approx(-1.0, abs=0.02)
    assert slope(nudges, [bias(1e-2, m) for m in nudges]) == pytest.approx(1.0, abs=0.05)


# What is refused


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: dual_propagation(0), "beta: got 0, expected a finite number above 0"),
        (lambda: dual_propagation(np.nan), "beta: got nan, expected a finite number above 0"),
        (lambda: burst_dependent(-0.1), "beta: got -0.1, expected a finite number above 0"),
        (lambda: burst_dependent(0.1, 0), "baseline: got 0, expected a finite number above 0"),
        (lambda: burst_dependent(0.1, 1), "baseline: got 1.0, expected a share below 1"),
        (lambda: conductance_microcircuit(0), "nudge: got 0, .* above 0 and of at most 1"),
        (lambda: conductance_microcircuit(1.1), "nudge: got 1.1, .* of at most 1"),
        (lambda: conductance_microcircuit(0.1, leak=-1), "leak: got -1, .* of at least 0"),
        (lambda: conductance_microcircuit(0.1, basal=0), "basal: got 0, .* above 0"),
        (lambda: conductance_microcircuit(0.1, apical=0), "apical: got 0, .* above 0"),
        (
            lambda: conductance_microcircuit(0.1, interneuron_gain=1),
            "interneuron_gain: got 1.0, expected a share below 1",
        ),
        (
            lambda: conductance_microcircuit(0.1, calibration=-1),
            "calibration: got -1, .* of at least 0",
        ),
        (lambda: dual_propagation(0.1).attenuation(-1), "n_hops: got -1, expected a whole number"),
        (lambda: SpatialCode(0.1, None, None, None, share=0), "share: got 0, .* above 0"),
    ],
)
def test_a_number_out_of_range_is_refused_by_name(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_data_that_do_not_fit_are_refused():
    net, x, y = example(0)
    code = dual_propagation(0.1)
    with pytest.raises(ValueError, match="x: got shape"):
        code(net, x[:, 1:], y)
    with pytest.raises(ValueError, match="y: got 5 samples, expected 6"):
        code(net, x, y[1:])
    with pytest.raises(ValueError, match="y: got None"):
        code(net, x, None)


@pytest.mark.parametrize(
    ("code", "options", "loudness"),
    [
        (dual_propagation(1.0), {"gain": 3.0}, 1),  # alternates
        (dual_propagation(1.0), {"activation": "squareplus"}, -1000),  # runs away
        (conductance_microcircuit(1.0), {"activation": "linear"}, -1000),
        (conductance_microcircuit(1.0), {"activation": "squareplus"}, -1000),
    ],
)
def test_compartments_that_do_not_come_to_rest_are_no_gradient(code, options, loudness):
    net, x, y = example(0, **options)
    net = net.replace(feedback=[None, *(loudness * b for b in net.feedback[1:])])
    with pytest.raises(sc.ConvergenceError, match="nudge 1 .* Lower the nudge"):
        code(net, x, y)


def test_a_half_step_settles_what_a_full_step_does_not():
    net, x, y = example(0, gain=2.0)
    code = conductance_microcircuit(0.5)
    rest = code.settle(net, x, y)
    means = [x, *(phi(a + h) for phi, a, h in zip(net.phis, rest.basal, rest.apical, strict=True))]
    for i, a in enumerate(rest.basal):
        np.testing.assert_allclose(a, means[i] @ net.weights[i].T + net.biases[i], atol=1e-10)
    np.testing.assert_allclose(rest.apical[-1], 0.5 * (y - rest.basal[-1]), atol=1e-10)
