"""Questions in the page: predictions, quizzes with a reason for every choice, exercise checks.

The reader's first choice is kept in the browser where that is allowed. A prediction is handed in
with how sure it is, and opens the dial that waits for it. Without script, and on paper, a question
is followed by its answer key.
"""

import json
import math
import re
import textwrap
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from html import escape
from numbers import Real
from types import MappingProxyType

import numpy as np

from sevenconditions.display import style_tag
from sevenconditions.output import output_mode
from sevenconditions.predictions import CSS, STORE, SURE, check_key, record_line, sure_buttons


@dataclass(frozen=True)
class Question:
    """A multiple-choice question; made by :func:`predict` or :func:`question`."""

    prompt: str
    choices: Mapping  # choice -> the reason why it is right or wrong
    answer: str
    why: str
    key: str
    sure: tuple  # the buttons that hand it in: how sure a prediction is, or one for a quiz

    @property
    def is_prediction(self) -> bool:
        """Whether it asks before the reader has seen, and how sure they are."""
        return self.sure == SURE

    def text(self) -> str:
        """Question, choices and answer key, as plain text."""
        lines = [record_line(self.key, self.prompt) if self.is_prediction else self.prompt]
        for letter, (choice, reason) in zip("abcdefgh", self.choices.items(), strict=False):
            verdict = "right" if choice == self.answer else "no"
            lines.append(f"  {letter}) {choice} -- {verdict}: {reason}")
        return "\n".join([*lines, self.why] if self.why else lines)

    def html(self) -> str:
        """The question as HTML, without style and script."""
        radios = "".join(
            f'<label class="sc-choice"><input type="radio" name="{self.key}" autocomplete="off">'
            f"<span>{_inline(choice)}</span></label>"
            for choice in self.choices
        )
        reasons = "".join(
            f"<li><b>{_inline(choice)}</b> "
            f'<span class="sc-reason"><i>{"Right." if choice == self.answer else "No."}</i> '
            f"{_inline(reason)}</span></li>"
            for choice, reason in self.choices.items()
        )
        why = f'<p class="sc-why">{_inline(self.why)}</p>' if self.why else ""
        right = list(self.choices).index(self.answer)
        name = textwrap.shorten(self.prompt.replace("`", ""), 80, placeholder=" …")
        return (
            f'<section class="sc sc-question" data-sc-question="{self.key}" '
            f'data-sc-right="{right}" aria-label="{escape(name)}">'
            f"<fieldset><legend>{_inline(self.prompt)}</legend>"
            f'{radios}</fieldset>{sure_buttons(self.sure)}<p class="sc-kept" hidden></p>'
            '<div class="sc-verdict" aria-live="polite"></div>'
            f'<details class="sc-answers"><summary>Answer, with a reason for every choice</summary>'
            f"<ul>{reasons}</ul>{why}</details></section>"
        )

    def _repr_mimebundle_(self, include=None, exclude=None):
        return _bundle(self.text(), self.html())


@dataclass(frozen=True)
class Quiz:
    """Several questions in a row; made by :func:`quiz`."""

    questions: tuple

    def text(self) -> str:
        """All questions with their answer keys, numbered."""
        return "\n\n".join(f"{i}. {each.text()}" for i, each in enumerate(self.questions, start=1))

    def _repr_mimebundle_(self, include=None, exclude=None):
        return _bundle(self.text(), "".join(each.html() for each in self.questions))


def predict(prompt, choices, answer, why, key) -> Question:
    """Ask for a prediction; the explanation stays hidden until the reader has chosen.

    prompt : str; words in backticks are shown as code
    choices : mapping from each choice to the reason why it is right or wrong
    answer : the choice that is right
    why : str, the explanation shown after any choice
    key : str, kebab-case, never changed; the reader's choice is kept under it, and opens the dial
        that was given it as ``explore(..., after=key)``

    Raises ValueError for fewer than two choices, a choice without a reason, an answer that is not
    a choice, an empty text, or a key that is not kebab-case.

    >>> asked = predict("1 + 1?", {"2": "One more than 1.", "11": "That joins digits."}, "2",
    ...                 "Count on.", "one-and-one")
    >>> print(asked.text())
    Prediction one-and-one: 1 + 1?
      a) 2 -- right: One more than 1.
      b) 11 -- no: That joins digits.
    Count on.
    """
    if not (isinstance(why, str) and why.strip()):
        raise ValueError(f"why is {why!r}; expected the explanation that follows any choice")
    return _question(prompt, choices, answer, why, key, SURE)


def question(prompt, choices, answer, key, why="") -> Question:
    """One question of a :func:`quiz`; arguments and errors are those of :func:`predict`.

    >>> question("Is 2 even?", {"yes": "2 = 2 x 1.", "no": "It is."}, "yes", "two-even").answer
    'yes'
    """
    return _question(prompt, choices, answer, why, key, ("Check",))


