"""How a figure shows itself: as picture, caption and computed alt text, in light, dark and print.

A drawing function makes its panels with :func:`panel` and the colours below, and returns a
:class:`Figure`. What a notebook cell then emits depends on one environment variable, read by
:func:`~sevenconditions.output.output_mode`, so that nothing has to be stripped from an output
afterwards.
"""

import io
import math
import re
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from html import escape
from types import MappingProxyType

import matplotlib
import matplotlib.figure
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.ticker import LogLocator, NullLocator

from sevenconditions.output import output_mode

# name -> (on light paper, on dark paper). Every line colour reaches a contrast of 4.5, so that a
# label may wear the colour of its line, and the three lead colours differ in lightness too: they
# stay apart in grey and for colour-blind readers.
PALETTE = {
    "ink": ("#1d2733", "#e6eaf0"),
    "muted": ("#5a6673", "#a3adb9"),
    "grid": ("#dde2e8", "#353d48"),
    "paper": ("#ffffff", "#14181e"),
    "true": ("#083a7a", "#b7d7ff"),
    "estimate": ("#c4540a", "#e8822f"),
    "error": ("#a3266b", "#f59ac4"),
    "seq0": ("#1f7f78", "#4fa39c"),
    "seq1": ("#26708a", "#6fb6c4"),
    "seq2": ("#2c5a8c", "#97c6e4"),
    "seq3": ("#38407c", "#bfd3f5"),
    "seq4": ("#331c57", "#e9e6ff"),
}
INK, MUTED, GRID, PAPER, TRUE, ESTIMATE, ERROR = (PALETTE[name][0] for name in list(PALETTE)[:7])
SEQUENCE = tuple(PALETTE[f"seq{i}"][0] for i in range(5))

# A panel wider than this would be squeezed on a 360 px phone until its text cannot be read.
WIDEST_PANEL = 5.0  # inches

RC = {
    "svg.fonttype": "none",
    "svg.hashsalt": "sevenconditions",
    "font.size": 10,
    "axes.titlesize": 10,
    "axes.labelsize": 10,
    "xtick.labelsize": 9,
    "ytick.labelsize": 9,
    "legend.fontsize": 9,
    "legend.frameon": False,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.titlecolor": INK,
    "axes.facecolor": "none",
    "axes.edgecolor": MUTED,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.grid": True,
    # Axes keep their cycle, so sizes given here hold for what is drawn on them later, too.
    "axes.prop_cycle": matplotlib.cycler(color=[TRUE, ESTIMATE, ERROR, *SEQUENCE])
    * matplotlib.cycler(linewidth=[1.8])
    * matplotlib.cycler(markersize=[5]),
    "grid.color": GRID,
    "grid.linewidth": 0.8,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "patch.edgecolor": INK,
    "figure.facecolor": "none",
    "savefig.facecolor": "none",
}


def theme():
    """Context manager: Matplotlib settings of the book, for the drawing inside it.

    >>> with theme():
    ...     matplotlib.rcParams["svg.fonttype"]
    'none'
    """
    return matplotlib.rc_context(RC)


def panel(width=3.6, height=2.7, *, left=0.72, right=0.15, top=0.15, bottom=0.55):
    """Return (figure, axes): one themed panel, free of pyplot's global state.

    width, height : float, > 0, inches. Keep it narrow: panels stand side by side on a wide page
    and are stacked on a phone.
    left, right, top, bottom : float, >= 0, inches, the room around the axes. It is fixed, so the
    axes of neighbours line up and do not jump when a dial moves; widen it for labels at a line's
    end or a panel title. A figure whose words do not fit is refused when it is shown.
    Raises ValueError for lengths that leave no axes.

    >>> figure, axes = panel()
    >>> [float(side) for side in figure.get_size_inches()]
    [3.6, 2.7]
    """
    inner = (width - left - right, height - top - bottom)
    if min(width, height, *inner) <= 0 or min(left, right, top, bottom) < 0:
        raise ValueError(
            f"panel of {width} by {height} inches with margins left={left}, right={right}, "
            f"top={top}, bottom={bottom} leaves no axes; expected room for them"
        )
    box = (left / width, bottom / height, inner[0] / width, inner[1] / height)
    with theme():
        figure = matplotlib.figure.Figure((width, height))
        return figure, figure.add_axes(box)


