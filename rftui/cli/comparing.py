"""`rftui compare`: what differs between runs, and whether their evaluations do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from rftui.cli.options import HomeOption, JsonOption, complete_run, examples
from rftui.cli.output import is_terminal, narrate, print_json, say

if TYPE_CHECKING:
    from rftui.comparing.compared_runs import ComparedRun
    from rftui.comparing.comparison import Comparison, Contrast, Flip
    from store.layout import Home
    from store.runs import RunSummary

PLAIN_WIDTH = 80


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command(
        epilog=examples(
            "rftui compare sat-sft-10 sat-grpo-12",
            "rftui compare sat-grpo-12 sat-grpo-13 --baseline sat-sft-10 --flips 5",
            "rftui compare @last sat-sft-10 --latex > table.tex",
        )
    )(compare)


def compare(
    references: Annotated[
        list[str],
        typer.Argument(
            metavar="RUN RUN", help="Two runs or more, each as for other commands.", autocompletion=complete_run
        ),
    ],
    baseline: Annotated[
        str | None,
        typer.Option(
            metavar="RUN", help="What the others are held against; the first if absent.", autocompletion=complete_run
        ),
    ] = None,
    flips: Annotated[
        int, typer.Option(metavar="N", min=0, help="List up to N examples that flipped, each way, of every test.")
    ] = 0,
    as_markdown: Annotated[bool, typer.Option("--markdown", help="Print Markdown tables.")] = False,
    as_latex: Annotated[bool, typer.Option("--latex", help="Print LaTeX tabulars.")] = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Compare runs: settings that differ, held-out accuracy, paired tests, and whether <think> helps."""
    # pydantic costs 0.1 s, which --help should not pay
    from rftui.cli.homes import home_to_read
    from rftui.comparing.compared_runs import read_compared
    from rftui.comparing.comparison import compare as compare_runs

    _check_forms(as_json=as_json, as_markdown=as_markdown, as_latex=as_latex, flips=flips)
    place = home_to_read(home)
    summaries = _chosen(place, references, baseline)
    comparison = compare_runs([read_compared(place, summary) for summary in summaries])
    if as_json:
        print_json(comparison_fields(comparison, flips=flips))
        return
    for line in _lines(comparison, flips=flips, as_markdown=as_markdown, as_latex=as_latex):
        say(line)


def _check_forms(*, as_json: bool, as_markdown: bool, as_latex: bool, flips: int) -> None:
    from rftui.errors import UsageProblem

    asked = [
        name for name, is_asked in (("--json", as_json), ("--markdown", as_markdown), ("--latex", as_latex)) if is_asked
    ]
    if len(asked) > 1:
        raise UsageProblem(
            f"{' and '.join(asked)} exclude each other", found=", ".join(asked), expected="one form", fix="drop one"
        )
    if flips and (as_markdown or as_latex):
        raise UsageProblem(
            f"{asked[0]} has no place for flips",
            found=f"--flips {flips} with {asked[0]}",
            expected="--flips with the page or with --json",
            fix="drop one",
        )


def _chosen(home: Home, references: list[str], baseline: str | None) -> list[RunSummary]:
    """The runs meant, the baseline first. Raises RunNotFound, or UsageProblem for fewer than two."""
    from contextlib import closing

    from rftui.errors import UsageProblem
    from rftui.runs.reads import current_runs
    from store.runs import find_run, open_catalogue

    current = {summary.name: summary for summary in current_runs(home)}
    with closing(open_catalogue(home)) as connection:
        names = [find_run(connection, reference).name for reference in references]
        first = names[0] if baseline is None else find_run(connection, baseline).name
    repeated = sorted({name for name in names if names.count(name) > 1})
    different = dict.fromkeys([first, *names])
    if repeated or len(different) < 2:
        raise UsageProblem(
            f"{repeated[0]} is named twice" if repeated else "one run alone cannot be compared",
            found=", ".join(references),
            expected="two different runs or more",
            fix=f"`rftui compare {first} ANOTHER`; `rftui runs` lists them",
        )
    return [current[name] for name in different]


def _lines(comparison: Comparison, *, flips: int, as_markdown: bool, as_latex: bool) -> Any:
    # 10 ms that --json should not pay
    import shutil

    from rftui.cli.comparison_page import page_lines
    from rftui.cli.comparison_tables import latex, markdown
    from store.states import is_live

    if as_markdown:
        return markdown(comparison)
    if as_latex:
        for run in comparison.runs:
            if is_live(run.summary.state):
                # in LaTeX it is a comment, which nobody sees
                narrate(f"warning: {run.name} is {run.summary.state}: its numbers may still change")
        return latex(comparison)
    width = min(160, shutil.get_terminal_size((PLAIN_WIDTH, 24)).columns) if is_terminal() else PLAIN_WIDTH
    return page_lines(comparison, width=width, flips=flips)


def comparison_fields(comparison: Comparison, *, flips: int) -> dict[str, Any]:
    """The document of `compare --json`; docs/compare.md describes it, and scripts rely on its names."""
    return {
        "baseline": comparison.baseline.name,
        "runs": [_run_fields(run) for run in comparison.runs],
        "settings": [row._asdict() for row in comparison.settings],
        "tests": [_contrast_fields(item, flips=flips) for item in comparison.against],
        "thinking": [_contrast_fields(item, flips=flips) for item in comparison.thinking],
        "notes": list(comparison.notes),
        "methods": {
            "level": 0.95,
            "accuracy": "wilson",
            "difference": "paired percentile bootstrap over examples",
            "p": "mcnemar exact, two-sided",
            "p_holm": "holm over the tests of one question",
        },
    }


def _run_fields(run: ComparedRun) -> dict[str, Any]:
    from rftui.cli.details import as_fields, summary_fields

    return summary_fields(run.summary) | {"evals": [as_fields(item.totals) for item in run.last]}


def _contrast_fields(contrast: Contrast, *, flips: int) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "run": contrast.after_run,
        "baseline": contrast.before_run,
        "prompt": contrast.after_prompt,
        "baseline_prompt": contrast.before_prompt,
        "decoding": contrast.decoding,
        "split": contrast.split,
        "step": contrast.after_step,
        "baseline_step": contrast.before_step,
        "source": contrast.source,
        "why_not": contrast.why_not or None,
        "test": None,
    }
    if contrast.paired is not None:
        test = contrast.paired._asdict()
        fields["test"] = {
            "baseline_accuracy": test.pop("before"),
            "accuracy": test.pop("after"),
            **test,
            "p_holm": contrast.p_holm,
            "fixed": [_flip_fields(flip) for flip in contrast.fixed[:flips]],
            "broken": [_flip_fields(flip) for flip in contrast.broken[:flips]],
        }
    return fields


def _flip_fields(flip: Flip) -> dict[str, Any]:
    return {
        "uid": flip.uid,
        "question": flip.question,
        "gold": flip.gold,
        "baseline_answer": flip.before,
        "answer": flip.after,
    }
