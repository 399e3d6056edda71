"""Comparing gradients: direction and size."""

import numpy as np
import pytest

import sevenconditions as sc


def test_angle_survives_where_the_cosine_rounds_to_one():
    a = np.array([1.0, 0.0])
    assert sc.angle_deg(a, np.array([1.0, 1e-10])) == pytest.approx(np.degrees(1e-10), rel=1e-6)


def test_angle_and_cosine_agree_elsewhere():
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((2, 20))
    assert np.cos(np.radians(sc.angle_deg(a, b))) == pytest.approx(sc.cosine(a, b), abs=1e-14)


def test_scale_is_seen_by_the_error_and_the_ratio_but_not_by_the_cosine():
    a = np.array([1.0, -2.0, 0.5])
    assert sc.cosine(3 * a, a) == pytest.approx(1.0)
    assert sc.norm_ratio(3 * a, a) == pytest.approx(3.0)
    assert sc.relative_error(3 * a, a) == pytest.approx(2.0)


def test_a_zero_gradient_has_no_angle():
    assert np.isnan(sc.angle_deg(np.zeros(3), np.ones(3)))
    assert np.isnan(sc.cosine(np.zeros(3), np.ones(3)))


def test_one_layer_of_a_gradient_is_its_weights_and_its_bias():
    g = sc.Gradient((np.ones((2, 1)), 2 * np.ones((1, 2))), (np.zeros(2), np.ones(1)))
    assert g.layer(1).flat().tolist() == [2.0, 2.0, 1.0]
    assert g.minus(g).flat().tolist() == [0.0] * 7
