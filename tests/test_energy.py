"""Condition 2: the energy, its descent, the defect, the rotation dial, the exact identity."""

import sys

import numpy as np
import pytest
from networks import SMOOTH, example

import sevenconditions as sc
from sevenconditions import dynamics, feedback, settling, solvers
from sevenconditions.energy import (
    asymmetry_error,
    conservative,
    cost,
    homeostasis,
    integrability_defect,
    reciprocity_error,
    repaired,
    rotate,
    rotated,
)

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


OWN = sc.ALL_HOLD._replace(
    architecture=sc.architecture.hopfield,
    settling=settling.exact(),
    nudging=sc.nudging.centered(1e-4),
)


def own_error(net, x, y, recipe, *, tied=True):
    """Relative error against the equilibrium's own gradient."""
    ready = sc.recipe.prepared(net, recipe).free
    truth = sc.recurrent_backprop(ready, x, y, tied=tied)
    return sc.relative_error(sc.estimate_gradient(net, x, y, recipe), truth)


@pytest.mark.parametrize("build", [sc.feedback.mixed(0.3, seed=5), sc.feedback.random(seed=3)])
@pytest.mark.parametrize("seed", range(3))
def test_the_repair_gives_asymmetric_networks_their_own_gradient(build, seed):
    net, x, y = example(seed, gain=0.4)
    mended = OWN._replace(feedback=build, energy=repaired)
    broken = OWN._replace(feedback=build)
    assert own_error(net, x, y, mended) < 1e-7
    assert own_error(net, x, y, broken) > 0.1
    limit = mended._replace(nudging=sc.nudging.infinitesimal())
    assert own_error(net, x, y, limit) < 1e-13


@pytest.mark.parametrize("strength", [0.3, 1.0, 3.0])
@pytest.mark.parametrize("gain", [1.0, 0.4])
def test_the_repair_holds_at_every_rotation_and_every_feedback_gain(strength, gain):
    net, x, y = example(4, gain=0.4)
    recipe = OWN._replace(
        architecture=sc.architecture.weak_feedback(gain),
        energy=lambda n: repaired(rotated(strength, seed=1)(n)),
        nudging=sc.nudging.infinitesimal(),
    )
    assert own_error(net, x, y, recipe) < 1e-12
    broken = recipe._replace(energy=rotated(strength, seed=1))
    assert own_error(net, x, y, broken) > 0.05


def test_the_repaired_response_also_serves_weights_whose_feedback_stays():
    net, x, y = example(5, gain=0.4)
    recipe = OWN._replace(
        feedback=sc.feedback.random(seed=2), energy=repaired,
        contrast=sc.contrast.post_change, nudging=sc.nudging.infinitesimal(),
    )  # fmt: skip
    assert own_error(net, x, y, recipe, tied=False) < 1e-12
    assert own_error(net, x, y, recipe, tied=True) > 0.1


def test_the_free_state_stays_at_rest_in_the_mirrored_network():
    net, x, y = example(6, gain=0.4)
    recipe = OWN._replace(feedback=sc.feedback.random(seed=1), energy=repaired)
    recipe = recipe._replace(nudging=sc.nudging.centered(1e-6))
    read = sc.take_phases(net, x, y, recipe)
    free, nudged = read.states[:2]
    moved = max(np.abs(a - b).max() for a, b in zip(free.rates, nudged.rates, strict=True))
    assert moved < 1e-5
    alone = solvers.newton(sc.recipe.prepared(net, recipe).nudged, x, start=free)  # no current
    gone = max(np.abs(a - b).max() for a, b in zip(free.rates, alone.rates, strict=True))
    assert gone > 0.1


def test_the_repair_is_refused_under_cancellation():
    net, x, y = example(7, cancellation=0.5)
    with pytest.raises(ValueError, match=r"cancellation 0\.5, expected 0: only there"):
        repaired(net)


@pytest.mark.parametrize("c", [0.0, 1.0])
def test_rotation_turns_the_estimate_away_from_the_equilibrium_gradient(c):
    net, x, y = example(8, gain=0.4)
    errors = [
        own_error(
            net, x, y,
            OWN._replace(
                architecture=sc.architecture.cancelling(c), energy=rotated(a, seed=1),
                nudging=sc.nudging.infinitesimal(),
            ),
        )
        for a in (0.0, 1e-3, 1e-2, 0.4)
    ]  # fmt: skip
    assert errors[0] < 1e-13
    assert errors[2] / errors[1] == pytest.approx(10, rel=0.02)
    assert errors[3] > 0.05


