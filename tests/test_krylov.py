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


def test_a_sample_is_the_same_alone_and_in_a_batch(matrices):
    options = {"dtype": float, "deciding": largest, "tol": 1e-12, "max_steps": N}
    together, _ = krylov.outermost(products(matrices), 3, N, **options)
    for i in range(3):
        alone, _ = krylov.outermost(products(matrices[[i]]), 1, N, **options)
        reached = np.abs(alone[0]).max()
        assert reached == pytest.approx(np.abs(together[i]).max(), abs=1e-12)


def test_an_error_that_counts_more_is_waited_for_longer():
    spectrum = np.linspace(1.0, 2.0, 200)
    options = {"dtype": float, "deciding": largest, "tol": 1e-12, "max_steps": 30}
    plain = krylov.outermost(lambda v: spectrum * v, 1, 200, **options)[1]
    heavy = krylov.outermost(
        lambda v: spectrum * v, 1, 200, **options, counts=lambda v: np.where(v > 1.9, 100.0, 0.0)
    )[1]
    none = krylov.outermost(lambda v: spectrum * v, 1, 200, **options, counts=np.zeros_like)[1]
    assert heavy == pytest.approx(100.0 * plain) and plain > 0.0 and none == 0.0
