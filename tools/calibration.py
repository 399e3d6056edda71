"""Sphinx extension: the page on which readers see what they predicted, and how sure they were.

All predictions of the book are read out of the stored notebooks when the book is built, so the list
cannot fall behind. What a reader predicted never leaves the browser: the page's script counts it.
"""

import json
import re
from html import escape
from typing import NamedTuple

from docutils import nodes
from sphinx.util.docutils import SphinxDirective

from sevenconditions.display import style_tag
from sevenconditions.predictions import STORE, SURE, predicted
from sevenconditions.recipe import CONDITIONS
from tools.chapterext import notebooks

SEVERAL = "several at once"


class Asked(NamedTuple):
    """One prediction of the book, and where it is asked."""

    key: str
    prompt: str
    condition: str  # a word of the seven, or SEVERAL
    chapter: str
    section: str
    address: str  # of the section, relative to the chapters


def asked_in(path):
    """All predictions of a stored notebook, in order."""
    chapter = section = ""
    word = path.stem.partition("_")[2]
    found = []
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        if cell["cell_type"] == "markdown":
            for level, title in re.findall(r"^(##?) (.+)$", "".join(cell["source"]), flags=re.M):
                section = title.replace("`", "")
                chapter = section if level == "#" else chapter
        for output in cell.get("outputs", ()):
            for key, prompt in predicted("".join(output.get("data", {}).get("text/plain", ""))):
                condition = word if word in CONDITIONS else SEVERAL
                address = f"{path.stem}.html#{nodes.make_id(section)}"
                found.append(Asked(key, prompt, condition, chapter, section, address))
    return found


def asked(paths):
    """All predictions of the book; ValueError where one key stands for two of them."""
    found = {}
    for each in (each for path in paths for each in asked_in(path)):
        if found.setdefault(each.key, each) != each:
            raise ValueError(f"{each.address} asks {each.key!r}, as {found[each.key].address} does")
    return list(found.values())


class Calibration(SphinxDirective):
    """What the reader predicted: by condition, by how sure, what to read again, and all of it."""

    def run(self):
        """The page's own part: every prediction, and the script that looks up the reader's."""
        for path in notebooks():
            self.env.note_dependency(str(path))
        return [nodes.raw("", html(asked(notebooks())), format="html")]


def html(predictions):
    """Every prediction with its link, and around them what the script fills in."""
    rows = "".join(
        f'<tr data-sc-key="{each.key}" data-sc-condition="{escape(each.condition)}">'
        f'<th scope="row"><a href="{escape(each.address)}">{escape(each.chapter)}: '
        f"{escape(each.section)}</a><span>{_code(each.prompt)}</span></th><td>–</td></tr>"
        for each in predictions
    )
    conditions = "".join(
        f'<tr data-sc-row="{word}"><th scope="row">{word}</th><td></td><td></td><td></td></tr>'
        for word in (*CONDITIONS, SEVERAL)
    )
    sure = "".join(
        f'<tr><th scope="row">{word}</th><td></td><td></td>'
        f'<td class="sc-share"><div aria-hidden="true"><i style="left:{100 * FAIR[word]:.1f}%"></i>'
        "<s></s><b></b></div></td></tr>"
        for word in reversed(SURE)
    )
    return f"""{style_tag(CSS)}<div class="sc sc-calibration" data-sc-calibration>
<p class="sc-status" role="status" tabindex="-1"></p>
<div class="sc-results" hidden>
<h2>By condition</h2>
<table class="sc-conditions"><thead><tr><th scope="col">Condition</th><th scope="col">asked</th>
<th scope="col">predicted</th><th scope="col">right</th></tr></thead><tbody>{conditions}</tbody>
</table>
<h2>How sure, and how often right</h2>
<p class="sc-finding"></p>
<table class="sc-sureness"><thead><tr><th scope="col">You said</th><th scope="col">times</th>
<th scope="col">right</th><th scope="col"><span class="sc-scale" aria-hidden="true"><span>0</span>
<span>100 %</span></span></th></tr></thead><tbody>{sure}</tbody></table>
<p class="sc-caption">The dot is your share, the thick line what chance leaves open around it (95 %,
Wilson). The upright stroke is where the words would be fair, as we read them: a guess is right one
time in three, fairly sure two times in three, certain always.</p>
<h2>Read again</h2>
<p class="sc-none">None of your predictions was wrong.</p><ol class="sc-reread"></ol>
</div>
<h2>Every prediction</h2>
<table class="sc-predictions"><thead><tr><th scope="col">Where, and what is asked</th>
<th scope="col">Yours</th></tr></thead><tbody>{rows}</tbody></table>
<p class="sc-clear" hidden><button type="button">Forget all of it</button>
<span hidden>Delete every answer of yours from this browser?
<button type="button">Yes, delete</button> <button type="button">No, keep them</button></span></p>
</div><script>{SCRIPT}</script>"""