def test_rotation_at_full_cancellation_leaves_forward_pass_and_gradient_alone():
    net, x, y = example(9, gain=0.7, cancellation=1.0)
    turned = rotated(0.5, seed=2)(net)
    free, there = (sc.solvers.newton(n, x) for n in (net, turned))
    assert max(np.abs(a - b).max() for a, b in zip(free.rates, there.rates, strict=True)) < 1e-13
    before, after = (sc.recurrent_backprop(n, x, y) for n in (net, turned))
    assert sc.relative_error(after, before) < 1e-12


@pytest.mark.parametrize(("activation", "output"), [("tanh", "linear"), ("logistic", "tanh")])
@pytest.mark.parametrize(("c", "gain"), [(0.0, 1.0), (1.0, 1.0), (0.5, 0.4)])
@pytest.mark.parametrize("seed", range(3))
def test_the_asymmetry_identity_holds_under_every_asymmetry_at_once(
    activation, output, c, gain, seed
):
    net, x, y = example(
        seed, activation=activation, output=output, cancellation=c, feedback_gain=gain
    )
    net = rotated(0.8, seed=1)(sc.feedback.mixed(0.3, seed=2)(net))
    measured, predicted = asymmetry_error(net, x, y, sc.solvers.newton(net, x))
    assert np.linalg.norm(measured - predicted) < 1e-13 * np.linalg.norm(measured)
    assert np.linalg.norm(measured) > 1e-2


@pytest.mark.parametrize("c", [0.0, 1.0])
def test_homeostasis_descends_the_asymmetry_and_aligns_feedback(c):
    net, x, _ = example(3, gain=0.5, cancellation=c, n_samples=16)
    bent = sc.feedback.mixed(0.5, seed=1)(net)
    free = sc.solvers.newton(bent, x)
    healed = homeostasis(bent, x, free)
    before, after = (integrability_defect(n, x, free).mean() for n in (bent, healed))
    assert before > 0.1 and after < 1e-6
    assert (sc.feedback.alignment(bent) < 0.8).all()
    assert (sc.feedback.alignment(healed) > 0.999).all()
    few = homeostasis(bent, x, free, n_steps=2)
    assert after < integrability_defect(few, x, free).mean() < before


def test_the_conservative_setting_makes_lateral_matrices_symmetric():
    net, x, _ = example(1, gain=0.4)
    turned = rotated(0.8, seed=3)(net)
    lateral = [None if a is None else a + 0.1 * np.eye(len(a)) for a in turned.lateral]
    mended = conservative(net.replace(lateral=lateral))
    np.testing.assert_allclose(mended.lateral[1], 0.1 * np.eye(10), atol=1e-15)
    assert integrability_defect(mended, x, sc.settle(mended, x)).max() < 1e-15
    assert integrability_defect(turned, x, sc.settle(turned, x)).min() > 1e-2


def halved_square_of_the_skew_part(net, x, state):
    slopes = [phi.derivative(u) for phi, u in zip(net.phis, state.potentials, strict=True)]
    local = dynamics.jacobian(net, x, state.potentials) / np.concatenate(slopes, 1)[:, None]
    weighted = np.repeat(net.metric, net.sizes[1:])[:, None] * local
    return 0.5 * ((weighted - weighted.transpose(0, 2, 1)) ** 2).sum(axis=(1, 2)).mean()


def test_homeostasis_steps_along_the_slope_of_the_asymmetry():
    net, x, _ = example(2, sizes=(3, 4, 3, 2), gain=1.0, cancellation=0.5, feedback_gain=0.7)
    bent = feedback.mixed(0.5, seed=1)(net)
    free = solvers.newton(bent, x)
    moved = homeostasis(bent, x, free, n_steps=1)
    for i in (1, 2):

        def loss(step, i=i):
            parts = [None if b is None else b.copy() for b in bent.feedback]
            parts[i] += step
            return halved_square_of_the_skew_part(bent.replace(feedback=parts), x, free)

        slope = np.zeros_like(bent.feedback[i])
        for index in np.ndindex(slope.shape):
            unit = np.zeros_like(slope)
            unit[index] = 1e-5
            slope[index] = (loss(unit) - loss(-unit)) / 2e-5
        assert sc.cosine(bent.feedback[i] - moved.feedback[i], slope) > 1 - 1e-9