def label_line(axes, x, y, text, colour, offset=(5, 0), **style):
    """Write a label at the data point (x, y), in the colour of its line, on a halo of paper.

    offset : pair of float, points to the right and up. Other keywords go to ``annotate``.

    >>> _, axes = panel()
    >>> label_line(axes, 1.0, 2.0, "theory", TRUE).get_text()
    'theory'
    """
    style = {"va": "center", "fontsize": 9, "annotation_clip": False} | style
    with theme():
        return axes.annotate(
            text,
            (x, y),
            offset,
            textcoords="offset points",
            color=colour,
            gid="sc-halo",
            **style,
        )


def log_scale(axes, which="y"):
    """Make one axis ("x" or "y") logarithmic, with ticks at powers of ten.

    Where hardly one power is in sight, 2 and 5 have ticks too. Plain superscripts need no formula
    typesetting, which costs most of the time of a log plot.
    Raises ValueError for another axis.

    >>> _, axes = panel()
    >>> log_scale(axes)
    >>> axes.yaxis.get_major_formatter()(1e-3)
    '10⁻³'
    """
    if which not in ("x", "y"):
        raise ValueError(f'which is {which!r}; expected "x" or "y"')
    axis = getattr(axes, f"{which}axis")
    getattr(axes, f"set_{which}scale")("log")
    axis.set_major_locator(_Powers(numticks=6))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(
        lambda value, _=None: (
            f"{value:g}" if _is_short(*axis.get_view_interval()) else _power_of_ten(value)
        )
    )


class _Powers(LogLocator):
    def tick_values(self, vmin, vmax):
        self.set_params(subs=(1, 2, 5) if _is_short(vmin, vmax) else (1,))
        return super().tick_values(vmin, vmax)


def _is_short(low, high):
    """Whether a logarithmic axis would show one power of ten, or none."""
    return math.floor(math.log10(high)) - math.ceil(math.log10(low)) < 1


def _power_of_ten(value):
    raised = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
    return "10" + f"{math.log10(value):.0f}".translate(raised)


@dataclass(frozen=True, eq=False)
class Figure:
    """A finished figure: panels, and the words without which it cannot be shown.

    panels : Matplotlib figures (one or a tuple), each at most 5 inches wide
    title : the finding, in one line
    caption : how to read the picture, and its limit
    description : the alt text, computed from the data drawn; it states the finding in numbers
    readouts : mapping from label to an already formatted value

    Raises ValueError when a text is missing, when the description holds no digit, when a readout
    is not a string or when a panel is too wide for a phone.

    >>> figure, axes = panel()
    >>> shown = Figure(figure, "It halves", "Each dot is a step.", "From 1.0 to 0.5 in one step.")
    >>> print(shown.text())
    It halves
    From 1.0 to 0.5 in one step.
    """

    panels: tuple
    title: str
    caption: str
    description: str
    readouts: Mapping = ()

    def __post_init__(self):
        panels = (self.panels,) if hasattr(self.panels, "savefig") else tuple(self.panels)
        object.__setattr__(self, "panels", panels)
        object.__setattr__(self, "readouts", MappingProxyType(dict(self.readouts)))
        _check_panels(panels)
        for name in ("title", "caption", "description"):
            text = getattr(self, name)
            if not (isinstance(text, str) and text.strip()):
                raise ValueError(f"{name} is {text!r}; a figure needs a {name} in words")
        if not re.search(r"\d", self.description):
            raise ValueError(
                f"description {self.description!r} holds no number; compute it from the data drawn"
            )
        raw = {k: v for k, v in self.readouts.items() if (type(k), type(v)) != (str, str)}
        if raw:
            raise ValueError(
                f'readouts holds {raw}; expected formatted strings, such as f"{{value:.2f}}"'
            )

    @cached_property
    def svgs(self) -> tuple:
        """One cleaned inline SVG per panel, each with its role and its aria-label."""
        count = len(self.panels)
        labels = [self.description] + [_axes_label(p) for p in self.panels[1:]]
        if count > 1:
            labels = [f"Panel {i + 1} of {count}. {text}" for i, text in enumerate(labels)]
        return tuple(
            svg(each, label=label) for each, label in zip(self.panels, labels, strict=True)
        )

    def text(self) -> str:
        """The figure in words: title and description, the same in every output mode."""
        return f"{self.title}\n{self.description}"

    def picture(self) -> str:
        """The panels alone, as HTML."""
        return f'<div class="sc-panels">{"".join(self.svgs)}</div>'

    def html(self) -> str:
        """The whole figure as HTML, without its style sheet."""
        return (
            '<figure class="sc sc-figure"><figcaption>'
            f'<span class="sc-title">{escape(self.title)}</span> '
            f'<span class="sc-caption">{escape(self.caption)}</span></figcaption>'
            f"{self.picture()}{readout_list(self.readouts)}"
            "<details><summary>Description</summary>"
            f"<p>{escape(self.description)}</p></details></figure>"
        )

    def _repr_mimebundle_(self, include=None, exclude=None):
        bundle = {"text/plain": self.text()}
        if output_mode() != "text":
            bundle["text/html"] = style_tag() + self.html()
        return bundle


