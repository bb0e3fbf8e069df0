"""The grid of a study as lines of text: signs beside every colour, and words that give way where there is little room.

Pure. A row is either a block of four lines and a rule, or one line where there are many rows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from rftui.formats import ASCII_SYMBOLS, SYMBOLS, fraction, steps
from rftui.runs.rows import ROLES
from rftui.studies.cells import point_text
from rftui.studies.grades import PROMPTS, GridCell
from rftui.studies.grid import GridEntry, TaskRow
from rftui.studies.progress import EMPTY, CellResult, CellView
from rftui.terminal.clean import one_line
from rftui.terminal.spans import Line, Role, Span, fitted, flowed, line_width
from store.states import State

PROMPT_WORDS = {"direct": "w/o", "think": "w/ "}
"""Short for the paper's `w/o <think>` and `w/ <think>`."""
BLOCK = 4
"""Lines of a row that is a block."""
LEAST_COLUMN = 17
"""Cells that a column takes at least, its bar and its gap included."""
WIDEST_COLUMN = 46
LEAST_LABEL, WIDEST_LABEL = 10, 28
MOST_SIGNS = 8
"""Seeds that are shown by a sign each; more are counted."""
CURSOR = "▌"


class Room(NamedTuple):
    """Which columns are in sight, and how wide everything is."""

    label: int
    column: int
    first: int
    """The first regime in sight."""
    shown: int
    """How many are."""
    total: int


