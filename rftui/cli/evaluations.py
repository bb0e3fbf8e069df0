"""`rftui evals`: the held-out evaluations of a run in parts, what thinking flipped, and what length did."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from rftui.cli.options import HomeOption, JsonOption, RunArgument, examples
from rftui.cli.output import is_ascii, is_terminal, narrate, print_json, say

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rftui.evaluations.flips import Flipped
    from rftui.evaluations.length_text import TrainingLengths
    from rftui.evaluations.reads import EvalDetail, EvalsPage
    from rftui.terminal.spans import Line
    from store.evaluations import EvalKey, HeldOut
    from store.layout import Home, RunDir
    from store.rollouts import EvalSample

PLAIN_WIDTH = 100
FLIPS_SHOWN = 20
UNMATCHED_SHOWN = 100


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command(
        epilog=examples(
            "rftui evals sat-grpo-12",
            "rftui evals sat-grpo-12 --step 150 --prompt direct --json",
            "rftui evals @last --flips --full",
            "rftui evals sat-grpo-12 --lengths",
        )
    )(evals)


def evals(
    run: RunArgument,
    step: Annotated[int | None, typer.Option(help="The evaluation at this step; the newest if absent.")] = None,
    prompt: Annotated[str | None, typer.Option(metavar="think|direct", help="Asked with <think>, or without.")] = None,
    decoding: Annotated[str | None, typer.Option(metavar="greedy|sampled", help="How it was decoded.")] = None,
    flips: Annotated[
        bool, typer.Option("--flips", help="List what thinking broke and what it mended, with both answers.")
    ] = False,
    full: Annotated[bool, typer.Option("--full", help="With --flips: both completions in full.")] = False,
    lengths: Annotated[
        bool, typer.Option("--lengths", help="Length against accuracy, also within the prompts of training.")
    ] = False,
    limit: Annotated[
        int | None, typer.Option(min=1, help="At most so many flips each way; 20 if absent, all with --json.")
    ] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print a run's held-out evaluations: one in parts, what thinking flipped, what length did."""
    # the parts are those of the dashboard, whose lines need rich: 0.1 s that --help should not pay
    from rftui.cli.homes import home_to_read
    from rftui.evaluations.reads import EvalsSource
    from rftui.evaluations.training_reads import read_training_lengths
    from rftui.runs.reads import run_dir_of

    _check_options(flips=flips, full=full, lengths=lengths, limit=limit)
    place = home_to_read(home)
    name = run_dir_of(place, run).name
    source = EvalsSource(place, name)
    key = _chosen(source.page(None, in_parts=False), place, name, step=step, prompt=prompt, decoding=decoding)
    if flips:
        _print_flips(place, name, key, limit=limit, is_full=full, as_json=as_json)
        return
    page = source.page(key)
    trained = read_training_lengths(place, name) if lengths else None
    if as_json:
        print_json(page_fields(name, page, trained, with_lengths=lengths))
        return
    _print_page(page, trained, is_of_lengths=lengths)


def _check_options(*, flips: bool, full: bool, lengths: bool, limit: int | None) -> None:
    from rftui.errors import UsageProblem

    if flips and lengths:
        raise UsageProblem(
            "--flips and --lengths are two lists", found="both", expected="one of them", fix="ask for one at a time"
        )
    if (full or limit is not None) and not flips:
        raise UsageProblem(
            f"{'--full' if full else '--limit'} belongs to --flips",
            found="--full" if full else f"--limit {limit}",
            expected="--flips beside it",
            fix="add --flips",
        )


def _chosen(
    page: EvalsPage, place: Home, name: str, *, step: int | None, prompt: str | None, decoding: str | None
) -> EvalKey:
    """The newest evaluation that was asked so. Raises NotFound."""
    from rftui.errors import NotFound

    wanted = {"step": step, "prompt": prompt, "decoding": decoding}
    asked = {key: value for key, value in wanted.items() if value is not None}
    for item in page.evaluations:
        if asked.items() <= item.key._asdict().items():
            return item.key
    said = ", ".join(f"{key} {value}" for key, value in asked.items())
    known = sorted({f"step {item.key.step} {item.key.prompt} {item.key.decoding}" for item in page.evaluations})
    raise NotFound(
        f"{name} has no evaluation{f' with {said}' if said else ' yet'}",
        found=", ".join(known) or "none",
        expected=said or "an evaluation",
        fix=f"`rftui evals {name}` shows the newest" if known else _way_to_answers(place.run(name)),
    )


