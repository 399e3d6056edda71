"""The switchboard: seven switches, one a condition, over the truth table of all 128 combinations.

The board is drawn once. Its script only puts the numbers, the words and the curve of another row
of the table in their places; those rows are what `truthtable` computed.
"""

import json
import math
from dataclasses import dataclass
from html import escape

from sevenconditions.display import style_tag
from sevenconditions.output import output_mode
from sevenconditions.recipe import CONDITIONS
from sevenconditions.truthtable import truth_table

WIDTH, HEIGHT = 240, 120  # of the loss curves, in units of their own
TITLE = "Seven switches: what does the update lose?"


def switchboard(lit=None, *, table_at=None, rows=None) -> "Switchboard":
    """The board for a notebook or a page; computes the truth table, if no one has yet.

    lit : name of a condition that is marked as this chapter's, or None
    table_at : address of a page that has all 128 rows as a table; without one they stand under the
        board, folded
    rows : the 128 rows of :func:`~sevenconditions.truthtable.truth_table`; computed if not given,
        which takes about 20 seconds

    Raises ValueError for an unknown condition or another number of rows.

    >>> from sevenconditions.truthtable import Combination, broken_at
    >>> rows = [Combination(broken_at(i), 9.0 * i % 90, (1.0, 2.0), 1.0, (2.0, 1.0), "", 0.0)
    ...         for i in range(128)]
    >>> print(switchboard("energy", rows=rows).text().splitlines()[2])
    Without settling: 9.0 degrees from backprop (layers 1 and 2, scaled unequally), 1.00 \
of its length. Loss 1.00 after 1 step; with all seven 1.00. No algorithm of the zoo breaks any of \
this.
    """
    if lit is not None and lit not in CONDITIONS:
        raise ValueError(f"lit: got {lit!r}, expected None or one of {', '.join(CONDITIONS)}")
    rows = tuple(truth_table() if rows is None else rows)
    if len(rows) != 1 << len(CONDITIONS):
        raise ValueError(f"rows: got {len(rows)}, expected all {1 << len(CONDITIONS)} combinations")
    return Switchboard(rows, lit, table_at)


