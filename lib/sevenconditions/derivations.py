"""Checked derivations: every step of a proof has a numeric twin, evaluated at random points.

A twin is one line of code: the two sides of the step, reached in different ways. A step that does
not hold stops the chapter, as a claim does. That is no proof, but a sign or a transpose gone wrong
shows at the first point. Those of the chapters stand in :mod:`sevenconditions.proofs`, which has
one module for each chapter.
"""

import ast
import inspect
import re
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from types import MappingProxyType

import numpy as np

from sevenconditions.display import style_tag
from sevenconditions.gradient import Gradient
from sevenconditions.output import output_mode


@dataclass(frozen=True)
class Step:
    """One step of a proof: the step in words, its twin, and how far the twin is off at each point.

    Parameters
    ----------
    words, twin : str
    residuals : tuple of float
        Largest difference of the two sides, over the largest entry of either; for a bound the
        largest excess of a left entry, over the larger of the two. Dimensionless.

    Examples
    --------
    >>> Step("one is one", "1 == 2 - 1", (0.0,)).relation
    '=='
    """

    words: str
    twin: str
    residuals: tuple

    @property
    def relation(self) -> str:
        """Either "==" or "<="."""
        return "==" if isinstance(_comparison(self.twin).ops[0], ast.Eq) else "<="


@dataclass(frozen=True)
class Derivation:
    """The steps of one proof or several, all of which hold; made by :func:`derivation`.

    Parameters
    ----------
    theorems : mapping from "Title (label)" to a tuple of Step
    n : int             Random points.
    bound : float       What every residual keeps.
    drawn : str         Source of the function that draws a point.
    """

    theorems: Mapping
    n: int
    bound: float
    drawn: str

    def text(self) -> str:
        """Theorems, steps and twins as plain text: the same on every machine."""
        lines = [f"{self._count()} at {self.n} random points, each within {_short(self.bound)}"]
        for theorem, steps in self.theorems.items():
            lines += [theorem, *(f"  {step.words}: {step.twin}" for step in steps)]
        return "\n".join(lines)

    def html(self) -> str:
        """The steps as a table that is folded away, without the style sheet."""
        groups = "".join(_group(theorem, steps) for theorem, steps in self.theorems.items())
        code = f'<p>A point is drawn so:</p><pre tabindex="0">{escape(self.drawn)}</pre>'
        drawn = code if self.drawn else ""
        return (
            '<div class="sc sc-derivation"><details>'
            f"<summary>Check the steps with numbers ({self._count().split()[0]})</summary>"
            f"<p>{self.n} random points; off by: the largest difference of the two sides, relative "
            "to the larger one (for a bound: by how much the left side exceeds the right). More "
            f"than {_minus(_short(self.bound))} stops the building of the book.</p>"
            '<table><thead><tr><th scope="col">step, and its twin in code</th>'
            f'<th scope="col">off by</th></tr></thead>{groups}</table>{drawn}</details></div>'
        )

    def _count(self):
        n = sum(map(len, self.theorems.values()))
        return "1 step holds" if n == 1 else f"{n} steps hold"

    def _repr_mimebundle_(self, include=None, exclude=None):
        bundle = {"text/plain": self.text()}
        if output_mode() != "text":
            bundle["text/html"] = style_tag(_CSS) + self.html()
        return bundle


