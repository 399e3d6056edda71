"""Free and nudged states, and the gradient that their difference holds."""

import numpy as np
import pytest
from networks import SMOOTH, example

import sevenconditions as sc


def test_the_nudged_output_lies_between_the_free_output_and_the_target():
    net = sc.Network(weights=[[[2.0]]], biases=[[0.0]])
    free = sc.free_phase(net, [1.0])
    for beta in (0.1, 1.0, 10.0):
        plus = sc.nudged_phase(net, [1.0], [0.0], beta=beta, start=free)
        assert plus.rates[-1].item() == pytest.approx(2.0 / (1.0 + beta), abs=1e-8)


def test_a_nudge_of_zero_is_refused():
    net, x, y = example(0)
    with pytest.raises(ValueError, match="beta: got 0, expected a nudge different from 0"):
        sc.nudged_phase(net, x, y, beta=0, start=sc.free_phase(net, x))


def test_the_nudged_phase_starts_where_the_free_phase_ended():
    net, x, y = example(1)
    free = sc.free_phase(net, x)
    plus = sc.nudged_phase(net, x, y, beta=0.1, start=free, record=True)
    np.testing.assert_array_equal(plus.trajectory[0][0], free.potentials[0])


@pytest.mark.parametrize("activation", SMOOTH)
@pytest.mark.parametrize("cancellation", [0.0, 1.0])
def test_settled_phases_hold_the_gradient_and_unsettled_ones_do_not(activation, cancellation):
    net, x, y = example(2, activation=activation, cancellation=cancellation)
    truth = sc.recurrent_backprop(net, x, y, tied=True)
    settled = contrast(net, x, y, tol=1e-13)
    assert sc.relative_error(settled, truth) < 1e-6
    with pytest.warns(sc.ConvergenceWarning):
        truncated = contrast(net, x, y, tol=1e-13, max_steps=3)
    assert sc.relative_error(truncated, truth) > 0.1


def contrast(net, x, y, **options):
    free = sc.free_phase(net, x, tol=1e-13)
    plus, minus = (sc.nudged_phase(net, x, y, beta=b, start=free, **options) for b in (1e-4, -1e-4))
    return sc.hebbian(net, x, minus).minus(sc.hebbian(net, x, plus), over=2e-4)