@dataclass(frozen=True, eq=False)
class Switchboard:
    """The rows and how they show themselves; see :func:`switchboard`."""

    rows: tuple
    lit: str | None
    table_at: str | None

    def words(self, row) -> str:
        """What one combination does, in a sentence or three."""
        *steps, last = row.loss
        layers = _listed([f"{angle:.0f}" for angle in row.layers])
        named = f"Without {_listed(row.broken)}" if row.broken else "All seven hold"
        taken = f"{len(steps)} step{'s' if len(steps) > 1 else ''}"
        unequal = ", scaled unequally" if row.angle_deg > max(row.layers) + 1 else ""
        beside = f"; with all seven {self.rows[0].loss[-1]:.2f}" if row.broken else ""
        return (
            f"{named}: {_degrees(row.angle_deg)} degrees from backprop (layers {layers}{unequal}), "
            f"{row.norm_ratio:.2f} of its length. Loss {last:.2f} after {taken}{beside}. "
            f"{_closest(row)}"
        )

    def landmarks(self) -> list:
        """None broken, each one by itself, all."""
        return [self.rows[i] for i in (0, *(1 << k for k in range(len(CONDITIONS))), -1)]

    def text(self) -> str:
        """The board in words: the landmarks."""
        return "\n".join([TITLE, *map(self.words, self.landmarks())])

    def data(self) -> list:
        """One entry a combination, as the script reads it."""
        return [
            {
                "angles": [_degrees(angle) for angle in (*row.layers, row.angle_deg)],
                "numbers": [f"{row.norm_ratio:.2f}", f"{row.loss[-1]:.2f}", _named(row)],
                "curve": self.curve(row),
                "words": self.words(row),
            }
            for row in self.rows
        ]

    def curve(self, row) -> str:
        """The course of the loss as points of a line; the axis is logarithmic."""
        values = [value for each in self.rows for value in each.loss if value > 0]
        low, high = math.log(min(values)), math.log(max(values))
        steps = max(len(each.loss) for each in self.rows) - 1
        return " ".join(
            f"{WIDTH * i / steps:.0f},{HEIGHT * (high - math.log(loss)) / (high - low):.0f}"
            for i, loss in enumerate(row.loss)
        )

    def html(self) -> str:
        """The board as HTML, with its style and script."""
        data = json.dumps(self.data(), separators=(",", ":")).replace("</", "<\\/")
        return (
            f'{style_tag(_CSS)}<section class="sc sc-board{" sc-waits" if self.lit else ""}" '
            f'data-sc-board aria-label="{TITLE}">'
            f'<div class="sc-head"><div class="sc-title">{TITLE}</div>'
            '<button type="button" class="sc-reset">All on</button></div>'
            f'<p class="sc-caption">{self._invitation()}</p>'
            f'<div class="sc-switches" role="group" aria-label="The seven conditions">'
            f"{''.join(self._switch(k, name) for k, name in enumerate(CONDITIONS))}</div>"
            f"{self._result()}{self._landmarks_html()}{self._table_html()}"
            f'<script type="application/json" class="sc-rows">{data}</script></section>'
            f"<script>{_SCRIPT}</script>"
        )

    def _invitation(self):
        """What to do; the result waits for it where the board stands at a chapter's head."""
        if self.lit:
            first = f"Switch {self.lit} off, and see what the update loses. Then add others."
        else:
            first = "Each switch breaks its condition, and leaves the others alone."
        return (
            f"{first} A condition is broken so far that it alone costs some tens of degrees at "
            "most; at 90 an update is no better than chance."
        )

    def _switch(self, k, name):
        here = name == self.lit
        note = '<span class="sc-here">this chapter</span>' if here else ""
        return (
            f'<button type="button" role="switch" aria-checked="true" data-sc-name="{name}" '
            f'class="sc-switch{" sc-lit" if here else ""}"><span class="sc-track" '
            f'aria-hidden="true"></span><span><b>{k + 1}</b> {name}{note}</span></button>'
        )

    def _result(self):
        """The place of what the script shows: at first, all seven on."""
        first = self.data()[0]
        most = max(90.0, *(max(*row.layers, row.angle_deg) for row in self.rows))
        names = [*(f"layer {i}" for i in range(1, len(first["angles"]))), "all layers"]
        bars = "".join(
            f"<div><dt>{name}</dt><dd><i></i><span>{angle}</span>°</dd></div>"
            for name, angle in zip(names, first["angles"], strict=True)
        )
        labels = ("length, of the gradient's", "loss at the end", "closest algorithm")
        readouts = "".join(
            f"<div><dt>{label}</dt><dd>{value}</dd></div>"
            for label, value in zip(labels, first["numbers"], strict=True)
        )
        return (
            f'<div class="sc-now"><div class="sc-two"><div><div class="sc-name">Angle to backprop'
            f'</div><dl class="sc-bars" style="--most:{most:.0f}">{bars}</dl></div>'
            '<div><div class="sc-name">Loss while it learns (log scale)</div>'
            f"{self._curves(first['curve'])}</div></div>"
            f'<dl class="sc-readouts">{readouts}</dl>'
            f'<p class="sc-description" aria-live="polite">{escape(first["words"])}</p></div>'
        )

    def _curves(self, first):
        steps = len(self.rows[0].loss) - 1
        return (
            f'<svg viewBox="-4 -4 {WIDTH + 8} {HEIGHT + 26}" aria-hidden="true">'
            f'<path class="sc-axis" d="M0 0V{HEIGHT}H{WIDTH}"/>'
            f'<polyline class="sc-all" points="{first}"/><polyline class="sc-this" '
            f'points="{first}"/><text x="0" y="{HEIGHT + 16}">0</text>'
            f'<text x="{WIDTH}" y="{HEIGHT + 16}" text-anchor="end">{steps} steps</text>'
            f'<text class="sc-key-all" x="{WIDTH}" y="9" text-anchor="end">all seven on</text>'
            f'<text class="sc-key-this" x="{WIDTH}" y="24" text-anchor="end">this choice</text>'
            "</svg>"
        )

    def _landmarks_html(self):
        """What stands there without script, and on paper."""
        items = "".join(f"<li>{escape(self.words(row))}</li>" for row in self.landmarks())
        return f'<ul class="sc-multiples">{items}</ul>'

    def table(self) -> list:
        """One mapping a combination, all as text."""
        layers = range(len(self.rows[0].layers))
        return [
            {"Off": ", ".join(row.broken) or "none"}
            | {f"Layer {i + 1}": _degrees(row.layers[i]) for i in layers}
            | {"All layers": _degrees(row.angle_deg), "Length": f"{row.norm_ratio:.2f}"}
            | {"Loss": f"{row.loss[-1]:.2f}", "Closest": _named(row)}
            for row in self.rows
        ]

    def _table_html(self):
        rows = self.table()
        if self.table_at:
            link = f'<a href="{escape(self.table_at)}">All {len(rows)} combinations as a table</a>'
            return f'<p class="sc-caption sc-elsewhere">{link}</p>'
        head = "".join(f'<th scope="col">{name}</th>' for name in rows[0])
        body = "".join(
            f'<tr><th scope="row">{off}</th>{"".join(f"<td>{cell}</td>" for cell in cells)}</tr>'
            for off, *cells in (row.values() for row in rows)
        )
        return (
            f'<details class="sc-all-rows"><summary>All {len(rows)} combinations as a table'
            f"</summary><p>Angles to backprop in degrees, before training; length of the update "
            f"over the gradient's; loss after training.</p>"
            f'<div class="sc-table" tabindex="0" role="region" aria-label="All combinations">'
            f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div></details>"
        )

    def _repr_mimebundle_(self, include=None, exclude=None):
        bundle = {"text/plain": self.text()}
        return bundle if output_mode() == "text" else bundle | {"text/html": self.html()}