def quiz(questions) -> Quiz:
    """Several questions in a row. Raises ValueError for none, or for two of one key.

    >>> q = question("Is 2 even?", {"yes": "2 = 2 x 1.", "no": "It is."}, "yes", "two-even")
    >>> print(quiz([q]).text().splitlines()[0])
    1. Is 2 even?
    """
    questions = tuple(questions)
    keys = [each.key for each in questions]
    if not keys or len(set(keys)) < len(keys):
        raise ValueError(
            f"quiz has keys {keys}; expected at least one question, all keys different"
        )
    return Quiz(questions)


def _question(prompt, choices, answer, why, key, sure):
    if not (isinstance(prompt, str) and prompt.strip()):
        raise ValueError(f"prompt is {prompt!r}; expected a question")
    check_key(key)
    if not isinstance(choices, Mapping) or len(choices) < 2:
        raise ValueError(
            f"choices of {key!r} is {choices!r}; expected a mapping of at least two choices, each "
            "to its reason"
        )
    for choice, reason in choices.items():
        if not (isinstance(reason, str) and reason.strip()):
            raise ValueError(
                f"choice {choice!r} of {key!r} has no reason; say why it is right or not"
            )
    if answer not in choices:
        raise ValueError(f"answer {answer!r} of {key!r} is not among the choices {list(choices)}")
    return Question(prompt, MappingProxyType(dict(choices)), answer, why, key, sure)


@dataclass(frozen=True)
class Check:
    """The outcome of an exercise: "not yet", "right" or "look again", and a message."""

    name: str
    status: str
    message: str
    hint: str = ""
    # What a page needs to check a number without a kernel; None where it cannot.
    box: Mapping | None = field(default=None, compare=False, repr=False)

    def text(self) -> str:
        """The outcome in one line, and the hint in another where there is one."""
        line = f"{self.name}: {self.status}. {self.message}"
        return f"{line}\nHint: {self.hint}" if self.hint else line

    def html(self) -> str:
        """The outcome as HTML, without style and script; on a page, a box for the answer."""
        outcome = f"<b>{_inline(self.name)}: {self.status}.</b> {_inline(self.message)}"
        if self.status == "not yet" and output_mode() == "page":
            outcome = f"<b>{_inline(self.name)}.</b> {_NO_KERNEL}"
        hint = f"<details><summary>Hint</summary><p>{_inline(self.hint)}</p></details>"
        boxed = self.box is not None and output_mode() == "page"
        return (
            f'<div class="sc sc-check">{_answer_box(self.name, self.box) if boxed else ""}'
            f'<p role="status">{outcome}</p>{hint if self.hint else ""}</div>'
        )

    def _repr_mimebundle_(self, include=None, exclude=None):
        return _bundle(self.text(), self.html())


_NO_KERNEL = (
    "Not yet: write your line in the notebook (download or Binder, at the top of the page)."
)


def _answer_box(name, box):
    """A field for one number and a button, shown by the script; the script does the checking."""
    # The keypad of a phone may have digits and a point alone: no minus sign for what needs one.
    keypad = "decimal" if box["expected"] >= 0 else "text"
    data = escape(json.dumps(box, ensure_ascii=False))
    return (
        f'<form data-sc-check="{data}" hidden><label>{_inline(name)}: your number '
        f'<input type="text" inputmode="{keypad}" autocomplete="off" '
        'placeholder="0.25 or 1/4"></label><button type="submit">Check</button></form>'
    )


def exercise_check(name, value, expected, tol=1e-6, mistakes=(), hint="") -> Check:
    """Compare a reader's answer with the expected one, and name the likely mistake.

    name : str, the exercise
    value : what the reader computed; None or ... means that it is not written yet
    expected : number or array; tol : float, >= 0, the largest difference allowed in any entry
    mistakes : mapping (or pairs, for arrays) from a wrong value, or from a function of the value
        that is true for it, to the message that names the mistake; the first that fits is shown
    hint : str, folded away under the outcome

    Where the answer is one number and each mistake too, the book's page shows a field to type it.

    Never raises because of the reader's value. Raises ValueError when tol is negative.

    >>> check = exercise_check("slope", 0.2, 2.0, mistakes={0.2: "You forgot 1/beta."})
    >>> print(check.text())
    slope: look again. You forgot 1/beta.
    """
    if not tol >= 0:
        raise ValueError(f"tol is {tol!r}; expected a number >= 0")
    pairs = list(mistakes.items() if isinstance(mistakes, Mapping) else mistakes)
    if value is None or value is ...:
        todo = "Replace the placeholder and run the cell again."
        return Check(name, "not yet", todo, hint, _box(expected, tol, pairs))
    if _close(value, expected, tol):
        return Check(name, "right", "Your value agrees with the expected one.", hint)
    for wrong, message in pairs:
        if _true_of(wrong, value) if isinstance(wrong, Callable) else _close(value, wrong, tol):
            return Check(name, "look again", message, hint)
    return Check(name, "look again", _difference(value, expected), hint)


