"""Predictions: what a reader says before a dial moves, how sure they are, and where it is kept.

A prediction is a choice (:func:`~sevenconditions.questions.predict`) or a marker on a number line
(:func:`marker`). It is kept as a few words of JSON in the reader's own browser and sent nowhere.
The line that a prediction leaves in a stored notebook is its record: the book's last page, which
shows a reader's calibration, finds all predictions by :func:`predicted`.
"""

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from types import MappingProxyType

import numpy as np

SURE = ("a guess", "fairly sure", "certain")  # from least to most

_LINE = re.compile(r"^Prediction ([a-z0-9-]+): (.+)$", flags=re.M)
_NUMBER = re.compile(r"[-\u2212]?\d+(?:\.\d+)?(?:e[-+\u2212]?\d+)?")


def check_key(key) -> str:
    """Return a key, or raise ValueError where it is not kebab-case.

    >>> check_key("gain-above-one")
    'gain-above-one'
    """
    if not (isinstance(key, str) and re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", key)):
        raise ValueError(f"key is {key!r}; expected kebab-case, such as 'gain-above-one'")
    return key


def record_line(key, prompt) -> str:
    """The line by which a stored notebook says that a prediction is asked there.

    >>> predicted(record_line("one-and-one", "1 + 1?"))
    [('one-and-one', '1 + 1?')]
    """
    return f"Prediction {key}: {prompt}"


def predicted(text) -> list:
    """Key and prompt of every prediction in a text output; see :func:`record_line`."""
    return _LINE.findall(text)


@dataclass(frozen=True)
class Marker:
    """A prediction set on a number line; made by :func:`marker`."""

    prompt: str
    line: object  # a Dial: the places where the marker can stand
    readout: str
    key: str
    at: Mapping  # name of a dial -> the value at which the readout is taken
    crosses: float | None
    tol: float | None
    factor: float | None

    def read(self, readouts) -> float:
        """The number in the readout that is asked for; ValueError where there is none."""
        if self.readout not in readouts:
            raise ValueError(
                f"marker {self.key!r} asks for {self.readout!r}; the readouts are {list(readouts)}"
            )
        found = _NUMBER.search(readouts[self.readout])
        if not found:
            raise ValueError(
                f"readout {self.readout!r} is {readouts[self.readout]!r}, which holds no number"
            )
        return float(found[0].replace("\u2212", "-"))

    def shown(self, readouts) -> str:
        """The readout as it stands there; a bare number with the unit of the line."""
        text = readouts[self.readout]
        return f"{text} {self.line.unit}".strip() if _NUMBER.fullmatch(text) else text

    def share(self, value) -> float:
        """Where a value stands on the line: 0 at its lowest place, 1 at its highest."""
        values = self.line.values
        return float(np.interp(value, values, np.linspace(0, 1, len(values))))

    def bounds(self, truth) -> tuple:
        """Lowest and highest value that count as right."""
        if self.tol is not None:
            return truth - self.tol, truth + self.tol
        return truth / self.factor, truth * self.factor

    def allowed(self) -> str:
        """The tolerance in words."""
        return f"within {self.tol:g}" if self.factor is None else f"within a factor {self.factor:g}"

    def is_right(self, i, truth) -> bool:
        """Whether the marker at place i counts as right."""
        low, high = self.bounds(truth)
        value, slack = self.line.values[i], 1e-9 * abs(truth)
        return low - slack <= value <= high + slack

    def outcome(self, i, truth, shown) -> str:
        """Marker and truth side by side, and how far they are apart."""
        value = self.line.values[i]
        if math.isclose(value, truth, rel_tol=0.01):
            off = "Hardly any difference"
        elif self.factor is None:
            off = f"Off by {abs(value - truth):.2g}"
        else:
            ratio = max(value, truth) / min(value, truth)
            off = f"Too {'high' if value > truth else 'low'} by a factor {ratio:.3g}"
        verdict = f"right, {self.allowed()}" if self.is_right(i, truth) else f"not {self.allowed()}"
        return f"Your marker: {self.line.text(i)}. The truth: {shown}. {off}: {verdict}."

    def html(self, truth, shown) -> str:
        """The number line to set, and the line with both marks that takes its place."""
        line, count = self.line, len(self.line.values)
        low, high = (self.share(bound) for bound in self.bounds(truth))
        places = [
            {"text": line.text(i), "right": self.is_right(i, truth),
             "words": self.outcome(i, truth, shown)}
            for i in range(count)
        ]  # fmt: skip
        data = {"key": self.key, "truth": shown, "places": places}
        ends = f"<span>{escape(line.text(0))}</span><span>{escape(line.text(count - 1))}</span>"
        return (
            f'<div class="sc-marker" data-sc-marker="{escape(json.dumps(data))}">'
            f'<div class="sc-label">{escape(self.prompt)}</div>'
            f'<div class="sc-slider sc-place"><input type="range" '
            f'aria-label="{escape(self.prompt)}" min="0" max="{count - 1}" step="1" '
            f'value="{line.default}" autocomplete="off">'
            '<output class="sc-value" aria-live="off"></output>'
            f'<div class="sc-ends" aria-hidden="true">{ends}</div></div>{sure_buttons()}'
            '<div class="sc-line" hidden aria-hidden="true">'
            f'<span class="sc-band" style="--low:{low:.4f};--high:{high:.4f}"></span>'
            '<span class="sc-you"><b></b><i></i></span>'
            f'<span class="sc-truth" style="--at:{self.share(truth):.4f}"><i></i>'
            f'<b>truth: {escape(shown)}</b></span><div class="sc-ends">{ends}</div></div></div>'
        )


def marker(prompt, line, readout, key, *, at=None, crosses=None, tol=None, factor=None) -> Marker:
    """Ask for a number before a dial opens; hand it to ``explore(..., marker=...)``.

    The truth is never typed: it is read off the dial's own frames.

    prompt : str, the question
    line : a dial, the places where the marker can stand, in rising order. With one of the
        explorable's own dials the reader marks the position at which the readout first crosses the
        number ``crosses``; with any other dial, the readout itself.
    readout : label of the readout that holds the truth
    key : str, kebab-case, never changed; the reader's prediction is kept under it
    at : mapping from dials to the values at which the readout is taken; defaults elsewhere
    tol, factor : one of them, > 0 and > 1: how far a marker may be off and still be right

    Raises ValueError for an empty prompt, a key that is not kebab-case, a line that is not of
    rising numbers (above 0 where a factor is allowed), or not exactly one tolerance.

    >>> from sevenconditions.explorable import dial
    >>> steps = dial("steps", [10, 20, 40, 80], unit="steps")
    >>> asked = marker("How many steps?", steps, "steps", "how-many-steps", factor=1.5)
    >>> asked.read({"steps": "44 to rest"})
    44.0
    >>> print(asked.outcome(2, 44, "44"))
    Your marker: 40 steps. The truth: 44. Too low by a factor 1.1: right, within a factor 1.5.
    """
    check_key(key)
    if not (isinstance(prompt, str) and prompt.strip()):
        raise ValueError(f"prompt is {prompt!r}; expected a question")
    values = line.values
    rising = all(isinstance(v, int | float) for v in values) and list(values) == sorted(values)
    if not rising or (factor is not None and values[0] <= 0):
        raise ValueError(
            f"line of {key!r} has values {values}; expected rising numbers, above 0 for a factor"
        )
    if (tol is None) == (factor is None) or not (tol > 0 if factor is None else factor > 1):
        raise ValueError(
            f"marker {key!r} has tol={tol} and factor={factor}; expected one of them, a tol above "
            "0 or a factor above 1"
        )
    return Marker(
        prompt, line, readout, key, MappingProxyType(dict(at or {})), crosses, tol, factor
    )


def sure_buttons(words=SURE) -> str:
    """The buttons that hand in a prediction, each with how sure it is, as HTML."""
    buttons = "".join(f'<button type="button">{word}</button>' for word in words)
    if words != SURE:
        return f'<div class="sc-sure">{buttons}</div>'
    return (
        '<div class="sc-sure" role="group" aria-label="How sure are you?">'
        f'<span class="sc-how">How sure are you?</span>{buttons}'
        '<span class="sc-stays">It stays in this browser.</span></div>'
    )


# What a browser keeps, for all scripts of a page. Where storage is refused, what is said lasts as
# long as the page: on a symbol of the document, so that the page gets no new name.
STORE = f"""
const SURE = {json.dumps(SURE)};
const memory = document[Symbol.for("sevenconditions")] ??= new Map();
const inStorage = change => {{ try {{ return change(localStorage); }} catch {{ return null; }} }};
const read = key => {{
  try {{
    const text = inStorage(kept => kept.getItem("sevenconditions:" + key)) ?? memory.get(key);
    const record = JSON.parse(text);
    return record && typeof record === "object" ? record : null;
  }} catch {{ return null; }}
}};
const keep = (key, record) => {{
  if (read(key)) return;
  const text = JSON.stringify(record);
  memory.set(key, text);
  inStorage(kept => kept.setItem("sevenconditions:" + key, text));
  document.dispatchEvent(new CustomEvent("sevenconditions", {{detail: key}}));
}};
const said = record => record.skipped ? "No prediction: you looked first."
  : `You predicted: ${{record.choice}}${{record.sure in SURE ? ", " + SURE[record.sure] : ""}}.`;
const stays = root => {{
  if (inStorage(kept => kept.getItem("sevenconditions") ?? true)) return;
  root.querySelectorAll(".sc-stays").forEach(note => {{
    note.textContent = "This browser stores nothing: it lasts until you leave the page.";
  }});
}};
"""

# What opens a locked dial: every prediction named in data-sc-after, made or declined. The marker
# comes after the question, whose answer its truth could give away.
LOCK_SCRIPT = (
    """
document.querySelectorAll("[data-sc-after]:not([data-sc-watched])").forEach(root => {
  root.dataset.scWatched = "";
"""
    + STORE
    + """
  const find = query => root.querySelector(query), form = find(".sc-controls");
  const keys = root.dataset.scAfter.split(" "), marked = find(".sc-marker");
  const first = find(".sc-first"), told = find(".sc-told");
  const asked = marked && JSON.parse(marked.dataset.scMarker);
  const open = focus => {
    const locked = !keys.every(read);
    root.toggleAttribute("data-sc-locked", locked);
    form.inert = locked;
    if (first) first.hidden = !!read(first.dataset.scKey);
    const words = keys.filter(read).map(key => {
      const record = read(key), place = key === asked?.key && asked.places[record.at];
      if (record.skipped) return said(record);
      return place?.text === record.choice ? `${place.words} You said: ${SURE[record.sure]}.`
        : `${said(record)} The answer: ${record.truth}.`;
    });
    told.textContent = [...new Set(words)].join("\\n");
    if (asked) draw(read(asked.key));
    if (focus && !locked) form.querySelector("input").focus();
  };
  const draw = record => {
    const at = record?.at, line = find(".sc-line"), you = find(".sc-you");
    marked.toggleAttribute("data-sc-placed", !!record);
    line.hidden = !record;
    you.hidden = !asked.places[at];
    if (you.hidden) return;
    you.style.setProperty("--at", at / (asked.places.length - 1));
    you.querySelector("b").textContent = `you: ${asked.places[at].text}`;
  };
  if (asked) {
    const range = marked.querySelector("input");
    const write = () => {
      marked.querySelector("output").textContent = asked.places[range.value].text;
      range.setAttribute("aria-valuetext", asked.places[range.value].text);
    };
    range.addEventListener("input", write);
    write();
    marked.querySelectorAll(".sc-sure button").forEach((button, sure) => {
      button.addEventListener("click", () => {
        const at = +range.value, {text, right} = asked.places[at];
        keep(asked.key, {choice: text, truth: asked.truth, right, sure, at});
        open(true);
      });
    });
  }
  find(".sc-goto")?.addEventListener("click", () => {
    const where = document.querySelector(`[data-sc-question="${first.dataset.scKey}"]`);
    where?.scrollIntoView({block: "center"});
    where?.querySelector("input").focus({preventScroll: true});
  });
  find(".sc-skip").addEventListener("click", () => {
    keys.forEach(key => keep(key, {skipped: true}));
    open(true);
  });
  find(".sc-lock").addEventListener("keydown", event => event.stopPropagation());
  document.addEventListener("sevenconditions", () => open());
  stays(root);
  open();
});
"""
)

CSS = """
.sc-sure{display:flex;flex-wrap:wrap;gap:.4rem;align-items:center;margin:.35rem 0 0}
.sc-sure .sc-how{flex:0 0 100%;margin-bottom:-.2rem}
.sc .sc-stays{color:var(--sc-muted);font-size:.9em}
.sc-sure button{min-width:44px;min-height:44px;padding:0 .8rem;margin:0;font:inherit;
font-size:.9rem;line-height:1.2;color:var(--sc-ink);background:none;
border:1px solid var(--sc-muted);border-radius:8px;cursor:pointer;touch-action:manipulation}
.sc-sure button:hover{border-color:var(--sc-ink)}
.sc-sure button:focus-visible{outline:2px solid var(--sc-ink);outline-offset:2px}
"""

LOCK_CSS = """
.sc-lock{border-left:3px solid var(--sc-estimate);padding:.25rem 0 .25rem .8rem;margin:.6rem 0 0}
.sc-dial:not([data-sc-watched]) :is(.sc-lock,.sc-told){display:none}
.sc.sc-dial .sc-told{white-space:pre-line}
.sc.sc-dial .sc-told:empty{margin:0}
.sc-dial[data-sc-watched]:not([data-sc-locked]) .sc-lock:not(:has(.sc-line:not([hidden]))),
.sc-first:not([hidden])~.sc-marker,
.sc-dial:not([data-sc-locked]) .sc-skip,.sc-dial[data-sc-locked] :is(.sc-reset,details),
.sc-marker[data-sc-placed] :is(.sc-place,.sc-sure){display:none}
.sc-dial[data-sc-locked] .sc-controls{opacity:.4}
.sc.sc-dial .sc-first:not([hidden]){display:flex;flex-wrap:wrap;gap:.2rem .8rem;
align-items:center;margin:0 0 .6rem}
.sc-dial .sc-skip{margin-top:.6rem}
.sc-slider.sc-place{display:block;position:relative;max-width:40rem}
.sc-place input{display:block}
.sc-place .sc-value{display:block;justify-self:stretch;text-align:center;margin-top:-.5rem}
.sc-ends{display:flex;justify-content:space-between;color:var(--sc-muted);font-size:.85em}
.sc-place .sc-ends{margin-top:-1.5em}
.sc-line{position:relative;max-width:40rem;padding-top:4.6em}
.sc-line:before{content:"";position:absolute;left:0;right:0;top:2.3em;height:2px;
background:var(--sc-muted)}
.sc-line>span{position:absolute;left:0;right:0;top:0;height:4.6em}
.sc-line i{position:absolute;left:calc(var(--at)*100%);width:3px;margin-left:-1.5px;height:1em;
background:var(--ink)}
.sc-line b{position:absolute;left:calc(var(--at)*100%);transform:translateX(calc(var(--at)*-100%));
white-space:nowrap;font-size:.9em;color:var(--ink)}
.sc-line .sc-you{--ink:var(--sc-estimate)}.sc-line .sc-truth{--ink:var(--sc-true)}
.sc-you b{top:0}.sc-you i{top:1.4em}.sc-truth i{top:2.2em}.sc-truth b{bottom:0}
.sc-line .sc-band{left:calc(var(--low)*100%);right:calc(100% - var(--high)*100%);top:2em;
height:.6em;background:var(--sc-true);opacity:.25;border-radius:3px}
@media print{.sc-dial .sc-lock,.sc-dial .sc-told{display:none!important}}
"""