def derivation(points, theorems, *, n=20, bound=1e-9, seed=0) -> Derivation:
    r"""Evaluate each step of a proof at random points, and show the steps with what is left over.

    .. math:: \frac{\max |left - right|}{\max(|left|, |right|)} \le bound

    points : function of a random generator that returns a point, a dictionary of what the twins
        read; ``return locals()`` will do
    theorems : mapping from "Title (label)" to the steps of its proof, a mapping from the step in
        words to its twin: ``left == right`` or ``left <= right``, one line of code. A side is a
        number, an array, a Gradient or a tuple of them; a bound holds entry by entry. Beside the
        point a twin reads what `points` reads, and ``np``, ``inv``, ``norm``, ``derivative`` and
        ``order``.
    n : int, > 0, the number of points; seed : int, of the generator that draws them
    bound : float, > 0, relative. The default leaves room for rounding alone; derivatives by
        differences need more.

    Raises AssertionError (theorem, step, value, bound) where a step fails at a point, NaN included;
    ValueError for a twin that says nothing (one expression on both sides, or both zero), sides of
    different shapes, and names that do not fit.

    Breaks when both sides of a twin repeat the reasoning of the step: reach one of them in another
    way, by differences, a solve or a settled state.

    >>> def points(rng):
    ...     A, B = rng.standard_normal((2, 3, 3))
    ...     return locals()
    >>> steps = {"(AB)' = B'A'": "(A @ B).T == B.T @ A.T"}
    >>> print(derivation(points, {"A product transposed (theorem-doc)": steps}).text())
    1 step holds at 20 random points, each within 1e-9
    A product transposed (theorem-doc)
      (AB)' = B'A': (A @ B).T == B.T @ A.T
    """
    rng = np.random.default_rng(seed)
    drawn = [points(rng) for _ in range(n)]
    if not drawn or not theorems:
        raise ValueError(f"derivation has {n} points and {len(theorems)} theorems; expected some")
    known = points.__globals__ | WORDS
    checked = {}
    for theorem, steps in theorems.items():
        _check_names(theorem, steps)
        checked[theorem] = made = tuple(_evaluated(*step, drawn, known) for step in steps.items())
        for step in made:
            _refuse_failed(theorem, step, bound)
    return Derivation(MappingProxyType(checked), n, bound, _source(points))


def derivative(function, at, step=1e-3):
    r"""Differentiate a function of an array by central differences of fourth order.

    .. math:: f'(x) = \frac{8\,[f(x+h) - f(x-h)] - [f(x+2h) - f(x-2h)]}{12 h} + O(h^4)

    function : of one array or number, to an array or a number
    at : array or number, the place; step : float, > 0, h

    Returns an array of the function's shape followed by that of `at`.

    >>> derivative(lambda x: x**3, 2.0).round(9).item()
    12.0
    """
    at = np.asarray(at, dtype=float)
    columns = []
    for move in step * np.eye(at.size).reshape(at.size, *at.shape):
        near = np.asarray(function(at + move)) - function(at - move)
        far = np.asarray(function(at + 2 * move)) - function(at - 2 * move)
        columns.append((8 * near - far) / (12 * step))
    return np.stack(columns, axis=-1).reshape((*columns[0].shape, *at.shape))


def order(error, step=1e-2):
    r"""Measure the power with which an error vanishes: 2 where it is O(h^2).

    .. math:: \log_2 \frac{\lVert e(h) \rVert}{\lVert e(h/2) \rVert}

    error : function of h, to an array or a number; step : float, > 0, h

    >>> order(lambda h: 3 * h**2).round(9).item()
    2.0
    """
    coarse, fine = (np.linalg.norm(_flat(error(h))) for h in (step, step / 2))
    return np.log2(coarse / fine)


WORDS = MappingProxyType(
    {
        "np": np,
        "inv": np.linalg.inv,
        "norm": np.linalg.norm,
        "derivative": derivative,
        "order": order,
    }
)


def residual(twin, names) -> float:
    """How far the two sides of a twin are apart, as :class:`Step` says.

    >>> residual("[1, 2] == [1, 4]", {})
    0.5
    >>> residual("3 <= 4", {})
    -0.25
    """
    left, right = (_flat(eval(side, dict(names))) for side in _sides(twin))
    if left.size == 1 or right.size == 1:
        left, right = np.broadcast_arrays(left, right)
    if left.shape != right.shape:
        raise ValueError(f"{twin!r} compares {left.size} entries with {right.size}")
    size = np.maximum(np.abs(left), np.abs(right))
    if not size.any():
        raise ValueError(f"{twin!r}: both sides are zero, so their equality says nothing")
    if Step("", twin, ()).relation == "==":
        return float(np.max(np.abs(left - right)) / np.max(size))
    return float(np.max((left - right) / np.where(size == 0, 1, size)))


