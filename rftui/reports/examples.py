"""Answers and rollouts that a report shows, each chosen by a rule that is printed above it, and none by hand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from typing import NamedTuple

from rftui.reports.measured import PROMPT_WORDS, Evaluated, Measured, Place, Role, Way
from rftui.terminal.wrapping import drawable, drawable_line
from store.evaluations import EvalAnswer, eval_sample_of
from store.layout import Home
from store.notable_rollouts import largest_advantage
from store.rollouts import EvalSample, Rollout, open_rollouts

LONGEST = 2_000
"""Characters of a completion that are shown."""


class Said(NamedTuple):
    """One completion as it is shown."""

    who: str
    """Way, run and step."""
    text: str
    left_out: int
    """Characters that are not shown, since they are invisible or too many."""
    answer: str | None
    verdict: bool | None
    """Right or wrong; None where it could not be graded."""
    facts: tuple[str, ...]
    """Tokens, rewards and the like, in words."""


class Example(NamedTuple):
    """One question with what was said to it."""

    title: str
    place: str
    question: str
    options: tuple[str, ...]
    gold: str
    uid: str
    image: tuple[str, str] | None
    """Run that stores it, and its hash."""
    said: tuple[Said, ...]


class Chosen(NamedTuple):
    """Examples that one rule chose."""

    title: str
    rule: str
    examples: tuple[Example, ...]
    none: str = ""
    """Why there is none; empty where there is one."""


def choose(home: Home, measured: Measured, *, decoding: str) -> list[Chosen]:
    """Every kind of example, in the order of the report. Raises StoreError and sqlite3.Error."""
    return [
        _with_rule(
            "The same image without and with the length reward",
            "At each place, of the held-out examples that one seed's run without the length reward and one with it "
            "were both asked with <think>, the one whose difference in tokens is the median; of equals the first by "
            "name. The seed is the lowest that both have.",
            _by_place(measured, lambda place: _longer(home, place, decoding)),
            "needs finished runs with and without the length reward, evaluated with <think>",
        ),
        _with_rule(
            "Flips by thinking",
            "At each place, for the lowest seed of the first RFT regime: the first held-out example by name that is "
            "right with <think> and wrong without, and the first the other way round.",
            _by_place(measured, lambda place: _flips(home, place, decoding)),
            "needs a finished RFT run that was evaluated with and without <think>",
        ),
        _with_rule(
            "Largest advantage",
            "At each place, of all completions of the training of the lowest seed of each RFT regime, the one with the "
            "largest advantage; of equals the earliest.",
            _by_place(measured, lambda place: _advantages(home, place)),
            "needs a finished RFT run with rollouts",
        ),
        _with_rule(
            "Malformed answers",
            "At each place, of all held-out answers of finished runs, the most frequent fault of form; of the answers "
            "with it, the first by way, seed, prompt and number.",
            _by_place(measured, lambda place: _malformed(home, place, decoding)),
            "no held-out answer is malformed",
        ),
    ]


def _with_rule(title: str, rule: str, examples: Sequence[Example], none: str) -> Chosen:
    return Chosen(title, rule, tuple(examples), "" if examples else none)


def _by_place(measured: Measured, make: Callable[[Place], Iterator[Example]]) -> list[Example]:
    return [example for place in measured.places for example in make(place)]


def _longer(home: Home, place: Place, decoding: str) -> Iterator[Example]:
    for way in place.of(Role.LONGER):
        plain = next((each for each in place.of(Role.RFT) if each.point == way.point), None)
        plain = plain or next(iter(place.of(Role.RFT)), None)
        pair = None if plain is None else _same_seed(plain, way, "think", decoding)
        if plain is None or pair is None:
            continue
        before, after = pair
        theirs = {answer.uid: answer for answer in before.answers}
        both = sorted((a.tokens - theirs[a.uid].tokens, a.uid) for a in after.answers if a.uid in theirs)
        if both:
            more, uid = both[(len(both) - 1) // 2]
            title = f"{place.title}: {more:+d} tokens, the median of {len(both)}"
            yield from _held_out_example(home, place, title, uid, [(plain, before), (way, after)])


def _same_seed(one: Way, other: Way, prompt: str, decoding: str) -> tuple[Evaluated, Evaluated] | None:
    theirs = {each.seed: each for each in other.asked(prompt, decoding)}
    return next(((each, theirs[each.seed]) for each in one.asked(prompt, decoding) if each.seed in theirs), None)


def _flips(home: Home, place: Place, decoding: str) -> Iterator[Example]:
    for way in place.of(Role.RFT)[:1]:
        pair = next(iter(_both_prompts(way, decoding)), None)
        if pair is None:
            continue
        direct, think = pair
        before, after = direct.grades, think.grades
        for was, title in ((False, "thinking mended it"), (True, "thinking broke it")):
            flipped = sorted(uid for uid in before if before[uid] is was and after.get(uid) is (not was))
            if flipped:
                said = f"{place.title}: {title}, one of {len(flipped)}"
                yield from _held_out_example(home, place, said, flipped[0], [(way, direct), (way, think)])


def _both_prompts(way: Way, decoding: str) -> Iterator[tuple[Evaluated, Evaluated]]:
    think = {each.run: each for each in way.asked("think", decoding)}
    for direct in way.asked("direct", decoding):
        if direct.run in think:
            yield direct, think[direct.run]


def _held_out_example(
    home: Home, place: Place, title: str, uid: str, sides: Sequence[tuple[Way, Evaluated]]
) -> Iterator[Example]:
    """The example of that name with each side's answer; nothing where a text is gone from the store."""
    samples: list[tuple[Way, Evaluated, EvalSample]] = []
    for way, evaluated in sides:
        number = next(answer.number for answer in evaluated.answers if answer.uid == uid)
        with closing(open_rollouts(home, evaluated.run)) as connection:
            sample = eval_sample_of(connection, evaluated.totals.key, number)
        if sample is None:
            return
        samples.append((way, evaluated, sample))
    first = samples[0][2]
    yield Example(
        title=title,
        place=place.title,
        question=drawable_line(first.question),
        options=tuple(map(drawable_line, first.options)),
        gold=drawable_line(first.gold),
        uid=drawable_line(uid),
        image=(samples[0][1].run, str(first.images[0].get("hash"))) if first.images else None,
        said=tuple(_answered(way, evaluated, sample) for way, evaluated, sample in samples),
    )


