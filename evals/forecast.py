"""What training could gain, said before it from sampled completions: a verdict each for SFT, GRPO, length and thinking.

The rules and where their numbers come from are in docs/suitability.md. They were fixed before any study was run;
whoever changes one raises RULES, so that no forecast is judged by rules that came after it.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Any, NamedTuple

from evals.lengths import PER_TOKENS
from evals.suitability import Estimate, Gap, Group, GroupState, Measures, measure, thinking_gap

RULES = 1
"""Version of the rules."""
LEAST_PROMPTS = 20
"""Prompts below which nothing is forecast: no interval of ours was checked with fewer (docs/evaluation.md)."""
MATTERS = 0.05
"""Gains below this would not be seen: a held-out evaluation of 500 examples has an interval of up to 4.4 points each
way."""
LEAST_MIXED = 0.20
"""Share of mixed groups below which most of each step teaches nothing (axolotl's alarm: frac_reward_zero_std > 0.8)."""
MOST_UNREAD = 0.50
"""Share of completions without a readable answer above which a task is hidden by its form."""
MOST_CLIPPED = 0.05
"""Share of completions at the length limit above which length cannot be judged."""


class Outlook(StrEnum):
    """What is said of one way of training."""

    ROOM = "room to gain"
    """There is something to gain and, for GRPO, a signal to gain it by; not that it will be gained."""
    LITTLE = "little to gain"
    """What is missing is less than an evaluation of the usual size would show."""
    NO_SIGNAL = "no signal"
    """Right completions are missing, and next to none was sampled that GRPO could make more likely."""
    FOR = "speaks for it"
    """What was seen in the samples goes in its favour."""
    AGAINST = "speaks against it"
    """What was seen in the samples goes against it."""
    UNCLEAR = "unclear"
    """The samples leave it open."""
    TOO_FEW = "too few prompts"
    """Fewer than LEAST_PROMPTS."""


class Verdict(NamedTuple):
    """What is said of one way of training, and why."""

    about: str
    """sft, grpo, length or thinking"""
    mode: str
    """The prompt whose samples it rests on: think, direct, or both."""
    outlook: Outlook
    sentences: tuple[str, ...]
    """Why, each with its numbers."""


class Forecast(NamedTuple):
    """Everything that is said before training."""

    rules: int
    measures: dict[str, Measures]
    """By prompt: think, direct."""
    gap: Gap | None
    """Thinking less not thinking."""
    verdicts: tuple[Verdict, ...]
    predicted: dict[str, float | None]
    """What measured gains are held against later, as shares: sft, grpo, length, thinking; None where nothing was."""

    def as_record(self) -> dict[str, Any]:
        """The forecast as JSON has it."""
        return {
            "rules": self.rules,
            "measures": {mode: measures_record(each) for mode, each in self.measures.items()},
            "thinking_gap": None if self.gap is None else {"prompts": self.gap.prompts, **self.gap.gap._asdict()},
            "verdicts": [each._asdict() for each in self.verdicts],
            "predicted": self.predicted,
        }


def measures_record(measures: Measures) -> dict[str, Any]:
    """The measures of one prompt as JSON has them."""
    record = measures._asdict()
    for name, value in record.items():
        if isinstance(value, tuple) and hasattr(value, "_asdict"):
            record[name] = value._asdict()
    record["groups"] = {state.value: estimate._asdict() for state, estimate in measures.groups.items()}
    return record


def forecast(think: Sequence[Group], direct: Sequence[Group], *, trained_prompt: str) -> Forecast:
    """What the groups of both prompts say; `trained_prompt` is the one that GRPO would train with, think or direct.

    SFT is judged by the prompt without <think>, whose bare answers it imitates; length by the one with it.
    """
    measures = {
        mode: found
        for mode, groups in (("think", think), ("direct", direct))
        if (found := measure(groups, mode=mode)) is not None
    }
    gap = thinking_gap(think, direct)
    other_prompt = "direct" if trained_prompt == "think" else "think"
    trained, other = measures.get(trained_prompt), measures.get(other_prompt)
    with_think, without = measures.get("think"), measures.get("direct")
    return Forecast(
        rules=RULES,
        measures=measures,
        gap=gap,
        verdicts=(
            sft_verdict(without),
            grpo_verdict(trained, other, mode=trained_prompt),
            length_verdict(with_think),
            thinking_verdict(gap),
        ),
        predicted={
            "sft": None if without is None else 1 - without.pass_at_1.value,
            "grpo": None if trained is None else trained.headroom.value,
            "length": None
            if with_think is None or with_think.length_effect is None
            else with_think.length_effect.value,
            "thinking": None if gap is None else gap.gap.value,
        },
    )


def sft_verdict(measures: Measures | None) -> Verdict:
    """Whether the answers that SFT would teach are missing."""
    if measures is None or measures.prompts < LEAST_PROMPTS:
        return _too_few("sft", "direct", measures)
    right, missed, unread = measures.pass_at_1, measures.groups[GroupState.MISSED], measures.groups[GroupState.UNREAD]
    room = Estimate(1 - right.value, 1 - right.high, 1 - right.low)
    sentences = [
        f"Asked for the answer alone, a completion is right {percent(right)} of the time: {points(room)} points are "
        "missing."
    ]
    if room.high < MATTERS:
        return Verdict("sft", "direct", Outlook.LITTLE, (*sentences, _too_small("That")))
    never = missed.value + unread.value
    sentences.append(
        f"{_plain(never)} of these prompts were not solved once in {measures.generations}: there a reward for right "
        "answers has nothing to pay, and SFT shows the answer. Whether what it shows carries over to other prompts is "
        "not in these samples."
    )
    if room.low < MATTERS:
        sentences.append(f"Whether {_plain(MATTERS)} or more are missing is left open by the interval.")
    return Verdict("sft", "direct", Outlook.ROOM if room.low >= MATTERS else Outlook.UNCLEAR, tuple(sentences))


def grpo_verdict(measures: Measures | None, other: Measures | None, *, mode: str) -> Verdict:
    """Whether there is something that GRPO can reach, and a signal by which to reach it."""
    if measures is None or measures.prompts < LEAST_PROMPTS:
        return _too_few("grpo", mode, measures)
    outlook, reason = _grpo_outlook(measures)
    g = measures.generations
    sentences = [
        f"A completion is right {percent(measures.pass_at_1)} of the time, at least one of {g} for "
        f"{percent(measures.pass_at_g)} of the prompts: {points(measures.headroom)} points between them are what GRPO "
        "could reach by making sure of what is now found by chance.",
        f"{percent(measures.groups[GroupState.MIXED])} of the groups are mixed, so that right completions have an "
        f"advantage. From the others nothing is learnt of right answers: {_others(measures)}.",
        *_luck(measures),
    ]
    if reason:
        sentences.append(reason)
    if measures.paid_for_form.low > 0:
        sentences.append(
            f"In {percent(measures.paid_for_form)} the rewards differ although all or none are right: there other "
            "rewards than accuracy are trained."
        )
    if other is not None and other.prompts >= LEAST_PROMPTS and (elsewhere := _grpo_outlook(other)[0]) is not outlook:
        named = "with <think>" if other.mode == "think" else "without <think>"
        sentences.append(
            f"Trained {named} the same rule says {elsewhere.value}: mixed {percent(other.groups[GroupState.MIXED])}, "
            f"headroom {points(other.headroom)} points."
        )
    return Verdict("grpo", mode, outlook, tuple(sentences))


def _grpo_outlook(measures: Measures) -> tuple[Outlook, str]:
    """The rule, first match first, and what is said of it beyond the numbers."""
    mixed, headroom, guess = measures.groups[GroupState.MIXED], measures.headroom, measures.guessing
    if measures.unread.low > MOST_UNREAD:
        return Outlook.UNCLEAR, (
            f"No answer could be read of {percent(measures.unread)} of the completions ({_reasons(measures)}): what "
            "the model knows is hidden by its form, which the format reward, some SFT or another prompt would have to "
            "mend first."
        )
    if measures.pass_at_1.low > 1 - MATTERS:
        return Outlook.LITTLE, _too_small("What is missing")
    if headroom.high < MATTERS or mixed.high < LEAST_MIXED:
        what = (
            f"The headroom is less than {100 * MATTERS:.0f} points"
            if headroom.high < MATTERS
            else f"Fewer than {_plain(LEAST_MIXED)} of the groups are mixed"
        )
        return Outlook.NO_SIGNAL, (
            f"{what} although right answers are missing: hardly any is found by sampling, so there is next to nothing "
            "to make more likely. SFT first, easier prompts or more completions a prompt would change that."
        )
    if guess is not None and measures.pass_at_1.low <= guess.pass_at_1:
        return Outlook.UNCLEAR, (
            f"By its interval a completion may be right no more often than a guess among the options "
            f"({_plain(guess.pass_at_1)}), so mixed groups and headroom may be luck: there is a reward to learn from, "
            "and no sign that the model sees anything of the answer yet."
        )
    if mixed.low >= LEAST_MIXED and headroom.low >= MATTERS:
        return Outlook.ROOM, ""
    return Outlook.UNCLEAR, (
        f"The intervals leave open whether {_plain(LEAST_MIXED)} of the groups are mixed and the headroom is "
        f"{100 * MATTERS:.0f} points."
    )


def _others(measures: Measures) -> str:
    """Why groups are dead, in words."""
    words = {
        GroupState.SOLVED: "all right",
        GroupState.MISSED: "all wrong",
        GroupState.UNREAD: "without a readable answer",
    }
    return ", ".join(f"{percent(measures.groups[state])} {said}" for state, said in words.items()) + " (of all groups)"


def _luck(measures: Measures) -> list[str]:
    """How much of the headroom picking an option at random would show as well."""
    sentences = []
    if (guess := measures.guessing) is not None:
        says = f", so pass@{measures.generations} alone is no sign of knowledge here" if guess.pass_at_g > 0.5 else ""
        sentences.append(
            f"Guessing among the options would be right {_plain(guess.pass_at_1)} of the time, at least once in "
            f"{measures.generations} for {_plain(guess.pass_at_g)} of the prompts, and leave {_plain(guess.mixed)} of "
            f"the groups mixed{says}."
        )
        if measures.pass_at_1.high < guess.pass_at_1:
            sentences.append("A completion is right less often than that.")
    sentences.append(
        f"The most frequent of {measures.generations} answers is right for {percent(measures.majority)} of the "
        f"prompts, {points(measures.majority_gain, is_signed=True)} points against one completion: about what "
        "sharpening alone would give, and what greedy decoding may have without training."
    )
    return sentences


def length_verdict(measures: Measures | None) -> Verdict:
    """Whether longer completions of the same prompt are right more often."""
    if measures is None or measures.prompts < LEAST_PROMPTS:
        return _too_few("length", "think", measures)
    found, effect = measures.length, measures.length_effect
    if measures.clipped.low > MOST_CLIPPED:
        return Verdict(
            "length",
            "think",
            Outlook.UNCLEAR,
            (
                f"{percent(measures.clipped)} of the completions met the length limit: what longer ones would do "
                "cannot be seen, and a length reward would push against it. Raise max_completion_length first.",
            ),
        )
    if found is None or effect is None:
        return Verdict(
            "length",
            "think",
            Outlook.UNCLEAR,
            ("No prompt has right and wrong completions of different lengths, so length cannot be judged.",),
        )
    if found.mixed < LEAST_PROMPTS:
        sentence = (
            f"Only {found.mixed} prompts have right and wrong completions of different lengths; below {LEAST_PROMPTS} "
            "nothing is said."
        )
        return Verdict("length", "think", Outlook.UNCLEAR, (sentence,))
    per_tokens = Estimate(found.slope, found.slope_low, found.slope_high)
    sentences = [
        f"Within {found.prompts} prompts whose completions differ in length ({found.mixed} of them with right and "
        f"wrong ones), one that is a standard deviation ({measures.length_spread:.1f} tokens) longer is right "
        f"{points(effect, is_signed=True)} points more often ({points(per_tokens, is_signed=True)} for {PER_TOKENS} "
        "tokens)."
    ]
    if effect.low > 0:
        sentences.append(
            "Longer completions are right more often: a length reward would push towards right ones at first. That "
            "making a thought longer makes it right does not follow."
        )
        return Verdict("length", "think", Outlook.FOR, tuple(sentences))
    if effect.high < 0:
        sentences.append(
            "Longer completions are right less often: a length reward would push away from right ones at first, most "
            "of all where it also pays wrong answers. That longer thoughts must harm does not follow."
        )
        return Verdict("length", "think", Outlook.AGAINST, tuple(sentences))
    sentences.append("The interval holds zero: the samples show no relation of length and correctness, of either sign.")
    return Verdict("length", "think", Outlook.UNCLEAR, tuple(sentences))


def thinking_verdict(gap: Gap | None) -> Verdict:
    """Whether the model, as it is, does better with <think>."""
    if gap is None or gap.prompts < LEAST_PROMPTS:
        found = 0 if gap is None else gap.prompts
        return Verdict("thinking", "both", Outlook.TOO_FEW, (_few(found),))
    said = f"Over {gap.prompts} prompts asked both ways, with <think> a completion is right "
    sentence = f"{said}{points(gap.gap, is_signed=True)} points more often than without."
    if gap.gap.low > 0:
        return Verdict("thinking", "both", Outlook.FOR, (sentence, "So before training, at this temperature."))
    if gap.gap.high < 0:
        return Verdict("thinking", "both", Outlook.AGAINST, (sentence, "So before training, at this temperature."))
    return Verdict("thinking", "both", Outlook.UNCLEAR, (sentence, "The interval holds zero."))


def _too_few(about: str, mode: str, measures: Measures | None) -> Verdict:
    return Verdict(about, mode, Outlook.TOO_FEW, (_few(0 if measures is None else measures.prompts),))


def _few(found: int) -> str:
    return f"{found} prompts were sampled and graded; below {LEAST_PROMPTS} nothing is said."


def _too_small(what: str) -> str:
    return f"{what} is less than {100 * MATTERS:.0f} points, which an evaluation of 500 examples would hardly show."


def _reasons(measures: Measures) -> str:
    return ", ".join(f"{count} {reason}" for reason, count in list(measures.unread_by.items())[:3])


def percent(estimate: Estimate) -> str:
    """`43.1% [40.2, 46.0]`"""
    return f"{100 * estimate.value:.1f}% [{100 * estimate.low:.1f}, {100 * estimate.high:.1f}]"


def _plain(share: float) -> str:
    return f"{100 * share:.1f}%" if round(100 * share, 1) % 1 else f"{100 * share:.0f}%"


def points(estimate: Estimate, *, is_signed: bool = False) -> str:
    """`12.0 [8.5, 15.2]`, in points; with signs where either is possible."""
    sign = "+" if is_signed else ""
    middle, low, high = (f"{100 * value:{sign}.1f}" for value in estimate)
    return f"{middle} [{low}, {high}]"
