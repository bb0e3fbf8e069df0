"""A report as JSON: every number that its page and its prose show; docs/report.md describes it. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from evals.interaction import LEAST_SEEDS
from evals.statistics import FEW_FLIPS
from rftui.reports.examples import Chosen, Example
from rftui.reports.findings import SIGNIFICANT, Contrast, Depends, Effect, LengthChange, Missing, reach
from rftui.reports.forecasts import Forecasts, Foreseen
from rftui.reports.prose import (
    METHODS,
    Section,
    caveats,
    forecast_sentences,
    in_short,
    moment,
    provenance,
    published_note,
    sections,
    within_sentences,
)
from rftui.reports.report import Report, RunBehind, count_states
from rftui.reports.table import TableRow
from rftui.reports.trained import Course, Line, WithinTraining

LEVEL = 0.95


def document(report: Report) -> dict[str, Any]:
    """The document of `rftui report --json`; scripts rely on its names."""
    return {
        "study": report.name,
        "title": report.title,
        "made_at": report.made_at,
        "made_at_text": moment(report.made_at),
        "rftui_version": report.version,
        "commit": report.commit or None,
        "is_dirty": report.is_dirty,
        "caveat": report.caveat or None,
        "is_generated": report.is_generated,
        "is_tiny": report.is_tiny,
        "models": list(report.measured.models),
        "seeds": list(report.measured.study.seeds),
        "data": sorted({data for place in report.measured.places for data in place.data}),
        "data_details": list(report.data_details),
        "decoding": report.decoding,
        "other_decodings": list(report.other_decodings),
        "counts": {
            "runs": len(report.runs),
            "states": count_states(report.runs),
            "most_finished_seeds": max(
                (len(number.seeds) for row in report.table for number in row.results.values() if number), default=0
            ),
        },
        "rules": {
            "level": LEVEL,
            "significant": SIGNIFICANT,
            "least_seeds": LEAST_SEEDS,
            "few_moved": FEW_FLIPS,
            "correction": "holm, over the tests of one question",
        },
        "table": [_row(row) for row in report.table],
        "questions": [_section(section) for section in sections(report)],
        "within_prompts": [_within(each) for each in report.within],
        "by_length": [
            {
                "place": each.place.title,
                "way": each.label,
                "prompt": each.prompt,
                "decoding": report.decoding,
                "bins": [part._asdict() for part in each.bins],
            }
            for each in report.lengths
        ],
        "courses": [_course(course) for course in report.courses],
        "examples": [_chosen(chosen) for chosen in report.examples],
        "forecasts": _forecasts(report.forecasts),
        "runs": [_run(each) for each in report.runs],
        "prose": {
            "caveats": caveats(report),
            "provenance": provenance(report),
            "published_note": published_note(report),
            "in_short": [{"question": question, "answer": answer} for question, answer in in_short(report)],
            "within_prompts": within_sentences(report),
            "forecasts": forecast_sentences(report),
            "methods": list(METHODS),
        },
    }


def _row(row: TableRow) -> dict[str, Any]:
    return {
        "place": row.place,
        "way": row.label,
        "role": row.role.value,
        "results": {
            prompt: None if number is None else number._asdict() for prompt, number in sorted(row.results.items())
        },
        "states": dict(row.states),
        "published": {
            prompt: {"value": value, "source": source} for prompt, (value, source) in sorted(row.published.items())
        },
    }


def _section(section: Section) -> dict[str, Any]:
    answer = section.answer
    return {
        "question": answer.question.value,
        "title": section.title,
        "tests": len(answer.effects),
        "counts": {verdict.value: count for verdict, count in answer.counts().items()},
        "undecided": _undecided(answer.effects),
        "claims": reach(answer.effects)._asdict(),
        "narrow_intervals": sum(effect.found.is_interval_narrow for effect in answer.effects),
        "effects": [_effect(effect) for effect in answer.effects],
        "not_enough_data": [_missing(each) for each in answer.missing],
        "lengths": [_length(each) for each in answer.lengths],
        "depends_on_task": {
            "title": section.depends_title,
            "tests": len(answer.depends),
            "told_apart": sum(each.verdict.value != "not told apart" for each in answer.depends),
            "not_told_apart": sum(each.verdict.value == "not told apart" for each in answer.depends),
            "claims": reach(answer.depends)._asdict(),
            "effects": [_depends(each) for each in answer.depends],
            "not_enough_data": [_missing(each) for each in answer.depends_missing],
        },
        "prose": {"answer": list(section.sentences), "depends_on_task": list(section.depends)},
    }


def _undecided(effects: Sequence[Effect]) -> dict[str, float] | None:
    """How far the intervals of what is not told apart reach, together."""
    left = [effect.found for effect in effects if effect.verdict.value == "not told apart"]
    return {"low": min(each.low for each in left), "high": max(each.high for each in left)} if left else None


def _contrast(contrast: Contrast) -> dict[str, Any]:
    return {
        "place": contrast.place.title,
        "what": contrast.title,
        "before": contrast.before.label,
        "after": contrast.after.label,
        "before_prompt": contrast.before_prompt,
        "after_prompt": contrast.after_prompt,
    }


def _effect(effect: Effect) -> dict[str, Any]:
    found = effect.found._asdict()
    return {
        **_contrast(effect.contrast),
        "before_accuracy": found.pop("before"),
        "after_accuracy": found.pop("after"),
        **found,
        "p_holm": effect.p_holm,
        "verdict": effect.verdict.value,
        "is_interval_narrow": effect.found.is_interval_narrow,
        "seeds": {"before": list(effect.seeds_before), "after": list(effect.seeds_after)},
        "data": effect.data,
    }


def _depends(each: Depends) -> dict[str, Any]:
    found = each.found._asdict()
    return {
        "what": each.first.title,
        "first_place": each.first.place.title,
        "second_place": each.second.place.title,
        **found,
        "p_holm": each.p_holm,
        "verdict": each.verdict.value,
    }


def _missing(each: Missing) -> dict[str, str]:
    return each._asdict()


def _length(each: LengthChange) -> dict[str, Any]:
    by = each.change
    return {
        **_contrast(each.contrast),
        "before_tokens": each.before,
        "after_tokens": each.after,
        "change": by.mean,
        "low": by.low,
        "high": by.high,
        "n": by.n,
    }


def _within(each: WithinTraining) -> dict[str, Any]:
    effect, low, high = each.effect
    return {
        "place": each.place.title,
        "way": each.label,
        "spread_tokens": each.spread,
        "effect": effect,
        "low": low,
        "high": high,
        **each.found._asdict(),
    }


def _course(course: Course) -> dict[str, Any]:
    return {
        "place": course.place.title,
        "prompt": course.prompt,
        "held_out": [_line(line) for line in course.held_out],
        "training": [_line(line) for line in course.training],
        "length": [_line(line) for line in course.length],
    }


def _line(line: Line) -> dict[str, Any]:
    return {"way": line.label, "seeds": line.seeds, "points": [point._asdict() for point in line.points]}


def _chosen(chosen: Chosen) -> dict[str, Any]:
    return {
        "title": chosen.title,
        "rule": chosen.rule,
        "none": chosen.none or None,
        "examples": [_example(example) for example in chosen.examples],
    }


def _example(example: Example) -> dict[str, Any]:
    return {
        **example._asdict(),
        "image": None if example.image is None else example.image[1],
        "said": [each._asdict() for each in example.said],
    }


def _forecasts(forecasts: Forecasts) -> dict[str, Any]:
    return {
        "made": [
            {
                **made._asdict(),
                "made_at_text": None if made.made_at is None else moment(made.made_at),
                "rows": [_foreseen(row) for row in made.rows],
            }
            for made in forecasts.made
        ],
        "absent": list(forecasts.absent),
        "problems": list(forecasts.problems),
    }


def _foreseen(row: Foreseen) -> dict[str, Any]:
    return {**row._asdict(), "happened": None if row.happened is None else _effect(row.happened)}


def _run(each: RunBehind) -> dict[str, Any]:
    cell = each.cell
    return {
        "cell": cell.cell.key,
        "run": cell.run,
        "state": cell.state,
        "reason": cell.reason,
        "seed": cell.cell.seed,
        "step": cell.step,
        "total_steps": cell.total_steps,
        "is_taken_over": cell.is_taken_over,
        "started_at": cell.started_at,
        "ended_at": cell.ended_at,
        "commit": each.commit or None,
        "is_dirty": each.is_dirty,
    }
