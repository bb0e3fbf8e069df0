"""What generated banners say: a grammar of our own in which every message is exactly positive or negative.

Five forms, from easy to hard: plain (`good`), intensity (`so good`), negation (`not bad`), contrast (`old but good`)
and mixed (`old but not bad`). One strong word, the verdict, carries the sentiment; a negator turns it, an intensifier
does not, and what stands before `but` never counts. In two wordings: for the embedded model at most four short
words in rows, for real models full sentences.
"""

from __future__ import annotations

import random
from typing import NamedTuple

POSITIVE, NEGATIVE = "positive", "negative"
ANSWERS = (POSITIVE, NEGATIVE)
FORM_WEIGHTS = {
    "plain": (55, 15),
    "intensity": (30, 20),
    "negation": (15, 5),
    "contrast": (0, 25),
    "mixed": (0, 35),
}
"""How often each form comes, at difficulty 0 and at difficulty 1; linear between."""
FORMS = tuple(FORM_WEIGHTS)

SHORT_VERDICTS = {
    POSITIVE: ("good", "great", "fun", "nice", "fine", "happy", "kind", "fresh", "sweet", "smart", "safe", "calm"),
    NEGATIVE: ("bad", "awful", "sad", "ugly", "dull", "mean", "rude", "dirty", "sour", "weak", "cruel", "poor"),
}
SHORT_ASIDES = ("cheap", "quick", "new", "big", "old", "slow", "small", "plain")
"""What may stand before `but`: half pleasant, half not, and drawn without regard to the verdict."""
SHORT_INTENSIFIERS = ("so", "very", "truly")
SHORT_NEGATORS = ("not", "never", "hardly")

PLACES = (
    *("show", "hotel", "cafe", "bakery", "museum", "concert", "film", "book", "game", "market", "menu", "shop"),
    *("gym", "festival", "course", "park", "bus tour", "web site", "bar", "play"),
)
VERDICTS = {
    POSITIVE: (
        *(
            "good",
            "great",
            "nice",
            "lovely",
            "superb",
            "wonderful",
            "excellent",
            "brilliant",
            "delightful",
            "fantastic",
        ),
        *("charming", "splendid", "marvellous", "outstanding", "impressive", "enjoyable", "pleasant", "first-rate"),
    ),
    NEGATIVE: (
        *("bad", "awful", "terrible", "horrible", "dreadful", "dull", "boring", "disappointing", "poor", "miserable"),
        *("shabby", "tedious", "unpleasant", "lousy", "dismal", "appalling", "annoying", "second-rate"),
    ),
}
NEGATABLE = {
    POSITIVE: ("good", "great", "nice", "impressive", "enjoyable", "pleasant", "charming", "lovely"),
    NEGATIVE: ("bad", "dull", "boring", "disappointing", "tedious", "unpleasant", "annoying", "shabby"),
}
"""Verdicts that people do negate: `not superb` could still be praise."""
ASIDES = ("cheap", "famous", "modern", "popular", "small", "old", "pricey", "simple")
INTENSIFIERS = ("truly", "simply", "really", "absolutely", "utterly")
NEGATED = ("not {}", "never {}", "hardly {}", "far from {}", "anything but {}", "not {} at all")
PLAIN_SENTENCES = (
    "What {a} {verdict} {place}!",
    "The {place} is {verdict}.",
    "Our {place}: {verdict} every day.",
    "{Verdict} {place}, ask anyone!",
    "Everyone calls this {place} {verdict}.",
)
INTENSITY_SENTENCES = (
    "The {place} is {intensifier} {verdict}!",
    "This {place} was {intensifier} {verdict} again.",
    "{Intensifier} {verdict}: that is our {place}.",
)
NEGATION_SENTENCES = (
    "The {place} is {negated}.",
    "This {place} was {negated}, they say.",
    "There is nothing {verdict} about this {place}.",
    "Nobody would call the {place} {verdict}.",
)
CONTRAST_SENTENCES = (
    "The {place} is {aside} but {verdict}.",
    "{Aside}, yet {verdict}: our {place}.",
    "Although it is {aside}, the {place} is {verdict}.",
)
MIXED_SENTENCES = (
    "The {place} is {aside} but {negated}.",
    "{Aside}, yet {negated}: our {place}.",
    "Although it is {aside}, the {place} is {negated}.",
)