def test_homeostasis_never_steps_too_far_however_large_the_weights():
    net, x, _ = example(3, gain=4.0, cancellation=1.0, activation="linear")
    bent = feedback.mixed(0.5, seed=1)(net)
    free = solvers.newton(bent, x)
    course = [
        halved_square_of_the_skew_part(homeostasis(bent, x, free, n_steps=k, rate=1.0),
                                       x, free)
        for k in range(6)
    ]  # fmt: skip
    assert (np.diff(course) < 0).all()


def test_the_defect_of_two_units_is_what_the_formula_gives_by_hand():
    net = sc.Network(
        weights=[[[1.0]], [[2.0]]], biases=[[0.0], [0.0]], feedback=[None, [[0.5]]],
        activation="linear",
    )  # fmt: skip
    state = sc.Equilibrium((np.zeros((1, 1)),) * 2, (np.zeros((1, 1)),) * 2, *[None] * 4)
    found = integrability_defect(net, [1.0], state).item()
    assert found == pytest.approx(np.sqrt(2 * 1.5**2 / (2 * 2.0**2 + 2 * 2.5**2)))


def test_reciprocity_compares_the_nudged_response_with_the_free_adjoint():
    net, x, y = example(4, n_samples=1, output="tanh")
    other = feedback.random(seed=1)(net)
    free = solvers.newton(net, x)
    slopes = np.concatenate(
        [phi.derivative(u) for phi, u in zip(net.phis, free.potentials, strict=True)], axis=1
    )[0]
    here, there = (dynamics.jacobian(n, x, free.potentials)[0] / slopes for n in (net, other))
    pull = np.zeros(23)
    pull[-5:] = (free.rates[-1] - y)[0]
    response_, adjoint = np.linalg.solve(there, pull), np.linalg.solve(here.T, pull)
    found = reciprocity_error(sc.network.PhaseNetworks(net, other), x, y, free)
    assert found == pytest.approx(sc.relative_error(response_, adjoint), rel=1e-9)


def test_a_seed_of_rotation_shares_its_matrices_with_no_other_draw():
    net, *_ = example(0)
    mine = rotated(0.5, seed=5)(net).lateral[1]
    np.testing.assert_array_equal(mine, rotated(0.5, seed=5)(net).lateral[1])
    other = rotate(net, 0.5, rng=np.random.default_rng(5)).lateral[1]
    assert abs(sc.cosine(mine, other)) < 0.5


def test_a_hidden_layer_of_one_unit_is_left_without_rotation():
    net, *_ = example(0, sizes=(3, 1, 4, 2))
    lateral = rotate(net, 0.5, rng=np.random.default_rng(0)).lateral
    assert lateral[1] is None and lateral[3] is None
    assert np.linalg.norm(lateral[2], 2) == pytest.approx(0.5)


def dense_defect(net, x, state):
    slopes = [phi.derivative(u) for phi, u in zip(net.phis, state.potentials, strict=True)]
    local = dynamics.jacobian(net, x, state.potentials) / np.concatenate(slopes, 1)[:, None]
    weighted = np.repeat(net.metric, net.sizes[1:])[:, None] * local
    flipped = weighted.transpose(0, 2, 1)
    return np.linalg.norm(weighted - flipped, axis=(1, 2)) / np.linalg.norm(
        weighted + flipped, axis=(1, 2)
    )