def _box(expected, tol, pairs):
    """What the answer box compares with; None unless all of it is single numbers."""
    numbers = [expected, tol, *(wrong for wrong, _ in pairs)]
    if not all(isinstance(each, Real) and math.isfinite(each) for each in numbers):
        return None
    mistakes = [[float(wrong), _inline(message)] for wrong, message in pairs]
    return {"expected": float(expected), "tol": float(tol), "mistakes": mistakes}


def _close(value, expected, tol):
    try:
        value, expected = np.asarray(value, dtype=float), np.asarray(expected, dtype=float)
    except (TypeError, ValueError):
        return False
    return value.shape == expected.shape and bool(np.all(np.abs(value - expected) <= tol))


def _true_of(predicate, value):
    # The reader's value may be anything, so a predicate that cannot take it does not fit.
    try:
        return bool(predicate(value))
    except Exception:
        return False


def _difference(value, expected):
    """Say how a value misses, without giving the answer away."""
    try:
        value, expected = np.asarray(value, dtype=float), np.asarray(expected, dtype=float)
    except (TypeError, ValueError):
        return f"Expected numbers; a {type(value).__name__} came."
    if value.shape != expected.shape:
        return f"The shape is {value.shape}; expected {expected.shape}."
    if not np.all(np.isfinite(value)):
        return "The value is not finite."
    return f"The largest difference is {np.max(np.abs(value - expected)):.2g}."


def _inline(text):
    """Escape a text for HTML; words in backticks become code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text))


def _bundle(text, html):
    bundle = {"text/plain": text}
    if output_mode() != "text":
        needed = [script for mark, script in _SCRIPTS.items() if f"{mark}=" in html]
        scripts = "".join(f"<script>{script}</script>" for script in needed)
        bundle["text/html"] = style_tag(CSS + _CSS) + html + scripts
    return bundle


# The reasons stand in the page once, in the answer key; the script copies the one that was chosen.
# The first choice handed in is kept; what is chosen later only shows its reason.
_QUESTION_SCRIPT = (
    """
