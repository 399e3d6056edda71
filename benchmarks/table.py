"""The rows that were measured, as a table to read and as data to compare."""

import json
from typing import NamedTuple

HEAD = ("what", "net", "measured", "quartiles", "wanted", "ok")


class Row(NamedTuple):
    """One comparison: what was measured on which net, and the bound it should keep, if any."""

    what: str
    net: str
    value: float | None = None  # None: left out, the note says why
    low: float | None = None
    high: float | None = None
    at_most: float | None = None
    at_least: float | None = None
    unit: str = ""
    note: str = ""

    @property
    def ok(self):
        """Whether the bound holds; None without a bound or a value."""
        if self.value is None or (self.at_most is None and self.at_least is None):
            return None
        above = self.at_least is None or self.value >= self.at_least
        return bool(above and (self.at_most is None or self.value <= self.at_most))


def compared(what, net, ratio, **options):
    """The row of a `timing.Ratio`."""
    return Row(what, net, ratio.median, ratio.low, ratio.high, **options)


def left_out(what, why):
    """A row that could not be measured here."""
    return Row(what, "", note=why)


def cells(row):
    """A row as text, one string a column."""
    wanted = [] if row.at_most is None else [f"at most {row.at_most:g}"]
    wanted += [] if row.at_least is None else [f"at least {row.at_least:g}"]
    spread = "" if row.low is None else f"{row.low:.3g} to {row.high:.3g}"
    verdict = {True: "yes", False: "NO", None: ""}[row.ok]
    measured = f"{row.value:.3g} {row.unit}".strip()
    return row.what, row.net, measured, spread, " ".join(wanted), verdict


def as_line(row):
    """A row by itself: what is shown as soon as it is measured."""
    what = f"{row.what}{f' ({row.net})' if row.net else ''}"
    return f"{what}: {row.note if row.value is None else ' '.join(filter(None, cells(row)[2:4]))}"


def _remarks(rows):
    return [
        f"{row.what}{f' ({row.net})' if row.net else ''}: {row.note}" for row in rows if row.note
    ]


def as_text(rows):
    """The table in columns, then what was left out and why."""
    lines = [HEAD, *(cells(row) for row in rows if row.value is not None)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(HEAD))]
    table = ["  ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)) for line in lines]
    return "\n".join(line.rstrip() for line in [*table, "", *_remarks(rows)]).strip()


def as_markdown(rows, conditions):
    """The same table in Markdown, under the conditions of the run."""
    lines = [HEAD, ("---",) * len(HEAD), *(cells(row) for row in rows if row.value is not None)]
    table = [f"| {' | '.join(line)} |" for line in lines]
    facts = [f"- {name}: {value}" for name, value in conditions.items()]
    return "\n".join([*facts, "", *table, "", *(f"- {line}" for line in _remarks(rows))]).strip()


def write(rows, conditions, folder):
    """Write bench.json and bench.md into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    measured = [row._asdict() | {"ok": row.ok} for row in rows]
    data = json.dumps({"conditions": conditions, "rows": measured}, indent=1)
    (folder / "bench.json").write_text(f"{data}\n", encoding="utf-8")
    (folder / "bench.md").write_text(f"{as_markdown(rows, conditions)}\n", encoding="utf-8")
