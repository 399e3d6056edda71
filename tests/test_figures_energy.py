"""Figures of chapter 2: what they say is what the numbers are."""

import numpy as np
import pytest

import sevenconditions as sc
from sevenconditions import Gradient
from sevenconditions.examples import rotor
from sevenconditions.figures import both_ways, landscape, response_view

WORDS = {"title": "A title", "caption": "A caption."}


def walk(pair, **options):
    how = {"start": ([[1.2, -0.4]],), "dt": 0.1, "max_steps": 300, "tol": 1e-4}
    return sc.settle(pair, [0.0], record=True, quiet=True, **(how | options))


def test_answers_both_ways_are_compared_pair_by_pair():
    drawn = both_ways([[8, 4, 2], [2, 8, 4], [4, 2, 8]], reach=5, **WORDS)
    assert dict(drawn.readouts)["largest difference"] == "2.000"
    assert "3 pairs" in drawn.description


def test_equal_answers_say_so_without_digits_of_rounding():
    drawn = both_ways([[1.0, 0.5], [0.5 + 1e-9, 1.0]], reach=1, **WORDS)
    assert set(dict(drawn.readouts).values()) == {"below 0.001"}


def test_response_view_measures_the_response_against_the_adjoint():
    g = Gradient((np.eye(2),), (np.ones(2),))
    drawn = response_view([1.0, 1.0], [1.0, 0.0], g, g, readouts={"defect": "0.1"}, **WORDS)
    assert dict(drawn.readouts)["response error"] == "1"
    assert list(drawn.readouts)[0] == "defect"
    assert "2 units" in drawn.description


def test_a_response_that_is_right_says_so_without_digits_of_rounding():
    g = Gradient((np.eye(2),), (np.ones(2),))
    drawn = response_view([1.0, 1e-17], [1.0, 0.0], g, g, **WORDS)
    assert dict(drawn.readouts)["response error"] == "below 1e-6"


@pytest.mark.parametrize("excitation", [0.5, 2.0])
def test_without_rotation_the_landscape_only_falls(excitation):
    pair = rotor(excitation, rotation=0.0)
    drawn = landscape(pair, [0.0], walk(pair), **WORDS)
    assert dict(drawn.readouts)["largest rise"] == "none"


def test_with_strong_rotation_the_height_rises_too():
    pair = rotor(2.0, rotation=1.0)
    drawn = landscape(pair, [0.0], walk(pair), **WORDS)
    assert float(dict(drawn.readouts)["largest rise"]) > 0
    assert "ends as oscillating" in drawn.description


def test_the_height_is_the_energy_where_no_unit_excites_itself():
    pair = rotor(0.0)
    run = walk(pair, max_steps=20)
    drawn = landscape(pair, [0.0], run, **WORDS)
    height = sc.energy(pair, [0.0], run.trajectory)[-1, 0]
    assert dict(drawn.readouts)["height at the end"] == f"{height:.3f}"


@pytest.mark.parametrize(("excitation", "valleys", "hills"), [(0.5, 1, 0), (2.0, 4, 1)])
def test_the_landscape_names_its_valleys_and_hills(excitation, valleys, hills):
    pair = rotor(excitation, rotation=0.0)
    drawn = landscape(pair, [0.0], walk(pair), **WORDS)
    assert drawn.description.endswith(f"Valleys: {valleys}, hills: {hills}.")
