"""Condition 2: the energy, its descent, the defect, the rotation dial, the exact identity."""

import numpy as np
import pytest
from networks import SMOOTH, example

import sevenconditions as sc
from sevenconditions.energy import asymmetry_error, cost, integrability_defect, rotate

KINDS = [(0.0, 1.0), (1.0, 1.0), (0.5, 0.7), (0.0, 0.3)]


@pytest.mark.parametrize("activation", SMOOTH)
@pytest.mark.parametrize(("cancellation", "feedback_gain"), KINDS)
def test_the_dynamics_are_the_slope_of_the_energy_in_the_metric(
    activation, cancellation, feedback_gain
):
    net, x, _ = example(
        0,
        activation=activation,
        output="tanh",
        cancellation=cancellation,
        feedback_gain=feedback_gain,
        n_samples=2,
    )
    rng = np.random.default_rng(1)
    u = tuple(rng.standard_normal((2, n)) for n in net.sizes[1:])
    motion = sc.dynamics.residual(net, x, u)
    for layer, phi in enumerate(net.phis):
        slope = phi.derivative(u[layer]) * net.metric[layer] * motion[layer]
        for unit in range(net.sizes[layer + 1]):
            energies = []
            for sign in (1.0, -1.0):
                moved = [part.copy() for part in u]
                moved[layer][:, unit] += sign * 1e-5
                energies.append(sc.energy(net, x, tuple(moved)))
            measured = (energies[0] - energies[1]) / 2e-5
            np.testing.assert_allclose(measured, slope[:, unit], atol=4e-8)


@pytest.mark.parametrize("cancellation", [0.0, 1.0])
@pytest.mark.parametrize("activation", SMOOTH)
@pytest.mark.parametrize("seed", range(2))
def test_the_energy_never_rises_along_the_flow(cancellation, activation, seed):
    net, x, _ = example(seed, cancellation=cancellation, activation=activation)
    rest = sc.settle(net, x, dt=0.1, record=True)
    along = sc.energy(net, x, rest.trajectory)
    rounding = sum(net.sizes) * np.finfo(float).eps  # E is a sum of so many terms of order 1
    assert np.diff(along, axis=0).max() <= rounding
    assert (along[0] - along[-1] > 1e-3).all()


def test_the_total_energy_never_rises_under_a_nudge():
    net, x, y = example(2)
    free = sc.free_phase(net, x)
    plus = sc.nudged_phase(net, x, y, beta=0.5, start=free, dt=0.1, record=True)
    stages = [
        sc.Equilibrium(u, sc.dynamics.rates(net, u), *[None] * 4)
        for u in zip(*plus.trajectory, strict=True)
    ]
    along = np.array([sc.total_energy(net, x, y, s, beta=0.5) for s in stages])
    assert np.diff(along, axis=0).max() <= 1e-13
    assert (along[0] > along[-1]).all()


def test_rotation_makes_the_energy_rise():
    net, x, _ = example(3, sizes=(8, 10, 5))
    turned = rotate(net, 3.0, rng=np.random.default_rng(0))
    rest = sc.settle(turned, x, dt=0.02, record=True, max_steps=8000)
    assert np.diff(sc.energy(turned, x, rest.trajectory), axis=0).max() > 1e-4


@pytest.mark.parametrize("activation", SMOOTH)
def test_full_cancellation_makes_a_sum_of_gaps_that_vanishes_at_the_forward_pass(activation):
    net, x, _ = example(4, activation=activation, cancellation=1.0)
    rest = sc.settle(net, x, tol=1e-12)
    assert np.abs(sc.energy(net, x, rest)).max() < 1e-12
    elsewhere = tuple(u + 0.3 for u in rest.potentials)
    assert (sc.energy(net, x, elsewhere) > 1e-3).all()


@pytest.mark.parametrize(("cancellation", "feedback_gain"), KINDS)
def test_symmetric_feedback_has_no_defect_in_the_right_metric(cancellation, feedback_gain):
    net, x, _ = example(5, cancellation=cancellation, feedback_gain=feedback_gain)
    assert integrability_defect(net, x, sc.settle(net, x, tol=1e-13)).max() < 1e-13
    turned = rotate(net, 0.4, rng=np.random.default_rng(0))
    assert integrability_defect(turned, x, sc.settle(turned, x)).min() > 1e-2


@pytest.mark.parametrize("feedback_gain", [1.0, 0.4])
@pytest.mark.parametrize("strength", [1e-3, 0.1, 1.0])
def test_the_asymmetry_identity_holds_to_rounding(strength, feedback_gain):
    net, x, y = example(6, feedback_gain=feedback_gain)
    net = rotate(net, strength, rng=np.random.default_rng(0))
    left, right = asymmetry_error(net, x, y, sc.settle(net, x))
    assert np.abs(left - right).max() < 1e-13
    assert np.abs(left).max() > 0.05 * strength * feedback_gain**2


def test_the_asymmetry_error_grows_in_proportion_to_the_rotation():
    net, x, y = example(7)
    sizes = []
    for strength in (1e-4, 1e-3, 1e-2):
        turned = rotate(net, strength, rng=np.random.default_rng(0))
        left, _ = asymmetry_error(turned, x, y, sc.settle(turned, x, tol=1e-13))
        sizes.append(np.linalg.norm(left))
    slopes = np.diff(np.log10(sizes))
    np.testing.assert_allclose(slopes, 1.0, atol=0.02)


def test_rotation_at_full_cancellation_leaves_the_forward_pass():
    net, x, _ = example(8, cancellation=1.0)
    turned = rotate(net, 0.5, rng=np.random.default_rng(0))
    np.testing.assert_allclose(
        sc.settle(turned, x, tol=1e-12).rates[-1],
        sc.settle(net, x, tol=1e-12).rates[-1],
        atol=1e-10,
    )


def test_the_cost_is_half_the_squared_distance():
    net, x, y = example(9)
    free = sc.settle(net, x)
    by_hand = [
        0.5 * sum((v - t) ** 2 for v, t in zip(a, b, strict=True))
        for a, b in zip(free.rates[-1], y, strict=True)
    ]
    np.testing.assert_allclose(cost(y, free), by_hand)


def test_what_has_no_meaning_is_refused():
    net, x, y = example(10)
    free = sc.settle(net, x)
    with pytest.raises(ValueError, match="y: got shape"):
        cost(y[:, :2], free)
    with pytest.raises(ValueError, match="y: got 2 samples, expected 6"):
        cost(y[:2], free)
    with pytest.raises(ValueError, match="strength: got nan"):
        rotate(net, np.nan, rng=np.random.default_rng(0))
    with pytest.raises(ValueError, match="expected a hidden layer of 2 units or more"):
        rotate(sc.Network(weights=[[[1.0]]], biases=[[0.0]]), 0.1, rng=np.random.default_rng(0))
    hard = example(10, activation="hard_sigmoid")[0]
    with pytest.raises(ValueError, match="units with phi' = 0"):
        integrability_defect(hard, x, sc.settle(hard, x))
