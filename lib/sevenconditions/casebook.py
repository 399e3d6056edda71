"""Mystery networks on a page: cases whose answers are computed beforehand, played without a kernel.

What a notebook draws endlessly with `sevenconditions.mystery`, a page carries as a book of cases:
every answer to a choice of probes, and every verdict. The verdicts are sealed, so that neither the
page nor its source says who it was.
"""

import base64
import itertools
import json
from dataclasses import dataclass
from functools import cached_property
from html import escape

from sevenconditions.display import style_tag
from sevenconditions.mystery import (
    ANSWERS,
    LEVELS,
    MEANINGS,
    NEARLY,
    OPENINGS,
    SENTENCES,
    SIZES,
    TELLING,
    answer,
    mystery,
)
from sevenconditions.output import output_mode

PER_LEVEL = 2 * len(ANSWERS)
TITLE = "The mystery network"

# Probe -> what the reader chooses, and where it may be put; None: along the steepest connections.
CHOICES = {
    "perturb": (
        "Push a unit, read another, and the reverse",
        (("a1", "a2"), ("a3", "a4"), ("b1", "b2"), ("a1", "o1"), ("b2", "o1")),
    ),
    "clamp": ("Hold a unit", (("a1",), ("b1",), ("o1",))),
    "lesion": ("Silence a unit", (("a1",), ("b1",), ("b2",), ("o1",))),
    "cut": ("Cut a connection", (("o1", "b2"), ("b1", "a1"), ("a1", "b1"))),
    "read_pair": (
        "Read a pair of weights",
        (("a1", "b1"), ("a2", "b3"), ("b1", "o1"), ("b2", "o2")),
    ),
    "run_longer": ("Let the rule run longer", None),
    "change_beta": ("Halve beta", None),
    "repeat": ("Repeat five times", None),
    "compare_with_states": ("Compare an update with its two states", None),
    "compare_with_loss": ("Compare an update with the slope of the loss", None),
}
STEEPEST = 3