def _check_panels(panels):
    if not panels:
        raise ValueError("panels is empty; a figure needs at least one panel")
    for i, each in enumerate(panels):
        if not hasattr(each, "savefig"):
            raise ValueError(f"panels[{i}] is {each!r}; expected a Matplotlib figure, see panel()")
        width = each.get_size_inches()[0]
        if width > WIDEST_PANEL:
            raise ValueError(
                f"panels[{i}] is {width:g} inches wide, too wide for a phone; "
                f"split it into panels of at most {WIDEST_PANEL:g} inches"
            )


def _axes_label(figure):
    """Say what a panel plots, from the labels of its axes."""
    pairs = [(axes.get_ylabel(), axes.get_xlabel()) for axes in figure.axes]
    named = [" against ".join(filter(None, pair)) for pair in pairs if any(pair)]
    return "; ".join(named) or "Continues the first panel"


def readout_list(readouts) -> str:
    """Readouts as an HTML definition list; nothing when there are none.

    >>> readout_list({"angle": "12 deg"})
    '<dl class="sc-readouts"><div><dt>angle</dt><dd>12 deg</dd></div></dl>'
    """
    rows = "".join(
        f"<div><dt>{escape(label)}</dt><dd>{escape(value)}</dd></div>"
        for label, value in readouts.items()
    )
    return f'<dl class="sc-readouts">{rows}</dl>' if rows else ""


# --- SVG ---------------------------------------------------------------------------------------


def svg(figure, *, label) -> str:
    """Draw a Matplotlib figure as a small inline SVG that follows the page's theme.

    label : str, the accessible name of the picture. The result carries no id at all, so any number
    of pictures can share a page. Same data, same bytes. Raises ValueError when a label would be cut
    off, and for hatching, gradients and clipping to a shape, which need ids.

    >>> figure, axes = panel(1, 1)
    >>> svg(figure, label="empty axes")[:50]
    '<svg viewBox="0 0 72 72" role="img" aria-label="em'
    """
    buffer = io.StringIO()
    with theme():
        FigureCanvasSVG(figure).print_svg(buffer, metadata={"Date": None})
    _check_uncut(figure)
    root = ET.fromstring(buffer.getvalue())
    named = {node.get("id"): node for node in root.iter() if node.get("id")}
    box = " ".join(_short(side) for side in root.get("viewBox").split())
    clean = ET.Element(
        "svg",
        {
            "viewBox": box,
            "role": "img",
            "aria-label": label,
            "style": f"--sc-width:{box.split()[2]}px",
        },
    )
    clean.extend(_cleaned_children(root, named))
    text = _themed(ET.tostring(clean, encoding="unicode"))
    if "url(#" in text:
        raise ValueError(
            "the figure uses hatching, a gradient or a clip to a shape, which need ids in SVG; "
            "shade with a colour and alpha instead"
        )
    return text


def _check_uncut(figure):
    """Refuse a drawn figure whose words reach beyond its edge (all in points, as SVG is drawn)."""
    width, height = figure.get_size_inches() * 72
    words = [*figure.texts]
    for axes in figure.axes:
        words += [*axes.texts, axes.title, axes.xaxis.label, axes.yaxis.label]
    for word in words:
        if not (word.get_visible() and word.get_text().strip()):
            continue
        box = word.get_window_extent()
        beyond = {
            "left": -box.x0,
            "right": box.x1 - width,
            "top": box.y1 - height,
            "bottom": -box.y0,
        }
        side = max(beyond, key=beyond.get)
        if beyond[side] > 1:
            raise ValueError(
                f"label {word.get_text()!r} is cut off by {beyond[side]:.0f} points at the {side}; "
                f"shorten it or give panel({side}=...) more room ({beyond[side] / 72:.2f} inch)"
            )


