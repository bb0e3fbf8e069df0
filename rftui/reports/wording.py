"""Answers in plain words, made from the numbers that stand beside them and from nothing else. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from evals.interaction import LEAST_SEEDS
from evals.statistics import FEW_FLIPS
from evals.study_statistics import SeedDifference, SeedInteraction
from rftui.formats import counted, fraction, p_text
from rftui.reports.findings import SIGNIFICANT, Answer, Contrast, Depends, Effect, LengthChange, Verdict, reach
from rftui.reports.measured import PROMPT_WORDS

ALPHA = f"{SIGNIFICANT:.2f}".removeprefix("0")
MOST_NAMED = 6
"""Effects that sentences name one by one; the table has all."""


def points(share: float) -> str:
    """`+3.2`: a share in points."""
    return tokens(100 * share)


def tokens(count: float) -> str:
    """`+3.2`: a difference of tokens; 0.0 has no sign."""
    return "0.0" if abs(count) < 0.05 else f"{count:+.1f}"


def points_interval(middle: float, low: float, high: float) -> str:
    """`+3.2 points [-1.0, +7.4]`"""
    return f"{points(middle)} points [{points(low)}, {points(high)}]"


def seeds_text(seeds: Sequence[int]) -> str:
    """`seeds 0, 1, 2`, `no seeds` for what nobody trained."""
    return f"seed{'s' * (len(seeds) > 1)} {_listed(seeds)}" if seeds else "no seeds"


def both_seeds(effect: Effect) -> str:
    """`0, 1, 2`; both sides' where they were trained with others: `0, 1 against 0, 1, 2`."""
    before, after = effect.seeds_before, effect.seeds_after
    if before and after and before != after:
        return f"{_listed(after)} against {_listed(before)}"
    return _listed(after or before) or "none"


def _listed(seeds: Sequence[int]) -> str:
    return ", ".join(map(str, seeds))


def answer_sentences(answer: Answer) -> list[str]:
    """What was found, in the order in which somebody would ask: in short, one by one, how far it reaches."""
    sentences = [_in_short(answer)]
    decided = [effect for effect in answer.effects if effect.verdict is not Verdict.UNDECIDED]
    sentences += [_decided(effect) for effect in decided[:MOST_NAMED]]
    if len(decided) > MOST_NAMED:
        sentences.append(f"The table has the other {len(decided) - MOST_NAMED}.")
    sentences += list(_undecided(answer))
    sentences += [_longer(change) for change in answer.lengths]
    sentences += [*_scope(answer.effects), *_narrow(answer.effects)]
    return sentences


def _in_short(answer: Answer) -> str:
    """Yes, no, or that it differs; by the corrected p-values alone."""
    tests, counts = len(answer.effects), answer.counts()
    if not tests:
        return "Not enough data: nothing could be tested."
    better, worse, open_ = (counts[each] for each in (Verdict.HIGHER, Verdict.LOWER, Verdict.UNDECIDED))
    of_all = f"of {counted(tests, 'comparison')}"
    rest = f"; in {open_} the two are not told apart" if open_ else ""
    if not better + worse:
        return f"That was not shown: in none {of_all} are the two told apart (corrected p below {ALPHA})."
    if not worse:
        return f"Yes in {better} {of_all} ({_which(answer, Verdict.HIGHER)}){rest}."
    if not better:
        return f"No: it is worse in {worse} {of_all} ({_which(answer, Verdict.LOWER)}){rest}."
    return (
        f"That differs: {of_all}, it is better in {better} ({_which(answer, Verdict.HIGHER)}) and worse in {worse} "
        f"({_which(answer, Verdict.LOWER)}){rest}."
    )


def _which(answer: Answer, verdict: Verdict) -> str:
    """Places, each with what is told apart there."""
    found: dict[str, list[str]] = {}
    for effect in answer.effects:
        if effect.verdict is verdict:
            contrast = effect.contrast
            how = contrast.after.label if contrast.is_of_thinking else PROMPT_WORDS[contrast.after_prompt]
            found.setdefault(contrast.place.title, []).append(how)
    return "; ".join(f"{place}: {', '.join(dict.fromkeys(hows))}" for place, hows in found.items())


