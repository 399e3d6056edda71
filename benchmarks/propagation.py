"""Equilibrium propagation to a given error: beside one backprop, and beside the naive loop."""

import itertools
import warnings
from functools import lru_cache

import numpy as np

import sevenconditions as sc
from benchmarks import nets, programs
from benchmarks.table import compared, left_out
from benchmarks.timing import repeats_for, side_by_side
from sevenconditions import architecture, nudging, settling

TARGETS = {1e-3: 20.0, 1e-6: 35.0}
NAIVE_TARGET = 1e-3
MOST_UNITS = 300  # the dense judge is affordable up to here


def recipe_of(nudge, tol, **options):
    """Equilibrium propagation in the Hopfield form with a nudging and a tolerance."""
    rest = settling.rest(tol=tol, **options)
    return sc.ALL_HOLD._replace(architecture=architecture.hopfield, settling=rest, nudging=nudge)


def truth_of(case):
    """The gradient of the equilibrium: by the judge, or by an imaginary nudge if it is large."""
    if sum(case.net.sizes[1:]) > MOST_UNITS:
        return sc.Gradient(*map(tuple, programs.limit_gradient(case.net, case.x, case.y)))
    return sc.recurrent_backprop(case.net, case.x, case.y, tied=True)


def error_of(case, recipe, truth):
    """Relative error of a recipe's estimate; infinite where it warns or does not settle."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            estimate = sc.estimate_gradient(case.net, case.x, case.y, recipe)
        except (sc.ConvergenceError, Warning):
            return np.inf
    return float(sc.relative_error(estimate, truth))


def cheapest(case, truth, target, nudge=nudging.centered, *, probe=1e-2):
    """The quickest (recipe, beta, tol) whose error is at most the target; None if there is none.

    The bias at one small nudge gives that of the others, as beta to the power of the order; each
    candidate then takes the loosest tolerance that still meets the target. The search does not
    follow the dynamics, which costs much and changes no equilibrium here; the recipe itself does.
    """
    order = nudge(probe).order
    quick = {"follow": np.inf}
    bias = error_of(case, recipe_of(nudge(probe), 1e-13, **quick), truth)
    found = []
    for share in (0.9, 0.5, 0.2):
        beta = float(probe * (share * target / bias) ** (1.0 / order))
        for tol in target * beta * 10.0 ** np.arange(2.0, -2.1, -0.5):
            recipe = recipe_of(nudge(beta), float(tol), **quick)
            if error_of(case, recipe, truth) <= target:
                found.append((_seconds(case, recipe), beta, float(tol)))
                break
    for _, beta, tol in sorted(found):
        recipe = recipe_of(nudge(beta), tol)
        if error_of(case, recipe, truth) <= 1.05 * target:
            return recipe, beta, tol
    return None


def _seconds(case, recipe):
    return 1.0 / repeats_for(lambda: sc.estimate_gradient(case.net, case.x, case.y, recipe), 0.5)


@lru_cache
def at_radius():
    """Each net with radius .9 at silence and at rest, with its true gradient."""
    made = [
        scale(case, 0.9)
        for case in nets.cases()
        for scale in (nets.with_radius_at_silence, nets.with_radius_at_rest)
    ]
    return [(case, truth_of(case)) for case in made]


def propagation(rounds):
    """Backprop by the judge, then equilibrium propagation at two errors, in units of backprop."""
    for case in nets.cases():
        judged = lambda c=case: sc.backprop(c.net, c.x, c.y)
        raw = lambda c=case: programs.raw_backprop(c.net, c.x, c.y)
        ratio = side_by_side(judged, raw, rounds=rounds)
        yield compared("sc.backprop / raw backprop", case.name, ratio)
    for (case, truth), (target, bound) in itertools.product(at_radius(), TARGETS.items()):
        what = f"EP to error {target:.0e} / raw backprop"
        yield _propagated(case, truth, target, what, nudging.centered, rounds, at_most=bound)
        if "rest" in case.name:  # more than one equilibrium may be there, and is not asked for
            sooner = f"{what}, follow=inf"
            yield _propagated(
                case, truth, target, sooner, nudging.centered, rounds, follow=np.inf, at_most=bound
            )
    for (case, truth), target in itertools.product(at_radius()[:4], TARGETS):  # of A and B
        what = f"EP, 4 nudges on a circle, to error {target:.0e} / raw backprop"
        nudge = lambda beta: nudging.holomorphic(beta, 4)
        yield _propagated(case, truth, target, what, nudge, rounds)


def _propagated(case, truth, target, what, nudge, rounds, *, follow=None, **bound):
    probe = 1e-2 if nudge is nudging.centered else 0.1
    best = cheapest(case, truth, target, nudge, probe=probe)
    if best is None:
        return left_out(f"{what} ({case.name})", "no nudge and tolerance that was tried meets it")
    recipe, beta, tol = best
    if follow is not None:
        recipe = recipe_of(nudge(beta), tol, follow=follow)
        if error_of(case, recipe, truth) > 1.05 * target:
            return left_out(f"{what} ({case.name})", "it settles elsewhere")
    ours = lambda: sc.estimate_gradient(case.net, case.x, case.y, recipe)
    ratio = side_by_side(
        ours, lambda: programs.raw_backprop(case.net, case.x, case.y), rounds=rounds
    )
    sweeps = [s.n_steps for s in sc.take_phases(case.net, case.x, case.y, recipe).states]
    note = f"beta {beta:.2g}, tol {tol:.2g}, steps {sweeps}, {1e3 * ratio.seconds[0]:.3g} ms"
    return compared(what, case.name, ratio, note=note, **bound)


def naive(rounds):
    """The naive loop in units of ours, both at the same error."""
    what = f"naive loop / EP, both to error {NAIVE_TARGET:.0e}"
    drawn = [(case, truth_of(case)) for case in nets.cases()]
    for case, truth in drawn + at_radius():
        best = cheapest(case, truth, NAIVE_TARGET)
        steps = best and naive_steps(case, truth, NAIVE_TARGET, best[1])
        if not steps:
            yield left_out(f"{what} ({case.name})", "one of the two does not reach the error")
            continue
        given = (case.net, case.x, case.y)
        ratio = side_by_side(
            lambda g=given, b=best, s=steps: programs.naive_gradient(*g, b[1], *s),
            lambda g=given, b=best: sc.estimate_gradient(*g, b[0]),
            rounds=rounds,
        )
        hard = case.name[0] == "B" or "radius" in case.name
        note = f"{steps[0]} free and {steps[1]} nudged steps of 0.1"
        yield compared(what, case.name, ratio, at_least=4.0 if hard else 2.0, note=note)


def naive_steps(case, truth, target, beta, *, most=2000, every=5):
    """(free, nudged) steps of the naive loop, the fewest in all that meet the target, or None."""
    settle = lambda potentials, b: programs.naive_settling(
        case.net, case.x, case.y, b, potentials, every
    )
    free, best = [np.zeros((len(case.x), n)) for n in case.net.sizes[1:]], None
    n_free, check = 0, 20
    while n_free < (best[0] + 2 * best[1] if best else most):
        free, n_free = settle(free, 0.0), n_free + every
        if n_free < check:
            continue
        check *= 1.5
        plus = minus = free
        allowed = (best[0] + 2 * best[1] - n_free) // 2 if best else most
        for n_nudged in range(every, allowed, every):
            plus, minus = settle(plus, beta), settle(minus, -beta)
            estimate = sc.Gradient(*map(tuple, programs.naive_contrast(case.x, plus, minus, beta)))
            if sc.relative_error(estimate, truth) <= target:
                best = n_free, n_nudged
                break
    return best