def _code(text):
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text))


# How often each word should be right, as we read it.
FAIR = dict(zip(SURE, (1 / 3, 2 / 3, 1), strict=True))

SCRIPT = (
    "document.querySelectorAll('[data-sc-calibration]:not([data-sc-ready])').forEach(root => {"
    + STORE
    + f"const FAIR = {json.dumps(list(FAIR.values()))};"
    + """
  root.dataset.scReady = "";
  const find = query => root.querySelector(query), all = query => [...root.querySelectorAll(query)];
  const asked = all(".sc-predictions tbody tr"), status = find(".sc-status");
  const cells = row => [...row.querySelectorAll("td")];
  const isMade = record => typeof record?.right === "boolean" && record.sure in SURE;
  const write = (row, ...texts) => texts.forEach((text, i) => {
    cells(row)[i].textContent = text;
  });
  const wilson = (right, n) => {
    const z = 1.96, p = right / n, middle = p + z * z / (2 * n);
    const half = z * Math.sqrt(p * (1 - p) / n + z * z / (4 * n * n));
    return [middle - half, middle + half].map(end => +(end / (1 + z * z / n)).toFixed(9));
  };
  const byCondition = answers => all(".sc-conditions tbody tr").forEach(row => {
    const here = answers.filter(each => each.condition === row.dataset.scRow);
    const made = here.filter(each => isMade(each.record));
    write(row, here.length, made.length, made.filter(each => each.record.right).length);
  });
  const bySureness = made => all(".sc-sureness tbody tr").forEach((row, i) => {
    const here = made.filter(each => each.record.sure === SURE.length - 1 - i);
    const right = here.filter(each => each.record.right).length, n = here.length;
    const [low, high] = n ? wilson(right, n) : [0, 0];
    write(row, n, n ? `${right} (${Math.round(100 * right / n)} %)` : "–");
    const dot = row.querySelector("b"), bar = row.querySelector("s");
    dot.hidden = bar.hidden = !n;
    dot.style.left = 100 * right / n + "%";
    bar.style.left = 100 * low + "%";
    bar.style.width = 100 * (high - low) + "%";
  });
  const finding = made => {
    const right = made.filter(each => each.record.right).length, n = made.length;
    const fair = made.reduce((sum, each) => sum + FAIR[each.record.sure], 0);
    const [low, high] = wilson(right, n);
    return `Your words would be fair if ${Math.round(fair)} of your ${n} were right; ${right} are. `
      + (fair / n > high ? "You are surer than you are right."
        : fair / n < low ? "You are right more often than you dare to say."
        : "With so many, that is within what chance does.");
  };
  const link = each => each.row.querySelector("a").cloneNode(true);
  const reread = made => {
    const wrong = made.filter(each => !each.record.right);
    wrong.sort((a, b) => b.record.sure - a.record.sure);
    find(".sc-none").hidden = wrong.length > 0;
    find(".sc-reread").replaceChildren(...wrong.map(each => {
      const item = document.createElement("li"), {choice, truth, sure} = each.record;
      const prompt = each.row.querySelector("th span").textContent;
      const asked = document.createElement("span");
      asked.textContent = ` ${prompt} `;
      item.append(link(each), asked, `You said, ${SURE[sure]}: ${choice}. The answer: ${truth}.`);
      return item;
    }));
  };
  const show = () => {
    const answers = asked.map(row => {
      const record = read(row.dataset.scKey);
      write(row, isMade(record) ? `${record.right ? "right" : "wrong"}, ${SURE[record.sure]}`
        : record?.skipped ? "looked first" : "–");
      return {row, record, condition: row.dataset.scCondition};
    });
    const made = answers.filter(each => isMade(each.record));
    const looked = answers.filter(each => each.record?.skipped).length;
    find(".sc-results").hidden = !made.length;
    find(".sc-clear").hidden = !names().length && !memory.size;
    const right = made.filter(each => each.record.right).length;
    status.textContent = inStorage(kept => kept.getItem("sevenconditions") ?? true) === null
      ? "This browser stores nothing for this page, so what you predicted is gone with the page "
        + "on which you did. The dials work all the same."
      : made.length
        ? `You have predicted ${made.length} of ${asked.length}; ${right} of them right`
          + (looked ? `; before ${looked} you looked first.` : ".")
        : "Nothing here yet. Before a dial of this book opens, it asks what you expect. Predict "
          + "there, say how sure you are, and this page will tell you how well the two agree.";
    if (!made.length) return;
    byCondition(answers);
    bySureness(made);
    find(".sc-finding").textContent = finding(made);
    reread(made);
  };
  const names = () => inStorage(kept => Object.keys(kept)
    .filter(name => name.startsWith("sevenconditions:"))) ?? [];
  const [forget, yes, no] = all(".sc-clear button"), sure = find(".sc-clear span");
  const ask = open => { sure.hidden = !open; forget.hidden = open; (open ? no : forget).focus(); };
  forget.addEventListener("click", () => ask(true));
  no.addEventListener("click", () => ask(false));
  yes.addEventListener("click", () => {
    names().forEach(name => inStorage(kept => kept.removeItem(name)));
    memory.clear();
    ask(false);
    show();
    status.textContent = "Deleted. Nothing that you answered is left in this browser.";
    status.focus();
  });
  document.addEventListener("sevenconditions", show);
  addEventListener("storage", show);
  addEventListener("pageshow", show);
  show();
});
"""
)

