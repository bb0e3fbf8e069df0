"""All sentences of a report, by section: each number in them stands in the report's JSON. Pure."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from typing import NamedTuple

from evals.interaction import LEAST_SEEDS
from rftui.formats import counted
from rftui.reports.findings import TITLES, Answer, Question, Verdict
from rftui.reports.measured import PROMPT_WORDS
from rftui.reports.report import Report, count_states
from rftui.reports.trained import WithinTraining
from rftui.reports.wording import answer_sentences, depends_sentences, points_interval, tokens
from rftui.terminal.clean import one_line

DEPENDS = {
    Question.OVER_BASE: "Does what reinforcement fine-tuning adds to the model as it was depend on the task?",
    Question.OVER_SFT: "Does what reinforcement fine-tuning adds to SFT depend on the task?",
    Question.SFT: "Does what SFT adds depend on the task?",
    Question.THINKING: "Does what thinking adds depend on the task?",
    Question.LONGER: "Does what longer thinking adds depend on the task?",
}


class Section(NamedTuple):
    """One question with its answer in words."""

    answer: Answer
    title: str
    sentences: tuple[str, ...]
    depends_title: str
    depends: tuple[str, ...]


def moment(seconds: float) -> str:
    """`2026-11-25 04:12 UTC`; a file may say a time that no calendar has."""
    try:
        return datetime.datetime.fromtimestamp(seconds, datetime.UTC).strftime("%Y-%m-%d %H:%M UTC")
    except (ValueError, OverflowError, OSError):
        return f"{seconds:g} seconds after 1970"


def sections(report: Report) -> list[Section]:
    """The questions in the order of the report."""
    return [
        Section(
            answer,
            TITLES[answer.question],
            tuple(answer_sentences(answer)),
            DEPENDS[answer.question],
            tuple(depends_sentences(answer)),
        )
        for answer in report.answers
    ]


def caveats(report: Report) -> list[str]:
    """What must be known before any number is believed."""
    said = []
    if report.caveat:
        what = []
        if report.is_generated:
            what.append("the examples were drawn by rftui and are no benchmark")
        if report.is_tiny:
            what.append("the model is the embedded one, which is for learning the tool")
        said.append(f"{report.caveat.capitalize()}: {', and '.join(what)}. Nothing here can be held against a paper.")
    said += list(_unfinished(report))
    seeds = max((len(number.seeds) for row in report.table for number in row.results.values() if number), default=0)
    if seeds < LEAST_SEEDS:
        said.append(
            f"No way to train has {LEAST_SEEDS} finished seeds ({seeds} at most), so every claim is about these "
            "checkpoints only and not about a method."
        )
    if report.measured.view.is_changed:
        said.append("study.toml is no longer what the study was started with; the report follows study.toml.")
    return said


def _unfinished(report: Report) -> Iterator[str]:
    counts = count_states(report.runs)
    finished, total = counts.get("finished", 0), len(report.runs)
    if finished < total:
        others = ", ".join(f"{count} {state}" for state, count in counts.items() if state != "finished")
        yield f"{finished} of {counted(total, 'run')} have finished; left out are {others}."


def provenance(report: Report) -> list[str]:
    """What the numbers are of: data, models, seeds, versions."""
    study = report.measured.study
    data = list(dict.fromkeys(data for place in report.measured.places for data in place.data))
    lines = [f"Held-out answers, {report.decoding}; data: {'; '.join(data) or 'none yet'}."]
    lines += [f"{detail}." for detail in report.data_details if detail]
    if report.other_decodings:
        lines.append(
            f"Answers decoded otherwise ({', '.join(report.other_decodings)}) are in another report: --decoding."
        )
    models = ", ".join(map(one_line, report.measured.models)) or "none yet"
    lines.append(f"Model: {models}. Recipe: {one_line(study.recipe) or 'as each run says'}.")
    lines.append(f"Seeds of the study: {', '.join(map(str, study.seeds))}.")
    commits = sorted(
        {f"{each.commit}{' with changes' if each.is_dirty else ''}" for each in report.runs if each.commit}
    )
    if commits:
        lines.append(f"Runs were launched in a repository at commit {', '.join(commits)}.")
    where = f", in a repository at commit {report.commit}{' with changes' * report.is_dirty}" if report.commit else ""
    lines.append(f"Made {moment(report.made_at)} by rftui {report.version}{where}.")
    return lines


def published_note(report: Report) -> str:
    """What is to be known of a paper's numbers beside ours."""
    return one_line(report.measured.study.published_note)


def within_sentences(report: Report) -> list[str]:
    """Length against correctness among completions of one prompt."""
    if not report.within:
        return ["Not enough data: no finished RFT run has graded completions of different lengths."]
    return [_within(each) for each in report.within]


