"""What came of attacks on rewards, for people: tables of text and a conclusion."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from rftui.cli.output import Cell, Column
from rftui.formats import counted, number
from rftui.terminal.clean import one_line

ANSWER_WIDTH = 44
"""Characters of a completion that are shown; --json has all of it."""
MOST_NAMED = 3
"""Attacks that the conclusion names for one reason; the table has all of them."""
MOST_COLLISIONS = 20
"""Pairs of labels that are listed; --json has the whole matrix."""
_THINK = re.compile(r"<think>([^<]{25,}|\n[^<]*)</think>")


class Table(NamedTuple):
    """A table to print, under a title."""

    title: str
    columns: list[Column]
    rows: list[list[Cell | str]]


def heading(said: Mapping[str, Any]) -> str:
    """What was attacked, and where the answers come from."""
    labels = counted(said["labels"], "label")
    where = " (those of the examples looked at)" if said["labels_from_examples"] else ""
    tried = f", {said['labels_tried']} of them tried as the right one" if said["labels_tried"] < said["labels"] else ""
    return (
        f"rewards of {one_line(said['task'])} on {one_line(said['source']['name'])} ({said['source']['kind']}), "
        f"{said['prompt']} prompt, completions of at most {counted(said['max_completion_length'], 'token')}\n"
        f"{labels}{where}{tried}; words and signs are counted for tokens"
    )


def tables(said: Mapping[str, Any]) -> Iterator[Table]:
    """The rewards, the attacks, right answers that were missed, and labels that are paid for each other."""
    yield _reward_table(said)
    names = [reward["name"] for reward in said["rewards"]]
    yield _attack_table("attacks: nothing here should be paid", said["attacks"], names)
    odd = [one for one in said["right_answers"] if one["verdict"] not in ("paid, as it should be", "not paid")]
    if odd:
        yield _attack_table("right answers in other spellings, where something is to be said", odd, names)
    if said["collisions"]:
        yield _collision_table(said["collisions"])


def _reward_table(said: Mapping[str, Any]) -> Table:
    columns = [
        Column("reward"),
        Column("weight", is_right=True),
        Column("right", is_right=True),
        Column("wrong", is_right=True),
        Column("knows"),
        Column("pays", can_shrink=True),
    ]
    rows: list[list[Cell | str]] = [
        [
            Cell(reward["name"], "bold"),
            f"{reward['weight']:g}",
            number(reward["right"]),
            number(reward["wrong"]),
            " ".join(reward["knows"]) or "neither",
            reward["pays"],
        ]
        for reward in said["rewards"]
    ]
    title = "what each pays the right answer, a well-formed word that is no label, and which of the two it tells apart"
    return Table(title, columns, rows)


def _attack_table(title: str, attacks: Sequence[Mapping[str, Any]], names: Sequence[str]) -> Table:
    columns = [
        Column("attack"),
        *(Column(name, is_right=True) for name in names),
        Column("total", is_right=True),
        Column("below", is_right=True),
        Column("verdict"),
        Column("answered", can_shrink=True),
    ]
    rows: list[list[Cell | str]] = [
        [
            one["attack"],
            *(number(one["rewards"][name], digits=3) for name in names),
            number(one["reward"], digits=3),
            number(one["allowed"]["reward_below"], digits=3),
            _verdict(one),
            answered(one["answered"]),
        ]
        for one in attacks
    ]
    return Table(title, columns, rows)


def _verdict(one: Mapping[str, Any]) -> Cell:
    verdict = "form not paid" if (one["kind"], one["verdict"]) == ("form", "not paid") else one["verdict"]
    return Cell(verdict, "red" if one["is_fault"] else "yellow" if one["why"] else "")


def answered(text: str) -> str:
    """A completion in a few words: long reasoning is left out, and white space is said in words."""
    if not text:
        return "(nothing)"
    if not text.strip():
        return "(white space)"
    short = _THINK.sub(lambda thought: f"<think>{thought[1].split()[0]} …</think>", text)
    return one_line(short.replace("\n", " \\n "), width=ANSWER_WIDTH)


def _collision_table(collisions: Sequence[Mapping[str, Any]]) -> Table:
    columns = [
        Column("right"),
        Column("answered"),
        Column("paid", is_right=True),
        Column("of", is_right=True),
        Column("so it is"),
    ]
    rows: list[list[Cell | str]] = [
        [
            one["gold"],
            one["answer"],
            number(one["pay"], digits=3),
            number(one["right"], digits=3),
            Cell("paid like the right one" if one["is_full"] else "partly paid", "red"),
        ]
        for one in sorted(collisions, key=lambda one: not one["is_full"])[:MOST_COLLISIONS]
    ]
    shown = f"the first {len(rows)} of " if len(rows) < len(collisions) else ""
    return Table(f"labels that are paid where another is right: {shown}{len(collisions)} pairs", columns, rows)


def _by_reason(attacks: Sequence[Mapping[str, Any]]) -> list[str]:
    """A line for each reason, with the worst attacks it was given for and how many labels each came through on."""
    named: dict[str, list[str]] = {}
    for one in sorted(attacks, key=lambda one: (-one["cases_alike"] / max(1, one["cases"]), -one["reward"])):
        share = f"{one['cases_alike']} of {one['cases']}" if one["cases_alike"] < one["cases"] else "all"
        named.setdefault(one_line(one["why"]), []).append(f"{one['attack']} ({share})")
    return [f"{reason}: {_worst(names)}" for reason, names in named.items()]


def _worst(names: Sequence[str]) -> str:
    more = len(names) - MOST_NAMED
    return "; ".join(names[:MOST_NAMED]) + (f"; and {more} more, in the table above" if more > 0 else "")


def conclusion(said: Mapping[str, Any]) -> list[str]:
    """What it comes to, the worst first; one line each."""
    faults = [one for one in said["attacks"] if one["is_fault"]]
    raised = [one for one in said["right_answers"] if one["is_fault"]]
    missed = [one for one in said["right_answers"] if one["why"] and not one["is_fault"]]
    pairs = len(said["matrix"]["pays"]) * max(0, len(said["matrix"]["labels"]) - 1)
    lines = [f"wrong: {finding}" for finding in said["findings"]]
    lines += [f"wrong: {line}" for line in _by_reason([*faults, *raised])]
    if said["collisions"]:
        lines.append(f"wrong: {len(said['collisions'])} of {counted(pairs, 'pair')} of labels are paid for each other")
    lines += [f"to know: {line}" for line in _by_reason(missed)]
    if said["unpaid_labels"]:
        some = ", ".join(one_line(label) for label in said["unpaid_labels"][:8])
        more = f" and {len(said['unpaid_labels']) - 8} more" if len(said["unpaid_labels"]) > 8 else ""
        lines.append(f"right and not paid: the labels {some}{more}")
    if said["matrix"]["left_out"]:
        lines.append(f"not tried against each other: {counted(said['matrix']['left_out'], 'label')}")
    if said["is_clean"]:
        attacks = counted(len(said["attacks"]), "attack")
        lines.append(f"clean: none of {attacks} is paid, nor any of {counted(pairs, 'pair')} of labels")
    return lines
