"""The parts of a generated aircraft as polygons: from above with the nose up, and from the side with the nose left.

Units: the picture is 48 units a side and the aircraft's middle is its origin; x goes right, y down. From above, y is
along the body; from the side, x is. The side view looks a little down on the near wing, so that its form can be seen.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from evals.generated.aircraft_fleet import Build
from evals.generated.aircraft_scenes import AircraftScene

Point = tuple[float, float]

BODY_LENGTH = {"short": 25.0, "long": 39.0}
BODY_RADIUS = {"slim": 2.5, "wide": 4.3}
WINDOWS = {"short": 3, "long": 7}
"""On one side."""
SIDE_VIEW_OFFSET = -2.0
"""Along the body from the side, where the fin reaches further than the nose."""
SPAN = 20.5
"""Of one wing from the middle."""
ENGINE_AT = {1: (), 2: (0.42,), 4: (0.36, 0.68)}
"""Where engines hang on one wing, in shares of its span."""
# corners of a circle, rounded so that they are the same numbers on every machine
_CIRCLE = (
    (1.0, 0.0),
    (0.866025, 0.5),
    (0.5, 0.866025),
    (0.0, 1.0),
    (-0.5, 0.866025),
    (-0.866025, 0.5),
    (-1.0, 0.0),
    (-0.866025, -0.5),
    (-0.5, -0.866025),
    (0.0, -1.0),
    (0.5, -0.866025),
    (0.866025, -0.5),
)


class Part(NamedTuple):
    """A polygon, its paint, and whether it has an outline."""

    points: tuple[Point, ...]
    paint: str
    """body, second, wing, far (a wing in shade), engine, blade, glass or tyre"""
    has_outline: bool = True


def body_length(build: Build, *, likeness: float) -> float:
    """Length in units; likeness 1 would make all lengths the same."""
    middle = sum(BODY_LENGTH.values()) / len(BODY_LENGTH)
    return middle + (BODY_LENGTH[build.length] - middle) * (1 - likeness)


def parts(scene: AircraftScene) -> tuple[Part, ...]:
    """The parts in the order in which they are painted, far ones first."""
    length = body_length(scene.variant.build, likeness=scene.jitter.likeness)
    if scene.view == "top":
        return tuple(_from_above(scene, length))
    return tuple(_shifted(part, SIDE_VIEW_OFFSET) for part in _from_the_side(scene, length))


def nose_and_tail(scene: AircraftScene) -> tuple[Point, Point]:
    """The ends of the body."""
    half = body_length(scene.variant.build, likeness=scene.jitter.likeness) / 2
    return (
        ((0.0, -half), (0.0, half))
        if scene.view == "top"
        else (
            (SIDE_VIEW_OFFSET - half, 0.0),
            (SIDE_VIEW_OFFSET + half, 0.0),
        )
    )


def _shifted(part: Part, along: float) -> Part:
    return part._replace(points=tuple((x + along, y) for x, y in part.points))


def _ellipse(x: float, y: float, across: float, down: float) -> tuple[Point, ...]:
    return tuple((x + across * c, y + down * s) for c, s in _CIRCLE)


def _box(x: float, y: float, width: float, height: float) -> tuple[Point, ...]:
    """A rectangle by its middle."""
    w, h = width / 2, height / 2
    return (x - w, y - h), (x + w, y - h), (x + w, y + h), (x - w, y + h)


def _mirrored(part: Part) -> Iterator[Part]:
    """The part, and its image on the other side of the body seen from above."""
    yield part
    yield part._replace(points=tuple((-x, y) for x, y in part.points))


# from above


def _wing_outline(build: Build) -> tuple[tuple[float, float], tuple[float, float], float]:
    """Leading and trailing edge along the body, at the middle and at the tip; and the span."""
    if build.wings == "swept":
        return (-9.0, 1.0), (8.0, 12.0), SPAN
    if build.wings == "straight":
        return (-7.0, 1.5), (-5.5, 0.0), SPAN
    return (-12.0, 8.5), (8.0, 8.5), SPAN * 0.8


def _leading_edge(build: Build, share: float) -> float:
    (front, _), (front_at_tip, _), _ = _wing_outline(build)
    return front + (front_at_tip - front) * share


def _wings_above(build: Build) -> Iterator[Part]:
    (front, back), (front_at_tip, back_at_tip), span = _wing_outline(build)
    right = ((0.0, front), (span, front_at_tip), (span, back_at_tip), (0.0, back))
    left = tuple((-x, y) for x, y in reversed(right))
    # one polygon over both sides: a high wing crosses the body without a seam
    yield Part((*right, *left), "wing")
    if build.has_tip_tanks:
        yield from _mirrored(Part(_ellipse(span, (front_at_tip + back_at_tip) / 2, 1.7, 5.0), "second"))


def _engines_above(build: Build, length: float) -> Iterator[Part]:
    radius = BODY_RADIUS[build.width]
    if build.engines == "1 prop":
        yield Part(_box(0, -length / 2 - 0.5, 13, 1.8), "blade")
    if build.engines == "2 rear jets":
        # clear of the wing's rear edge and of the tail
        yield from _mirrored(Part(_ellipse(radius + 2.0, length / 2 - 6.5, 2.3, 4.8), "engine"))
        return
    for share in ENGINE_AT[build.engine_count]:
        span = _wing_outline(build)[2]
        x, front = share * span, _leading_edge(build, share)
        yield from _mirrored(Part(_ellipse(x, front + 0.5, 1.9, 4.2), "engine"))
        if build.engines == "2 props":
            yield from _mirrored(Part(_box(x, front - 4, 9, 1.8), "blade"))


def _tail_above(build: Build, length: float) -> Iterator[Part]:
    rear = length / 2
    if build.tail == "V":
        yield from _mirrored(Part(((0.5, rear - 9), (9.5, rear + 1), (9.5, rear + 4), (0.5, rear - 4)), "second"))
        return
    if build.tail == "T":
        yield Part(_box(0, rear - 4, 1.8, 9), "second")
        yield Part(((0, rear - 2), (9, rear + 0.5), (9, rear + 4), (-9, rear + 4), (-9, rear + 0.5)), "second")
        return
    yield from _mirrored(Part(((0, rear - 7), (7.5, rear - 4), (7.5, rear - 0.5), (0, rear - 1.5)), "wing"))
    if build.tail == "twin":
        yield from _mirrored(Part(_box(7.5, rear - 2.5, 2.6, 9), "second"))
    else:
        yield Part(_box(0, rear - 4, 1.8, 9), "second")


def _body_above(scene: AircraftScene, length: float) -> Iterator[Part]:
    half, radius = length / 2, BODY_RADIUS[scene.variant.build.width]
    outline = [(0.35, -half), (0.8, -half + radius * 0.7), (1.0, -half + 2 * radius), (1.0, half - 10), (0.3, half)]
    right = tuple((radius * share, y) for share, y in outline)
    yield Part((*right, *((-x, y) for x, y in reversed(right))), "body")
    pattern = scene.livery.pattern
    if pattern == "stripe":
        yield Part(_box(0, -2, radius * 0.7, length - 11), "second", has_outline=False)
    if pattern == "nose":
        yield Part(_box(0, -half + 2.4 * radius + 1.5, 2 * radius - 1, 3.5), "second", has_outline=False)
    if pattern == "rear":
        yield Part(_box(0, half - 11, 2 * radius - 1, 3.5), "second", has_outline=False)
    yield Part(_box(0, -half + 1.6 * radius, radius * 1.3, 1.8), "glass", has_outline=False)


def _from_above(scene: AircraftScene, length: float) -> Iterator[Part]:
    build = scene.variant.build
    is_rear = "rear" in build.engines
    engines = list(_engines_above(build, length))
    wings = [*([] if is_rear else engines), *_wings_above(build)]
    tail = list(_tail_above(build, length))
    if build.position == "low":
        yield from wings
    # a plain tail starts at the body's sides, any other stands on top
    yield from (part for part in tail if part.paint == "wing")
    yield from _body_above(scene, length)
    if build.position == "high":
        yield from wings
    if is_rear:
        yield from engines
    yield from (part for part in tail if part.paint != "wing")


# from the side


def _near_wing(build: Build) -> tuple[Point, Point, Point, Point]:
    """Root front and back, tip back and front, of the wing that comes towards the eye."""
    radius = BODY_RADIUS[build.width]
    root = radius * 0.55 if build.position == "low" else -radius
    tip = root + 13
    if build.wings == "swept":
        return (-8, root), (0, root), (11, tip), (7, tip)
    if build.wings == "straight":
        return (-5, root), (3, root), (2, tip), (-4, tip)
    return (-11, root), (8, root), (8, tip), (6, tip)


def _wing_point(build: Build, share: float) -> Point:
    """On the near wing's front edge."""
    front, _, _, tip = _near_wing(build)
    return front[0] + (tip[0] - front[0]) * share, front[1] + (tip[1] - front[1]) * share


