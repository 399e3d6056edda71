"""What a sweep leaves: a report for every setting of its dials and every seed."""

from collections import Counter
from dataclasses import dataclass, field, fields

import numpy as np

from sevenconditions.audit import Comparison, degrees, html_table
from sevenconditions.output import output_mode
from sevenconditions.recipe import CONDITIONS

_SHOWN = 40  # rows that are printed
_HEAD = ("cosine", "predicted", "angle", "relative error", "does not hold")


@dataclass(frozen=True, eq=False)
class Table:
    """The reports of a sweep, in a grid; prints as medians over the seeds.

    Parameters
    ----------
    dials : dict                Name -> what its values are called.
    seeds : tuple of int
    reports : ndarray of Report, shape (values of the first dial, ..., seeds)
        None where an audit failed, or was not done yet.
    failures : dict             Place in the grid, a tuple of int -> why that audit failed.

    Examples
    --------
    >>> none = Table({"gain": (0.5, 1.0)}, (0,), np.full((2, 1), None))
    >>> none.complete, none.values("cosine").shape
    (False, (2, 1))
    """

    dials: dict
    seeds: tuple
    reports: np.ndarray
    failures: dict = field(default_factory=dict)

    @property
    def n_done(self):
        """How many audits were made, failed ones among them."""
        return sum(report is not None for report in self.reports.flat) + len(self.failures)

    @property
    def complete(self):
        """Whether every audit was made."""
        return self.n_done == self.reports.size

    def values(self, name, *, layer=None, condition=None):
        """One number of every report.

        Parameters
        ----------
        name : str
            "cosine", "angle_deg", "relative_error" or "norm_ratio", of all parameters or of a
            layer; "predicted_cosine"; of a condition "value", "holds" or "predicted_angle_deg".
        layer : int or None         Counted from 0, bottom-up; -1 is the last one.
        condition : str or None     A condition's word.

        Returns
        -------
        ndarray, shape (values of the first dial, ..., seeds)
            NaN where a report has no such number, or where there is no report.

        Raises
        ------
        ValueError
            If there is no such name, layer or condition.

        Examples
        --------
        >>> Table({"gain": (0.5,)}, (0,), np.full((1, 1), None)).values("cosine").tolist()
        [[nan]]
        """
        _refuse_unknown(name, layer, condition)
        numbers = [_number(report, name, layer, condition) for report in self.reports.flat]
        return np.array(numbers, dtype=float).reshape(self.reports.shape)

    def to_dict(self):
        """The whole table as plain data, fit for JSON: one entry an audit."""
        audits = []
        for place, report in np.ndenumerate(self.reports):
            audits.append(
                {
                    "dials": self._setting(place),
                    "seed": self.seeds[place[-1]],
                    "report": None if report is None else report.to_dict(),
                    "failure": self.failures.get(place),
                }
            )
        dials = {name: [_label(label) for label in labels] for name, labels in self.dials.items()}
        seeds = list(self.seeds)
        return {"dials": dials, "seeds": seeds, "complete": self.complete, "audits": audits}

    def __str__(self):
        rows = [(*self.dials, *_HEAD), *self._rows()]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
        return "\n".join([self._caption(), *("  " + line for line in lines), *self._sentences()])

    def __repr__(self):
        return str(self)

    def _repr_html_(self):
        if output_mode() == "text":
            return None
        return html_table(self._caption(), (*self.dials, *_HEAD), self._rows(), self._sentences())

    def _setting(self, place):
        return {name: _label(labels[i])
                for (name, labels), i in zip(self.dials.items(), place, strict=False)}  # fmt: skip

    def _caption(self):
        points, count = int(np.prod(self.reports.shape[:-1])), len(self.seeds)
        seeds = "1 seed" if count == 1 else f"medians over {count} seeds"
        return f"{self.reports.size} audits: {points} settings, {seeds}"

    def _rows(self):
        """The cells of each setting, as text; the first ones only."""
        for place in list(np.ndindex(self.reports.shape[:-1]))[:_SHOWN]:
            labels = (_short(label) for label in self._setting(place).values())
            yield (*labels, *_cells([r for r in self.reports[place] if r is not None]))

    def _sentences(self):
        """The lines under the table."""
        points = int(np.prod(self.reports.shape[:-1]))
        if points > _SHOWN:
            yield f"and {points - _SHOWN} settings more"
        if not self.complete:
            yield f"{self.n_done} of {self.reports.size} audits were made"
        if self.failures:
            first = next(iter(self.failures.values()))
            yield f"{len(self.failures)} audits found no equilibrium, the first because: {first}"


_OF_A_CONDITION = ("value", "holds", "predicted_angle_deg")
_OF_A_LAYER = tuple(f.name for f in fields(Comparison))


def _refuse_unknown(name, layer, condition):
    if layer is not None and condition is not None:
        raise ValueError("layer: got both a layer and a condition, expected one of them")
    if condition is not None and condition not in CONDITIONS:
        raise ValueError(f"condition: got {condition!r}, expected one of {', '.join(CONDITIONS)}")
    known = _OF_A_LAYER if condition is None else _OF_A_CONDITION
    if layer is None and condition is None:
        known = (*known, "predicted_cosine")
    if name not in known:
        raise ValueError(
            f"name: got {name!r}, expected one of {', '.join(known)}; a value of a condition is "
            'asked for as in values("holds", condition="feedback")'
        )


def _number(report, name, layer, condition):
    if report is None:
        return np.nan
    part = report
    if condition is not None:
        part = report.conditions[CONDITIONS.index(condition)]
    if layer is not None:
        count = len(report.layers)
        if not -count <= layer < count:
            raise ValueError(f"layer: got {layer}, expected a layer among {count}, counted from 0")
        part = report.layers[layer]
    number = getattr(part, name)
    return np.nan if number is None else number


def _cells(reports):
    """Medians over the reports of one setting, and the conditions that do not hold in them."""
    if not reports:
        return ("-",) * len(_HEAD)
    medians = []
    for name in ("cosine", "predicted_cosine", "angle_deg", "relative_error"):
        known = [getattr(r, name) for r in reports]
        known = [number for number in known if number is not None and not np.isnan(number)]
        medians.append(float(np.median(known)) if known else None)
    broken = Counter(row.name for r in reports for row in r.conditions if row.holds is False)
    names = [
        name if broken[name] == len(reports) else f"{name} ({broken[name]} of {len(reports)})"
        for name in CONDITIONS
        if broken[name]
    ]
    shown = ("{:.4f}".format, "{:.4f}".format, degrees, "{:.3g}".format)
    cells = ("-" if m is None else show(m) for m, show in zip(medians, shown, strict=True))
    return (*cells, ", ".join(names) or "-")


def _label(label):
    """A label as JSON can hold it."""
    return label if label is None or isinstance(label, bool | int | float | str) else str(label)


def _short(label):
    return f"{label:.4g}" if isinstance(label, float) else str(label)