def _way_to_answers(run_dir: RunDir) -> str:
    """How a run without any evaluation comes to one: a run that is nothing else needs no other run for it."""
    # 5 ms that only an error should pay
    import tomllib

    name = run_dir.name
    try:
        method = tomllib.loads(run_dir.config.read_text(encoding="utf-8")).get("method")
    except (OSError, ValueError):
        # a run that was imported or damaged can still be evaluated by its weights
        method = None
    if method == "eval":
        return f"`rftui resume {name}` where it has ended; `rftui logs -f {name}` follows one that runs"
    if method == "suit":
        return f"`rftui suit {name}` prints what it samples; `rftui eval MODEL` evaluates its model"
    return f"`rftui eval {name}` makes one"


def _print_page(page: EvalsPage, trained: TrainingLengths | None, *, is_of_lengths: bool) -> None:
    from rftui.evaluations.length_text import training_length_lines
    from rftui.evaluations.parts import circular_lines, length_lines, unmatched_lines
    from rftui.evaluations.text import kind_lines, list_head, list_row, paired_lines, total_lines

    width, detail = _width(), page.detail
    if not is_of_lengths:
        _say_lines(
            [
                list_head(width),
                *(list_row(item, page.chances.get((item.key.split, item.n)), width) for item in page.evaluations),
                (),
            ]
        )
    if detail is None:
        return
    _say_lines(total_lines(detail, width))
    if is_of_lengths:
        _say_lines([*length_lines(detail.lengths, width), *training_length_lines(trained, width)])
        if trained is None:
            narrate("this run has no rollouts with an accuracy reward, so nothing is said within prompts")
        return
    _say_lines(paired_lines(detail, width))
    _say_lines(circular_lines(detail.totals.circular, width))
    _say_lines(kind_lines(detail, width, chosen=None))
    _say_lines(unmatched_lines(detail.totals.unmatched, width, most=UNMATCHED_SHOWN))
    _say_lines(length_lines(detail.lengths, width))


def _width() -> int:
    # 10 ms that --json should not pay
    import shutil

    return min(160, shutil.get_terminal_size((PLAIN_WIDTH, 24)).columns) if is_terminal() else PLAIN_WIDTH


def _say_lines(lines: Iterable[Line]) -> None:
    from rftui.terminal.spans import in_ascii

    for line in lines:
        text = "".join(span.text for span in line).rstrip()
        say(in_ascii(text) if is_ascii() else text)


def _print_flips(home: Home, name: str, key: EvalKey, *, limit: int | None, is_full: bool, as_json: bool) -> None:
    """What thinking broke and what it mended at the step of an evaluation. Raises NotFound."""
    from rftui.evaluations.flips import flipped

    found = flipped(*(_answers(home, name, key._replace(prompt=prompt)) for prompt in ("direct", "think")))
    shown = limit if limit is not None else len(found) if as_json else FLIPS_SHOWN
    broken = [item for item in found if item.think.correct is False]
    mended = [item for item in found if item.think.correct]
    if as_json:
        for item in [*broken[:shown], *mended[:shown]]:
            print_json(flip_fields(item))
        return
    say(f"{name}, step {key.step}, {key.decoding}, split {key.split}: with <think> against without")
    for verb, items in (("broke", broken), ("mended", mended)):
        rest = f", the first {shown}" if len(items) > shown else ""
        say(f"\nthinking {verb} {len(items)}{rest}")
        for item in items[:shown]:
            _say_flip(item, is_full=is_full)
    if not found:
        narrate("no example is right one way and wrong the other")


