"""A dial, declared once and shown four ways: live widget, player without a kernel, print, table.

:func:`explore` takes a drawing function and at most three dials. A notebook shows live widgets and
redraws at each move. The book's page shows a player: every frame is drawn beforehand, and plain
HTML with a few lines of script swaps them. On paper, or without script, a chosen handful of frames
stands side by side. The table of all frames is what the script reads, so they cannot disagree.
A dial may wait for a prediction: on the page it is locked until the reader has made it, or has
asked to go on without.
"""

import itertools
import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from html import escape
from types import MappingProxyType

from sevenconditions.display import Figure, readout_list, style_tag
from sevenconditions.output import output_mode
from sevenconditions.predictions import CSS, LOCK_CSS, LOCK_SCRIPT, Marker, check_key, record_line

MAX_DIALS = 3
MAX_FRAMES = 80
MAX_CHOICES = 4  # words that stand side by side as buttons; more of them share a slider


@dataclass(frozen=True)
class Dial:
    """One dial: a name, its positions in order, and what to call them. Made by :func:`dial`."""

    name: str
    values: tuple
    default: int  # index of the position shown first
    label: str
    unit: str
    marks: Mapping  # index of a position -> its label
    fmt: str

    def text(self, index) -> str:
        """The position as the reader sees it, such as "0.5 ms"."""
        value = self.values[index]
        shown = value if isinstance(value, str) else f"{value:{self.fmt}}".replace("-", "\u2212")
        return f"{shown} {self.unit}".strip()

    @property
    def is_choice(self) -> bool:
        """Whether the reader chooses among a few words instead of sliding along numbers."""
        return len(self.values) <= MAX_CHOICES and all(isinstance(v, str) for v in self.values)

    def landmarks(self) -> dict:
        """Index -> label of the positions worth showing by themselves: ends, default and marks."""
        last = len(self.values) - 1
        named = {0: "lowest", last: "highest", self.default: "default"} | dict(self.marks)
        return dict(sorted(named.items()))


def dial(name, values, *, default=None, label=None, unit="", marks=None, fmt="g") -> Dial:
    """Declare a dial for :func:`explore`.

    name : str, the keyword under which the drawing function receives the value
    values : the positions in order, finite numbers or strings, at least two, all different; up to
        four strings show as buttons, all else as a slider
    default : the value shown first; the middle one if not given
    label, unit : what the reader sees; the label is the name if not given
    marks : mapping from a value to its label, for the positions that matter ({1.0: "radius 1"})
    fmt : format of a numeric value, such as ".2f"

    Raises ValueError when a value is missing, repeated or not finite, or when the default or a
    mark is not among the values.

    >>> gain = dial("gain", [0.5, 1.0, 1.5], default=1.0, label="Gain g", marks={1.0: "edge"})
    >>> gain.default, dict(gain.marks), gain.text(0)
    (1, {1: 'edge'}, '0.5')
    """
    values = tuple(v.item() if hasattr(v, "item") else v for v in values)  # NumPy's to Python's
    if not (isinstance(name, str) and name.isidentifier()):
        raise ValueError(f"name is {name!r}; expected the name of an argument, such as 'gain'")
    if len(values) < 2 or len(set(values)) < len(values):
        raise ValueError(f"dial {name!r} has values {values}; expected at least two, all different")
    if not all(
        isinstance(v, str) or (isinstance(v, int | float) and math.isfinite(v)) for v in values
    ):
        raise ValueError(f"dial {name!r} has values {values}; expected finite numbers or strings")
    index = len(values) // 2 if default is None else _index(name, "default", values, default)
    marks = {_index(name, "mark", values, value): text for value, text in (marks or {}).items()}
    return Dial(name, values, index, label or name, unit, MappingProxyType(marks), fmt)


def _index(name, role, values, wanted):
    """Position of a value among the dial's, forgiving the last digits of a float."""
    for i, value in enumerate(values):
        number = not isinstance(value, str) and not isinstance(wanted, str)
        if value == wanted or number and math.isclose(value, wanted, rel_tol=1e-9, abs_tol=1e-12):
            return i
    raise ValueError(f"dial {name!r} has {role} {wanted!r}, which is not among its values {values}")