CSS = """
.sc-calibration table{border-collapse:collapse;margin:.5rem 0;font-variant-numeric:tabular-nums;
width:100%;max-width:40rem}
.sc-calibration :is(th,td){text-align:left;vertical-align:top;padding:.35rem .75rem .35rem 0;
border:0;border-bottom:1px solid var(--sc-grid);background:none;color:inherit;font-weight:400}
.sc-calibration thead th{color:var(--sc-muted);font-size:.9em}
.sc-calibration .sc-status{font-weight:600}
.sc-calibration .sc-status:empty{display:none}
.sc-reread li{padding:.2rem 0}
.sc-calibration :is(.sc-predictions th,li) span{display:block;color:var(--sc-muted);font-size:.9em}
.sc-calibration:not([data-sc-ready]) .sc-predictions :is(td,thead th+th){display:none}
.sc-sureness :is(th,td){white-space:nowrap}
.sc-sureness .sc-share{width:45%;padding-right:8px;padding-left:8px}
.sc-sureness thead th:last-child{padding-right:8px;padding-left:8px}
.sc-scale{display:flex;justify-content:space-between}
.sc-share div{position:relative;height:1.5em}
.sc-share div:before{content:"";position:absolute;left:0;right:0;top:50%;height:1px;
background:var(--sc-muted)}
.sc-share :is(i,b,s){position:absolute}
.sc-share i{top:15%;bottom:15%;width:2px;margin-left:-1px;background:var(--sc-true)}
.sc-share s{top:calc(50% - 3px);height:6px;background:var(--sc-estimate);opacity:.35}
.sc-share b{top:calc(50% - 6px);width:12px;height:12px;margin-left:-6px;border-radius:50%;
background:var(--sc-estimate)}
.sc-share :is(b,s)[hidden]{display:none}
.sc-clear button{min-width:44px;min-height:44px;padding:0 .8rem;font:inherit;color:var(--sc-ink);
background:none;border:1px solid var(--sc-muted);border-radius:8px;cursor:pointer}
.sc-clear button:focus-visible{outline:2px solid var(--sc-ink);outline-offset:2px}
.sc-calibration [hidden]{display:none}
@media print{.sc-clear{display:none}}
"""


def setup(app):
    """Register the directive."""
    app.add_directive("calibration", Calibration)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