def _cleaned_children(parent, named):
    return [new for child in parent for new in _cleaned(child, named)]


def _cleaned(node, named):
    """The nodes that stand for one node of Matplotlib's SVG: fewer, shorter, without ids."""
    tag = _local(node.tag)
    if tag in ("metadata", "defs"):
        return []
    if tag == "use":
        return [_marker(node, named)]
    keep = {_local(name): value for name, value in node.attrib.items() if _local(name) != "id"}
    clip = _clip_box(keep, named)
    short = {name: _shorten(name, value) for name, value in keep.items()}
    new = ET.Element(tag, {name: value for name, value in short.items() if value})
    if tag in ("text", "tspan"):
        new.text = node.text and (node.text.strip("\n") if len(node) == 0 else None)
    if node.get("id") == "sc-halo":
        new.set("class", "sc-halo")
    new.extend(_cleaned_children(node, named))
    _hoist_style(new)
    unseen = tag == "path" and new.get("style") == "fill:none"
    if tag == "g" and not (new.attrib and len(new)):
        inner = list(new)
    else:
        inner = [] if unseen else [new]
    return [_clipped(inner, clip)] if clip is not None and inner else inner


def _marker(node, named):
    """A plot marker in place of a reference to one; a round one becomes a circle."""
    shape = named[node.get("{http://www.w3.org/1999/xlink}href")[1:]]
    style = "; ".join(filter(None, (node.get("style"), shape.get("style"))))
    x, y = (_short(node.get(name, "0")) for name in "xy")
    path = shape.get("d")
    if path.count("C") == 8:  # Matplotlib's circle: eight arcs from (0, radius)
        radius = _short(path.split()[2].lstrip("-"), 2)
        return ET.Element("circle", {"cx": x, "cy": y, "r": radius, "style": _shorten_style(style)})
    place = {"d": _shorten("d", path, 2), "transform": f"translate({x} {y})"}
    return ET.Element("path", {**place, "style": _shorten_style(style)})


def _clip_box(attributes, named):
    """Take the rectangle of a clip-path out of the attributes; leave other shapes alone."""
    target = re.fullmatch(r"url\(#(.+)\)", attributes.get("clip-path", ""))
    shape = named[target[1]][0] if target else None
    if shape is None or _local(shape.tag) != "rect":
        return None
    del attributes["clip-path"]
    return [_short(shape.get(name)) for name in ("x", "y", "width", "height")]


def _clipped(nodes, box):
    """Clip by a nested <svg>, which needs no id, unlike a clip-path."""
    x, y, width, height = box
    place = {"x": x, "y": y, "width": width, "height": height, "viewBox": " ".join(box)}
    window = ET.Element("svg", place)
    window.extend(nodes)
    return window


def _hoist_style(group):
    """Let a group carry the style that all of its children share."""
    styles = {child.get("style") for child in group}
    if group.tag == "g" and len(group) > 1 and len(styles) == 1 and not group.get("style"):
        style = styles.pop()
        if style and all(child.tag in ("circle", "path") for child in group):
            group.set("style", style)
            for child in group:
                del child.attrib["style"]


def _local(name):
    return name.rpartition("}")[2]


def _short(number, digits=1):
    text = f"{float(number):.{digits}f}".rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text


def _shorten(name, value, digits=1):
    if name == "style":
        return _shorten_style(value)
    if name == "href":
        return re.sub(r"\s+", "", value)
    if name == "transform":
        value = re.sub(r"rotate\(-0 [^)]*\)", "", value)
    value = re.sub(r"-?\d+\.\d+", lambda match: _short(match[0], digits), value)
    if name == "d":
        value = re.sub(r"\s*([A-Za-z])\s*", r"\1", value)
    return re.sub(r"\s+", " ", value).strip()


def _shorten_style(style):
    """Drop repeats, spaces, and the font's name, which the style sheet sets."""
    rules = dict(rule.split(": ", 1) for rule in style.split("; ") if rule)
    rules.pop("font-family", None)
    return ";".join(f"{name}:{value}" for name, value in rules.items())