@dataclass(frozen=True)
class Frame:
    """What one position of the dials shows: pictures and words, without the drawing itself."""

    values: tuple  # the dials' values as text, in the order of the dials
    words: str
    caption: str
    readouts: Mapping
    svgs: tuple

    def panels(self) -> str:
        """The pictures as HTML."""
        return f'<div class="sc-panels">{"".join(self.svgs)}</div>'


def explore(draw, *dials, title, instructions="", after=None, marker=None) -> "Explorable":
    """Show ``draw(**values)``, a function that returns a Figure, under one to three dials.

    title : str, what the reader explores
    instructions : str, what to move and what to look for
    after : key of a prediction that stands above; on the page the dial is locked until it is made
        (a live notebook cannot know, and locks a dial for its marker alone)
    marker : a :func:`~sevenconditions.predictions.marker`, set by the reader before the dial opens;
        the truth is read off the frames and then stands beside it

    Raises ValueError for no dial, more than three, two of one name, an empty title, or so many
    positions that the page would grow heavy.

    >>> from sevenconditions.display import panel
    >>> def draw(gain):
    ...     figure, axes = panel()
    ...     axes.plot([0, 1], [0, gain])
    ...     return Figure(figure, "A line", "Slope is the gain.", f"It rises to {gain:g}.")
    >>> print(explore(draw, dial("gain", [1, 2, 3]), title="A line").text())
    A line
    Gain dial, 3 positions from 1 to 3.
    gain = 1 (lowest): It rises to 1.
    gain = 2 (default): It rises to 2.
    gain = 3 (highest): It rises to 3.
    """
    return Explorable(draw, dials, title, instructions, after, marker)


