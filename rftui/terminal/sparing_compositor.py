"""Textual's compositor, made to draw of what changed only the widgets and lines that are touched.

Textual 8.2.8 draws every widget in the rectangle around all changes, each with all of its lines, and the containers
behind them: a value at the top of a list and one at the bottom of a chart cost as much as the whole screen.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import cast

from textual._compositor import ChopsUpdate, Compositor
from textual.geometry import Region
from textual.strip import Strip

Span = tuple[int, int]
"""Cells of a line, from the first up to the second."""


class SparingCompositor(Compositor):
    """Gives the same updates as Textual's."""

    def render_partial_update(self) -> ChopsUpdate | None:
        """What changed since the last update; None where nothing did."""
        regions = self._dirty_regions.copy()
        self._dirty_regions.clear()
        if not regions:
            return None
        spans = list(self._regions_to_spans(regions))
        lines: dict[int, list[Span]] = {}
        for y, start, end in spans:
            lines.setdefault(y, []).append((start, end))
        return ChopsUpdate(self._chops_of(lines), spans, [cuts[1:] for cuts in self.cuts])

    def _render_chops(self, crop: Region, is_rendered_line: Callable[[int], bool]) -> Sequence[Mapping[int, Strip]]:
        return self._chops_of({y: [(crop.x, crop.right)] for y in crop.line_range if is_rendered_line(y)})

    def _chops_of(self, lines: Mapping[int, Sequence[Span]]) -> Sequence[Mapping[int, Strip]]:
        """Of each line the pieces between the edges of widgets; those outside the spans may be missing."""
        cuts = self.cuts
        chops: list[dict[int, Strip | None]] = [
            dict.fromkeys(of_line[:-1]) if y in lines else {} for y, of_line in enumerate(cuts)
        ]
        # pieces without a strip so far, by line
        missing = {
            y: {
                left
                for left, right in zip(cuts[y], cuts[y][1:], strict=False)
                if any(left < end and right > start for start, end in spans)
            }
            for y, spans in lines.items()
            if 0 <= y < len(cuts)
        }
        # from front to back: what lies behind others is not drawn
        for widget, (region, clip) in self.visible_widgets.items():
            shown = region.intersection(clip)
            if not shown:
                continue
            left, right = shown.column_span
            touched = [y for y in shown.line_range if y in missing and any(left <= cut < right for cut in missing[y])]
            if not touched:
                continue
            top = touched[0]
            inside = Region(left - region.x, top - region.y, shown.width, touched[-1] - top + 1)
            strips = widget.render_lines(inside)
            for y in touched:
                within = [cut for cut in cuts[y] if left <= cut <= right]
                pieces = strips[y - top].divide([cut - left for cut in within[1:]])
                for cut, piece in zip(within, pieces, strict=False):
                    if cut in missing[y]:
                        missing[y].remove(cut)
                        chops[y][cut] = piece
        return cast("Sequence[Mapping[int, Strip]]", chops)