def _answers(home: Home, name: str, key: EvalKey) -> list[EvalSample]:
    """The answers of one evaluation. Raises NotFound where there is none."""
    from rftui.errors import NotFound
    from store.rollouts import eval_samples

    samples = eval_samples(home, name, step=key.step, prompt=key.prompt, decoding=key.decoding)
    found = [sample for sample in samples if sample.split == key.split]
    if not found:
        raise NotFound(
            f"step {key.step} of {name} was not asked with the prompt {key.prompt}, {key.decoding}",
            found="one prompt only",
            expected="answers with and without <think>",
            fix=f"`rftui eval {name}` asks both ways",
        )
    return found


def _say_flip(item: Flipped, *, is_full: bool) -> None:
    from rftui.terminal.clean import one_line

    first = item.think
    say(f"  {first.number:>5}  {one_line(first.kind)}  gold {one_line(first.gold)}  {one_line(first.uid)}")
    say(f"         {one_line(first.question, width=_width() - 9)}")
    for title, sample in (("without <think>", item.direct), ("with <think>", item.think)):
        said = one_line(sample.answer) if sample.answer is not None else f"none ({one_line(sample.malformed or '')})"
        say(f"         {title:<15}  {'right' if sample.correct else 'wrong'}: {said}  {sample.tokens} tokens")
        if is_full:
            for line in sample.completion.splitlines() or [""]:
                say(f"             {one_line(line)}")


def page_fields(name: str, page: EvalsPage, trained: TrainingLengths | None, *, with_lengths: bool) -> dict[str, Any]:
    """The document of `evals --json`; docs/evaluation.md describes it, and scripts rely on its names."""
    fields: dict[str, Any] = {
        "run": name,
        "evaluations": [
            total_fields(item) | {"chance": page.chances.get((item.key.split, item.n))} for item in page.evaluations
        ],
        "detail": None if page.detail is None else detail_fields(page.detail),
    }
    if with_lengths:
        fields["training_lengths"] = (
            None
            if trained is None
            else {
                "first_step": trained.first_step,
                "last_step": trained.last_step,
                "within_prompts": None if trained.within is None else trained.within._asdict(),
                "by_rank": [each._asdict() for each in trained.ranks],
            }
        )
    return fields


def total_fields(item: HeldOut) -> dict[str, Any]:
    """The totals of one evaluation."""
    fields = item._asdict()
    fields |= fields.pop("key")._asdict()
    if item.circular is not None:
        fields["circular"] = item.circular._asdict() | {
            "every": item.circular.every._asdict(),
            "by_rotation": [part._asdict() for part in item.circular.by_rotation],
        }
    if item.unmatched is not None:
        fields["unmatched"] = item.unmatched._asdict() | {
            "answers": [answer._asdict() for answer in item.unmatched.answers]
        }
    return fields


def detail_fields(detail: EvalDetail) -> dict[str, Any]:
    """One evaluation in parts."""
    since = detail.since_first
    return {
        **detail.totals.key._asdict(),
        "chance": detail.chance,
        "by_kind": [row._asdict() for row in detail.kinds],
        "thinking": None if detail.thinking is None else detail.thinking._asdict(),
        "since_first": None if since is None else {"from_step": since.step, **since.change._asdict()},
        "lengths": [each._asdict() for each in detail.lengths],
    }


def flip_fields(item: Flipped) -> dict[str, Any]:
    """One line of `evals --flips --json`."""
    first = item.think
    sides = {
        side: {
            "answer": sample.answer,
            "correct": sample.correct,
            "completion": sample.completion,
            "malformed": sample.malformed,
            "tokens": sample.tokens,
            "think_tokens": sample.think_tokens,
            "stop": sample.stop,
        }
        for side, sample in (("direct", item.direct), ("think", item.think))
    }
    return {
        "flip": "mended" if first.correct else "broken",
        "step": first.step,
        "decoding": first.decoding,
        "split": first.split,
        "number": first.number,
        "uid": first.uid,
        "kind": first.kind,
        "question": first.question,
        "options": list(first.options),
        "gold": first.gold,
        "images": list(first.images),
        **sides,
    }
