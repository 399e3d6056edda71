"""A fixed number of sweeps: ours beside its bare products, torch and JAX."""

from benchmarks import nets, programs
from benchmarks.adapters import fixed_sweep_gradient
from benchmarks.table import compared, left_out
from benchmarks.timing import cores_used, side_by_side

COUNTS = {"beta": 0.01, "n_free": 12, "n_nudged": 8}
BARE = {"A": 1.8, "B": 1.6, "C": 1.25}
TORCH = {"A": 1.0, "B": 1.0, "C": 1.2}
JAX = {64: 1.3, 1: 2.8}


def ours(case):
    """The library's gradient after the fixed number of sweeps, as a program."""
    return lambda: fixed_sweep_gradient(case.net, case.x, case.y, *COUNTS.values())


def bare(rounds):
    """Ours in units of its matrix products and activations alone."""
    for case in nets.cases():
        counts = {name: COUNTS[name] for name in ("n_free", "n_nudged")}
        products = programs.bare_products(case.net, case.x, **counts)
        ratio = side_by_side(ours(case), products, rounds=rounds)
        yield compared("fixed sweeps / bare products", case.name, ratio, at_most=BARE[case.name])


def torch(rounds):
    """Ours in units of the same algorithm in eager torch."""
    what = "fixed sweeps / the same in torch"
    for case in nets.cases():
        try:
            theirs = programs.torch_program(case.net, case.x, case.y, **COUNTS)
        except ImportError:
            yield left_out(what, "torch is not installed: pip install torch")
            return
        ratio = side_by_side(ours(case), theirs, rounds=rounds)
        yield compared(what, case.name, ratio, at_most=TORCH[case.name], note=_cores(theirs))


def jax(rounds):
    """Ours in units of the same algorithm compiled by JAX, for batches of 64 and of 1."""
    what = "fixed sweeps / the same in JAX"
    for n_samples, bound in JAX.items():
        for name, sizes in nets.SIZES.items():
            case = nets.case(name, sizes, n_samples=n_samples)
            try:
                theirs = programs.jax_program(case.net, case.x, case.y, **COUNTS)
            except ImportError:
                yield left_out(what, "jax is not installed: pip install jax")
                return
            ratio = side_by_side(ours(case), theirs, rounds=rounds)
            where = f"{name}, batch {n_samples}"
            yield compared(what, where, ratio, at_most=bound, note=_cores(theirs))


def _cores(program):
    """A remark where a library did not keep to one thread, which would make its time a sum."""
    used = cores_used(program)
    return f"the other library used {used:.2f} cores" if used > 1.1 else ""
