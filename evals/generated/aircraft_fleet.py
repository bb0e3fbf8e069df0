"""An invented fleet: aircraft variants in families and of manufacturers, told apart by how they are built.

A family is a configuration (wings, engines, tail, body); its variants differ in body length and in tanks at the wing
tips, as official variants of one family do. Names have the official traps (`/`, spaces, hyphens); no label is part of
another one of its level, also without case, spaces, hyphens and slashes.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import product
from typing import NamedTuple

from evals.errors import TaskError

WINGS = ("swept", "straight", "delta")
POSITIONS = ("low", "high")
ENGINES = ("2 jets", "1 prop", "4 jets", "2 rear jets", "2 props")
TAILS = ("plain", "T", "twin", "V")
WIDTHS = ("slim", "wide")
LENGTHS = ("short", "long")
LEVELS = ("variant", "family", "manufacturer")

FEWEST_VARIANTS, MOST_VARIANTS = 2, 480
DEFAULT_VARIANTS = 12
FAMILIES_OF_TWO_UP_TO = 32
"""Fleets of up to so many variants have two a family; larger ones have four."""
FAMILIES_A_MANUFACTURER = 2

# few and short, so that names cost a small tokenizer little
_SYLLABLES = ("ka", "lo", "mi", "ru", "te", "bo", "su", "ne", "da", "vi", "fo", "ge")
_HOUSES = ("Hald", "Orvi", "Tess", "Sund", "Brem", "Quil", "Jast", "Wexo", "Yard", "Pell", "Zumo", "Cree")
_HOUSE_ENDINGS = (" Air", "-Werk", "/Roe", " Avion", "craft")


class Build(NamedTuple):
    """How an aircraft is built; every field can be seen from above and from the side."""

    wings: str
    position: str
    """Of the wings on the body: low or high."""
    engines: str
    tail: str
    width: str
    length: str
    has_tip_tanks: bool

    @property
    def engine_count(self) -> int:
        """1, 2 or 4."""
        return int(self.engines.split()[0])


class Variant(NamedTuple):
    """One aircraft variant."""

    name: str
    family: str
    manufacturer: str
    build: Build

    def label(self, level: str) -> str:
        """Its label at the level variant, family or manufacturer."""
        return {"variant": self.name, "family": self.family, "manufacturer": self.manufacturer}[level]


@lru_cache(maxsize=8)
def fleet(variants: int = DEFAULT_VARIANTS) -> tuple[Variant, ...]:
    """So many variants, family by family; the same number always gives the same fleet. Raises TaskError."""
    if not FEWEST_VARIANTS <= variants <= MOST_VARIANTS:
        raise TaskError(
            f"variants is {variants}",
            expected=f"{FEWEST_VARIANTS} to {MOST_VARIANTS} generated aircraft",
            fix=f"leave it out for {DEFAULT_VARIANTS}",
        )
    a_family = 2 if variants <= FAMILIES_OF_TWO_UP_TO else 4
    families = -(-variants // a_family)
    made = [
        Variant(_variant_name(family, member), _family_name(family), _manufacturer_name(family), build)
        for family, configuration in enumerate(_spread_configurations(families))
        for member, build in enumerate(_members(configuration)[:a_family])
    ]
    return tuple(made[:variants])


def labels(variants: tuple[Variant, ...], level: str) -> tuple[str, ...]:
    """The distinct labels of a level, in the order of the fleet."""
    return tuple(dict.fromkeys(variant.label(level) for variant in variants))


def _members(configuration: tuple[str, ...]) -> list[Build]:
    wings, position, engines, tail, width = configuration
    forms = [("short", False), ("long", False), ("short", True), ("long", True)]
    return [Build(wings, position, engines, tail, width, length, tanks) for length, tanks in forms]


def _spread_configurations(count: int) -> list[tuple[str, ...]]:
    """Configurations, each as different from those before it as there is."""
    left = list(product(WINGS, POSITIONS, ENGINES, TAILS, WIDTHS))
    nearest = dict.fromkeys(left, len(left[0]))
    chosen: list[tuple[str, ...]] = []
    while len(chosen) < count:
        best = max(left, key=lambda configuration: nearest[configuration])
        chosen.append(best)
        left.remove(best)
        for other in left:
            apart = sum(a != b for a, b in zip(best, other, strict=True))
            nearest[other] = min(nearest[other], apart)
    return chosen


def _syllables(family: int) -> tuple[str, str]:
    at, distance = family % len(_SYLLABLES), 1 + family // len(_SYLLABLES)
    return _SYLLABLES[at], _SYLLABLES[(at + distance) % len(_SYLLABLES)]


def _family_name(family: int) -> str:
    first, second = _syllables(family)
    return f"{first.title()}/{second.title()}" if family % 4 == 3 else f"{first}{second}".title()


def _variant_name(family: int, member: int) -> str:
    """`Kalo 10`, `Lomi-10`, `Miru 10A/B`, `Ru/Te-10`."""
    between = " " if family % 2 == 0 else "-"
    ending = "A/B" if family % 4 == 2 else ""
    return f"{_family_name(family)}{between}{10 * (member + 1)}{ending}"


def _manufacturer_name(family: int) -> str:
    number = family // FAMILIES_A_MANUFACTURER
    round_ = number // len(_HOUSES)
    return _HOUSES[number % len(_HOUSES)] + _HOUSE_ENDINGS[(number + round_) % len(_HOUSE_ENDINGS)]