def _listed(words):
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last


def _degrees(angle):
    """With a digit behind the point, and no zero that is not quite one."""
    return f"{max(angle, 0.0):.1f}"


def _named(row):
    return row.nearest.replace("_", " ") or "none"


def _closest(row):
    if not row.nearest:
        return "No algorithm of the zoo breaks any of this."
    return (
        f"Closest algorithm: {_named(row)}; the two updates are {_degrees(row.apart_deg)} degrees "
        "apart."
    )


# The state stands in the address as ?without=energy,feedback. A browser may refuse to change the
# address of a file; then the board works without.
_SCRIPT = """
document.querySelectorAll("[data-sc-board]:not([data-sc-ready])").forEach(root => {
  root.dataset.scReady = "";
  const find = query => root.querySelector(query), all = query => [...root.querySelectorAll(query)];
  const rows = JSON.parse(find(".sc-rows").textContent), switches = all("[role=switch]");
  const bars = all(".sc-bars dd"), numbers = all(".sc-readouts dd");
  const isOff = each => each.getAttribute("aria-checked") === "false";
  const set = (each, on) => each.setAttribute("aria-checked", on);
  const show = () => {
    const row = rows[switches.reduce((sum, each, k) => sum + (isOff(each) << k), 0)];
    bars.forEach((bar, i) => {
      bar.firstChild.style.setProperty("--at", row.angles[i]);
      bar.children[1].textContent = row.angles[i];
    });
    numbers.forEach((number, i) => { number.textContent = row.numbers[i]; });
    find(".sc-this").setAttribute("points", row.curve);
    find(".sc-description").textContent = row.words;
  };
  const keep = () => {
    const off = switches.filter(isOff).map(each => each.dataset.scName);
    const address = new URL(location.href);
    address.searchParams.delete("without");
    const rest = address.searchParams.toString(), without = off.length && "without=" + off.join();
    address.search = [rest, without].filter(Boolean).join("&");
    try { history.replaceState(history.state, "", address); } catch { /* a file, not a page */ }
  };
  const change = () => { root.classList.remove("sc-waits"); show(); keep(); };
  switches.forEach(each => each.addEventListener("click", () => {
    set(each, isOff(each));
    change();
  }));
  root.addEventListener("keydown", event => event.stopPropagation());
  find(".sc-reset").addEventListener("click", () => {
    switches.forEach(each => set(each, true));
    change();
  });
  const asked = new URLSearchParams(location.search).get("without")?.split(",") ?? [];
  switches.forEach(each => set(each, !asked.includes(each.dataset.scName)));
  root.classList.toggle("sc-waits", root.matches(".sc-waits") && !switches.some(isOff));
  show();
});
"""