def room_of(rows: Sequence[TaskRow], *, total: int, column: int, width: int, is_compact: bool) -> Room:
    """Shares the width out so that the column of the cursor is in sight."""
    parts = [part for row in rows for part in ([_label_line(row)] if is_compact else _label_words(row))]
    longest = max((line_width((Span(part),)) for part in parts), default=0) + 1
    # on one line the whole point has to be told apart; in a block its settings stand below each other
    label = max(LEAST_LABEL, min(longest, WIDEST_LABEL, width // (3 if is_compact else 5)))
    left = max(LEAST_COLUMN, width - label)
    count = max(1, min(total, left // LEAST_COLUMN))
    first = max(0, min(column - count // 2, total - count))
    return Room(label, min(WIDEST_COLUMN, left // count), first, count, total)


def sign_of(state: str, *, is_ascii: bool) -> str:
    """One sign for a state; an empty cell has its own."""
    if state == EMPTY:
        return "_" if is_ascii else "·"
    return (ASCII_SYMBOLS if is_ascii else SYMBOLS).get(state, "?")


def role_of(state: str) -> Role:
    """The colour of a state, which its sign says as well."""
    return ROLES.get(state, Role.MUTED)


def title_line(labels: Sequence[str], room: Room, *, column: int, is_compact: bool) -> Line:
    """The names of the regimes above their columns, with arrows where there are more to either side."""
    before = f"◀{room.first} " if room.first else ""
    after = room.total - room.first - room.shown
    head = "w/o w/" if is_compact else "task"
    line: list[Span] = [Span(_padded(f"{before}{head}", room.label), Role.MUTED)]
    for number in range(room.first, room.first + room.shown):
        label = one_line(labels[number])
        role = Role.STRONG if number == column else Role.PLAIN
        more = f" {after}▶" if after and number == room.first + room.shown - 1 else ""
        line.append(Span(f" {_padded(label, room.column - 1 - len(more))}{more}", role))
    return tuple(line)


def row_line(row: TaskRow, number: int, room: Room, *, column: int | None, is_compact: bool, is_ascii: bool) -> Line:
    """One line of a row; `column` is the cursor's where it is on this row, else None."""
    if not is_compact and number == BLOCK:
        return (Span("─" * (room.label + room.shown * room.column), Role.MUTED),)
    label = _label_line(row) if is_compact else _label_block(row, room.label - 1)[number]
    line: list[Span] = [Span(_padded(label, room.label), Role.STRONG if number == 0 else Role.MUTED)]
    for place in range(room.first, room.first + room.shown):
        is_here = place == column
        entry = row.entries[place]
        bar = Span(CURSOR if is_here else " ", Role.STRONG)
        text = entry_line(entry, number, room.column - 2, is_compact=is_compact, is_ascii=is_ascii)
        if is_here and number == 0:
            # reversed as well: a bar alone is easily overlooked
            text = (Span("".join(span.text for span in text), Role.MATCH),)
        line += [bar, *text, Span(" " * max(0, room.column - 1 - line_width(text)))]
    return tuple(line)


def entry_line(entry: GridEntry | None, number: int, width: int, *, is_compact: bool, is_ascii: bool) -> Line:
    """One line of a cell, without its bar."""
    if entry is None:
        return (Span("none" if number == 0 else "", Role.MUTED),)
    if is_compact:
        return compact_line(entry, width, is_ascii=is_ascii)
    return block_lines(entry, width, is_ascii=is_ascii)[number]


def block_lines(entry: GridEntry, width: int, *, is_ascii: bool) -> list[Line]:
    """A cell as four lines: what its runs do, accuracy with either prompt, and what that rests on."""
    state = fitted((*signs(entry, is_ascii=is_ascii), Span(f" {doing(entry)}")), width)
    numbers = [_number_line(entry, prompt, width, is_ascii=is_ascii) for prompt in PROMPTS]
    return [state, *numbers, fitted((Span(_base_text(entry, width), Role.MUTED),), width)]


def compact_line(entry: GridEntry, width: int, *, is_ascii: bool) -> Line:
    """A cell as one line: as much of the block as there is room for, accuracies first."""
    head = (*signs(entry, is_ascii=is_ascii), Span(" "))
    numbers = [entry.results[prompt] for prompt in PROMPTS]
    if all(cell.accuracy is None for cell in numbers):
        return fitted((*head, Span(doing(entry), Role.MUTED)), width)
    forms = [
        (*head, Span("  ".join(_half(cell, is_ascii=is_ascii) for cell in numbers)), Span(f"  {_base(entry)}")),
        (*head, Span("  ".join(_half(cell, is_ascii=is_ascii) for cell in numbers))),
        (*head, Span(" ".join(_plain(cell) for cell in numbers))),
    ]
    return next((form for form in forms if line_width(form) <= width), fitted(forms[-1], width))


def signs(entry: GridEntry, *, is_ascii: bool) -> Line:
    """A sign for each seed, `✓✓●`; where there are many, how many of each, `12✓ 3●`."""
    states = [view.state for view in entry.views]
    if len(states) <= MOST_SIGNS:
        return tuple(Span(sign_of(state, is_ascii=is_ascii), role_of(state)) for state in states)
    found = [(state, count) for state, count in Counter(states).items()]
    return tuple(
        Span(f"{' ' if number else ''}{count}{sign_of(state, is_ascii=is_ascii)}", role_of(state))
        for number, (state, count) in enumerate(found)
    )


def doing(entry: GridEntry) -> str:
    """What the runs of a cell are at, in few words: the step of the one that is furthest, or the place in the queue."""
    moving = [view for view in entry.views if view.is_live and view.state != State.QUEUED]
    if moving:
        ahead = max(moving, key=lambda view: view.step)
        return steps(ahead.step, ahead.total_steps) if ahead.total_steps else ahead.state
    waiting = [view for view in entry.views if view.state == State.QUEUED]
    if waiting:
        places = [place for place in entry.places if place is not None]
        return f"queued #{min(places)}" if places else "queued"
    failed = sum(view.state == State.FAILED for view in entry.views)
    if failed:
        return "failed" if failed == len(entry.views) else f"{failed} failed"
    states = {view.state for view in entry.views}
    return states.pop() if len(states) == 1 else ""


def _number_line(entry: GridEntry, prompt: str, width: int, *, is_ascii: bool) -> Line:
    cell = entry.results[prompt]
    head = Span(f"{PROMPT_WORDS[prompt]} ", Role.MUTED)
    if cell.accuracy is None:
        return fitted((head, Span(_so_far(entry, prompt), Role.MUTED)), width)
    line: Line = (head, Span(_half(cell, is_ascii=is_ascii), Role.STRONG))
    further = [Span(f"  {_ends(cell)}", Role.MUTED)] if cell.low is not None else []
    if number := entry.published.get(prompt):
        further.append(Span(f"  paper {fraction(number.value)}", Role.MUTED))
    for span in further:
        if line_width((*line, span)) <= width:
            line = (*line, span)
    return fitted(line, width)


def _so_far(entry: GridEntry, prompt: str) -> str:
    """The newest number of a run that is not finished, with its step, since it is not the cell's; a dash for none."""
    found = [
        (view.step, result)
        for view in entry.views
        if (result := view.results.get((prompt, _GREEDY))) is not None and result.accuracy is not None
    ]
    if not found:
        return "—"
    result = max(found, key=lambda pair: pair[0])[1]
    return f"{fraction(result.accuracy or 0.0)} @{result.step}"


_GREEDY = "greedy"


def _half(cell: GridCell, *, is_ascii: bool) -> str:
    """`.583 ±.043`: half the width of the interval, which may lie askew; the cell's own lines have its ends."""
    if cell.accuracy is None or cell.low is None or cell.high is None:
        return _plain(cell)
    return f"{fraction(cell.accuracy)} {'+-' if is_ascii else '±'}{fraction((cell.high - cell.low) / 2)}"


def _plain(cell: GridCell) -> str:
    return "—" if cell.accuracy is None else fraction(cell.accuracy)


def _ends(cell: GridCell) -> str:
    return "" if cell.low is None or cell.high is None else f"[{fraction(cell.low)}, {fraction(cell.high)}]"


def _base(entry: GridEntry) -> str:
    counts = sorted({cell.n for cell in entry.results.values() if cell.accuracy is not None})
    n = f"n {'/'.join(map(str, counts))}" if counts else ""
    return "  ".join(filter(None, [n, seeds_words(entry)]))


def _base_text(entry: GridEntry, width: int) -> str:
    """Examples and seeds behind the numbers, in the longest form that fits."""
    text = _base(entry)
    return next(
        (form for form in (text, text.replace("  ", " "), text.replace(" seeds", "")) if len(form) <= width), text
    )


def seeds_words(entry: GridEntry) -> str:
    """`2/3 seeds`; nothing for a training-free cell, which has none."""
    if all(view.cell.seed is None for view in entry.views):
        return ""
    done = sum(view.is_finished for view in entry.views)
    return f"{done}/{len(entry.views)} seeds"


def _label_words(row: TaskRow) -> list[str]:
    difficulty = [] if row.difficulty is None else [f"difficulty {row.difficulty:g}"]
    return [row.task, *difficulty, *one_line(point_text(row.point)).split()]


def _label_line(row: TaskRow) -> str:
    difficulty = [] if row.difficulty is None else [f"d={row.difficulty:g}"]
    return one_line(" ".join([row.task, *difficulty, point_text(row.point)]))


def _label_block(row: TaskRow, width: int) -> list[str]:
    """The names of a row on the lines of its block; what has no room there stands below the grid."""
    words = _label_words(row)
    if len(words) > BLOCK:
        words = [*words[: BLOCK - 1], " ".join(words[BLOCK - 1 :])]
    return [*words, *[""] * (BLOCK - len(words))]


def _padded(text: str, width: int) -> str:
    line = fitted((Span(text),), max(0, width - 1))
    return "".join(span.text for span in line) + " " * max(0, width - line_width(line))


# the cell under the cursor, in full


def detail_lines(entry: GridEntry | None, *, decoding: str, width: int, is_ascii: bool) -> Iterator[Line]:
    """What is known of the cell under the cursor: its numbers with everything they rest on, then run by run."""
    if entry is None:
        yield (Span("the study has no cell here: this regime is not part of the sweep on this row", Role.MUTED),)
        return
    pieces = [(Span(name_of(entry), Role.STRONG),), *((Span(text),) for text in _numbers(entry, decoding))]
    yield from flowed(pieces, width, hang="  ")
    for number in entry.published.values():
        said = f"{number.source} prints {fraction(number.value)} {PROMPT_WORDS[number.prompt].strip()} <think>"
        yield fitted((Span(one_line(said), Role.MUTED),), width)
    for view, place in zip(entry.views, entry.places, strict=True):
        yield fitted(seed_line(view, place, decoding=decoding, is_ascii=is_ascii), width)


def name_of(entry: GridEntry) -> str:
    """`sat, difficulty 0.3, GRPO, target=24`."""
    difficulty = "" if entry.difficulty is None else f"difficulty {entry.difficulty:g}"
    return one_line(", ".join(filter(None, [entry.task, difficulty, entry.label, point_text(entry.point)])))


def _numbers(entry: GridEntry, decoding: str) -> list[str]:
    """Both accuracies with their intervals, and everything that they rest on, piece by piece."""
    parts = [
        f"{PROMPT_WORDS[prompt].strip()} {fraction(cell.accuracy)} {_ends(cell)}"
        for prompt in PROMPTS
        if (cell := entry.results[prompt]).accuracy is not None
    ]
    if not parts:
        is_done = any(view.is_finished for view in entry.views)
        return ["the graded answers of no finished run are stored" if is_done else "no finished run"]
    kinds = sorted({cell.source_kind for cell in entry.results.values() if cell.source_kind})
    unparsed = sum(cell.unparsed for cell in entry.results.values())
    said = [_base(entry), decoding, *(f"{one_line(kind)} data" for kind in kinds)]
    return [*parts, *said, *([f"{unparsed} answers unread"] if unparsed else [])]


def seed_line(view: CellView, place: int | None, *, decoding: str, is_ascii: bool) -> Line:
    """One run: its sign and state, seed, step or place in the queue, its last numbers, its name, and why it ended."""
    role = role_of(view.state)
    head = f"{sign_of(view.state, is_ascii=is_ascii)} {one_line(view.state):<8}"
    seed = "no seed" if view.cell.seed is None else f"seed {view.cell.seed}"
    parts = [f" {seed:<8}"]
    if view.total_steps and not view.cell.is_baseline and view.state != State.QUEUED:
        parts.append(f"step {steps(view.step, view.total_steps)}")
    if place is not None:
        parts.append(f"#{place} in the queue")
    parts += _results(view.results, decoding)
    named = f"{'will be ' if view.state == EMPTY else ''}{one_line(view.run)}"
    parts.append(f"{named} (taken over)" if view.is_taken_over else named)
    reason = (Span(f"  {one_line(view.reason)}", Role.MUTED),) if view.reason else ()
    return (Span(head, role), Span("  ".join(parts)), *reason)


def _results(results: Mapping[tuple[str, str], CellResult], decoding: str) -> list[str]:
    found = [(prompt, results.get((prompt, decoding))) for prompt in PROMPTS]
    said = [
        f"{PROMPT_WORDS[prompt].strip()} {fraction(result.accuracy)}"
        for prompt, result in found
        if result is not None and result.accuracy is not None
    ]
    at = sorted({result.step for _, result in found if result is not None})
    return (
        [" ".join(said) + f" at step {'/'.join(map(str, at))}"]
        if said and at != [0]
        else [" ".join(said)]
        if said
        else []
    )
