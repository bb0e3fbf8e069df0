"""The policy of the queue: order, what earlier runs keep, and that nobody waits for ever."""

from __future__ import annotations

from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rftui.queueing.order import Free, Verdict, Waiting, Wants, decide, in_order

GPUS = frozenset(range(4))
SLOT = Wants()


def waiting(number: int, wants: Wants = SLOT, *, priority: int = 0, is_blocked: bool = False) -> Waiting:
    return Waiting(number, f"run-{number}", wants, since=float(number), priority=priority, is_blocked=is_blocked)


def named(*gpus: int) -> Wants:
    return Wants(named=frozenset(gpus))


def started(runs: list[Waiting], free: Free) -> dict[str, tuple[int, ...]]:
    return {each.run.name: each.gpus for each in decide(runs, free) if each.verdict is Verdict.START}


def test_who_waits_longest_starts_first() -> None:
    assert list(started([waiting(3), waiting(1), waiting(2)], Free(slots=2))) == ["run-1", "run-2"]


def test_a_higher_priority_goes_first() -> None:
    assert list(started([waiting(1), waiting(2, priority=5)], Free(slots=1))) == ["run-2"]


def test_a_held_run_keeps_nobody_waiting() -> None:
    runs = [waiting(1, Wants(4), is_blocked=True), waiting(2, Wants(1))]

    assert started(runs, Free(GPUS, installed=GPUS)) == {"run-2": (0,)}


def test_a_large_run_keeps_what_is_free_until_it_has_enough() -> None:
    runs = [waiting(1, Wants(3)), waiting(2, Wants(1))]

    first, second = decide(runs, Free(frozenset({0, 1}), installed=GPUS))

    assert (first.verdict, second.verdict) == (Verdict.WAITS, Verdict.WAITS)
    assert second.kept_for == "run-1"
    assert started(runs, Free(frozenset({0, 1, 2}), installed=GPUS)) == {"run-1": (0, 1, 2)}


@pytest.mark.parametrize(
    ("first", "second", "free"),
    [
        (named(0), named(1), {1}),  # another GPU
        (named(0), Wants(1), {1}),  # a GPU that the first did not name
        (Wants(2, allowed=frozenset({0, 1})), Wants(1), {1, 2}),  # a GPU that the first may not see
        (Wants(4), SLOT, {1, 2}),  # no GPU at all
    ],
)
def test_a_later_run_starts_with_what_the_earlier_cannot_use(first: Wants, second: Wants, free: set[int]) -> None:
    decided = decide([waiting(1, first), waiting(2, second)], Free(frozenset(free), slots=1, installed=GPUS))

    assert [each.verdict for each in decided] == [Verdict.WAITS, Verdict.START]
    assert not set(decided[1].gpus) & first.usable(GPUS)


@pytest.mark.parametrize("wants", [Wants(5), named(0, 7), Wants(2, allowed=frozenset({1}))])
def test_what_the_machine_does_not_have_keeps_nobody_waiting(wants: Wants) -> None:
    decided = decide([waiting(1, wants), waiting(2, Wants(4))], Free(GPUS, installed=GPUS))

    assert [each.verdict for each in decided] == [Verdict.IMPOSSIBLE, Verdict.START]


# properties

subsets = st.frozensets(st.sampled_from(sorted(GPUS)))
wants_ = st.one_of(
    st.just(SLOT),
    st.builds(lambda count, allowed: Wants(count, allowed=allowed), st.integers(1, 5), st.one_of(st.none(), subsets)),
    st.builds(lambda gpus: Wants(named=gpus), st.frozensets(st.sampled_from(range(5)), min_size=1)),
)
queues = st.lists(
    st.tuples(wants_, st.integers(-1, 1), st.floats(0, 9), st.booleans()),
    max_size=12,
).map(
    lambda rows: [
        Waiting(uid, f"run-{uid}", wants, since, priority, is_blocked)
        for uid, (wants, priority, since, is_blocked) in enumerate(rows)
    ]
)
frees = st.builds(Free, subsets, st.integers(0, 3), st.just(GPUS))


@given(queues, frees)
def test_what_is_given_is_free_given_once_and_what_was_asked_for(runs: list[Waiting], free: Free) -> None:
    decided = decide(runs, free)
    starting = [each for each in decided if each.verdict is Verdict.START]
    given_gpus = [gpu for each in starting for gpu in each.gpus]

    assert len(decided) == len(runs)
    assert sorted(given_gpus) == sorted(set(given_gpus))
    assert set(given_gpus) <= free.gpus
    assert sum(each.run.wants.is_slot for each in starting) <= free.slots
    for each in starting:
        assert not each.run.is_blocked
        assert len(each.gpus) == each.run.wants.needed
        assert set(each.gpus) <= each.run.wants.usable(GPUS)