def _answered(way: Way, evaluated: Evaluated, sample: EvalSample) -> Said:
    who = f"{way.label}, {PROMPT_WORDS.get(sample.prompt, sample.prompt)}: run {evaluated.run}, step {sample.step}"
    facts = [f"{sample.tokens} tokens", f"{sample.think_tokens} of them in <think>"]
    facts += [f"malformed: {drawable_line(sample.malformed)}"] if sample.malformed else []
    return _said(who, sample.completion, sample.answer, sample.correct, facts)


def _said(who: str, text: str, answer: str | None, verdict: bool | None, facts: Sequence[str]) -> Said:
    found = drawable(text)
    shown = "\n".join(found.paragraphs)
    left_out = found.hidden + found.left_out + max(0, len(shown) - LONGEST)
    said = None if answer is None else drawable_line(answer)
    return Said(drawable_line(who), shown[:LONGEST], left_out, said, verdict, tuple(facts))


def _advantages(home: Home, place: Place) -> Iterator[Example]:
    for way in (*place.of(Role.RFT), *place.of(Role.LONGER)):
        for cell in way.finished[:1]:
            with closing(open_rollouts(home, cell.run)) as connection:
                found = largest_advantage(connection)
            if found is not None:
                yield _trained_example(place, way, cell.run, found)


def _trained_example(place: Place, way: Way, run: str, found: Rollout) -> Example:
    accuracy = found.rewards.get("accuracy")
    rewards = ", ".join(f"{drawable_line(name)} {_number(value)}" for name, value in found.rewards.items())
    facts = [f"advantage {_number(found.advantage)}", f"rewards: {rewards}", f"{found.tokens} tokens"]
    who = f"{way.label}: run {run}, training step {found.step}"
    verdict = None if accuracy is None else accuracy >= 1
    return Example(
        title=f"{place.title}: {way.label}, advantage {_number(found.advantage)}",
        place=place.title,
        question=drawable_line(found.question),
        options=tuple(map(drawable_line, found.options)),
        gold=drawable_line(found.gold),
        uid=drawable_line(found.uid),
        image=(run, found.image) if found.image else None,
        said=(_said(who, found.completion, found.answer, verdict, facts),),
    )


def _number(value: float | None) -> str:
    return "none" if value is None else f"{value:.3f}"


def _malformed(home: Home, place: Place, decoding: str) -> Iterator[Example]:
    found: list[tuple[Way, Evaluated, EvalAnswer]] = [
        (way, each, answer)
        for way in place.ways
        for prompt in PROMPT_WORDS
        for each in way.asked(prompt, decoding)
        for answer in each.answers
        if answer.malformed
    ]
    if not found:
        return
    counts = Counter(str(answer.malformed) for _, _, answer in found)
    fault = min(counts, key=lambda name: (-counts[name], name))
    way, evaluated, answer = next(item for item in found if item[2].malformed == fault)
    answered = sum(len(each.answers) for one in place.ways for p in PROMPT_WORDS for each in one.asked(p, decoding))
    title = f"{place.title}: {drawable_line(fault)}, one of {counts[fault]} among {answered} answers"
    yield from _held_out_example(home, place, title, answer.uid, [(way, evaluated)])