_CSS = """
.sc.sc-board{border:1px solid var(--sc-grid);border-radius:10px;
padding:1rem clamp(.6rem,2.5%,1.1rem)}
.sc.sc-board p{margin:.25rem 0 0;max-width:44em}
.sc-board .sc-head{display:flex;gap:1rem;justify-content:space-between;align-items:flex-start}
.sc-board button{min-height:44px;margin:0;font:inherit;font-size:.9rem;line-height:1.2;
color:var(--sc-ink);background:none;border:1px solid var(--sc-grid);border-radius:8px;
cursor:pointer;touch-action:manipulation}
.sc-board button:hover{border-color:var(--sc-ink)}
.sc-board button:focus-visible{outline:2px solid var(--sc-ink);outline-offset:2px}
.sc-board button.sc-reset{flex:none;min-width:44px;padding:0 .8rem;margin:-.6rem -.5rem 0 0;
border-color:transparent;color:var(--sc-muted)}
.sc-switches{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(9.6rem,47%),1fr));
gap:.4rem;margin:.75rem 0}
.sc-board .sc-switch{display:flex;align-items:center;gap:.6rem;padding:.2rem .6rem;
text-align:left}
.sc-board .sc-lit{border:2px solid var(--sc-ink)}
.sc-here{display:block;font-size:.8em;color:var(--sc-muted)}
.sc-track{flex:none;width:34px;height:20px;border-radius:10px;border:2px solid var(--sc-error);
position:relative}
.sc-track::after{content:"";position:absolute;top:2px;left:2px;width:12px;height:12px;
border-radius:50%;background:var(--sc-error)}
[aria-checked=true]>.sc-track{background:var(--sc-ink);border-color:var(--sc-ink)}
[aria-checked=true]>.sc-track::after{left:auto;right:2px;background:var(--sc-paper)}
.sc-board [aria-checked=false] b,.sc-board [aria-checked=false]{color:var(--sc-error)}
.sc-two{display:flex;flex-wrap:wrap;gap:.5rem 2rem}
.sc-two>div{flex:1 1 15rem;min-width:0}
.sc-board .sc-name{font-weight:600;font-size:.9em}
.sc-board .sc-bars{margin:.25rem 0 0}
.sc-board .sc-bars div{display:grid;grid-template-columns:5.2em 1fr;gap:.5em;padding:.2rem 0;
align-items:center;font-size:.9em}
.sc-board .sc-bars :is(dt,dd){margin:0;float:none;width:auto;font-weight:400}
.sc-board .sc-bars dd{font-variant-numeric:tabular-nums;display:flex;align-items:center;gap:0}
.sc-bars i{--at:0;flex:none;height:14px;margin-right:.4em;background:var(--sc-estimate);
min-width:1px;width:calc((100% - 3.6em)*var(--at)/var(--most));border-radius:0 3px 3px 0}
.sc-board svg{display:block;width:100%;max-width:24rem;height:auto;font-size:11px}
.sc-board svg :is(path,polyline){fill:none;stroke-width:2;vector-effect:non-scaling-stroke}
.sc-board .sc-axis{stroke:var(--sc-muted);stroke-width:1}
.sc-board .sc-all{stroke:var(--sc-true)}.sc-board .sc-this{stroke:var(--sc-estimate)}
.sc-board svg .sc-key-all{fill:var(--sc-true)}.sc-board svg .sc-key-this{fill:var(--sc-estimate)}
.sc-board svg text{paint-order:stroke;stroke:var(--sc-paper);stroke-width:4px}
.sc-board .sc-description{min-height:6em}
.sc-waits .sc-now,.sc-waits .sc-reset{display:none}
.sc-board:not([data-sc-ready]) :is(.sc-switches,.sc-now,.sc-reset){display:none}
.sc-board[data-sc-ready] .sc-multiples{display:none}
.sc-board ul.sc-multiples{margin:.5rem 0 0;padding-left:1.2rem}
.sc-board .sc-table{overflow:auto;max-height:24rem}
.sc-board .sc-table:focus-visible{outline:2px solid var(--sc-ink)}
.sc-board table{border-collapse:collapse;margin:.5rem 0 0;color:inherit;background:none;
font-variant-numeric:tabular-nums}
.sc-board :is(th,td){text-align:left;vertical-align:top;padding:.3rem .75rem .3rem 0;border:0;
border-bottom:1px solid var(--sc-grid);background:none;color:inherit;font-weight:400}
.sc-board thead th{font-weight:600}.sc-board tbody th{min-width:11em}
.sc-board summary{min-height:44px;align-content:center}
@media (max-width:499px){.sc.sc-board dl.sc-readouts{display:none}
.sc-board .sc-switch{font-size:.82rem;gap:.4rem;padding:.2rem .4rem}}
@media (min-width:700px){.sc-board .sc-description{min-height:4.5em}}
.sc-board .sc-elsewhere a{display:inline-block;min-height:44px;align-content:center}
@media print{.sc-board :is(button,.sc-now,.sc-elsewhere,details){display:none!important}
.sc-board[data-sc-ready] .sc-multiples{display:block}}
"""