def _wings_beside(build: Build) -> Iterator[Part]:
    front, back, tip_back, tip_front = _near_wing(build)
    yield Part((front, back, tip_back, tip_front), "wing")
    if build.has_tip_tanks:
        yield Part(_ellipse((tip_front[0] + tip_back[0]) / 2, tip_back[1], 5.0, 1.7), "second")
    if "rear" in build.engines:
        return
    for share in ENGINE_AT[build.engine_count]:
        x, y = _wing_point(build, share)
        yield Part(_ellipse(x, y + 0.5, 4.2, 1.9), "engine")
        if build.engines == "2 props":
            yield Part(_box(x - 4, y + 0.5, 1.8, 9), "blade")


def _far_wing(build: Build) -> Iterator[Part]:
    """Seen above the body where it is set high."""
    if build.position == "high":
        (front, root), (back, _), (tip_back, _), (tip_front, _) = _near_wing(build)
        reach = 6.5 / 13
        near_tip = (front + (tip_front - front) * reach, back + (tip_back - back) * reach)
        yield Part(((front, root), (back, root), (near_tip[1], root - 6.5), (near_tip[0], root - 6.5)), "far")


def _tail_beside(build: Build, length: float) -> Iterator[Part]:
    rear, top = length / 2, -BODY_RADIUS[build.width]
    if build.tail == "V":
        yield Part(((rear - 7, top + 1), (rear, top - 10), (rear + 3, top - 10), (rear - 1, top + 1)), "far")
        yield Part(((rear - 8, top + 1.5), (rear + 2, top + 5.5), (rear + 5, top + 5.5), (rear - 1, top + 1)), "second")
        return
    if build.tail == "twin":
        yield Part(((rear - 10, top + 1), (rear - 9, top - 6.5), (rear - 5, top - 6.5), (rear - 5, top + 1)), "far")
        yield Part(_box(rear - 2.5, top + 2.5, 9, 2), "wing")
        yield Part(((rear - 2, top + 4), (rear - 1, top - 5), (rear + 3, top - 5), (rear + 3, top + 4)), "second")
        return
    yield Part(((rear - 9, top + 1), (rear - 2, top - 9.5), (rear + 2, top - 9.5), (rear, top + 1)), "second")
    if build.tail == "T":
        yield Part(_box(rear + 0.5, top - 10, 11, 2.6), "wing")
    else:
        yield Part(((rear - 7, top + 2), (rear - 1, top + 2), (rear + 4, top + 6.5), (rear, top + 6.5)), "wing")


