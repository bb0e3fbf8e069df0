"""The grammar of generated banners: every message is what its gold says, judged here by rules written anew."""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Callable

import pytest

from evals.generated.banner_sentences import (
    ANSWERS,
    FORMS,
    LONGEST_SENTENCE,
    Message,
    choose_form,
    other,
    sentence,
    sentiment_of,
    short_message,
)

# not taken from the grammar: what an English dictionary of opinion words says of them
PRAISE = {
    *("good", "great", "fun", "nice", "fine", "happy", "kind", "fresh", "sweet", "smart", "safe", "calm", "lovely"),
    *("superb", "wonderful", "excellent", "brilliant", "delightful", "fantastic", "charming", "splendid"),
    *("marvellous", "outstanding", "impressive", "enjoyable", "pleasant", "first-rate"),
}
BLAME = {
    *("bad", "awful", "sad", "ugly", "dull", "mean", "rude", "dirty", "sour", "weak", "cruel", "poor", "terrible"),
    *("horrible", "dreadful", "boring", "disappointing", "miserable", "shabby", "tedious", "unpleasant", "lousy"),
    *("dismal", "appalling", "annoying", "second-rate"),
}
MAKERS: list[Callable[[random.Random, str, str], Message]] = [short_message, sentence]


def judged(text: str) -> str:
    """The sentiment of a message: its one opinion word after the last but, turned by a negator."""
    text = text.lower().replace("anything but", "not").replace("far from", "not")
    text = re.sub(r"^although [^,]*,", "", text)
    verdict_part = re.split(r"\bbut\b|\byet\b", text)[-1]
    words = re.findall(r"[a-z][a-z-]*", verdict_part)
    opinions = [word for word in words if word in PRAISE | BLAME]
    assert len(opinions) == 1, text
    is_praise = opinions[0] in PRAISE
    turns = sum(word in ("not", "never", "hardly", "nothing", "nobody") for word in words)
    return "positive" if is_praise == (turns % 2 == 0) else "negative"


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("gold", ANSWERS)
def test_a_message_is_what_its_gold_says(
    make: Callable[[random.Random, str, str], Message], form: str, gold: str
) -> None:
    rng = random.Random(f"{form}/{gold}")

    messages = [make(rng, form, gold) for _ in range(300)]

    assert {judged(message.text) for message in messages} == {gold}
    assert {message.gold for message in messages} == {gold}


def test_the_judge_of_this_test_can_tell() -> None:
    assert judged("Although it is old, the cafe is anything but dull.") == "positive"
    assert judged("big but not great") == "negative"
    assert judged("Nobody would call the bar bad.") == "positive"


@pytest.mark.parametrize("form", FORMS)
def test_the_words_around_the_verdict_do_not_give_the_answer_away(form: str) -> None:
    rng = random.Random(form)
    counts = {gold: Counter[str]() for gold in ANSWERS}

    for gold in ANSWERS:
        for _ in range(4000):
            message = short_message(rng, form, gold)
            counts[gold].update(set(message.text.split()) - {message.verdict})

    for word in counts["positive"] | counts["negative"]:
        positive, negative = counts["positive"][word], counts["negative"][word]
        # within five standard deviations of half and half
        assert abs(positive - negative) < 5 * (positive + negative) ** 0.5, word


def test_negation_turns_the_verdict_and_nothing_else_does() -> None:
    rng = random.Random(0)

    for make in MAKERS:
        for form in FORMS:
            message = make(rng, form, "positive")

            assert message.turned == (form in ("negation", "mixed"))
            assert sentiment_of(message.verdict) == (other("positive") if message.turned else "positive")


def test_harder_forms_come_at_higher_difficulty() -> None:
    drawn = {
        difficulty: Counter(choose_form(random.Random(f"{difficulty}/{i}"), difficulty) for i in range(2000))
        for difficulty in (0.0, 0.5, 1.0)
    }

    easy = {difficulty: counts["plain"] + counts["intensity"] for difficulty, counts in drawn.items()}
    assert easy[0.0] > easy[0.5] > easy[1.0]
    assert not drawn[0.0]["contrast"] and not drawn[0.0]["mixed"]
    assert all(drawn[1.0][form] for form in FORMS)


def test_no_sentence_is_longer_than_the_longest() -> None:
    rng = random.Random(1)

    texts = [sentence(rng, form, gold).text for form in FORMS for gold in ANSWERS for _ in range(500)]

    assert max(map(len, texts)) <= len(LONGEST_SENTENCE)


def test_a_word_without_a_verdict_is_refused() -> None:
    with pytest.raises(KeyError):
        sentiment_of("cheap")
