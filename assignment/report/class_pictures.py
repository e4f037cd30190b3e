"""The class page's pictures: matplotlib's SVG without ids, styles and fonts of its own; the page's rules apply."""

import io
import warnings
from collections.abc import Mapping, Sequence
from typing import Any
from xml.etree import ElementTree

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

# The page's stylesheet repeats these colours as fill and stroke selectors, to change them in the dark.
INK, FAINT, LINE = "#1d2329", "#68727d", "#e3e6e4"
ACCENT, GOOD, SOME, NONE, BAD = "#2b5f86", "#1f7a5c", "#d9a44a", "#e6c3be", "#b3352b"
SETTINGS: Any = {
    "svg.fonttype": "none",
    "text.parse_math": False,
    "font.size": 11,
    "text.color": INK,
    "axes.labelcolor": FAINT,
    "xtick.color": FAINT,
    "ytick.color": FAINT,
}
LABEL = 32  # characters
SVG = "http://www.w3.org/2000/svg"
ATTRIBUTES = ("fill", "stroke", "stroke-width", "stroke-dasharray", "stroke-linecap", "opacity", "text-anchor")


def marks(histogram: Sequence[Mapping[str, float]], median: float | None, maximum: float) -> str:
    """Return the histogram of net marks as inline SVG, zeros by rule in another colour, the median as a line."""
    with mpl.rc_context(SETTINGS):
        figure, axes = _blank(5.6, 3.0)
        at = 100 * median / maximum if median is not None and maximum else None
        tallest = max((one["count"] for one in histogram), default=0) or 1
        for one in histogram:
            if one["count"]:
                centre = (one["low"] + one["high"]) / 2
                axes.bar(centre, one["zeroed"], width=9.2, color=BAD, clip_on=False)
                rest = one["count"] - one["zeroed"]
                axes.bar(centre, rest, width=9.2, bottom=one["zeroed"], color=ACCENT, clip_on=False)
                aside = 0.0 if at is None or abs(centre - at) > 2.5 else 3.0 if centre > at else -3.0
                height = one["count"] + tallest * 0.025
                axes.text(centre + aside, height, str(int(one["count"])), ha="center", va="bottom")
        if at is not None:
            dashes = (0, (3, 3))
            axes.plot([at, at], [0, tallest * 1.2], color=INK, linewidth=1, linestyle=dashes, clip_on=False, zorder=0)
            side, gap = ("right", -1.2) if at > 50 else ("left", 1.2)
            axes.text(at + gap, tallest * 1.2, f"median {median:g}", ha=side, va="center", color=INK)
        axes.plot([0, 100], [0, 0], color=LINE, linewidth=1, clip_on=False)
        axes.set_xlim(0, 100)
        axes.set_ylim(0, tallest * 1.26)
        axes.set_xticks(range(0, 101, 20))
        axes.set_xlabel("net mark, percent of the maximum" if maximum != 100 else "net mark")
        axes.set_yticks([])
        return _inline(figure, "Histogram of net marks")


def passed(exercises: Sequence[Mapping[str, Any]]) -> str:
    """Return full, partial and no marks of each exercise as stacked bars in inline SVG."""
    with mpl.rc_context(SETTINGS):
        figure, axes = _blank(5.6, 0.55 + 0.3 * len(exercises))
        for row, one in enumerate(exercises):
            left = 0.0
            for state, colour in (("full", GOOD), ("some", SOME), ("none", NONE)):
                width = 100 * one[state] / max(one["count"], 1)
                axes.barh(row, width, left=left, height=0.62, color=colour, clip_on=False)
                left += width
            share = 100 * one["full"] / max(one["count"], 1)
            axes.text(102, row, f"{share:.0f} %", ha="left", va="center_baseline", clip_on=False)
        axes.set_ylim(len(exercises) - 0.4, -0.6)
        axes.set_xlim(0, 100)
        axes.set_xticks([])
        axes.set_yticks(range(len(exercises)), [_label(one["name"], row) for row, one in enumerate(exercises, 1)])
        for label in axes.get_yticklabels():
            label.set_color(INK)
        return _inline(figure, "Share of full, partial and no marks by exercise")


def _label(name: str, number: int) -> str:
    """Return an exercise's label, cut so that a long name leaves room for the bars."""
    return f"{name if len(name) <= LABEL else name[: LABEL - 1] + '…'}  {number}"


def _blank(width: float, height: float) -> tuple[Figure, Axes]:
    """Return a figure (inches) with axes that draw nothing of their own."""
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasSVG(figure)
    figure.patch.set_visible(False)
    axes = figure.add_subplot()
    axes.patch.set_visible(False)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    return figure, axes


def _inline(figure: Figure, label: str) -> str:
    """Return a figure as an <svg> element of plain shapes and texts with presentation attributes only."""
    file = io.StringIO()
    with warnings.catch_warnings():
        # Names in another script have no glyph in matplotlib's own font; the browser draws them in the page's.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        figure.savefig(file, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    root = ElementTree.fromstring(file.getvalue())
    view = root.get("viewBox", "")
    inline = ElementTree.Element("svg", {"viewBox": view, "role": "img", "aria-label": label, "class": "picture"})
    for node in root.iter():
        tag = node.tag.removeprefix(f"{{{SVG}}}")
        if tag not in ("path", "text"):
            continue
        style = dict(part.split(":", 1) for part in node.get("style", "").split(";") if ":" in part)
        style = {key.strip(): value.strip() for key, value in style.items()}
        kept = {key: style[key] for key in ATTRIBUTES if key in style}
        kept |= {key: node.attrib[key] for key in ("d", "x", "y", "transform") if key in node.attrib}
        made = ElementTree.SubElement(inline, tag, kept)
        made.text = node.text if tag == "text" else None
    return ElementTree.tostring(inline, encoding="unicode")