def _body_beside(scene: AircraftScene, length: float) -> Iterator[Part]:
    half, radius = length / 2, BODY_RADIUS[scene.variant.build.width]
    above = [(-half, 0.3), (-half + radius * 0.6, -0.55), (-half + 2.2 * radius, -1.0), (half - 4, -1.0), (half, -0.8)]
    below = [(half, -0.4), (half - 10, 1.0), (-half + 1.8 * radius, 1.0), (-half + radius * 0.4, 0.7)]
    yield Part(tuple((x, radius * share) for x, share in [*above, *below]), "body")
    pattern = scene.livery.pattern
    if pattern == "stripe":
        yield Part(_box(-2, radius * 0.35, length - 13, radius * 0.5), "second", has_outline=False)
    if pattern == "nose":
        yield Part(_box(-half + 2.4 * radius + 1.5, 0, 3.5, 2 * radius - 1), "second", has_outline=False)
    if pattern == "rear":
        yield Part(_box(half - 11, 0, 3.5, 2 * radius - 1), "second", has_outline=False)
    x, low, high = -half + 1.5 * radius, -radius * 0.3, -radius * 0.8
    yield Part(((x - 1, low), (x, high), (x + 1.6, high), (x + 1.6, low)), "glass", has_outline=False)
    first, last = -half + 2.4 * radius + 1.5, half - 9.0
    windows = WINDOWS[scene.variant.build.length]
    for number in range(windows):
        x = first + (last - first) * number / (windows - 1)
        yield Part(_box(x, -radius * 0.35, 1.4, 1.4), "glass", has_outline=False)


def _gear(scene: AircraftScene, length: float) -> Iterator[Part]:
    if scene.is_gear_down:
        radius = BODY_RADIUS[scene.variant.build.width]
        for x in (-length * 0.36, 4.0):
            yield Part(_box(x, radius + 1.5, 1, 4), "engine", has_outline=False)
            yield Part(_ellipse(x, radius + 3.5, 1.7, 1.7), "tyre", has_outline=False)


def _from_the_side(scene: AircraftScene, length: float) -> Iterator[Part]:
    build = scene.variant.build
    radius = BODY_RADIUS[build.width]
    yield from _far_wing(build)
    yield from _gear(scene, length)
    tail = list(_tail_beside(build, length))
    yield from (part for part in tail if part.paint == "far")
    yield from _body_beside(scene, length)
    yield from (part for part in tail if part.paint != "far")
    if build.engines == "1 prop":
        yield Part(_box(-length / 2 - 0.5, 0, 1.8, 13), "blade")
    yield from _wings_beside(build)
    if "rear" in build.engines:
        yield Part(_ellipse(length / 2 - 8.5, -radius * 0.3, 4.8, 2.3), "engine")