def _themed(text):
    """Name the palette's colours, so that the style sheet can change them in the dark."""
    names = {light: name for name, (light, _) in PALETTE.items()} | {"#000000": "ink"}
    return re.sub(
        r"(?<=[:\"])(#[0-9a-f]{6})(?=[;\"])",
        lambda match: f"var(--sc-{names[match[1]]},{match[1]})" if match[1] in names else match[1],
        text,
    )


# --- Style sheet -------------------------------------------------------------------------------

_CSS = """
.sc{color:var(--sc-ink);background:var(--sc-paper);margin:1.25rem 0;padding:.25rem 0;max-width:100%;
font-size:1rem;line-height:1.5;text-align:left}
.sc *{box-sizing:border-box}
.cell_output .text_html:has(>.sc){background:none!important;padding:0!important}
.sc figcaption{display:block;margin:0 0 .5rem;padding:0;text-align:left;font-size:1em;
font-weight:400}
.sc .sc-title{display:block;font-weight:600;font-size:1.06em;line-height:1.35;color:var(--sc-ink)}
.sc .sc-caption{display:block;color:var(--sc-muted);font-size:.9em;max-width:44em}
.sc .sc-panels{display:flex;flex-wrap:wrap;gap:.5rem 1.25rem;align-items:flex-start;
justify-content:center}
.sc .sc-panels>svg{flex:1 1 215px;min-width:0;width:100%;max-width:calc(1.5*var(--sc-width));
height:auto;display:block;overflow:hidden;
background:none;font-family:system-ui,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;
stroke-linejoin:round;stroke-linecap:butt}
.sc svg text{fill:var(--sc-ink);white-space:pre}
.sc svg .sc-halo text{paint-order:stroke;stroke:var(--sc-paper);stroke-width:3px;
stroke-linejoin:round}
.sc dl.sc-readouts{display:flex;flex-wrap:wrap;gap:.25rem 1.75rem;margin:.5rem 0 0;padding:0}
.sc .sc-readouts div{display:flex;gap:.5em;align-items:baseline}
.sc dl.sc-readouts dt{color:var(--sc-muted);font-size:.9em;font-weight:400;margin:0}
.sc dl.sc-readouts :is(dt,dd){float:none;width:auto}
.sc dl.sc-readouts dd{margin:0;font-weight:600;font-variant-numeric:tabular-nums}
.sc details{margin:.5rem 0 0;padding:0;border:0;background:none;box-shadow:none;font-size:.9em}
.sc summary{display:list-item;list-style:disclosure-closed inside;cursor:pointer;
color:var(--sc-muted);padding:.25rem 0}
.sc details[open]>summary{list-style-type:disclosure-open}
.sc details p{margin:.25rem 0 0;max-width:44em}
@media screen{.sc :is(.sc-picture,figcaption~.sc-panels){
content-visibility:auto;contain-intrinsic-size:auto none auto 18rem}}
@media print{.sc{break-inside:avoid}}
"""


def style_tag(extra="") -> str:
    """The style sheet of figures (and of what builds on them) as one <style> element.

    Light, dark (the page's theme, a notebook's theme, or the system's where neither is set) and
    print differ only in the palette's variables.

    >>> style_tag().startswith("<style>")
    True
    """
    light, dark = (
        ";".join(f"--sc-{name}:{pair[side]}" for name, pair in PALETTE.items()) for side in (0, 1)
    )
    # On screen the paper is the page's own, where the book's theme or a notebook's names it.
    paper = "--sc-paper:var(--pst-color-background,var(--jp-layout-color0,{}))"
    light_paper, dark_paper = (paper.format(colour) for colour in PALETTE["paper"])
    unset = ":root:not([data-theme]) body:not([data-jp-theme-light]) .sc"
    dark = f"{{{dark};{dark_paper};color-scheme:dark}}"
    rules = (
        f".sc{{{light};color-scheme:light}}@media screen{{.sc{{{light_paper}}}"
        f"html[data-theme=dark] .sc,body[data-jp-theme-light=false] .sc{dark}}}"
        f"@media screen and (prefers-color-scheme:dark){{{unset}{dark}}}"
    )
    return f"<style>{rules}{_CSS}{extra}</style>".replace("\n", "")