def _within(each: WithinTraining) -> str:
    found, effect = each.found, each.effect
    gap = ""
    if found.gap is not None and found.gap_low is not None and found.gap_high is not None:
        gap = (
            f" Right ones differ from wrong ones of their prompt by {tokens(found.gap)} tokens "
            f"[{tokens(found.gap_low)}, {tokens(found.gap_high)}]."
        )
    return (
        f"{each.place.title}, {each.label}: with one standard deviation of length within prompts ({each.spread:.1f} "
        f"tokens) more, the share of right completions changes by {points_interval(*effect)}, over "
        f"{counted(found.prompts, 'prompt')} ({found.mixed:,} with right and wrong ones).{gap}"
    )


def forecast_sentences(report: Report) -> list[str]:
    """What was forecast before training and how that came out, in words."""
    forecasts = report.forecasts
    said = []
    if not forecasts.made and not forecasts.problems:
        return ["No forecast was made before this study: `rftui suit --task T --study NAME` makes one."]
    for made in forecasts.made:
        when = "at an unknown time" if made.made_at is None else moment(made.made_at)
        order = {
            True: "before the first of its training runs started",
            False: "after the first of its training runs had started, so it is none",
            None: "whether before training is not known",
        }[made.was_before]
        commit = f", commit {made.commit}" if made.commit else ""
        said.append(f"{made.task}: made {when}, {order}; rules {made.rules}{commit}.")
        for row in made.rows:
            if row.happened is None:
                said.append(f"{row.place}, {row.about}: {row.outlook}; {row.came_out}.")
                continue
            found = row.happened.found
            said.append(
                f"{row.place}, {row.about}: {row.outlook}; measured "
                f"{points_interval(found.difference, found.low, found.high)}: {row.came_out}."
            )
    if forecasts.absent:
        said.append(f"No forecast was made of {', '.join(forecasts.absent)}.")
    said += [f"A forecast could not be read: {problem}." for problem in forecasts.problems]
    return said


METHODS = (
    "Accuracy of a cell is the mean over its finished seeds. Its 95% interval is Wilson's for as many independent "
    "examples as the seeds are worth together; with one seed it is Wilson's interval itself.",
    "Differences are paired over the examples that every evaluation of both sides graded. Below five seeds a trained "
    "side, the interval is the percentile bootstrap over examples, and the test is exact: under no difference, each "
    "example's difference is as likely with the other sign (with one evaluation a side, McNemar's test).",
    "From five seeds on, seeds and examples are both resampled: for means, the variance of that is known without "
    "drawing, the noise of single answers counted once; interval and test are Student's, with Welch's degrees of "
    "freedom. With and without <think> are of the same checkpoints, so their seeds stay paired.",
    "Whether an effect depends on the task is tested as the difference of two differences, not by comparing which of "
    "them is significant.",
    "P-values are corrected by Holm's method for all tests of one question, over all tasks and both prompts; the pairs "
    "of tasks are a family of their own. The corrected p-value is what verdicts go by, at .05.",
    "Not told apart is not the same: the interval says how large a difference may be.",
    "Training-free models have no seed: their one evaluation is shared by all seeds.",
)


def in_short(report: Report) -> list[tuple[str, str]]:
    """Each question with its first sentence, and longer thinking's interaction, which is the paper's conclusion."""
    found = [(section.title, section.sentences[0]) for section in sections(report)]
    longer = report.answer(Question.LONGER)
    if longer is not None:
        found.append((DEPENDS[Question.LONGER], depends_sentences(longer)[0]))
    return found


def verdict_words(verdict: Verdict) -> str:
    """A sign and a word, so that no colour is needed."""
    return {
        Verdict.HIGHER: "▲ higher",
        Verdict.LOWER: "▼ lower",
        Verdict.UNDECIDED: "· not told apart",
    }[verdict]


CAPTIONS = {
    "accuracy": "Held-out accuracy, mean over finished seeds with 95% interval; filled with <think>, hollow without.",
    "thinking": "With less without <think> at the same checkpoints, in points, with 95% interval; filled where the "
    "corrected p-value is below .05.",
    "longer": "With less without the length reward, in points, with 95% interval; filled where the corrected p-value "
    "is below .05.",
    "steps": "Left: accuracy on held-out examples; step 0 is the training-free model. Middle: accuracy over the groups "
    "of training, which is not held-out accuracy. Right: mean tokens of a completion in training. Lines are means over "
    "seeds, bands reach from the lowest seed to the highest; training curves are means over stretches of steps.",
    "lengths": "Held-out accuracy by quarter of answer length, over all seeds, each point at the middle of its "
    "quarter, with 95% intervals in which the answers to one example are one cluster. Hard questions draw longer "
    "answers, so this is no effect of length; within prompts it is below.",
}


def caption(report: Report, name: str) -> str:
    """A figure's caption, with its data and what that is."""
    parts = [CAPTIONS[name]]
    if name == "lengths":
        parts.append(f"Asked {PROMPT_WORDS[report.lengths_prompt]}, {report.decoding}.")
    if report.caveat:
        parts.append(f"{report.caveat.capitalize()}.")
    return " ".join(parts)