@dataclass(frozen=True, eq=False)
class Casebook:
    """A book of mystery networks; made by :func:`detective`."""

    @cached_property
    def cases(self) -> dict:
        """Level -> its cases: the first seeds that make each answer the culprit twice."""
        return {level: self._chosen(level) for level in LEVELS}

    def _chosen(self, level):
        wanted, chosen = dict.fromkeys(ANSWERS, PER_LEVEL // len(ANSWERS)), []
        for seed in itertools.count():
            case = mystery(seed, level)
            culprit = case.reveal().accused
            if wanted[culprit]:
                wanted[culprit] -= 1
                chosen.append(case)
            if not any(wanted.values()):
                return chosen

    def text(self) -> str:
        """What the book holds and what gives a culprit away, as plain text."""
        lines = [f"{TITLE}: {PER_LEVEL} cases at each of {len(LEVELS)} levels."]
        for number, level in LEVELS.items():
            lines.append(
                f"Level {number}: {level.n_suspects} suspects, {level.budget} probes, which read "
                f"{level.reads}."
            )
        for condition, asked, seen in marks():
            lines.append(f"{condition}, {asked.lower()}: {seen}")
        return "\n".join(lines)

    def html(self) -> str:
        """The book as HTML without style; the game too if this is a page."""
        game = self._game() if output_mode() == "page" else ""
        return (
            f'<section class="sc sc-mystery" data-sc-mystery aria-label="{TITLE}">'
            f'<div class="sc-name">{TITLE}</div>'
            "<p>A network learns by a rule that breaks one of the seven conditions, or none. Probe "
            "it, then accuse. Inputs are called x, the hidden layers a and b, outputs o.</p>"
            f'<p class="sc-plain">{_HOW}</p>{game}{_marks_table()}</section>'
        )

    def _game(self):
        levels = "".join(
            f'<label class="sc-pick"><input type="radio" name="level" value="{i}" '
            f'autocomplete="off"{"" if i else " checked"}><span>{number}</span></label>'
            for i, number in enumerate(LEVELS)
        )
        data = json.dumps(self.data, separators=(",", ":"), ensure_ascii=False)
        data = data.replace("</", "<\\/")
        return (
            '<form class="sc-game"><div class="sc-row"><fieldset><legend>Level</legend>'
            f'<div class="sc-row">{levels}</div></fieldset>'
            '<button type="button" class="sc-next">Next case</button></div>'
            f'<p class="sc-case"></p>{_sketch()}'
            '<div class="sc-row"><label>Probe <select class="sc-probe" autocomplete="off">'
            "</select></label>"
            '<label>Where <select class="sc-where" autocomplete="off"></select></label>'
            '<button type="submit" class="sc-ask">Ask</button></div>'
            '<p class="sc-said" role="status"></p>'
            '<div class="sc-log" tabindex="0" role="region" aria-label="Asked so far" hidden>'
            "<table><thead><tr><th scope='col'>Probe</th><th scope='col'>What it shows</th></tr>"
            "</thead><tbody></tbody></table></div>"
            '<fieldset><legend>Accuse</legend><div class="sc-row sc-suspects"></div></fieldset>'
            '<p class="sc-judged" role="status"></p>'
            '<button type="button" class="sc-tell" hidden>Show the answer</button>'
            '<p class="sc-score"></p></form>'
            f'<script type="application/json" class="sc-cases">{data}</script>'
        )

    @cached_property
    def data(self) -> dict:
        """All that the script needs: words once, answers and sealed verdicts case by case."""
        return {
            "probes": [
                [probe, label, places and [list(place) for place in places]]
                for probe, (label, places) in CHOICES.items()
            ],
            "sentences": SENTENCES,
            "answers": ANSWERS,
            "telling": TELLING | {"none": "whole"},
            "meanings": MEANINGS,
            "nearly": NEARLY,
            "openings": [
                OPENINGS[none, right] for none in (False, True) for right in (False, True)
            ],
            "levels": [
                {
                    "level": number,
                    "budget": LEVELS[number].budget,
                    "reads": LEVELS[number].reads,
                    "cases": [_printed(case) for case in cases],
                }
                for number, cases in self.cases.items()
            ],
        }

    def _repr_mimebundle_(self, include=None, exclude=None):
        bundle = {"text/plain": self.text()}
        if output_mode() != "text":
            script = f"<script>{_SCRIPT}</script>" if output_mode() == "page" else ""
            bundle["text/html"] = style_tag(_CSS) + self.html() + script
        return bundle


def detective() -> Casebook:
    """A book of mystery networks for the reader of a page, who has no kernel.

    On a page it is a game; in a notebook, where `mystery` draws cases without end, a note
    that says so; and everywhere the table of what gives each condition away.

    >>> print(detective().text().splitlines()[1])
    Level 1: 4 suspects, 12 probes, which read exactly.
    """
    return Casebook()


def marks() -> list:
    """Condition, the probe that tells of it, and what that shows if the condition is broken.

    >>> marks()[0][:2]
    ('settling', 'Let the rule run longer')
    """
    return [(name, CHOICES[probe][0], MEANINGS[name][0]) for name, probe in TELLING.items()]


def places(case) -> dict:
    """Probe -> where the page lets the reader put it, for one case.

    >>> len(places(mystery(0))["repeat"])
    3
    """
    steepest = tuple(case.steepest(STEEPEST))
    return {probe: where or steepest for probe, (_, where) in CHOICES.items()}


def sealed(text, key) -> str:
    """A text that nobody reads by accident: the script opens it, a search does not find its words.

    >>> "feedback" in base64.b64decode(sealed("feedback", 3)).decode(errors="replace")
    False
    """
    hidden = bytearray()
    for byte in text.encode():
        key = (75 * key + 74) % 65537
        hidden.append(byte ^ (key >> 4 & 255))
    return base64.b64encode(bytes(hidden)).decode()


def _printed(case):
    """One case: seed, suspects, connections, answers in the order of the probes, the verdicts."""
    answers = [
        ["|".join(answer(case, probe, where).shown) for where in there]
        for probe, there in places(case).items()
    ]
    verdicts = [case.accuse(suspect) for suspect in case.suspects]
    right = next(i for i, said in enumerate(verdicts) if said.right)
    told = ["|".join((*said.evidence.where, *said.evidence.shown)) for said in verdicts]
    secret = json.dumps([right, verdicts[right].aside, told], ensure_ascii=False)
    return [
        case.seed,
        [ANSWERS.index(suspect) for suspect in case.suspects],
        case.steepest(STEEPEST),
        answers,
        sealed(secret, 257 * case.level + case.seed),
    ]


def _marks_table():
    rows = "".join(
        f'<tr><th scope="row">{name}</th><td>{escape(asked)}</td><td>{escape(seen)}</td></tr>'
        for name, asked, seen in marks()
    )
    return (
        "<details open><summary>What gives each condition away</summary>"
        '<div class="sc-log" tabindex="0" role="region" aria-label="What gives each condition '
        'away"><table><thead><tr><th scope="col">If broken</th><th scope="col">Ask</th>'
        f'<th scope="col">You see</th></tr></thead><tbody>{rows}</tbody></table></div></details>'
    )


def _sketch():
    """The units as a drawing; the script lights those of the last probe."""
    columns = [
        [(45 + 90 * column, 90 + 42 * (row - (n - 1) / 2)) for row in range(n)]
        for column, n in enumerate(SIZES)
    ]
    lines = "".join(
        f"M{x:g} {y:g}L{u:g} {v:g}"
        for left, right in itertools.pairwise(columns)
        for (x, y), (u, v) in itertools.product(left, right)
    )
    units = "".join(
        f'<g data-sc-unit="{letter}{i + 1}"><circle cx="{x:g}" cy="{y:g}" r="15"/>'
        f'<text x="{x:g}" y="{y + 5:g}">{letter}{i + 1}</text></g>'
        for letter, column in zip("xabo", columns, strict=True)
        for i, (x, y) in enumerate(column)
    )
    return (
        '<svg class="sc-sketch" viewBox="0 0 360 180" role="img" aria-label="Three inputs x, four '
        "hidden units a, three hidden units b, two outputs o; each layer is connected with the "
        f'next"><path d="{lines}"/>{units}</svg>'
    )


_HOW = (
    "Play it in the cells of a notebook: <code>case = sc.mystery(seed=1, level=1)</code> draws a "
    "case, <code>case.run_longer()</code> and the other probes ask it, "
    '<code>case.accuse("settling")</code> judges.'
)

# The script runs once for each book that is not ready yet. It fills the sentences of the library
# with the numbers of the case. A browser may refuse storage; the score then lasts as long as the
# page. Keys stop at the form: notebooks would take the arrows for themselves.
_SCRIPT = r"""
document.querySelectorAll("[data-sc-mystery]:not([data-sc-ready])").forEach(root => {
  const find = query => root.querySelector(query), form = find(".sc-game");
  if (!form) return;
  root.dataset.scReady = "";
  find("details").open = false;
  const book = JSON.parse(find(".sc-cases").textContent);
  const [probe, where] = [find(".sc-probe"), find(".sc-where")];
  const fill = (text, parts) => text.replace(/\{(\d)\}/g, (_, i) => parts[i]);
  const opened = (text, key) => JSON.parse(new TextDecoder().decode(
    Uint8Array.from(atob(text), letter => {
      key = (75 * key + 74) % 65537;
      return letter.charCodeAt(0) ^ (key >> 4 & 255);
    })));
  const made = (tag, text, more = {}) => {
    const element = Object.assign(document.createElement(tag), more);
    element.textContent = text;
    return element;
  };
  const key = "sevenconditions:mystery";
  let score = {};
  try { score = JSON.parse(localStorage.getItem(key)) ?? {}; } catch {}
  const played = {}, at = book.levels.map(() => 0);
  let l = 0, level, now, mine;
  const places = i => book.probes[i][2] ?? now.steepest;
  const names = (i, place) => {
    const [kind] = book.probes[i];
    const joint = ["perturb", "read_pair"].includes(kind) ? "and" : "to";
    const down = kind === "cut" && place[0][0] > place[1][0] ? " (feedback)" : "";
    return place.join(` ${joint} `) + down;
  };
  const showWhere = () => where.replaceChildren(
    ...places(probe.value).map((place, i) => new Option(names(probe.value, place), i)));
  const showLeft = () => {
    const left = level.budget - mine.log.length;
    find(".sc-ask").textContent = `Ask (${left} left)`;
    const cases = level.cases.length;
    find(".sc-case").textContent = `Case ${at[l] + 1} of ${cases} at level ${level.level}. ` +
      `${left} of ${level.budget} probes left; they read ${level.reads}. ` +
      `(In a notebook: sc.mystery(seed=${level.cases[at[l]][0]}, level=${level.level}).)`;
    const firsts = Object.keys(score).filter(name => name.startsWith(level.level + "-"));
    find(".sc-score").textContent = `Level ${level.level}: right at the first accusation in ` +
      `${firsts.filter(name => score[name]).length} of ${firsts.length} cases. ` +
      "The score stays in this browser; nothing is sent.";
  };
  const light = place => root.querySelectorAll("[data-sc-unit]")
    .forEach(unit => unit.classList.toggle("sc-lit", place.includes(unit.dataset.scUnit)));
  const addRow = ([label, text]) => {
    const row = made("tr", "");
    row.append(made("td", label), made("td", text));
    find(".sc-log tbody").append(row);
    find(".sc-log").hidden = false;
  };
  const start = () => {
    level = book.levels[l];
    const [seed, suspects, steepest, answers, secret] = level.cases[at[l]];
    const id = `${level.level}-${seed}`;
    now = {id, suspects, steepest, answers, secret: opened(secret, 257 * level.level + seed)};
    mine = played[id] ??= {log: [], keys: [], verdict: [], wrong: false};
    showWhere();
    find(".sc-log").hidden = true;
    find(".sc-log tbody").replaceChildren();
    mine.log.forEach(addRow);
    find(".sc-suspects").replaceChildren(...suspects.map((name, i) => {
      const button = made("button", book.answers[name], {type: "button"});
      button.addEventListener("click", () => accuse(i));
      return button;
    }));
    find(".sc-said").textContent = "";
    showVerdict();
    light([]);
    showLeft();
  };
  const judged = i => {
    const [culprit, aside, told] = now.secret, name = book.answers[now.suspects[i]];
    const was = book.answers[now.suspects[culprit]], right = i === culprit;
    const opening = fill(book.openings[2 * (name === "none") + right], [name]);
    const evidence = fill(book.sentences[book.telling[name]], told[i].split("|"));
    const near = !right && book.nearly[was]?.[name];
    const meaning = near || book.meanings[name][right ? 0 : 1];
    return [opening, [evidence, meaning, right ? aside : ""].join(" ").trim()];
  };
  const showVerdict = () => {
    const [opening = "", reason = ""] = mine.verdict;
    find(".sc-judged").replaceChildren(made("b", opening), " ", reason);
    find(".sc-tell").hidden = !mine.wrong;
  };
  const accuse = i => {
    const right = i === now.secret[0];
    score[now.id] ??= right ? 1 : 0;
    try { localStorage.setItem(key, JSON.stringify(score)); } catch {}
    mine.verdict = judged(i);
    mine.wrong = !right;
    showVerdict();
    showLeft();
  };
  const ask = () => {
    const i = +probe.value, place = places(i)[where.value], name = `${i} ${where.value}`;
    const said = find(".sc-said");
    const again = mine.keys.includes(name);
    if (!again && mine.log.length >= level.budget) {
      said.textContent = `All ${level.budget} probes are spent. Accuse, or take another case.`;
      return;
    }
    const shown = now.answers[i][where.value].split("|");
    const text = fill(book.sentences[book.probes[i][0]], [...place, ...shown]);
    light(place);
    if (!again) {
      mine.keys.push(name);
      mine.log.push([book.probes[i][1], text]);
      addRow(mine.log.at(-1));
    }
    said.textContent = again ? `You have asked that; it cost nothing. ${text}` : text;
    showLeft();
  };
  const turn = () => {
    start();
    find(".sc-said").textContent = find(".sc-case").textContent;
  };
  probe.replaceChildren(...book.probes.map(([, label], i) => new Option(label, i)));
  probe.addEventListener("change", showWhere);
  form.querySelectorAll("[name=level]").forEach(radio => {
    radio.addEventListener("change", () => { l = +radio.value; turn(); });
  });
  find(".sc-next").addEventListener("click", () => {
    at[l] = (at[l] + 1) % level.cases.length;
    turn();
  });
  find(".sc-tell").addEventListener("click", () => {
    Object.assign(mine, {verdict: judged(now.secret[0]), wrong: false});
    showVerdict();
  });
  form.addEventListener("keydown", event => event.stopPropagation());
  form.addEventListener("submit", event => { event.preventDefault(); ask(); });
  start();
});
"""

_CSS = """
.sc.sc-mystery{border:1px solid var(--sc-grid);border-radius:10px;
padding:1rem clamp(.8rem,2.5%,1.1rem)}
.sc-mystery p{margin:.35rem 0 0;max-width:44em}
.sc-mystery .sc-name{font-weight:600}
.sc-mystery:not([data-sc-ready]) .sc-game,.sc-mystery[data-sc-ready] .sc-plain{display:none}
.sc-game{margin:.5rem 0}
.sc-row{display:flex;flex-wrap:wrap;gap:.5rem 1rem;align-items:flex-end}
.sc-game fieldset{border:0;margin:.75rem 0 0;padding:0;min-width:0}
.sc-game legend,.sc-game label{font-weight:600;font-size:1em;padding:0;margin:0;float:none;
width:auto}
.sc-pick{position:relative}
.sc-pick span{display:grid;place-items:center;min-width:44px;min-height:44px;border-radius:8px;
border:1px solid var(--sc-muted)}
.sc-pick input{position:absolute;inset:0;width:100%;height:100%;margin:0;opacity:0;cursor:pointer}
.sc-pick :checked+span{color:var(--sc-paper);background:var(--sc-ink);border-color:var(--sc-ink)}
.sc-game label:has(select){flex:1 1 14rem;min-width:0;max-width:26rem}
.sc-game :is(button,select){min-width:44px;min-height:44px;margin:0;padding:0 .8rem;font:inherit;
font-weight:400;line-height:1.2;color:var(--sc-ink);background:var(--sc-paper);
border:1px solid var(--sc-muted);border-radius:8px;cursor:pointer;touch-action:manipulation}
.sc-game select{display:block;width:100%;text-overflow:ellipsis}
.sc-game button.sc-ask{font-weight:600}
.sc-suspects{gap:.4rem}
.sc-game :is(button,select):hover,.sc-pick:hover span{border-color:var(--sc-ink)}
.sc-mystery :focus-visible,.sc-pick :focus-visible+span{outline:2px solid var(--sc-ink);
outline-offset:2px}
.sc-sketch{display:block;width:100%;max-width:360px;margin:.35rem 0}
.sc-sketch path{stroke:var(--sc-grid);fill:none}
.sc-sketch circle{fill:var(--sc-paper);stroke:var(--sc-muted)}
.sc-sketch text{fill:var(--sc-ink);font-size:14px;text-anchor:middle}
.sc-lit circle{fill:var(--sc-ink)}.sc-sketch .sc-lit text{fill:var(--sc-paper)}
.sc-mystery :is(.sc-said,.sc-judged){min-height:1.5em}
.sc-mystery .sc-score{color:var(--sc-muted)}
.sc-mystery .sc-log{overflow-x:auto;margin-top:.5rem}
.sc-mystery table{border-collapse:collapse;width:100%;margin:0;font-size:.95em;
font-variant-numeric:tabular-nums}
.sc-mystery :is(th,td){text-align:left;vertical-align:top;padding:.3rem .75rem .3rem 0;border:0;
border-bottom:1px solid var(--sc-grid);background:none;color:inherit}
.sc-mystery details{margin-top:.75rem}
.sc-mystery summary{min-height:44px;line-height:44px;cursor:pointer}
@media print{.sc-mystery[data-sc-ready] .sc-game{display:none}
.sc-mystery[data-sc-ready] .sc-plain{display:block}
.sc-mystery details::details-content{content-visibility:visible;display:block}}
"""
