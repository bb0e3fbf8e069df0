"""The tables of both databases as SQLModel classes, for rare writes and for readers of the code. Migrations make them.

Importing SQLModel costs over a second, so nothing that a command or a training process waits for may import this file.
A test holds these declarations equal to what migrations.py makes. The full-text index is no table that SQLModel knows.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from sqlalchemy import Index, Text, text
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

Key = Annotated[int, Field(primary_key=True)]
Words = Annotated[str, Field(sa_type=Text)]
WordsKey = Annotated[str, Field(sa_type=Text, primary_key=True)]
MaybeWords = Annotated[str | None, Field(default=None, sa_type=Text)]
MaybeNumber = Annotated[float | None, Field(default=None)]
MaybeStep = Annotated[int | None, Field(default=None)]
NO_ROWID = {"sqlite_with_rowid": False}


class CatalogueTable(SQLModel, registry=registry()):
    """Base of the tables in catalogue.db."""

    __table_args__: ClassVar[Any] = NO_ROWID


class RolloutsTable(SQLModel, registry=registry()):
    """Base of the tables in rollouts/<run>.db; some have a namesake in the catalogue, so the registry is another."""

    __table_args__: ClassVar[Any] = NO_ROWID


class Run(CatalogueTable, table=True):
    """One run: what it is, its true state, and the numbers of the run list."""

    __tablename__ = "run"
    __table_args__ = (Index("ix_run_name", "name", unique=True),)

    id: Key
    """The uid in its launch.json."""
    name: Words
    task: Words
    method: Words
    model: Words
    source: MaybeWords
    """JSON: kind, name, detail."""
    state: Words
    reason: Words
    attempt: int
    step: int
    """Finished updates."""
    total_steps: int
    created_at: float
    started_at: MaybeNumber
    ended_at: MaybeNumber
    accuracy: MaybeNumber
    accuracy_low: MaybeNumber
    accuracy_high: MaybeNumber
    reward: MaybeNumber
    config: Words
    """JSON of config.toml."""


class Attempt(CatalogueTable, table=True):
    """One start or resume of a run."""

    __tablename__ = "attempt"

    run: Key
    number: Key
    state: Words
    reason: Words
    started_at: MaybeNumber
    ended_at: MaybeNumber
    first_step: MaybeStep
    last_step: MaybeStep
    superseded_from: MaybeStep
    """From this step on a later attempt's rows count; None where there is none."""
    resumed_from: MaybeWords
    exit_code: MaybeStep
    signal: MaybeWords
    oom: MaybeWords
    """JSON of the evidence."""
    traceback: MaybeWords
    facts: MaybeWords
    """JSON: world size, host, model, versions, pid."""


class MetricKey(CatalogueTable, table=True):
    """A metric's name and the number that stands for it."""

    __tablename__ = "metric_key"
    __table_args__ = (Index("ix_metric_key_name", "name", unique=True),)

    id: Key
    name: Words


class MetricPoint(CatalogueTable, table=True):
    """One value of one metric at one step of one attempt."""

    __tablename__ = "metric_point"
    # values that are not finite are few, and charts look for them among a million that are
    __table_args__ = (
        Index("ix_metric_point_odd", "run", "key", "attempt", "step", sqlite_where=text("kind <> 0")),
        NO_ROWID,
    )

    run: Key
    attempt: Key
    key: Key
    step: Key
    value: MaybeNumber
    """None unless `kind` is 0."""
    kind: int
    """0 finite, 1 NaN, 2 infinity, 3 minus infinity."""
    time: float


class MetricRollup(CatalogueTable, table=True):
    """First, smallest, largest and last finite value of 256 steps."""

    __tablename__ = "metric_rollup"

    run: Key
    attempt: Key
    key: Key
    bucket: Key
    first_step: int
    first: float
    min_step: int
    min: float
    max_step: int
    max: float
    last_step: int
    last: float


class MetricLast(CatalogueTable, table=True):
    """The newest value of a metric that counts."""

    __tablename__ = "metric_last"

    run: Key
    key: Key
    attempt: int
    step: int
    value: MaybeNumber
    kind: int


class EvaluationRow(CatalogueTable, table=True):
    """The totals of one held-out evaluation."""

    __tablename__ = "evaluation"

    run: Key
    attempt: Key
    step: Key
    prompt: WordsKey
    decoding: WordsKey
    split: WordsKey
    source: Words
    n: int
    correct: int
    accuracy: MaybeNumber
    low: float
    high: float
    unparsed: int
    time: float
    record: Words
    """The whole record as JSON."""


class CheckpointRow(CatalogueTable, table=True):
    """A folder of weights that was complete when it was recorded."""

    __tablename__ = "checkpoint"

    run: Key
    attempt: Key
    step: Key
    kind: WordsKey
    path: Words
    bytes: int
    seconds: float
    time: float


