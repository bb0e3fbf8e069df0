"""A report as one HTML file: nothing is loaded, nothing runs, and the template escapes every text that it is given."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from pathlib import Path

from rftui.errors import UsageProblem
from rftui.reports.figures import Drawing
from rftui.reports.prose import (
    METHODS,
    caveats,
    forecast_sentences,
    in_short,
    provenance,
    published_note,
    sections,
    within_sentences,
)
from rftui.reports.report import Report
from rftui.reports.rows import (
    DEPENDS_TITLES,
    EFFECT_TITLES,
    FORECAST_TITLES,
    RUN_TITLES,
    accuracy_caption,
    accuracy_rows,
    accuracy_titles,
    depends_rows,
    effect_rows,
    effects_caption,
    forecast_caption,
    forecast_rows,
    run_rows,
    said_words,
)

TEMPLATE = "page.html.jinja"
VERDICT_CLASSES = {"▲": "higher", "▼": "lower", "·": "open"}
NARROW = 34
"""Characters up to which a cell keeps to one line."""


def html(report: Report, *, figures: Sequence[Drawing] = (), images: Mapping[str, str] = {}) -> str:
    """The whole report. `images` gives the data URI of each stored image by its hash."""
    try:
        # jinja2 is in the report extra, as matplotlib is
        from jinja2 import Environment, FileSystemLoader, StrictUndefined
    except ModuleNotFoundError as error:
        raise UsageProblem(
            "the page of a report needs jinja2, which is not installed",
            found=f"no module {error.name}",
            expected="the report extra",
            fix="pip install 'rftui[report]'; --json needs neither it nor matplotlib",
        ) from None
    loader = FileSystemLoader(Path(__file__).parent)
    environment = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    environment.filters |= {"svg_uri": svg_uri, "cell_class": cell_class}
    return environment.get_template(TEMPLATE).render(
        report=report,
        figures={drawing.name: drawing for drawing in figures},
        images=images,
        caveats=caveats(report),
        provenance=provenance(report),
        in_short=in_short(report),
        sections=sections(report),
        accuracy_caption=accuracy_caption(report),
        accuracy_titles=accuracy_titles(report),
        accuracy_rows=accuracy_rows(report),
        published_note=published_note(report),
        effects_caption=lambda tests: effects_caption(report, tests),
        effect_titles=EFFECT_TITLES,
        effect_rows=effect_rows,
        depends_titles=DEPENDS_TITLES,
        depends_rows=depends_rows,
        within=within_sentences(report),
        said_words=said_words,
        forecasts=forecast_sentences(report),
        forecast_caption=forecast_caption(report),
        forecast_titles=FORECAST_TITLES,
        forecast_rows=forecast_rows(report),
        methods=METHODS,
        run_titles=RUN_TITLES,
        run_rows=run_rows(report),
    )


def svg_uri(svg: str) -> str:
    """A drawing as a data URI."""
    return f"data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode('ascii')}"


def cell_class(cell: str) -> str:
    """How a cell is drawn: verdicts by their sign, short ones on one line, sentences with room."""
    verdict = VERDICT_CLASSES.get(cell[:1]) if cell[1:2] == " " else None
    is_short = len(cell) <= (NARROW if any(char.isdigit() for char in cell) else NARROW // 2)
    return verdict or ("number" if is_short else "text")
