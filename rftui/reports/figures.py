"""Draws a report's figures with matplotlib, light and dark, as SVG; the only file that imports matplotlib.

Colours are told apart by the colour-blind (Okabe and Ito) and never alone: each line has its own marker and stroke.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from rftui.errors import UsageProblem
from rftui.reports.findings import Answer, Effect
from rftui.reports.measured import PROMPT_WORDS, PROMPTS
from rftui.reports.table import TableRow
from rftui.reports.trained import Course, LengthShares, Line

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#7F7F7F", "#B8A800")
MARKERS = "osD^vPX*"
STROKES = ("-", "--", "-.", ":", (0, (5, 1)), (0, (3, 1, 1, 1)), (0, (1, 1)), (0, (5, 3)))
MOST_LINES = len(COLOURS)
"""Ways that one panel shows; more cannot be told apart."""
INK, DARK_INK = "#1f2328", "#e6edf3"
PANEL = (3.6, 2.7)
"""Inches of one panel."""


class Drawing(NamedTuple):
    """One figure in both inks."""

    name: str
    title: str
    caption: str
    """What it shows, how bands and intervals were made, and from what."""
    light: str
    """SVG for a light page."""
    dark: str
    """The same for a dark one."""
    png: bytes
    """The light one as pixels."""
    left_out: int = 0
    """Ways that are not drawn."""


def check_can_draw() -> None:
    """Raises UsageProblem where matplotlib is not installed."""
    try:
        import matplotlib  # noqa: F401
    except ModuleNotFoundError as error:
        raise UsageProblem(
            "the figures of a report need matplotlib, which is not installed",
            found=f"no module {error.name}",
            expected="the report extra",
            fix="pip install 'rftui[report]', or leave the figures out with --no-figures",
        ) from None


def draw_table(rows: Sequence[TableRow], caption: str) -> Drawing | None:
    """Accuracy of every way at every place, with and without <think>; None where nothing is measured."""
    places = list(dict.fromkeys(row.place for row in rows if any(row.results.values())))
    labels = list(dict.fromkeys(row.label for row in rows))
    if not places:
        return None

    def draw(figure: Figure) -> None:
        for axes, place in zip(_panels(figure, len(places)), places, strict=True):
            own = {row.label: row for row in rows if row.place == place}
            for at, label in enumerate(labels[:MOST_LINES]):
                for shift, prompt in zip((-0.16, 0.16), PROMPTS, strict=True):
                    cell = own[label].results.get(prompt) if label in own else None
                    if cell is None:
                        continue
                    error = [[cell.mean - cell.low], [cell.high - cell.mean]]
                    is_full = prompt == "think"
                    axes.errorbar(
                        at + shift,
                        cell.mean,
                        yerr=error,
                        marker=MARKERS[at],
                        color=COLOURS[at],
                        markerfacecolor=COLOURS[at] if is_full else "none",
                        capsize=3,
                        linestyle="none",
                    )
            axes.set_xticks(range(len(labels[:MOST_LINES])), [_short(label) for label in labels[:MOST_LINES]])
            axes.tick_params(axis="x", labelsize=7)
            axes.set_title(place)
            axes.set_ylim(0, 1)
            axes.set_ylabel("held-out accuracy")

    title = "Accuracy by regime, with and without <think>"
    return _drawn("accuracy", title, caption, draw, size=_size(len(places)), left_out=max(0, len(labels) - MOST_LINES))


def draw_courses(courses: Sequence[Course], caption: str) -> Drawing | None:
    """Accuracy and length by step, a row a place; None where nothing was trained."""
    shown = [course for course in courses if course.held_out or course.training or course.length]
    if not shown:
        return None
    labels = list(
        dict.fromkeys(
            line.label for each in shown for part in (each.held_out, each.training, each.length) for line in part
        )
    )
    styles = {label: number for number, label in enumerate(labels[:MOST_LINES])}

    def draw(figure: Figure) -> None:
        grid = figure.subplots(len(shown), 3, squeeze=False)
        for panels, course in zip(grid, shown, strict=True):
            for axes, lines, what in (
                (panels[0], course.held_out, f"held-out accuracy\n{PROMPT_WORDS[course.prompt]}"),
                (panels[1], course.training, "accuracy over training groups"),
                (panels[2], course.length, "tokens a completion, training"),
            ):
                _draw_lines(axes, lines, styles)
                axes.set_ylabel(what)
                axes.set_xlabel("step")
            panels[0].set_title(course.place.title, loc="left", fontweight="bold")
        _legend(figure, grid[0][0], styles)

    size = (3 * PANEL[0], PANEL[1] * len(shown) + 0.5)
    title = "Accuracy and length by step"
    return _drawn("steps", title, caption, draw, size=size, left_out=max(0, len(labels) - MOST_LINES))


def _draw_lines(axes: Axes, lines: Sequence[Line], styles: dict[str, int]) -> None:
    for line in lines:
        if line.label not in styles:
            continue
        at = styles[line.label]
        steps = [point.step for point in line.points]
        every = max(1, len(steps) // 6)
        axes.plot(
            steps,
            [point.mean for point in line.points],
            color=COLOURS[at],
            linestyle=STROKES[at],
            marker=MARKERS[at],
            markevery=every,
            markersize=4,
            label=line.label,
        )
        if line.seeds > 1:
            lows, highs = ([point[part] for point in line.points] for part in (2, 3))
            axes.fill_between(steps, lows, highs, color=COLOURS[at], alpha=0.2, linewidth=0)
    if not lines:
        axes.text(0.5, 0.5, "not enough data", ha="center", va="center", transform=axes.transAxes)


def draw_lengths(shares: Sequence[LengthShares], caption: str) -> Drawing | None:
    """Accuracy by quarter of length, a panel a place; None where nothing is measured."""
    places = list(dict.fromkeys(each.place.title for each in shares))
    labels = list(dict.fromkeys(each.label for each in shares))
    styles = {label: number for number, label in enumerate(labels[:MOST_LINES])}
    if not places:
        return None

    def draw(figure: Figure) -> None:
        panels = _panels(figure, len(places))
        for axes, place in zip(panels, places, strict=True):
            for each in shares:
                if each.place.title != place or each.label not in styles:
                    continue
                at = styles[each.label]
                middles = [(part.shortest + part.longest) / 2 for part in each.bins]
                means = [part.accuracy for part in each.bins]
                below = [part.accuracy - part.low for part in each.bins]
                above = [part.high - part.accuracy for part in each.bins]
                axes.errorbar(
                    middles,
                    means,
                    yerr=[below, above],
                    color=COLOURS[at],
                    linestyle=STROKES[at],
                    marker=MARKERS[at],
                    markersize=4,
                    capsize=2,
                    label=each.label,
                )
            axes.set_title(place)
            axes.set_ylim(0, 1)
            axes.set_xlabel("tokens of the answer")
            axes.set_ylabel("held-out accuracy")
        _legend(figure, panels[0], styles)

    title = "Accuracy by length of the answer"
    return _drawn("lengths", title, caption, draw, size=_size(len(places)), left_out=max(0, len(labels) - MOST_LINES))


def draw_effects(answer: Answer, name: str, title: str, caption: str) -> Drawing | None:
    """Each effect of a question with its interval, around zero; None where none was measured."""
    effects = answer.effects
    if not effects:
        return None
    labels = list(dict.fromkeys(effect.contrast.after.label for effect in effects))
    styles = {label: number % MOST_LINES for number, label in enumerate(labels)}

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        axes.axvline(0, color=axes.xaxis.label.get_color(), linewidth=0.8)
        for row, effect in enumerate(reversed(effects)):
            _draw_effect(axes, row, effect, styles[effect.contrast.after.label])
        axes.set_yticks(range(len(effects)), [_effect_label(effect) for effect in reversed(effects)])
        axes.set_xlabel("points of accuracy")

    size = (7.2, 0.34 * len(effects) + 1.0)
    return _drawn(name, title, caption, draw, size=size)


def _draw_effect(axes: Axes, row: int, effect: Effect, at: int) -> None:
    found = effect.found
    middle = 100 * found.difference
    error = [[middle - 100 * found.low], [100 * found.high - middle]]
    is_told = effect.p_holm < 0.05
    axes.errorbar(
        middle,
        row,
        xerr=error,
        color=COLOURS[at],
        marker=MARKERS[at],
        markerfacecolor=COLOURS[at] if is_told else "none",
        capsize=3,
        linestyle="none",
    )


def _effect_label(effect: Effect) -> str:
    contrast = effect.contrast
    how = "" if contrast.is_of_thinking else f", {PROMPT_WORDS[contrast.after_prompt]}"
    return f"{contrast.place.title}: {_plain(contrast.after.label)}{how}"


def _panels(figure: Figure, count: int) -> list[Axes]:
    return list(figure.subplots(1, count, squeeze=False)[0])


def _size(panels: int) -> tuple[float, float]:
    return PANEL[0] * max(2, panels), PANEL[1] + 0.6


def _legend(figure: Figure, axes: Axes, styles: dict[str, int]) -> None:
    """One legend for all panels, above them."""
    from matplotlib.lines import Line2D

    handles = [
        Line2D([], [], color=COLOURS[at], linestyle=STROKES[at], marker=MARKERS[at], markersize=4, label=_plain(label))
        for label, at in styles.items()
    ]
    figure.legend(handles=handles, loc="outside upper center", ncols=min(4, len(handles)), frameon=False)


def _short(label: str) -> str:
    """A label in two lines where it is long."""
    plain = _plain(label)
    middle = plain.find(" ", len(plain) // 3)
    return f"{plain[:middle]}\n{plain[middle + 1 :]}" if len(plain) > 9 and middle > 0 else plain


def _plain(text: str) -> str:
    """Text that matplotlib takes as it is: a dollar sign would begin mathematics."""
    return text.replace("$", r"\$")


def _drawn(
    name: str,
    title: str,
    caption: str,
    draw: Callable[[Figure], None],
    *,
    size: tuple[float, float],
    left_out: int = 0,
) -> Drawing:
    light = _svg(draw, size, name)
    # drawing once more takes a second; ink is the only thing that differs
    return Drawing(name, title, caption, light, light.replace(INK, DARK_INK), _png(draw, size), left_out)


def _svg(draw: Callable[[Figure], None], size: tuple[float, float], name: str) -> str:
    file = io.StringIO()
    # ids and dates that are the same each time, so that the same study gives the same file
    _save(draw, size, file, format="svg", metadata={"Date": None, "Title": name}, transparent=True)
    return file.getvalue()


def _png(draw: Callable[[Figure], None], size: tuple[float, float]) -> bytes:
    file = io.BytesIO()
    _save(draw, size, file, format="png", dpi=160, facecolor="white", metadata={"Software": None})
    return file.getvalue()


def _save(draw: Callable[[Figure], None], size: tuple[float, float], file: Any, **how: Any) -> None:
    # matplotlib costs 0.6 s, which only a report should pay; no pyplot, which would look for a display
    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure as NewFigure

    colours = ("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color", "axes.titlecolor")
    settings: dict[str, Any] = dict.fromkeys(colours, INK)
    settings |= {"svg.hashsalt": "rftui", "svg.fonttype": "path", "font.size": 9, "axes.titlesize": 10}
    settings |= {"axes.spines.top": False, "axes.spines.right": False, "axes.grid": True, "grid.alpha": 0.25}
    settings |= {"axes.facecolor": "none", "errorbar.capsize": 3, "legend.labelcolor": INK}
    with rc_context(settings):
        figure = NewFigure(figsize=size, layout="constrained")
        FigureCanvasAgg(figure)
        draw(figure)
        figure.savefig(file, **how)