def _decided(effect: Effect) -> str:
    found, contrast = effect.found, effect.contrast
    if contrast.is_of_thinking:
        sides = (
            f"{contrast.after.label} is at {fraction(found.after)} with and {fraction(found.before)} without <think>"
        )
    else:
        sides = (
            f"{contrast.after.label} is at {fraction(found.after)} and {contrast.before.label} at "
            f"{fraction(found.before)} {PROMPT_WORDS[contrast.after_prompt]}"
        )
    return f"On {contrast.place.title}, {sides}: {_tested(found, effect.p_holm)}, {_behind(effect)}."


def _tested(found: SeedDifference | SeedInteraction, p_holm: float) -> str:
    return f"{points_interval(found.difference, found.low, found.high)}, corrected p {p_text(p_holm)}"


def _behind(effect: Effect) -> str:
    return f"n {effect.found.n}, seeds {both_seeds(effect)}"


def _undecided(answer: Answer) -> Iterator[str]:
    """That no difference was shown is not that there is none: how large it may be either way."""
    left = [effect.found for effect in answer.effects if effect.verdict is Verdict.UNDECIDED]
    if left:
        low, high = min(each.low for each in left), max(each.high for each in left)
        many = "the one that is" if len(left) == 1 else f"the {len(left)} that are"
        yield (
            f"That is no proof of no effect: the intervals of {many} not told apart reach from {points(low)} to "
            f"{points(high)} points."
        )


def _longer(change: LengthChange) -> str:
    contrast, by = change.contrast, change.change
    return (
        f"On {contrast.place.title} {PROMPT_WORDS[contrast.after_prompt]}, answers of {contrast.after.label} have "
        f"{change.after:.1f} tokens on average and those of {contrast.before.label} {change.before:.1f}: "
        f"{tokens(by.mean)} [{tokens(by.low)}, {tokens(by.high)}] over {by.n} examples."
    )


def _scope(found: Sequence[Effect] | Sequence[Depends]) -> Iterator[str]:
    """What the claims are about: these checkpoints, or the method."""
    checkpoints, methods = reach(found)
    if checkpoints:
        if not methods:
            which = "These are statements"
        else:
            which = f"{checkpoints} of these {'is a statement' if checkpoints == 1 else 'are statements'}"
        yield (
            f"{which} about these checkpoints only, and not about the methods that made them: seeds are resampled from "
            f"{LEAST_SEEDS} on, and there are fewer."
        )
    if methods:
        which = "Seeds" if not checkpoints else f"In the other {methods}, seeds"
        yield f"{which} and examples are both resampled, so that the statement is about the method on this data."


def _narrow(effects: Sequence[Effect]) -> Iterator[str]:
    narrow = sum(effect.found.is_interval_narrow for effect in effects)
    if narrow:
        yield (
            f"In {counted(narrow, 'comparison')} fewer than {FEW_FLIPS} examples moved, where the interval is too "
            "narrow: go by the p-value."
        )


def depends_sentences(answer: Answer) -> list[str]:
    """Whether the change did more at one place than at another; an effect here and none there does not show that."""
    if not answer.depends:
        why = answer.depends_missing[0].why if answer.depends_missing else "it needs the same change at two places"
        return [f"Not enough data: {why}."]
    told = [each for each in answer.depends if each.verdict is not Verdict.UNDECIDED]
    of_all = f"of {counted(len(answer.depends), 'test')} of one change at two places"
    if told:
        open_ = len(answer.depends) - len(told)
        rest = f"; in {open_} its effects are not told apart" if open_ else ""
        sentences = [f"Yes in {len(told)} {of_all}{rest}."]
    else:
        sentences = [f"That was not shown: in none {of_all} are its effects told apart (corrected p below {ALPHA})."]
    sentences += [_differs(each) for each in told[:MOST_NAMED]]
    if len(told) > MOST_NAMED:
        sentences.append(f"The table has the other {len(told) - MOST_NAMED}.")
    return [*sentences, *_scope(answer.depends)]


def _differs(each: Depends) -> str:
    found = each.found
    return (
        f"{each.first.title}: {points(found.first)} points on {each.first.place.title} and {points(found.second)} on "
        f"{each.second.place.title}; the first less the second is {_tested(found, each.p_holm)}, n {found.n_first} "
        f"and {found.n_second}."
    )


def contrast_name(contrast: Contrast) -> str:
    """A row of a table: place and what is held against what."""
    return f"{contrast.place.title}: {contrast.title}"