class Gap(CatalogueTable, table=True):
    """Records that could not be written, counted by type."""

    __tablename__ = "gap"

    run: Key
    file: WordsKey
    seq: Key
    time: float
    dropped: Words
    """JSON: counts by type of record."""
    first_step: MaybeStep
    last_step: MaybeStep
    reason: Words


class Note(CatalogueTable, table=True):
    """A sentence about a run: of its training process for people, or of a person."""

    __tablename__ = "note"

    run: Key
    file: WordsKey
    seq: Key
    time: float
    level: Words
    text: Words


class SystemSample(CatalogueTable, table=True):
    """What the machine did at one moment."""

    __tablename__ = "system_sample"

    run: Key
    time: Annotated[float, Field(primary_key=True)]
    seq: Key
    cpu_percent: MaybeNumber
    rss_mb: MaybeNumber
    host_memory_used_mb: MaybeNumber
    host_memory_total_mb: MaybeNumber
    disk_free_mb: MaybeNumber
    gpus: Words
    """JSON: one object a GPU."""


class CatalogueForeignLine(CatalogueTable, table=True):
    """A journal line that is no record, or no record of the catalogue's; run 0 is the home's own user.jsonl."""

    __tablename__ = "foreign_line"

    run: Key
    file: WordsKey
    offset: Key
    text: Words


class Tag(CatalogueTable, table=True):
    """A word that somebody put on a run."""

    __tablename__ = "tag"

    run: Key
    tag: WordsKey


class Bookmark(CatalogueTable, table=True):
    """A completion that somebody marked to find it again."""

    __tablename__ = "bookmark"

    run: Key
    attempt: Key
    step: Key
    group_number: Key
    sample: Key
    time: float


class CatalogueProgress(CatalogueTable, table=True):
    """How far the catalogue has read a journal; run 0 is the home's own user.jsonl."""

    __tablename__ = "progress"

    run: Key
    file: WordsKey
    offset: int


class RolloutsAttempt(RolloutsTable, table=True):
    """Where an attempt begins, and from where on a later one counts."""

    __tablename__ = "attempt"
    __table_args__: ClassVar[Any] = {}

    number: Key
    first_step: int
    superseded_from: MaybeStep


class PromptGroup(RolloutsTable, table=True):
    """A prompt, written once for all its completions."""

    __tablename__ = "prompt_group"
    __table_args__ = (Index("ix_prompt_group_uid", "uid"),)

    id: Key
    """Attempt, step and number packed."""
    attempt: int
    step: int
    policy_step: int
    number: int
    uid: Words
    kind: Words
    question: Words
    options: Words
    """JSON list."""
    prompt: Words
    prompt_mode: Words
    gold: Words
    scene: MaybeWords
    images: Words
    """JSON list: hash, width, height, tokens."""


class Completion(RolloutsTable, table=True):
    """One answer of the model in training."""

    __tablename__ = "completion"
    __table_args__ = (Index("ix_completion_step", "step"),)

    id: Key
    """Its group's id and its number packed."""
    prompt_group: int
    attempt: int
    step: int
    sample: int
    text: Words
    think: MaybeWords
    answer: MaybeWords
    malformed: MaybeWords
    rewards: Words
    """JSON: value by reward name, null where the gold cannot be graded."""
    reward: MaybeNumber
    advantage: MaybeNumber
    tokens: int
    think_tokens: int
    stop: Words
    errors: MaybeWords
    """JSON: traceback by reward name."""


class Unindexed(RolloutsTable, table=True):
    """Completions that the full-text index does not hold yet."""

    __tablename__ = "unindexed"
    __table_args__: ClassVar[Any] = {}

    id: Key


class EvalSampleRow(RolloutsTable, table=True):
    """One held-out answer."""

    __tablename__ = "eval_sample"

    attempt: Key
    step: Key
    prompt: WordsKey
    decoding: WordsKey
    split: WordsKey
    number: Key
    uid: Words
    kind: Words
    question: Words
    options: Words
    user_text: Words
    gold: Words
    scene: MaybeWords
    images: Words
    text: Words
    think: MaybeWords
    answer: MaybeWords
    malformed: MaybeWords
    correct: MaybeStep
    """1, 0, or None where the gold cannot be graded."""
    tokens: int
    think_tokens: int
    stop: Words


class RolloutsForeignLine(RolloutsTable, table=True):
    """A record with our form and fields that no rollout has."""

    __tablename__ = "foreign_line"

    file: WordsKey
    offset: Key
    text: Words


class RolloutsProgress(RolloutsTable, table=True):
    """How far this database has read a journal."""

    __tablename__ = "progress"

    file: WordsKey
    offset: int