@dataclass(frozen=True, eq=False)
class Explorable:
    """A drawing under dials; see :func:`explore`. It shows itself by the output mode."""

    draw: Callable
    dials: tuple
    title: str
    instructions: str = ""
    after: str | None = None
    marker: Marker | None = None
    _drawn: dict = field(default_factory=dict, repr=False)

    def __post_init__(self):
        names = [each.name for each in self.dials]
        if not 1 <= len(names) <= MAX_DIALS or len(set(names)) < len(names):
            raise ValueError(f"dials are {names}; expected one to {MAX_DIALS} of different names")
        if not self.title.strip():
            raise ValueError(f"title is {self.title!r}; say what the reader explores")
        if self.after is not None:
            check_key(self.after)
        if self.marker and not self.marker.at.keys() <= set(names):
            raise ValueError(f"marker is at {dict(self.marker.at)}; the dials are {names}")
        if self.marker and (self.marker.line in self.dials) != (self.marker.crosses is not None):
            raise ValueError(
                f"marker {self.marker.key!r} has crosses={self.marker.crosses}; expected a number "
                "where its line is one of the dials, and only there"
            )
        sizes = [len(each.values) for each in self.dials]
        if math.prod(sizes) > MAX_FRAMES:
            raise ValueError(
                f"{' x '.join(map(str, sizes))} = {math.prod(sizes)} frames, more than the "
                f"{MAX_FRAMES} a page can carry; thin the values, for instance every other one"
            )

    # --- frames ---

    def positions(self) -> list:
        """All positions, as tuples of indices; the last dial runs fastest."""
        return list(itertools.product(*(range(len(each.values)) for each in self.dials)))

    def start(self) -> tuple:
        """The position shown first."""
        return tuple(each.default for each in self.dials)

    def landmarks(self) -> dict:
        """Position -> name of the chosen handful: along each dial, the others at their default."""
        chosen = {}
        for d, each in enumerate(self.dials):
            for i, name in each.landmarks().items():
                position = self.start()[:d] + (i,) + self.start()[d + 1 :]
                chosen.setdefault(position, f"{each.label} = {each.text(i)} ({name})")
        return chosen

    def figure(self, position) -> Figure:
        """Draw the figure at one position (a tuple of indices)."""
        pairs = zip(self.dials, position, strict=True)
        shown = self.draw(**{each.name: each.values[i] for each, i in pairs})
        if not isinstance(shown, Figure):
            raise ValueError(f"draw returned {type(shown).__name__}; expected a display.Figure")
        return shown

    def frame(self, position) -> Frame:
        """The frame at one position, drawn once."""
        if position not in self._drawn:
            shown = self.figure(position)
            lead = "" if shown.title == self.title else f"{shown.title.rstrip('.')}. "
            values = tuple(each.text(i) for each, i in zip(self.dials, position, strict=True))
            words = lead + shown.description
            self._drawn[position] = Frame(values, words, shown.caption, shown.readouts, shown.svgs)
        return self._drawn[position]

    @cached_property
    def frames(self) -> dict:
        """Position -> frame, for all of them; drawn when the page asks."""
        frames = {position: self.frame(position) for position in self.positions()}
        first, *others = frames.values()
        for other in others:
            if _boxes(other) != _boxes(first):
                raise ValueError(
                    f"draw returned panels {_boxes(first)} at {first.values} but {_boxes(other)} "
                    f"at {other.values}; give every frame the same panel sizes, or it jumps"
                )
            if list(other.readouts) != list(first.readouts):
                raise ValueError(
                    f"draw returned readouts {list(first.readouts)} at {first.values} but "
                    f"{list(other.readouts)} at {other.values}; expected the same labels"
                )
        return frames

    # --- prediction ---

    @cached_property
    def truth(self) -> tuple:
        """What the marker should have hit, read off the frames: its value, and as it is shown."""
        value, shown = self._truth()
        if self.marker.is_right(self.marker.line.default, value):
            raise ValueError(
                f"marker {self.marker.key!r} is right where it stands first; give its line another "
                "default"
            )
        return value, shown

    def _truth(self):
        asked, at = self.marker, list(self.start())
        for d, each in enumerate(self.dials):
            if each.name in asked.at:
                at[d] = _index(each.name, "marker", each.values, asked.at[each.name])
        if asked.line in self.dials:
            return self._crossing(self.dials.index(asked.line), at)
        if tuple(at) == self.start():
            raise ValueError(
                f"marker {asked.key!r} asks for the position shown first, where the answer stands "
                "on the page already; expected another one"
            )
        readouts = self.frame(tuple(at)).readouts
        value, values = asked.read(readouts), asked.line.values
        if not values[0] <= value <= values[-1]:
            raise ValueError(
                f"marker {asked.key!r}: the truth {value:g} is not on its line from {values[0]:g} "
                f"to {values[-1]:g}"
            )
        return value, asked.shown(readouts)

    def _crossing(self, d, at):
        """The first position of dial d at which the readout is past the number that is crossed."""
        asked, each = self.marker, self.dials[d]
        above = []
        for i in range(len(each.values)):
            readouts = self.frame((*at[:d], i, *at[d + 1 :])).readouts
            above.append(asked.read(readouts) >= asked.crosses)
            if above[i] != above[0]:
                return each.values[i], each.text(i)
        raise ValueError(f"marker {asked.key!r}: {asked.readout!r} never crosses {asked.crosses:g}")

    def _predictions_text(self):
        lines = []
        if self.after:
            lines.append(f"Locked until the prediction {self.after} is made.")
        if self.marker:
            lines.append(record_line(self.marker.key, self.marker.prompt))
            lines.append(f"Truth: {self.truth[1]}; a marker is right {self.marker.allowed()}.")
        return lines

    def _lock_html(self):
        """What stands above a locked dial: where to predict, or the line to set a marker on."""
        first = (
            f'<p class="sc-first" data-sc-key="{self.after}">This dial opens after your '
            "prediction, in the question above."
            '<button type="button" class="sc-goto">To the question</button></p>'
        )
        return (
            f'<div class="sc-lock">{first if self.after else ""}'
            f"{self.marker.html(*self.truth) if self.marker else ''}"
            '<button type="button" class="sc-skip">Show me without a guess</button></div>'
            '<p class="sc-told" role="status"></p>'
        )

    # --- renderings ---

    def text(self, positions=None) -> str:
        """The dial in words: title, dials, and the description at the landmarks."""
        lines = [self.title]
        for each in self.dials:
            lines.append(
                f"{each.label[:1].upper()}{each.label[1:]} dial, {len(each.values)} positions "
                f"from {each.text(0)} to {each.text(len(each.values) - 1)}."
            )
        lines += self._predictions_text() if positions is None else []
        named = self.landmarks()
        for position in named if positions is None else positions:
            lines.append(f"{named[position]}: {self.frame(position).words}")
        return "\n".join(lines)

    def table(self) -> list:
        """One mapping a position: each dial's value, each readout, and the description, as text."""
        labels = [each.label for each in self.dials]
        return [
            dict(zip(labels, frame.values, strict=True))
            | dict(frame.readouts)
            | {"Description": frame.words}
            for frame in self.frames.values()
        ]

    def small_multiples(self) -> dict:
        """Name -> frame of the landmarks: what is printed, and shown where no script runs."""
        named = self.landmarks().items()
        letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
        return {
            f"{letter}. {name}": self.frames[position]
            for letter, (position, name) in zip(letters, named, strict=False)
        }

    def widget(self):
        """Live sliders and buttons (ipywidgets) over a figure that is redrawn at every move."""
        import ipywidgets as widgets

        wide = widgets.Layout(width="min(100%, 34rem)")
        controls = [
            (widgets.ToggleButtons if each.is_choice else widgets.SelectionSlider)(
                options=[(each.text(i), i) for i in range(len(each.values))],
                value=each.default,
                description=each.label,
                style={"description_width": "initial"},
                layout=wide,
            )
            for each in self.dials
        ]
        picture = widgets.HTML()

        def show(change=None):
            position = tuple(control.value for control in controls)
            picture.value = style_tag() + self.figure(position).html()

        def go(control, index):
            def press(button):
                control.value = index

            return press

        presets = widgets.HBox(layout=widgets.Layout(flex_flow="row wrap"))
        for control, each in zip(controls, self.dials, strict=True):
            control.observe(show, names="value")
            for index, name in ({each.default: "reset"} | dict(each.marks)).items():
                button = widgets.Button(description=f"{each.label} = {each.text(index)}: {name}")
                button.layout.width = "auto"
                button.on_click(go(control, index))
                presets.children += (button,)
        show()
        head = widgets.HTML(f"<b>{escape(self.title)}</b><br>{escape(self.instructions)}")
        first = [self._marker_widget([*controls, *presets.children])] if self.marker else []
        return widgets.VBox([head, *first, *controls, presets, picture])

    def _marker_widget(self, locked):
        """The marker as a slider; a button opens the controls and says the truth beside it."""
        import ipywidgets as widgets

        asked, line = self.marker, self.marker.line
        options = [(line.text(i), i) for i in range(len(line.values))]
        place = widgets.SelectionSlider(options=options, value=line.default)
        buttons = [
            widgets.Button(description=d) for d in ("Set the marker", "Show without a guess")
        ]
        told = widgets.HTML()

        def reveal(button):
            for each in locked:
                each.disabled = False
            for each in (place, *buttons):
                each.disabled = True
            value, shown = self.truth
            words = f"The truth: {shown}."
            told.value = asked.outcome(place.value, value, shown) if button is buttons[0] else words

        for each in locked:
            each.disabled = True
        for button in buttons:
            button.on_click(reveal)
        prompt = widgets.HTML(escape(asked.prompt))
        return widgets.VBox([prompt, widgets.HBox([place, *buttons]), told])

    def html(self) -> str:
        """The player of the built page, which needs no kernel, with its style and script."""
        start = self.frames[self.start()]
        instructions = f'<p class="sc-caption">{escape(self.instructions)}</p>'
        keys = [key for key in (self.after, self.marker and self.marker.key) if key]
        after = f' data-sc-after="{" ".join(keys)}"' if keys else ""
        pictures = _pack(frame.panels() for frame in self.frames.values())
        return (
            f"{style_tag(_CSS + (CSS + LOCK_CSS if keys else ''))}"
            f'<section class="sc sc-dial" data-sc-dial{after} '
            f'aria-label="{escape(self.title)}">'
            f'<div class="sc-head"><div class="sc-title">{escape(self.title)}</div>'
            '<button type="button" class="sc-reset">Reset</button></div>'
            f"{instructions if self.instructions else ''}"
            f"{self._lock_html() if keys else ''}"
            f'<form class="sc-controls">{"".join(map(_control, self.dials))}</form>'
            f'<div class="sc-now"><div class="sc-picture">{start.panels()}</div>'
            f"{readout_list(start.readouts)}"
            f'<p class="sc-description" aria-live="polite">{escape(start.words)}</p></div>'
            f'<noscript><div class="sc-multiples">{self._multiples_html()}</div></noscript>'
            f'<p class="sc-caption">{escape(start.caption)}</p>'
            f"{self._table_html()}"
            f'<script type="application/json" class="sc-frames">{pictures}</script></section>'
            f"<script>{_SCRIPT}{LOCK_SCRIPT if keys else ''}</script>"
        )

    def _multiples_html(self):
        return "".join(
            f'<div class="sc-multiple"><div class="sc-name">{escape(name)}</div>{frame.panels()}'
            f"{readout_list(frame.readouts)}<p>{escape(frame.words)}</p></div>"
            for name, frame in self.small_multiples().items()
        )

    def _table_html(self):
        rows = self.table()
        head = "".join(f'<th scope="col">{escape(name)}</th>' for name in rows[0])
        body = "".join(
            f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row.values())}</tr>"
            for row in rows
        )
        return (
            f"<details><summary>All {len(rows)} positions as a table</summary>"
            f'<div class="sc-table" tabindex="0" role="region" '
            f'aria-label="Table: {escape(self.title)}"><table>'
            f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div></details>"
        )

    def _repr_mimebundle_(self, include=None, exclude=None):
        mode = output_mode()
        if mode == "text":
            return {"text/plain": self.text()}
        if mode == "page":
            return {"text/html": self.html(), "text/plain": self.text()}
        view = "application/vnd.jupyter.widget-view+json"
        return {
            view: self.widget()._repr_mimebundle_()[view],
            "text/html": style_tag() + self.figure(self.start()).html(),
            "text/plain": self.text([self.start()]),
        }