@given(queues, frees)
def test_nobody_gets_what_an_earlier_run_that_waits_could_use(runs: list[Waiting], free: Free) -> None:
    decided = decide(runs, free)

    for place, earlier in enumerate(decided):
        if earlier.verdict is not Verdict.WAITS:
            continue
        for later in decided[place + 1 :]:
            assert not set(later.gpus) & earlier.run.wants.usable(GPUS)
            if earlier.run.wants.is_slot and later.run.wants.is_slot:
                assert later.verdict is not Verdict.START


@given(queues, frees)
def test_who_is_first_and_fits_starts(runs: list[Waiting], free: Free) -> None:
    ready = [run for run in in_order(runs) if not run.is_blocked]
    if not ready:
        return
    wants = ready[0].wants
    fits = free.slots > 0 if wants.is_slot else len(wants.usable(free.gpus)) >= wants.needed

    assert (ready[0].name in started(runs, free)) is fits


@given(queues, frees, st.randoms())
def test_the_order_of_reading_changes_nothing(runs: list[Waiting], free: Free, random: object) -> None:
    shuffled = list(runs)
    random.shuffle(shuffled)  # type: ignore[attr-defined]

    assert decide(shuffled, free) == decide(runs, free)


@given(queues, frees)
def test_what_runs_does_not_start_more_when_others_leave(runs: list[Waiting], free: Free) -> None:
    """Taking blocked and impossible runs away decides nothing about the others."""
    idle = (Verdict.BLOCKED, Verdict.IMPOSSIBLE)
    decided = decide(runs, free)
    there = [each.run for each in decided if each.verdict not in idle]

    assert decide(there, free) == [each for each in decided if each.verdict not in idle]


class Job(NamedTuple):
    """A run that comes at a time and takes a while."""

    arrives: int
    takes: int
    wants: Wants


jobs_ = st.lists(
    st.builds(
        Job,
        st.integers(0, 12),
        st.integers(1, 5),
        st.one_of(
            st.just(SLOT),
            st.builds(lambda count: Wants(count), st.integers(1, 4)),
            st.builds(lambda gpus: Wants(named=gpus), st.frozensets(st.sampled_from(sorted(GPUS)), min_size=1)),
        ),
    ),
    min_size=1,
    max_size=10,
)
simulated = settings(max_examples=40)


def simulate(jobs: list[Job], *, slots: int = 2, first_priority: int = 0) -> dict[int, int]:
    """When each job started, in ticks."""
    started_at: dict[int, int] = {}
    holds: dict[int, tuple[int, ...]] = {}
    for now in range(100):
        live = [uid for uid in started_at if now < started_at[uid] + jobs[uid].takes]
        taken = {gpu for uid in live for gpu in holds[uid]}
        free = Free(GPUS - taken, slots - sum(jobs[uid].wants.is_slot for uid in live), GPUS)
        queue = [
            Waiting(uid, str(uid), job.wants, float(job.arrives), first_priority if uid == 0 else 0)
            for uid, job in enumerate(jobs)
            if job.arrives <= now and uid not in started_at
        ]
        for decision in decide(queue, free):
            if decision.verdict is Verdict.START:
                started_at[decision.run.uid], holds[decision.run.uid] = now, decision.gpus
        if len(started_at) == len(jobs):
            return started_at
    raise AssertionError(f"{len(jobs) - len(started_at)} of {len(jobs)} runs never started")


@simulated
@given(jobs_)
def test_nobody_starves_whoever_comes_later(jobs: list[Job]) -> None:
    """A run starts as if the later ones did not exist: they can neither pass nor delay it."""
    everybody = simulate(jobs)

    for uid in range(len(jobs)):
        place = (jobs[uid].arrives, uid)
        earlier = [(number, job) for number, job in enumerate(jobs) if (job.arrives, number) <= place]
        alone = simulate([job for _, job in earlier])
        longest = max(job.takes for job in jobs)
        # what a later run took while this one was not there yet, or could not use, may be in the way once
        bound = alone[[number for number, _ in earlier].index(uid)] + longest * (len(earlier) + 1)
        assert everybody[uid] <= bound


@simulated
@given(jobs_)
def test_equal_wants_start_in_the_order_they_came(jobs: list[Job]) -> None:
    same = [job._replace(wants=Wants(2)) for job in jobs]
    started_at = simulate(same)

    by_arrival = sorted(range(len(same)), key=lambda uid: (same[uid].arrives, uid))
    times = [started_at[uid] for uid in by_arrival]
    assert times == sorted(times)


@simulated
@given(jobs_)
def test_an_urgent_run_waits_for_what_runs_and_for_nobody_who_waits(jobs: list[Job]) -> None:
    started_at = simulate(jobs, first_priority=9)

    # whatever held what it could use when it came has ended by then
    longest = max(job.takes for job in jobs)
    assert started_at[0] <= jobs[0].arrives + longest
