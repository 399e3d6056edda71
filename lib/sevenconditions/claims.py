"""Claims: a number in the prose, asserted where it is computed, glued, and listed for the book.

A sentence of a chapter takes its number from ``{glue:text}`` under the claim's key. The claim is
checked each time the chapter runs; :func:`collect` finds all claims in the stored notebooks.
"""

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from types import MappingProxyType

from sevenconditions.display import style_tag
from sevenconditions.output import output_mode

_GLUE = "application/papermill.record/"

# What Claim.text() writes. The stored line is the record: it needs no output format of its own,
# which the builder of the book would not know.
_LINE = re.compile(r"claim (\S+): (\S+) \((.+)\) holds")

_made = {}


@dataclass(frozen=True)
class Claim:
    """A claim that held: its key, its value as printed, and what was required of it, in words."""

    key: str
    value: str
    required: str
    # What this machine found, for the page alone: not stored, so that machines may differ.
    measured: str = field(default="", compare=False, repr=False)

    @property
    def chapter(self) -> str:
        """The word before the slash."""
        return self.key.split("/")[0]

    def text(self) -> str:
        """The claim in one line, as a notebook shows it."""
        return f"claim {self.key}: {self.value} ({self.required}) holds"

    def _repr_mimebundle_(self, include=None, exclude=None):
        bundle = {"text/plain": self.text()}
        if output_mode() != "text":
            bundle["text/html"] = (
                f'{style_tag(_CSS)}<p class="sc sc-claim" id="{anchor(self.key)}">'
                '<span role="img" aria-label="Holds:">'
                f"✓</span> {escape(self.key)} <b>{escape(self.measured or self.value)}</b> "
                f"· {escape(self.required)}</p>"
            )
        return bundle


def anchor(key) -> str:
    """Where on a page the claim of this key stands.

    >>> anchor("settling/pair-decay")
    'claim-settling-pair-decay'
    """
    return f"claim-{key.replace('/', '-')}"


def claim(
    key, value, *, expected=None, tol=None, relative=False, at_most=None, at_least=None, fmt=".3g"
):
    """Assert a number, glue it for the prose under its key, and show the claim in one line.

    .. math:: |value - expected| \\le tol \\;(\\cdot\\,|expected|)
              \\quad\\text{or}\\quad at\\_least \\le value \\le at\\_most

    key : str, "chapter/kebab-name", never changed once a page quotes it
    value : float, dimensionless or in the unit of the sentence that quotes it
    expected, tol : float; relative=True measures the difference in units of ``|expected|``
    at_most, at_least : float, the bounds of a one-sided claim, in place of expected and tol
    fmt : str, the format in which the value is printed and glued; None prints the bound alone,
        for values at the level of rounding errors, which differ between machines (the page shows
        the value too, with one digit)

    Raises AssertionError (key, value, requirement) when the claim fails, NaN included, and
    ValueError for bad arguments or, in the book, a key already used for another value.

    >>> claim("settling/doc-example", 0.9501, expected=0.95, tol=1e-3, fmt=".4f")
    >>> print(registry()["settling/doc-example"].text())
    claim settling/doc-example: 0.9501 (expected 0.95 within 0.001) holds
    """
    _check_key(key)
    value = _number("value", value)
    low, high, required = _bounds(key, expected, tol, relative, at_most, at_least)
    if not low <= value <= high:
        raise AssertionError(f"claim {key} fails: {value:.10g} ({required})")
    measured = f"{value:.1g}" if fmt is None else ""
    made = Claim(key, _printed(value, fmt, at_least, at_most), required, measured)
    # A reader who turns a knob and runs the cell again may change the value; the book may not.
    if output_mode() != "live" and _made.get(key, made) != made:
        raise ValueError(
            f"key {key!r} already names {_made[key].text()!r}; expected a key of its own"
        )
    _made[key] = made
    _publish(made)