def _boxes(frame):
    return [re.search(r'viewBox="([^"]*)"', svg)[1] for svg in frame.svgs]


def _pack(pictures):
    """Pictures as JSON: the distinct pieces once, and for each picture the list of its pieces."""
    pieces = {}
    frames = [
        [pieces.setdefault(piece, len(pieces)) for piece in re.split(r"(?=<[a-z])", picture)]
        for picture in pictures
    ]
    text = json.dumps({"pieces": list(pieces), "frames": frames}, separators=(",", ":"))
    return text.replace("</", "<\\/")


def _control(each) -> str:
    """One dial of the player."""
    texts = json.dumps([each.text(i) for i in range(len(each.values))], ensure_ascii=False)
    return (_choice if each.is_choice else _slider)(each, f'data-sc-texts="{escape(texts)}"')


def _choice(each, texts) -> str:
    """A group of radio buttons, with the marks in the buttons they belong to."""
    options = "".join(
        f'<label class="sc-option"><input type="radio" name="{each.name}" value="{i}" '
        f'autocomplete="off"{" checked" if i == each.default else ""}>'
        f"<span>{escape(each.text(i))}{f': {escape(each.marks[i])}' if i in each.marks else ''}"
        "</span></label>"
        for i in range(len(each.values))
    )
    return (
        f'<fieldset class="sc-control" {texts}><legend class="sc-label">{escape(each.label)}'
        f'</legend><div class="sc-options">{options}</div></fieldset>'
    )


