"""The tables of a report as cells of text, the same ones for its page and its Markdown. Pure."""

from __future__ import annotations

from rftui.formats import fraction, interval, p_text, steps
from rftui.reports.examples import Said
from rftui.reports.findings import Answer
from rftui.reports.measured import PROMPT_WORDS, PROMPTS
from rftui.reports.prose import verdict_words
from rftui.reports.report import Report
from rftui.reports.table import TableRow
from rftui.reports.wording import both_seeds, points, seeds_text

EFFECT_TITLES = (
    "task",
    "what",
    "difference",
    "verdict",
    "corrected p",
    "p",
    "accuracy",
    "against",
    "n",
    "seeds",
    "data",
)
DEPENDS_TITLES = ("what", "task less task", "difference", "verdict", "corrected p", "p", "first", "second", "n")
FORECAST_TITLES = ("task", "of what", "forecast", "predicted", "measured", "corrected p", "how it came out")
RUN_TITLES = ("cell", "run", "state", "step", "commit")


def accuracy_caption(report: Report) -> str:
    """What is in the table of accuracy."""
    caveat = f" {report.caveat.capitalize()}." if report.caveat else ""
    return (
        f"Held-out accuracy, {report.decoding}, mean over finished seeds with its 95% interval; n examples, seeds in "
        f"brackets.{caveat}"
    )


def accuracy_titles(report: Report) -> list[str]:
    """Heads of its columns; that of a paper's numbers only where there are any."""
    published = ["published"] if any(row.published for row in report.table) else []
    return ["task", "regime", *(PROMPT_WORDS[prompt] for prompt in PROMPTS), *published]


def accuracy_rows(report: Report) -> list[list[str]]:
    """Accuracy of every way at every place."""
    has_published = any(row.published for row in report.table)
    return [
        [
            row.place,
            row.label,
            *(number_text(row, prompt) for prompt in PROMPTS),
            *([published_text(row)] if has_published else []),
        ]
        for row in report.table
    ]


def run_rows(report: Report) -> list[list[str]]:
    """The runs behind a report."""
    return [
        [
            each.cell.cell.key,
            each.cell.run + (" (taken over)" if each.cell.is_taken_over else ""),
            each.cell.state,
            steps(each.cell.step, each.cell.total_steps),
            (each.commit[:12] + (" with changes" if each.is_dirty else "")) if each.commit else "—",
        ]
        for each in report.runs
    ]


def number_text(row: TableRow, prompt: str) -> str:
    """`.583 [.540, .625], n 500 (seeds 0, 1, 2)`; why there is none where there is none."""
    number = row.results.get(prompt)
    if number is None:
        return f"not enough data ({', '.join(f'{count} {state}' for state, count in row.states.items())})"
    return f"{interval(number.mean, number.low, number.high)}, n {number.n} ({seeds_text(number.seeds)})"


def published_text(row: TableRow) -> str:
    """A paper's numbers with their source; a dash where there is none."""
    numbers = sorted(row.published.items())
    return (
        "; ".join(f"{PROMPT_WORDS[prompt]} {fraction(value)} ({source})" for prompt, (value, source) in numbers) or "—"
    )


def effects_caption(report: Report, tests: int) -> str:
    """What is in a table of tests."""
    caveat = f" {report.caveat.capitalize()}." if report.caveat else ""
    return (
        f"In points of held-out accuracy, {report.decoding}, with 95% intervals; p-values corrected by Holm's method "
        f"for {tests} tests.{caveat}"
    )


def effect_rows(answer: Answer) -> list[list[str]]:
    """The effects of a question as cells of text."""
    return [
        [
            effect.contrast.place.title,
            effect.contrast.title,
            f"{points(found.difference)} [{points(found.low)}, {points(found.high)}]",
            verdict_words(effect.verdict),
            p_text(effect.p_holm),
            p_text(found.p),
            fraction(found.after),
            fraction(found.before),
            str(found.n),
            both_seeds(effect),
            effect.data,
        ]
        for effect in answer.effects
        for found in [effect.found]
    ]


def depends_rows(answer: Answer) -> list[list[str]]:
    """The interactions of a question as cells of text."""
    return [
        [
            each.first.title,
            f"{each.first.place.title} less {each.second.place.title}",
            f"{points(found.difference)} [{points(found.low)}, {points(found.high)}]",
            verdict_words(each.verdict),
            p_text(each.p_holm),
            p_text(found.p),
            points(found.first),
            points(found.second),
            f"{found.n_first}, {found.n_second}",
        ]
        for each in answer.depends
        for found in [each.found]
    ]


def said_words(said: Said) -> str:
    """Right or wrong, the answer read, and the rest in words."""
    verdict = {True: "✓ right", False: "✗ wrong", None: "not graded"}[said.verdict]
    answer = "no answer could be read" if said.answer is None else f"answer {said.answer}"
    hidden = [f"{said.left_out} characters not shown"] if said.left_out else []
    return ", ".join([verdict, answer, *said.facts, *hidden])


def forecast_caption(report: Report) -> str:
    """What is in the table of forecasts."""
    caveat = f" {report.caveat.capitalize()}." if report.caveat else ""
    return (
        "Predicted is what measured gains are ranked against, not a forecast of their size; measured is in points of "
        f"held-out accuracy, {report.decoding}, with its 95% interval.{caveat}"
    )


def forecast_rows(report: Report) -> list[list[str]]:
    """Each verdict of a forecast beside what was measured."""
    rows = []
    for made in report.forecasts.made:
        for row in made.rows:
            predicted = "—" if row.predicted is None else points(row.predicted)
            measured, p = "—", "—"
            if row.happened is not None:
                found = row.happened.found
                measured = f"{points(found.difference)} [{points(found.low)}, {points(found.high)}]"
                p = p_text(row.happened.p_holm)
            rows.append([row.place, row.about, row.outlook, predicted, measured, p, row.came_out])
    return rows
