"""Generated banners with their question, exact answer, reference reasoning of three lengths, and descriptions.

Splits are disjoint by what is written and how it is laid out; colours, marks and noise don't make another banner.
"""

from __future__ import annotations

import hashlib
import random
from typing import TYPE_CHECKING, NamedTuple

from evals.generated.banner_looks import Look, large_look, small_look, small_noise
from evals.generated.banner_pictures import (
    ROWS,
    SMALL_SIDE,
    TextTooLong,
    draw_banner,
    large_layout,
    shown,
    small_layout,
)
from evals.generated.banner_sentences import (
    ANSWERS,
    SHORT_VERDICTS,
    Message,
    choose_form,
    other,
    sentence,
    sentiment_of,
    short_message,
)

if TYPE_CHECKING:
    from PIL.Image import Image

QUESTION = "What is the sentiment of the message on the banner?"
LARGE_FROM = 192
"""Shortest side with room for sentences; below it banners say a few short words."""
ASPECTS = (1.0, 1.5, 2.0, 3.0, 4.0)
"""Width over height, where it varies."""
BUCKETS = 10
SPLIT_OF_BUCKET = {0: "heldout", 1: "validation"}
"""All other buckets are the training split."""
DESCRIPTION_WEIGHTS = {"read": 3, "rows": 3, "letters": 1, "verdict": 1, "meaning": 2}
"""Descriptions that teach to read, and how often each is worth asking."""


class Banner(NamedTuple):
    """What is written, how it looks, and at which size."""

    message: Message
    look: Look
    width: int
    height: int
    shift: tuple[int, int] = (0, 0)
    """Pixels off the message's place; does not change what the banner is."""
    noise: float = 0.0
    """Share of random pixels blended in, 0 to 1."""
    noise_seed: int = 0

    @property
    def hash(self) -> str:
        """Hash of the words and their typeface, case, alignment, frame, slant, place and small print."""
        look = self.look
        content = (self.message.text, *look[:8], look.note_below)
        return hashlib.sha256(repr(content).encode()).hexdigest()[:16]

    @property
    def split(self) -> str:
        """The only split this banner may occur in: train, validation or heldout."""
        return SPLIT_OF_BUCKET.get(int(self.hash, 16) % BUCKETS, "train")


class Question(NamedTuple):
    """A banner and what is asked about it."""

    banner: Banner
    kind: str
    """The message's form."""
    text: str
    options: tuple[str, ...]
    """In the order shown."""
    gold: str
    traces: tuple[str, ...]
    """Reasoning at a glance, with the whole evidence, and with the evidence looked at twice."""


class Description(NamedTuple):
    """Something else to ask about a banner; for pretraining, never for scoring."""

    asked: str
    target: str


def ask(
    rng: random.Random,
    form: str,
    gold: str,
    *,
    split: str,
    difficulty: float,
    side: int = SMALL_SIDE,
    aspect: float = 0.0,
) -> Question:
    """A question about a banner of one form, sentiment and split; draws again until the split fits.

    `side` is the width in pixels. From LARGE_FROM on the banner says a sentence, and its width is `aspect` times its
    height, where 0 varies; smaller ones say a few short words and are square.
    """
    is_small = side < LARGE_FROM
    while True:
        banner = (small_banner if is_small else large_banner)(rng, form, gold, difficulty=difficulty, side=side)
        if banner.split == split:
            break
    if not is_small:
        banner = fitted(rng, banner, aspect=aspect)
    return question_about(rng, banner)


def question_about(rng: random.Random, banner: Banner) -> Question:
    """The question about a banner, with the options in random order."""
    options = tuple(rng.sample(ANSWERS, len(ANSWERS)))
    return Question(banner, banner.message.form, QUESTION, options, banner.message.gold, traces(banner.message))