def _slider(each, texts) -> str:
    """Name and value, the range between two step buttons, and a button for each mark."""
    name, count = escape(each.label), len(each.values)
    ticks = "".join(f'<i style="--at:{i / (count - 1):.4f}"></i>' for i in each.marks)
    marks = "".join(
        f'<button type="button" data-sc-to="{i}">{escape(each.text(i))}: {escape(text)}</button>'
        for i, text in each.marks.items()
    )
    return (
        f'<div class="sc-control sc-slider" {texts}><label><span class="sc-label">{name}'
        f'</span><input type="range" min="0" max="{count - 1}" step="1" value="{each.default}" '
        f'aria-label="{name}" aria-valuetext="{escape(each.text(each.default))}" '
        'autocomplete="off"></label>'
        f'<output class="sc-value" aria-live="off">{escape(each.text(each.default))}</output>'
        f'<button type="button" class="sc-step sc-down" data-sc-by="-1" '
        f'aria-label="{name}: one step down">\u2212</button>'
        f'<button type="button" class="sc-step sc-up" data-sc-by="1" '
        f'aria-label="{name}: one step up">+</button>'
        f'<span class="sc-ticks" aria-hidden="true">{ticks}</span>'
        f'<span class="sc-marks">{marks}</span></div>'
    )


