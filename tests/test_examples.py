"""The smallest networks do what they are there to show."""

import numpy as np
import pytest

import sevenconditions as sc
from sevenconditions import dynamics
from sevenconditions.examples import couple, rotor, row


def flow(net):
    """Eigenvalues of dR/du at silence."""
    x = np.zeros((1, net.sizes[0]))
    return np.linalg.eigvals(dynamics.jacobian(net, x, dynamics.silence(net, 1)))[0]


@pytest.mark.parametrize("weight", [0.5, 1.2])
def test_a_couple_has_the_eigenvalues_of_its_weight(weight):
    np.testing.assert_allclose(np.sort(flow(couple(weight)).real), [1 - weight, 1 + weight])


def test_a_couple_rests_where_the_geometric_series_says():
    rest = sc.settle(couple(0.5, units="linear"), [1.5])
    assert rest.potentials[0].item() == pytest.approx(1.5 / (1 - 0.25))


@pytest.mark.parametrize("excitation", [0.7, 1.3])
def test_a_rotor_has_the_complex_pair_of_its_docstring(excitation):
    values = flow(rotor(excitation, rotation=2.0))
    np.testing.assert_allclose(np.sort_complex(values), [1 - excitation - 2j, 1 - excitation + 2j])


def test_a_rotor_settles_below_one_and_circles_above():
    start = ([[0.1, 0.0]],)
    assert sc.settle(rotor(0.8), [0.0], start=start).converged
    assert not sc.settle(rotor(1.2), [0.0], start=start, quiet=True).converged


@pytest.mark.parametrize("onward", [0.0, 2.0])
def test_a_row_keeps_its_radius_but_not_its_norm(onward):
    loop = row(12, own=0.5, onward=onward).lateral[1]
    assert np.linalg.eigvals(loop) == pytest.approx(0.5)
    assert (np.linalg.norm(loop, 2) > 1) == (onward > 1)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: couple(np.nan), "weight: got nan"),
        (lambda: rotor("1"), "excitation: got '1'"),
        (lambda: row(1, own=0.5, onward=1.0), "n: got 1, expected a whole number of at least 2"),
    ],
)
def test_bad_numbers_are_refused_by_name(make, says):
    with pytest.raises(ValueError, match=says):
        make()