def traces(message: Message) -> tuple[str, ...]:
    """Reasoning at a glance, with the whole evidence, and with the evidence looked at twice."""
    if not message.verdict:
        return ()
    reason = f"{message.verdict} is {sentiment_of(message.verdict)}"
    if message.turned:
        reason += ", turned"
    if message.form in ("contrast", "mixed"):
        reason = f"after but, {reason}"
    evidence = f"{' '.join(message.rows) or message.text} : {reason}"
    return message.key, evidence, f"{evidence} ; again {evidence}"


def small_banner(rng: random.Random, form: str, gold: str, *, difficulty: float, side: int) -> Banner:
    """A banner of few short words, of any split."""
    message = short_message(rng, form, gold)
    look = small_look(rng, difficulty, rows=len(message.rows))
    return Banner(
        message,
        look,
        side,
        side,
        shift=(rng.randint(-1, 1), rng.randint(-1, 1)),
        noise=small_noise(rng, difficulty),
        noise_seed=rng.getrandbits(32),
    )


def large_banner(rng: random.Random, form: str, gold: str, *, difficulty: float, side: int) -> Banner:
    """A square banner of one sentence, of any split; not every one fits, see fitted."""
    return Banner(sentence(rng, form, gold), large_look(rng, difficulty), side, side)


def fitted(rng: random.Random, banner: Banner, *, aspect: float) -> Banner:
    """The banner in a shape in which its sentence can be read: as drawn, or the next squarer one that has room.

    Its width is `aspect` times its height, where 0 varies. Raises TextTooLong where there is no room.
    """
    first = rng.choice(ASPECTS)
    for ratio in [aspect] if aspect else [ratio for ratio in reversed(ASPECTS) if ratio <= first]:
        height = max(1, round(banner.width / ratio))
        try:
            large_layout(banner.message.text, banner.look, banner.width, height)
        except TextTooLong:
            continue
        return banner._replace(height=height)
    text = banner.message.text
    raise TextTooLong(f"{len(text)} characters do not fit legibly into {banner.width} pixels: {text[:60]!r}")


def draw(banner: Banner) -> Image:
    """The banner as an RGB picture; the same banner always gives the same pixels."""
    look = banner.look
    if banner.message.rows:
        layout = small_layout(banner.message.rows, look, banner.width)
    else:
        layout = large_layout(banner.message.text, look, banner.width, banner.height)
    return draw_banner(layout, look, shift=banner.shift, noise=banner.noise, noise_seed=banner.noise_seed)


def describe(rng: random.Random, banner: Banner, what: str) -> Description:
    """A description of a small banner: read, rows, letters, verdict or meaning."""
    message = banner.message
    if what == "read":
        return Description("Read the banner.", message.text)
    if what == "rows":
        first = banner.look.first_row
        rows = ["none"] * first + list(message.rows) + ["none"] * (ROWS - first - len(message.rows))
        return Description("Read the rows.", ", ".join(rows))
    if what == "letters":
        return Description("Spell the last word.", " ".join(shown(message.verdict, banner.look.case)))
    if what == "verdict":
        return Description("Which word decides?", f"{message.verdict} is {sentiment_of(message.verdict)}")
    word = rng.choice(SHORT_VERDICTS[rng.choice(ANSWERS)])
    return Description(f"Is {word} good or bad?", f"{word} is {sentiment_of(word)}")


def sample_question(rng: random.Random, *, split: str = "train", difficulty: float = 0.5) -> Question:
    """A question about a small banner, of a form that fits the difficulty, with either answer."""
    return ask(rng, choose_form(rng, difficulty), rng.choice(ANSWERS), split=split, difficulty=difficulty)


def balanced_question(
    key: str, index: int, *, split: str, difficulty: float, side: int = SMALL_SIDE, aspect: float = 0.0
) -> Question:
    """Question `index` of the series named by `key`: each two in a row share a form and have opposite answers."""
    pair = random.Random(f"{key}/pair/{index // 2}")
    form, gold = choose_form(pair, difficulty), pair.choice(ANSWERS)
    if index % 2:
        gold = other(gold)
    rng = random.Random(f"{key}/{index}")
    return ask(rng, form, gold, split=split, difficulty=difficulty, side=side, aspect=aspect)
