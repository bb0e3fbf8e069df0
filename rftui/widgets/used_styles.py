"""Styles of a widget's parts, made when a part is drawn first.

Textual makes the style of every component class of every widget whenever a screen is shown or the focus moves: with a
dozen inks a chart or a view of text that was half the time until a run was open.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from textual.css.styles import RenderStyles
from textual.dom import DOMNode

from rftui.widgets.plain_lines import PlainLines

if TYPE_CHECKING:
    from textual.widget import Widget as _Base
else:
    _Base = object


class UsedStyles(_Base):
    """Comes before a widget among the bases of a class."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._styles_cache = PlainLines()

    def _get_component_classes(self) -> frozenset[str]:  # type: ignore[override]
        """Those that were drawn, which Textual keeps up to date."""
        return frozenset(self._component_styles)

    def get_component_styles(self, *names: str) -> RenderStyles:
        """The styles of a part. Raises KeyError where the widget has no such part."""
        known = super()._get_component_classes()
        for name in names:
            if name not in self._component_styles and name in known:
                part = DOMNode(classes=name)
                part._attach(self)
                self.app.stylesheet.apply(part)
                self._component_styles[name] = part.styles
        return super().get_component_styles(*names)