def _sides(twin):
    """The two sides of a twin, as they are written."""
    compared = _comparison(twin)
    sides = [ast.get_source_segment(twin, each) for each in (compared.left, *compared.comparators)]
    if sides[0] == sides[1]:
        raise ValueError(f"{twin!r} has one expression on both sides; expected two ways to it")
    return sides


def _comparison(twin):
    body = ast.parse(twin, mode="eval").body
    single = isinstance(body, ast.Compare) and len(body.ops) == 1
    if not (single and isinstance(body.ops[0], ast.Eq | ast.LtE)):
        raise ValueError(f"twin {twin!r}; expected 'left == right' or 'left <= right'")
    return body


def _check_names(theorem, steps):
    if not (isinstance(theorem, str) and re.fullmatch(r".+ \([a-z0-9]+(-[a-z0-9]+)*\)", theorem)):
        raise ValueError(f'theorem {theorem!r}; expected "Title (label)"')
    if not isinstance(steps, Mapping) or not steps or not all(map(str.strip, steps)):
        raise ValueError(f"steps of {theorem!r}: {steps!r}; expected a mapping from words to twins")


def _evaluated(words, twin, points, known):
    return Step(words, twin, tuple(residual(twin, known | point) for point in points))


def _refuse_failed(theorem, step, bound):
    for i, value in enumerate(step.residuals):
        if not value <= bound:  # a NaN fails too
            raise AssertionError(
                f"step {step.words!r} of {theorem} fails at point {i}: {step.twin} is off by "
                f"{value:.3g} (at most {_short(bound)})"
            )


def _source(function):
    """The source of a function; empty where none is kept, as at the plain prompt."""
    try:
        return inspect.getsource(function)
    except (OSError, TypeError):
        return ""


def _flat(value):
    if isinstance(value, Gradient):
        return value.flat()
    if isinstance(value, tuple | list):
        return np.concatenate([_flat(each) for each in value])
    return np.ravel(value)


def _short(number):
    """A number such as 1e-9, without the zero that Python puts into it."""
    return re.sub(r"e-0+", "e-", f"{number:g}")


def _minus(text):
    return text.replace("-", "\u2212")


def _group(theorem, steps):
    title, label = theorem[:-1].rsplit(" (", 1)
    rows = "".join(_row(step) for step in steps)
    head = f'<th colspan="2" scope="rowgroup"><a href="#{label}">{escape(title)}</a></th>'
    return f"<tbody><tr>{head}</tr>{rows}</tbody>"


def _row(step):
    low, middle, high = (
        _minus(_short(float(f"{value:.0e}"))) for value in np.quantile(step.residuals, [0, 0.5, 1])
    )
    return (
        f"<tr><td>{escape(step.words)}<code>{escape(step.twin)}</code></td><td>"
        f"<span>{low} to {high}</span> <span>median {middle}</span> <b>✓ holds</b></td></tr>"
    )


_CSS = """
.sc.sc-derivation{margin:.25rem 0;padding:0}
.sc.sc-derivation summary{padding:.75rem 0}
.sc-derivation :focus-visible{outline:2px solid var(--sc-ink);outline-offset:2px}
.sc-derivation table{border-collapse:collapse;width:100%;margin:.5rem 0;background:none;
color:inherit;table-layout:fixed}
.sc-derivation tr{border-bottom:1px solid var(--sc-grid);background:none!important}
.sc-derivation :is(th,td){padding:.35rem .6rem .35rem 0;text-align:left;vertical-align:top;
color:inherit;font-weight:400;overflow-wrap:anywhere}
.sc-derivation th:last-child:not([colspan]){width:9em}
.sc-derivation thead{color:var(--sc-muted)}
.sc-derivation tbody th{font-weight:600;padding-top:.7rem}
.sc-derivation td span{color:var(--sc-muted);white-space:nowrap;display:block}
.sc-derivation td b{font-weight:600}
.sc-derivation code{display:block;font-size:.92em;color:var(--sc-muted);background:none;border:0;
padding:.15rem 0 0;white-space:pre-wrap;overflow-wrap:anywhere}
.sc-derivation pre{margin:.25rem 0;padding:.4rem 0;font-size:.9em;color:var(--sc-muted);
background:none;border:0;box-shadow:none;overflow-x:auto}
"""
