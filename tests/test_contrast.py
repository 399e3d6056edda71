"""The local product is minus the slope of the energy in each parameter."""

import numpy as np
import pytest
from networks import example

import sevenconditions as sc


@pytest.mark.parametrize(("cancellation", "feedback_gain"), [(0, 1), (1, 1), (0.5, 0.7)])
def test_the_hebbian_product_is_minus_the_slope_of_the_energy(cancellation, feedback_gain):
    net, x, y = example(
        0, sizes=(3, 4, 4, 2), cancellation=cancellation, feedback_gain=feedback_gain
    )
    free = sc.free_phase(net, x)
    # away from rest, where the product does not vanish even under full cancellation
    state = sc.nudged_phase(net, x, y, beta=0.5, start=free)
    slopes = sc.central_differences(lambda n: sc.energy(n, x, state).mean(), net, tied=True)
    np.testing.assert_allclose(sc.hebbian(net, x, state).flat(), -slopes.flat(), atol=1e-8)


def test_a_synapse_sees_only_its_own_two_ends():
    net, x, _ = example(1)
    free = sc.free_phase(net, x)
    before = sc.hebbian(net, x, free).weights[1]
    rates = [v.copy() for v in free.rates]
    rates[1][:, 2] += 0.1  # one unit of layer 2
    moved = sc.Equilibrium(free.potentials, tuple(rates), free.residuals, free.verdict, 0.5, 1e-10)
    changed = np.abs(sc.hebbian(net, x, moved).weights[1] - before).max(axis=1) > 0
    assert np.flatnonzero(changed).tolist() == [2]