document.querySelectorAll("[data-sc-question]:not([data-sc-ready])").forEach(root => {
  root.dataset.scReady = "";
"""
    + STORE
    + """
  const key = root.dataset.scQuestion, right = +root.dataset.scRight;
  const count = document.querySelectorAll("[data-sc-question][data-sc-ready]").length;
  const find = query => root.querySelector(query), radios = [...root.querySelectorAll("input")];
  const words = i => radios[i].nextElementSibling.textContent;
  const chosen = () => radios.findIndex(radio => radio.checked);
  const why = find(".sc-why"), verdict = find(".sc-verdict"), first = find(".sc-kept");
  const show = () => {
    const i = chosen(), record = read(key);
    first.textContent = record.skipped || record.sure in SURE ? said(record)
      : `Your first answer: ${record.choice}.`;
    first.hidden = false;
    root.dataset.scAnswered = "";
    if (i < 0) return;
    verdict.textContent = record.choice === words(i) ? "" : `Now: ${words(i)}. `;
    verdict.innerHTML += root.querySelectorAll(".sc-reason")[i].innerHTML;
    if (why) verdict.append(why.cloneNode(true));
  };
  const restore = () => {
    const record = read(key);
    if (!record) return;
    const i = radios.findIndex((_, i) => words(i) === record.choice);
    if (i >= 0 && chosen() < 0) radios[i].checked = true;
    show();
  };
  radios.forEach(radio => {
    radio.name += "-" + count;
    radio.addEventListener("keydown", event => event.stopPropagation());
    radio.addEventListener("change", () => {
      if (read(key)) show(); else verdict.textContent = "";
    });
  });
  root.querySelectorAll(".sc-sure button").forEach((button, sure, all) => {
    button.addEventListener("keydown", event => event.stopPropagation());
    button.addEventListener("click", () => {
      const i = chosen(), record = {choice: i < 0 ? "" : words(i), truth: words(right)};
      if (i < 0) { verdict.textContent = "Choose one first."; return; }
      keep(key, {...record, right: i === right, ...(all.length > 1 && {sure})});
      radios[i].focus();
    });
  });
  document.addEventListener("sevenconditions", restore);
  stays(root);
  restore();
});
"""
)

# Compares as exercise_check does. A number may be a fraction, and its point a comma.
_CHECK_SCRIPT = r"""
document.querySelectorAll("form[data-sc-check]:not([data-sc-ready])").forEach(form => {
  form.dataset.scReady = "";
  form.hidden = false;
  const {expected, tol, mistakes} = JSON.parse(form.dataset.scCheck);
  const input = form.querySelector("input"), said = form.nextElementSibling;
  said.textContent = "";
  const read = text => {
    const plain = text.replace(/\s/g, "").replace(/,/g, ".").replace(/\u2212/g, "-");
    const number = String.raw`[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?`;
    const parts = plain.match(RegExp(`^(${number})(?:/(${number}))?$`, "i"));
    return parts ? parts[1] / (parts[2] ?? 1) : NaN;
  };
  const judge = value => {
    if (!Number.isFinite(value)) return ["not a number", "Write one, such as 0.25, .25 or 1/4."];
    const near = wanted => Math.abs(value - wanted) <= tol;
    if (near(expected)) return ["right", "Your value agrees with the expected one."];
    const known = mistakes.find(([wrong]) => near(wrong));
    const off = +Math.abs(value - expected).toPrecision(2);
    return ["look again", known ? known[1] : `The difference is ${off}.`];
  };
  form.addEventListener("keydown", event => event.stopPropagation());
  form.addEventListener("submit", event => {
    event.preventDefault();
    const [status, message] = judge(read(input.value));
    said.innerHTML = `<b>${status[0].toUpperCase()}${status.slice(1)}.</b> ${message}`;
    input.setAttribute("aria-invalid", status !== "right");
  });
});
"""

_SCRIPTS = {"data-sc-question": _QUESTION_SCRIPT, "data-sc-check": _CHECK_SCRIPT}

_CSS = """
.sc.sc-question{border-left:3px solid var(--sc-muted);padding:.25rem 0 .25rem 1rem}
.sc-question fieldset{border:0;margin:0;padding:0;min-width:0}
.sc-question legend{font-weight:600;font-size:1em;padding:0;margin:0 0 .35rem;float:none;width:auto}
.sc-choice{display:flex;align-items:center;gap:.7rem;min-height:44px;padding:.3rem .5rem;margin:0;
cursor:pointer;border-radius:8px}
.sc-choice:hover{box-shadow:inset 0 0 0 1px var(--sc-grid)}
.sc-choice input{flex:none;width:20px;height:20px;margin:0;accent-color:var(--sc-ink)}
.sc-choice input:focus-visible{outline:2px solid var(--sc-ink);outline-offset:2px}
.sc-question .sc-sure{padding:0 .5rem}
.sc-question:is([data-sc-answered],:not([data-sc-ready])) .sc-sure{display:none}
.sc .sc-kept{margin:.25rem 0 0;padding:0 .5rem;font-weight:600}
.sc-verdict{min-height:1.5em;padding:.25rem .5rem;max-width:44em}
.sc-verdict i,.sc-reason i{font-style:normal;font-weight:600}
.sc .sc-why{margin:.35rem 0 0;color:inherit}
.sc-question ul{margin:.25rem 0 0;padding-left:1.25rem}
.sc-question[data-sc-ready]:not([data-sc-answered]) .sc-answers{display:none}
.sc-question code,.sc-check code{font-size:.92em;color:inherit;background:none;border:0;padding:0}
.sc.sc-check{border-left:3px solid var(--sc-muted);padding:.35rem 0 .35rem 1rem}
.sc-check p{margin:0;max-width:44em}
.sc-check form:not([hidden]){display:flex;flex-wrap:wrap;gap:.5rem;align-items:flex-end}
.sc-check form~p{min-height:1.5em;margin-top:.35rem}
.sc-check label{display:block;flex:1 1 13.5rem;min-width:0;max-width:16rem;margin:0;font-weight:600}
.sc-check :is(input,button){min-height:44px;margin:0;padding:0 .8rem;font:inherit;
color:var(--sc-ink);background:none;border:1px solid var(--sc-muted);border-radius:8px}
.sc-check input{display:block;width:100%;font-weight:400;font-variant-numeric:tabular-nums}
.sc-check input::placeholder{color:var(--sc-muted);opacity:1}
.sc-check button{min-width:44px;font-weight:600;cursor:pointer;touch-action:manipulation}
.sc-check button:hover{border-color:var(--sc-ink)}
.sc-check :focus-visible{outline:2px solid var(--sc-ink);outline-offset:2px}
@media print{.sc-check button,.sc-question .sc-sure{display:none}
.sc-question[data-sc-ready] .sc-answers{display:block!important}
.sc-answers::details-content{content-visibility:visible;display:block}}
"""