LONGEST_SENTENCE = "Although it is popular, the web site is not disappointing at all."
"""No sentence of the grammar is longer."""


class Message(NamedTuple):
    """What a banner says, and what makes it positive or negative."""

    form: str
    gold: str
    """positive or negative"""
    rows: tuple[str, ...]
    """Rows of a short message from above; empty for a sentence, which is wrapped to fit."""
    text: str
    """The whole message, in reading order."""
    verdict: str
    """The word that carries the sentiment; empty where that isn't known, as in a user's own sentences."""
    turned: bool
    """Whether a negator turns the verdict."""
    key: str
    """The words that decide: the verdict with its negator or intensifier."""


def sentiment_of(verdict: str) -> str:
    """positive or negative, as the word alone has it. Raises KeyError for a word that is no verdict."""
    for answer in ANSWERS:
        if verdict in SHORT_VERDICTS[answer] or verdict in VERDICTS[answer]:
            return answer
    raise KeyError(verdict)


def choose_form(rng: random.Random, difficulty: float) -> str:
    """A form; the harder ones come at higher difficulty."""
    weights = [easy + difficulty * (hard - easy) for easy, hard in FORM_WEIGHTS.values()]
    return rng.choices(FORMS, weights)[0]


def other(answer: str) -> str:
    """The opposite sentiment."""
    return NEGATIVE if answer == POSITIVE else POSITIVE


def short_message(rng: random.Random, form: str, gold: str) -> Message:
    """A message of one to four short words."""
    turned = form in ("negation", "mixed")
    verdict = rng.choice(SHORT_VERDICTS[other(gold) if turned else gold])
    aside, negator, intensifier = rng.choice(SHORT_ASIDES), rng.choice(SHORT_NEGATORS), rng.choice(SHORT_INTENSIFIERS)
    rows = {
        "plain": (verdict,),
        "intensity": (intensifier, verdict),
        "negation": (negator, verdict),
        "contrast": (aside, "but", verdict),
        "mixed": (aside, "but not", verdict),
    }[form]
    key = {"mixed": f"not {verdict}", "contrast": verdict}.get(form, " ".join(rows))
    return Message(form, gold, rows, " ".join(rows), verdict, turned, key)


def sentence(rng: random.Random, form: str, gold: str) -> Message:
    """A message that is a full sentence."""
    turned = form in ("negation", "mixed")
    verdict = rng.choice(NEGATABLE[other(gold)] if turned else VERDICTS[gold])
    template = rng.choice(
        {
            "plain": PLAIN_SENTENCES,
            "intensity": INTENSITY_SENTENCES,
            "negation": NEGATION_SENTENCES,
            "contrast": CONTRAST_SENTENCES,
            "mixed": MIXED_SENTENCES,
        }[form]
    )
    negated, intensifier = rng.choice(NEGATED).format(verdict), rng.choice(INTENSIFIERS)
    aside, place = rng.choice(ASIDES), rng.choice(PLACES)
    text = template.format(
        a="an" if verdict[0] in "aeiou" else "a",
        verdict=verdict,
        Verdict=verdict.capitalize(),
        negated=negated,
        intensifier=intensifier,
        Intensifier=intensifier.capitalize(),
        aside=aside,
        Aside=aside.capitalize(),
        place=place,
    )
    return Message(form, gold, (), text, verdict, turned, _key(template, verdict, negated, intensifier))


def _key(template: str, verdict: str, negated: str, intensifier: str) -> str:
    """The deciding words of a sentence, as they stand in it, in lower case."""
    if "{negated}" in template:
        return negated
    if template.startswith("There is nothing"):
        return f"nothing {verdict}"
    if template.startswith("Nobody"):
        return f"nobody calls it {verdict}"
    return f"{intensifier} {verdict}" if "ntensifier}" in template else verdict