def registry() -> Mapping:
    """Key -> Claim, for the claims made by this process. Read-only.

    >>> claim("settling/doc-registry", 2, at_least=1)
    >>> registry()["settling/doc-registry"].chapter
    'settling'
    """
    return MappingProxyType(_made)


def collect(notebooks) -> list:
    """All claims stored in the outputs of notebooks, in order.

    notebooks : paths of executed .ipynb files. Raises ValueError when one key stands for two
    claims.

    >>> collect([])
    []
    """
    found = {}
    for path in notebooks:
        cells = json.loads(Path(path).read_text(encoding="utf-8"))["cells"]
        outputs = [output for cell in cells for output in cell.get("outputs", ())]
        lines = ["".join(output.get("data", {}).get("text/plain", "")) for output in outputs]
        for made in (Claim(*match.groups()) for match in map(_LINE.fullmatch, lines) if match):
            if found.setdefault(made.key, made) != made:
                raise ValueError(
                    f"{path} claims {made.text()!r}, but {found[made.key].text()!r} came before; "
                    "expected one value per key"
                )
    return list(found.values())


def _check_key(key):
    if not (isinstance(key, str) and re.fullmatch(r"[a-z0-9_]+/[a-z0-9]+(-[a-z0-9]+)*", key)):
        raise ValueError(f'key is {key!r}; expected "chapter/kebab-name", as "settling/decay-rate"')


def _number(name, value):
    try:
        return float(value)
    except (TypeError, ValueError):
        raise ValueError(f"{name} is {value!r}; expected one number") from None


def _bounds(key, expected, tol, relative, at_most, at_least):
    """Lowest and highest value allowed, and the requirement in words."""
    two_sided = expected is not None and tol is not None
    one_sided = at_most is not None or at_least is not None
    if two_sided == one_sided or (expected is None) != (tol is None):
        raise ValueError(
            f"claim {key} has expected={expected}, tol={tol}, at_most={at_most}, "
            f"at_least={at_least}; expected either expected and tol, or at_most and/or at_least"
        )
    if one_sided:
        low = -math.inf if at_least is None else _number("at_least", at_least)
        high = math.inf if at_most is None else _number("at_most", at_most)
        words = [f"at least {low:g}"] * (low > -math.inf) + [f"at most {high:g}"] * (
            high < math.inf
        )
        return low, high, " and ".join(words)
    expected, tol = _number("expected", expected), _number("tol", tol)
    if not (tol >= 0 and math.isfinite(expected)) or (relative and expected == 0):
        raise ValueError(
            f"claim {key} has expected={expected} and tol={tol}, relative={relative}; expected a "
            "finite number and a tolerance >= 0, and relative only to a number that is not 0"
        )
    width = tol * abs(expected) if relative else tol
    words = f"expected {expected:g} within {tol:g}{' of it' if relative else ''}"
    return expected - width, expected + width, words


def _printed(value, fmt, at_least, at_most):
    if fmt is not None:
        return format(value, fmt).strip()
    bounds = [bound for bound in (at_most, at_least) if bound is not None]
    if not bounds:
        raise ValueError("fmt is None, which prints the bound alone; expected at_most or at_least")
    return f"{'≥' if at_most is None else '≤'}{bounds[0]:g}"


def _publish(made):
    """Show and glue the claim where there is a notebook to do so."""
    try:
        from IPython import get_ipython
    except ImportError:
        return
    if get_ipython() is None:
        return
    from IPython.display import display

    # The record that MyST-NB's glue() makes: written here, a reader's notebook needs no builder.
    # The quotes keep "0.950" from being read as a number and pasted as 0.95.
    display(
        {f"{_GLUE}text/plain": repr(made.value)},
        metadata={"scrapbook": {"name": made.key, "mime_prefix": _GLUE}},
        raw=True,
    )
    display(made)


_CSS = """
.sc.sc-claim{font-size:.85rem;line-height:1.4;color:var(--sc-muted);margin:0;padding:.1rem 0;
overflow-wrap:anywhere}
.sc-claim b{color:var(--sc-ink);font-weight:600}
"""
