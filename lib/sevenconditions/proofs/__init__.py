"""The proofs of the chapters, checked with numbers: one module a chapter, one function a check.

Each function draws random points, evaluates every step of its proofs there, and returns the
`derivations.Derivation`, which shows itself. A step that does not hold raises AssertionError.

>>> from sevenconditions import proofs
>>> print(proofs.feedback.kolen_pollack().text())
2 steps hold at 20 random points, each within 1e-9
Kolen-Pollack (theorem-kp)
  one step: the increments cancel: gap(1) == (1 - lam) * gap(0)
  t steps: gap(t) == (1 - lam) ** t * gap(0)
"""

from sevenconditions.proofs import (
    architecture,
    contrast,
    energy,
    feedback,
    neuroscience,
    nudging,
    one_equation,
    partially,
    phases,
    settling,
    together,
)

__all__ = [
    "architecture",
    "contrast",
    "energy",
    "feedback",
    "neuroscience",
    "nudging",
    "one_equation",
    "partially",
    "phases",
    "settling",
    "together",
]
