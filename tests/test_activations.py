"""phi, its derivative, G and G* against central differences and Legendre's equality."""

import numpy as np
import pytest

import sevenconditions as sc
from sevenconditions import ACTIVATIONS

POINTS = np.linspace(-3.0, 3.0, 41) + 0.013
STEP = 1e-6


def slope(function, at):
    return (function(at + STEP) - function(at - STEP)) / (2 * STEP)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_derivative_is_the_slope_of_the_rate(name):
    phi = sc.activation(name)
    np.testing.assert_allclose(phi.derivative(POINTS), slope(phi, POINTS), atol=1e-8)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_conjugate_has_the_rate_as_its_slope(name):
    phi = sc.activation(name)
    np.testing.assert_allclose(phi(POINTS), slope(phi.conjugate, POINTS), atol=1e-8)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_primitive_has_the_inverse_as_its_slope(name):
    phi = sc.activation(name)
    rates = phi(np.linspace(0.1, 0.9, 9))
    np.testing.assert_allclose(phi.inverse(rates), slope(phi.primitive, rates), atol=1e-7)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_primitive_and_conjugate_meet_in_legendres_equality(name):
    phi = sc.activation(name)
    gap = phi.primitive(phi(POINTS)) + phi.conjugate(POINTS) - phi(POINTS) * POINTS
    np.testing.assert_allclose(gap, 0.0, atol=1e-12)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_fenchel_young_gap_is_never_negative(name):
    phi = sc.activation(name)
    rates = phi(POINTS)[:, None]
    gap = phi.primitive(rates) + phi.conjugate(POINTS) - rates * POINTS
    assert gap.min() > -1e-12
    assert gap.max() > 0.1


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_slope_bound_bounds_the_slope_and_is_reached(name):
    phi = sc.activation(name)
    steepest = phi.derivative(np.linspace(-60, 60, 12001)).max()
    assert steepest <= phi.slope_bound + 1e-12
    assert steepest > 0.999 * phi.slope_bound


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_extreme_potentials_stay_finite(name):
    phi = sc.activation(name)
    for function in (phi, phi.derivative, phi.conjugate):
        assert np.isfinite(function(np.array([-800.0, 800.0]))).all()


@pytest.mark.parametrize("name", ["tanh", "logistic", "linear", "squareplus"])
def test_smooth_activations_continue_to_complex_potentials(name):
    phi = sc.activation(name)
    tilted = phi(POINTS + 1e-20j)
    np.testing.assert_allclose(tilted.imag / 1e-20, phi.derivative(POINTS), rtol=1e-12)


def test_hard_sigmoid_is_dead_outside_its_bounds_and_says_so():
    phi = sc.activation("hard_sigmoid")
    assert not phi.analytic
    assert phi.derivative(np.array([-0.1, 0.5, 1.1])).tolist() == [0.0, 1.0, 0.0]


@pytest.mark.parametrize("name", ["relu", "", None, 3])
def test_unknown_activation_is_refused_with_the_list(name):
    with pytest.raises(ValueError, match="activation: got .* expected one of tanh, logistic"):
        sc.activation(name)