# The script runs once for each player that is not ready yet, so an output may stand on a page any
# number of times. Keys stop at the controls: notebooks would take the arrows for themselves. The
# form keeps the radio buttons of two players apart, and knows how to go back to the defaults. What
# is there for paper stays text until someone prints: drawn and hidden it would slow every page.
_SCRIPT = """
document.querySelectorAll("[data-sc-dial]:not([data-sc-ready])").forEach(root => {
  root.dataset.scReady = "";
  const find = query => root.querySelector(query);
  const form = find(".sc-controls");
  const controls = [...form.querySelectorAll(".sc-control")].map(box => ({
    inputs: [...box.querySelectorAll("input")], value: box.querySelector("output"),
    texts: JSON.parse(box.dataset.scTexts), buttons: [...box.querySelectorAll("button")]}));
  const data = JSON.parse(find(".sc-frames").textContent);
  const rows = find("tbody").rows, cells = [...root.querySelectorAll(".sc-now dd")];
  const show = () => {
    let frame = 0;
    controls.forEach(({inputs, value, texts, buttons}) => {
      const input = inputs.find(one => one.type === "range" || one.checked), at = +input.value;
      frame = frame * texts.length + at;
      if (!value) return;
      value.textContent = texts[at];
      input.setAttribute("aria-valuetext", texts[at]);
      buttons.filter(b => b.dataset.scTo)
        .forEach(b => b.setAttribute("aria-pressed", +b.dataset.scTo === at));
    });
    find(".sc-picture").innerHTML = data.frames[frame].map(i => data.pieces[i]).join("");
    const row = [...rows[frame].cells].map(cell => cell.textContent);
    cells.forEach((cell, i) => { cell.textContent = row[controls.length + i]; });
    find(".sc-description").textContent = row.at(-1);
  };
  controls.forEach(({inputs: [range], buttons}) => {
    buttons.forEach(b => b.addEventListener("click", () => {
      range.value = b.dataset.scBy ? +range.value + +b.dataset.scBy : b.dataset.scTo;
      show();
    }));
  });
  form.addEventListener("input", show);
  form.addEventListener("keydown", event => event.stopPropagation());
  form.addEventListener("submit", event => event.preventDefault());
  find(".sc-reset").addEventListener("click", () => { form.reset(); show(); });
  const paper = find("noscript");
  const unfold = () => { if (paper.isConnected) paper.outerHTML = paper.textContent; };
  addEventListener("beforeprint", unfold);
  matchMedia("print").addEventListener("change", unfold);
  show();
});
"""

