"""The groups of benchmarks by name; each is a function of the rounds that yields rows."""

from benchmarks import daily, fixed, growth, propagation

GROUPS = {
    "bare": fixed.bare,
    "torch": fixed.torch,
    "jax": fixed.jax,
    "ep": propagation.propagation,
    "naive": propagation.naive,
    "predictive": daily.predictive,
    "sweep": daily.grid,
    "dial": daily.dial,
    "import": daily.imports,
    "growth": growth.growth,
    "float32": daily.float32,
}
