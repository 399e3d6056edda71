"""Batched Krylov methods against dense linear algebra, sample by sample."""

import numpy as np
import pytest

from sevenconditions import krylov

N = 30


def largest(values):
    return np.abs(values).argmax(axis=1)[:, None]


@pytest.fixture
def matrices(rng):
    """Three matrices whose Krylov spaces end after 30, 4 and 1 steps."""
    full = 0.6 * rng.standard_normal((N, N)) / np.sqrt(N)
    thin = rng.standard_normal((N, 3)) @ rng.standard_normal((3, N)) / N
    return np.eye(N) - np.array([full, thin, 0.5 * np.eye(N)])


def products(matrices):
    return lambda v: (matrices @ v[:, :, None])[:, :, 0]


@pytest.mark.parametrize("kind", [float, complex])
def test_minimal_residuals_solve_each_sample_whatever_its_space(matrices, rng, kind):
    if kind is complex:
        matrices = matrices + 0.2j * rng.standard_normal((N, N)) / np.sqrt(N)
    rhs = rng.standard_normal((3, N)).astype(kind)
    found = krylov.minimal_residual(products(matrices), rhs, tol=1e-13, max_steps=N)
    np.testing.assert_allclose(
        found, np.linalg.solve(matrices, rhs[:, :, None])[:, :, 0], atol=1e-11
    )


def test_a_sample_without_a_right_hand_side_stays_at_zero(matrices, rng):
    rhs = rng.standard_normal((3, N))
    rhs[1] = 0.0
    spd = matrices @ matrices.transpose(0, 2, 1)
    for method, system in (
        (krylov.minimal_residual, matrices),
        (krylov.conjugate_gradients, spd),
    ):
        found = method(products(system), rhs, tol=1e-12, max_steps=60)
        assert not found[1].any()
        np.testing.assert_allclose(found[0], np.linalg.solve(system[0], rhs[0]), rtol=1e-7)


def test_few_steps_of_minimal_residuals_leave_the_smallest_residual_there_is(matrices, rng):
    rhs = rng.standard_normal((3, N))
    found = krylov.minimal_residual(products(matrices), rhs, tol=1e-15, max_steps=4)[0]
    space = [rhs[0]]
    for _ in range(3):
        space.append(matrices[0] @ space[-1])
    best = np.linalg.lstsq(matrices[0] @ np.array(space).T, rhs[0], rcond=None)[0]
    np.testing.assert_allclose(found, best @ np.array(space), atol=1e-10)


def test_conjugate_gradients_stop_where_a_matrix_is_not_positive(rng):
    spread = np.geomspace(0.1, 10.0, N)
    signs = np.where(np.arange(N) < 3, -1.0, 1.0)
    system = np.array([np.diag(spread), np.diag(spread * signs)])
    rhs = rng.standard_normal((2, N))
    found = krylov.conjugate_gradients(products(system), rhs, tol=1e-13, max_steps=100)
    np.testing.assert_allclose(found[0], rhs[0] / spread, rtol=1e-9)
    assert np.isfinite(found[1]).all()
    assert np.abs(found[1] * spread * signs - rhs[1]).max() > 1e-3


def test_real_ends_are_those_of_the_dense_spectrum(matrices):
    symmetric = 0.5 * (matrices + matrices.transpose(0, 2, 1))
    ends, errors = krylov.real_ends(products(symmetric), 3, N, tol=1e-12, max_steps=N)
    dense = np.linalg.eigvalsh(symmetric)
    np.testing.assert_allclose(ends, dense[:, [0, -1]], atol=1e-13)
    assert (errors < 1e-11).all()


def test_an_exhausted_space_adds_no_eigenvalue_of_its_own():
    # 0 is not an eigenvalue, and the first sample has but one direction
    spectra = np.array([np.full(N, 3.0), np.linspace(2.0, 5.0, N)])
    ends, _ = krylov.real_ends(lambda v: spectra * v, 2, N, tol=1e-12, max_steps=N)
    np.testing.assert_allclose(ends, [[3.0, 3.0], [2.0, 5.0]], atol=1e-12)
    found, _ = krylov.outermost(
        lambda v: spectra * v, 2, N, dtype=float, deciding=largest, tol=1e-12, max_steps=N
    )
    np.testing.assert_allclose(found[0], 3.0, atol=1e-12)


def test_the_largest_end_alone_comes_sooner_and_its_error_is_told_honestly():
    spectrum = np.concatenate([np.linspace(0.0, 1.0, 200), [1.2]])
    counts = []
    for lowest in (True, False):
        calls = []

        def apply(v, calls=calls):
            calls.append(1)
            return spectrum * v

        ends, errors = krylov.real_ends(apply, 1, 201, tol=1e-9, max_steps=200, lowest=lowest)
        counts.append(len(calls))
        assert abs(ends[0, 1] - 1.2) <= max(10 * errors[0, 1], 1e-13)
    assert counts[1] < 0.7 * counts[0]


def test_the_outermost_eigenvalues_are_those_of_the_dense_matrix(matrices):
    found, errors = krylov.outermost(
        products(matrices), 3, N, dtype=float, deciding=largest, tol=1e-12, max_steps=N
    )
    for mine, matrix in zip(found, matrices, strict=True):
        dense = np.linalg.eigvals(matrix)
        assert np.abs(mine).max() == pytest.approx(np.abs(dense).max(), abs=1e-12)
        apart = np.abs(mine[:, None] - dense).min(axis=1)
        assert apart.max() < 1e-7  # what is found exists
    assert (errors < 1e-11).all()


def test_too_few_steps_leave_an_error_that_is_told():
    spectrum = np.linspace(1.0, 2.0, 200)
    _, errors = krylov.outermost(
        lambda v: spectrum * v, 1, 200, dtype=float, deciding=largest, tol=1e-12, max_steps=20
    )
    _, left = krylov.real_ends(lambda v: spectrum * v, 1, 200, tol=1e-12, max_steps=20)
    assert errors[0] > 1e-4 and left.max() > 1e-5


def test_a_sample_is_the_same_alone_and_in_a_batch(matrices, rng):
    rhs = rng.standard_normal((3, N))
    together = krylov.minimal_residual(products(matrices), rhs, tol=1e-12, max_steps=N)
    for i in range(3):
        alone = krylov.minimal_residual(products(matrices[[i]]), rhs[[i]], tol=1e-12, max_steps=N)
        np.testing.assert_allclose(alone[0], together[i], atol=1e-12)
