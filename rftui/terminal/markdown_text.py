"""Markdown of a completion as lines of spans: no link is opened, no image loaded, no HTML obeyed. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from rftui.terminal.painted import Painted
from rftui.terminal.spans import Line, Role, Span, fitted
from rftui.terminal.wrapping import drawable, drawable_line

if TYPE_CHECKING:
    from markdown_it.tree import SyntaxTreeNode

LONGEST = 20_000
"""Characters that are read as Markdown; what follows stands as it came."""
_LEAST_WIDTH = 8
_QUOTE = Span("│ ", Role.MUTED)
_CODE = Span("  ", Role.MUTED)


def markdown_lines(text: str, width: int) -> list[Line]:
    """The text read as Markdown, wrapped to `width`."""
    # markdown_it costs 0.06 s, and few completions are looked at this way
    from markdown_it import MarkdownIt
    from markdown_it.tree import SyntaxTreeNode

    whole = "\n".join(drawable(text).paragraphs)
    # its own limit of 20 levels keeps quotes within quotes from overflowing the stack
    reader = MarkdownIt("commonmark", {"html": False}).enable("table")
    lines = _blocks(SyntaxTreeNode(reader.parse(whole[:LONGEST])).children, width)
    if len(whole) > LONGEST:
        for paragraph in whole[LONGEST:].split("\n"):
            lines += Painted(paragraph).wrapped(width)
    return lines


def _blocks(nodes: Iterable[SyntaxTreeNode], width: int, *, is_tight: bool = False) -> list[Line]:
    """Blocks below each other, an empty line between two of them."""
    lines: list[Line] = []
    for node in nodes:
        if lines and not is_tight:
            lines.append(())
        lines += _block(node, max(_LEAST_WIDTH, width))
    return lines


def _block(node: SyntaxTreeNode, width: int) -> list[Line]:
    if node.type == "heading":
        marks = Painted(f"{'#' * int(node.tag[1:])} ", Role.MUTED)
        for paragraph in _paragraphs(node, Role.STRONG):
            marks.add(paragraph.text, Role.STRONG)
        return list(marks.wrapped(width))
    if node.type == "blockquote":
        return [(_QUOTE, *line) for line in _blocks(node.children, width - 2)]
    if node.type in ("bullet_list", "ordered_list"):
        return _list(node, width)
    if node.type in ("fence", "code_block"):
        return [(_CODE, *line) for line in _code(node, width - 2)]
    if node.type == "table":
        return [fitted(_row(row), width) for part in node.children for row in part.children]
    if node.type == "hr":
        return [(Span("─" * width, Role.MUTED),)]
    return [line for paragraph in _paragraphs(node, Role.PLAIN) for line in paragraph.wrapped(width)]


def _list(node: SyntaxTreeNode, width: int) -> list[Line]:
    lines: list[Line] = []
    first = int(node.attrs.get("start", 1))
    for number, item in enumerate(node.children, first):
        bullet = "· " if node.type == "bullet_list" else f"{number}. "
        body = _blocks(item.children, width - len(bullet), is_tight=True) or [()]
        lines.append((Span(bullet, Role.MUTED), *body[0]))
        lines += [(Span(" " * len(bullet)), *line) for line in body[1:]]
    return lines


def _code(node: SyntaxTreeNode, width: int) -> Iterator[Line]:
    if language := drawable_line(node.info):
        yield fitted((Span(language, Role.MUTED),), width)
    for text in drawable(node.content.rstrip("\n")).paragraphs:
        yield from Painted(text, Role.BAR).wrapped(width)


def _row(row: SyntaxTreeNode) -> Line:
    spans: list[Span] = []
    for cell in row.children:
        if spans:
            spans.append(Span(" │ ", Role.MUTED))
        role = Role.STRONG if cell.type == "th" else Role.PLAIN
        spans += [span for paragraph in _paragraphs(cell, role) for span in paragraph.line(0, len(paragraph.text))]
    return tuple(spans)


def _paragraphs(node: SyntaxTreeNode, role: Role) -> list[Painted]:
    """The words of a block, a hard break beginning another paragraph."""
    found = [Painted()]
    for inline in node.children if node.type != "inline" else [node]:
        _write(inline.children, role, found)
    return found


def _write(nodes: Iterable[SyntaxTreeNode], role: Role, found: list[Painted]) -> None:
    for node in nodes:
        if node.type == "hardbreak":
            found.append(Painted())
        elif node.type == "softbreak":
            found[-1].add(" ", role)
        elif node.type == "code_inline":
            found[-1].add(f"`{_clean(node.content)}`", Role.BAR)
        elif node.type == "image":
            found[-1].add(f"[image {_clean(node.content)}: {_clean(node.attrs.get('src', ''))}]", Role.MUTED)
        elif node.type == "strong":
            _write(node.children, Role.STRONG, found)
        elif node.type == "em":
            found[-1].add("_", Role.MUTED)
            _write(node.children, role, found)
            found[-1].add("_", Role.MUTED)
        elif node.type == "link":
            _write(node.children, role, found)
            found[-1].add(f" ({_clean(node.attrs.get('href', ''))})", Role.MUTED)
        else:
            found[-1].add(_clean(node.content), role)


def _clean(text: object) -> str:
    """Text as it can be drawn: Markdown's `&#8238;` becomes a character that was not there when all was cleaned."""
    return " ".join(drawable(str(text)).paragraphs)