@pytest.mark.parametrize("parts", [1, 3])
@pytest.mark.parametrize("lateral", [None, "even", "askew"])
@pytest.mark.parametrize("scheme", [None, "mixed", "random"])
@pytest.mark.parametrize("c", [0.0, 0.5, 1.0])
def test_the_defect_by_blocks_is_that_of_the_whole_jacobian(monkeypatch, c, scheme, lateral, parts):
    monkeypatch.setattr(sys.modules["sevenconditions.energy"], "_AT_ONCE", 600 // parts)
    net, x, _ = example(3, cancellation=c, feedback_gain=0.6, output="tanh")
    if scheme:
        net = (feedback.mixed(1e-6, seed=1) if scheme == "mixed" else feedback.random(seed=1))(net)
    rng = np.random.default_rng(0)
    if lateral:
        draws = [rng.standard_normal((n, n)) / n for n in net.sizes[1:]]
        draws = [a if lateral == "askew" else a + a.T for a in draws]
        net = net.replace(lateral=[None, *draws])
    u = tuple(rng.standard_normal((6, n)) for n in net.sizes[1:])
    state = sc.Equilibrium(u, dynamics.rates(net, u), *[None] * 4)
    found, dense = integrability_defect(net, x, state), dense_defect(net, x, state)
    np.testing.assert_allclose(found, dense, rtol=1e-9, atol=1e-16)


def test_a_wide_network_has_its_diagnostics_without_a_dense_jacobian(monkeypatch):
    net, x, y = example(3, sizes=(4, 70, 40, 66, 3), gain=0.5, n_samples=3)
    bent = feedback.mixed(0.3, seed=1)(net)
    free = sc.free_phase(bent, x, tol=1e-13)
    networks = sc.network.PhaseNetworks(bent, bent), repaired(bent)
    local = dynamics.jacobian(bent, x, free.potentials)
    slopes = np.concatenate(
        [phi.derivative(u) for phi, u in zip(net.phis, free.potentials, strict=True)], axis=1
    )
    pull = np.zeros((*local.shape[:2], 1))
    pull[:, -3:, 0] = free.rates[-1] - y
    moved = slopes * np.linalg.solve(local, pull)[:, :, 0]
    adjoint = np.linalg.solve(local.transpose(0, 2, 1), slopes[:, :, None] * pull)[:, :, 0]
    expected, defect = sc.relative_error(moved, adjoint), dense_defect(bent, x, free)
    monkeypatch.setattr(dynamics, "jacobian", None)
    assert reciprocity_error(networks[0], x, y, free) == pytest.approx(expected, rel=1e-9)
    assert reciprocity_error(networks[1], x, y, free) < 1e-11
    np.testing.assert_allclose(integrability_defect(bent, x, free), defect, rtol=1e-9)


def test_reciprocity_is_exact_where_there_is_an_energy_and_measured_elsewhere():
    net, x, y = example(3, gain=0.3)
    even = [None, *(0.1 * np.ones((n, n)) for n in net.sizes[1:])]
    for c, exact in ((0.0, True), (0.5, False)):  # under cancellation a lateral matrix has none
        turned = net.replace(lateral=even, cancellation=c)
        free = solvers.newton(turned, x)
        error = reciprocity_error(sc.network.PhaseNetworks(turned, turned), x, y, free)
        assert (error == 0.0) if exact else (error > 1e-3)


def test_symmetric_lateral_weights_are_in_the_energy_and_a_rotation_is_not(rng):
    from sevenconditions.examples import rotor

    net, start = rotor(2.0, rotation=0.0), (rng.standard_normal((5, 2)),)
    still = np.zeros((5, 1))
    run = sc.settle(net, still, start=start, dt=0.1, max_steps=300, record=True, quiet=True)
    assert np.diff(sc.energy(net, still, run.trajectory), axis=0).max() <= 1e-12
    turned = net.replace(lateral=[None, net.lateral[1] + [[0.0, -3.0], [3.0, 0.0]]])
    same = sc.energy(turned, still, run), sc.energy(net, still, run)
    np.testing.assert_allclose(*same, rtol=1e-12)


def test_the_slope_of_the_energy_with_lateral_weights_is_the_residual(rng):
    net = sc.layered((3, 4, 2), gain=0.5, rng=rng)
    half = rng.standard_normal((4, 4)) / 4
    net = net.replace(lateral=[None, half + half.T, None])
    x, u = rng.standard_normal((1, 3)), [rng.standard_normal((1, n)) for n in (4, 2)]
    slopes = np.concatenate([p.derivative(v) for p, v in zip(net.phis, u, strict=True)], axis=1)
    force = np.concatenate(dynamics.residual(net, x, u), axis=1) * slopes
    for i in range(4):
        there, back = (u[0].copy() for _ in range(2))
        there[0, i] += 1e-6
        back[0, i] -= 1e-6
        up, down = (sc.energy(net, x, (each, u[1]))[0] for each in (there, back))
        assert abs((up - down) / 2e-6 - force[0, i]) < 1e-8