_CSS = """
.sc.sc-dial{border:1px solid var(--sc-grid);border-radius:10px;
padding:1rem clamp(.8rem,2.5%,1.1rem)}
.sc.sc-dial p{margin:.25rem 0 0;max-width:44em}
.sc-dial:not([data-sc-ready]) :is(.sc-controls,.sc-now,.sc-reset){display:none}
.sc-dial[data-sc-ready] .sc-multiples{display:none}
.sc-controls{display:flex;flex-wrap:wrap;gap:.5rem 2rem;margin:.75rem 0}
.sc-head{display:flex;gap:1rem;justify-content:space-between;align-items:flex-start}
.sc-dial .sc-head button{flex:none;margin:-.6rem -.8rem 0 0;
border-color:transparent;color:var(--sc-muted)}
.sc-control{min-width:0;margin:0;padding:0;border:0}
.sc-slider{flex:1 1 260px;max-width:40rem;display:grid;
grid-template-columns:44px minmax(0,1fr) 44px;
grid-template-areas:"name name value" "down range up" "marks marks marks";
align-items:center;align-content:start;gap:.1rem .5rem}
.sc-slider label{display:contents}
.sc-label{grid-area:name;font-weight:600;font-size:1em;padding:0;margin:0;float:none;width:auto}
.sc-options{display:flex;flex-wrap:wrap;gap:.4rem;padding-top:.1rem}
.sc-option{position:relative;display:flex;margin:0}
.sc-option span{min-width:44px;min-height:44px;display:grid;place-items:center;padding:0 .9rem;
font-size:.9rem;line-height:1.2;border:1px solid var(--sc-muted);border-radius:8px}
.sc-option input{position:absolute;inset:0;width:100%;height:100%;margin:0;opacity:0;cursor:pointer}
.sc-option:hover span{border-color:var(--sc-ink)}
.sc-option :checked+span{color:var(--sc-paper);background:var(--sc-ink);border-color:var(--sc-ink);
font-weight:600}
.sc-option :focus-visible+span{outline:2px solid var(--sc-ink);outline-offset:2px}
.sc-value{grid-area:value;justify-self:end;white-space:nowrap;font-weight:600;
font-variant-numeric:tabular-nums}
.sc-down{grid-area:down}.sc-up{grid-area:up}
.sc-slider input{grid-area:range;appearance:none;-webkit-appearance:none;width:100%;height:44px;
margin:0;padding:0;border:0;background:none;cursor:pointer;position:relative;z-index:1}
.sc-slider input::-webkit-slider-runnable-track{height:4px;border-radius:2px;
background:var(--sc-muted)}
.sc-slider input::-moz-range-track{height:4px;border-radius:2px;background:var(--sc-muted)}
.sc-slider input::-webkit-slider-thumb{-webkit-appearance:none;width:22px;height:22px;
margin-top:-9px;border-radius:50%;background:var(--sc-ink);border:3px solid var(--sc-paper);
box-shadow:0 0 0 1px var(--sc-ink)}
.sc-slider input::-moz-range-thumb{width:16px;height:16px;border-radius:50%;
background:var(--sc-ink);border:3px solid var(--sc-paper);box-shadow:0 0 0 1px var(--sc-ink)}
.sc-slider :focus-visible,.sc-dial summary:focus-visible,.sc-table:focus-visible{
outline:2px solid var(--sc-ink);outline-offset:2px;border-radius:6px}
.sc-ticks{grid-area:range;position:relative;align-self:stretch;pointer-events:none}
.sc-ticks i{position:absolute;left:calc(11px + var(--at)*(100% - 22px));top:8px;bottom:8px;
width:2px;margin-left:-1px;background:var(--sc-ink)}
.sc-marks{grid-area:marks;display:flex;flex-wrap:wrap;gap:.4rem;padding-top:.3rem}
.sc-dial button{min-width:44px;min-height:44px;padding:0 .8rem;margin:0;font:inherit;
font-size:.9rem;line-height:1.2;color:var(--sc-ink);background:none;border:1px solid var(--sc-grid);
border-radius:8px;cursor:pointer;touch-action:manipulation}
.sc-dial button.sc-step{padding:0;font-size:1.25rem}
.sc-dial button:hover{border-color:var(--sc-ink)}
.sc-dial button[aria-pressed=true]{border-color:var(--sc-ink);box-shadow:inset 0 0 0 1px}
.sc-dial .sc-description{min-height:3em}
.sc-dial .sc-readouts dd{min-width:4ch}
.sc-table{overflow-x:auto;max-height:24rem;overflow-y:auto;margin-top:.5rem}
.sc-table table{border-collapse:collapse;width:100%;margin:0;font-size:.95em;
font-variant-numeric:tabular-nums}
.sc-table th,.sc-table td{text-align:left;vertical-align:top;padding:.3rem .75rem .3rem 0;
border:0;border-bottom:1px solid var(--sc-grid);background:none;color:inherit}
.sc-table th{white-space:nowrap}
.sc-table td:last-child{min-width:16em}
.sc-multiples{columns:2 20rem;column-gap:1.25rem;margin-top:.75rem}
.sc-multiple{break-inside:avoid;padding-bottom:1rem}
.sc-name{font-weight:600}
.sc-multiple .sc-panels>svg{flex-basis:120px}
@media (max-width:499px){.sc.sc-dial{padding:.8rem .6rem}
.sc.sc-dial[data-sc-ready] .sc-now{display:flex;flex-direction:column}
.sc-dial .sc-controls{margin:.5rem 0 0}
.sc.sc-dial dl.sc-readouts{order:-1;margin:.4rem 0;gap:0 1.25rem}
.sc.sc-dial .sc-picture{margin:0 -.5rem}
.sc.sc-dial .sc-now .sc-panels>svg{max-width:calc(1.06*var(--sc-width))}}
@media print{.sc-dial :is(.sc-controls,.sc-now,.sc-reset,details){display:none!important}
.sc-dial[data-sc-ready] .sc-multiples{display:block}.sc.sc-dial{break-inside:auto}}
"""
