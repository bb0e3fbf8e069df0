"""Other names of FGVC-Aircraft's classes: makers in front of a label, and well-founded aliases.

An alias is in the table only where it is the same aircraft under another common name (its full type name, its type
designation in another spelling, its maker's own name for it, its family where no other variant is of that family).
Names that several classes share are not: `Boeing 737`, `Dakota` (C-47 and DC-3), `ERJ` (135 and 145). A user's file
adds further ones, as JSON: `{"DR-400": ["Robin Regent"]}`.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from evals.errors import TaskError

MAKERS: dict[tuple[str, ...], tuple[str, ...]] = {
    ("Boeing",): (
        *("707-320", "727-200", "737-200", "737-300", "737-400", "737-500", "737-600", "737-700", "737-800"),
        *("737-900", "747-100", "747-200", "747-300", "747-400", "757-200", "757-300", "767-200", "767-300"),
        *("767-400", "777-200", "777-300", "F/A-18"),
    ),
    ("Airbus",): (
        *("A300B4", "A310", "A318", "A319", "A320", "A321", "A330-200", "A330-300", "A340-200", "A340-300"),
        *("A340-500", "A340-600", "A380", "A300", "A330", "A340"),
    ),
    ("Antonov",): ("An-12",),
    ("British Aerospace", "BAE Systems", "BAe"): ("BAE 146-200", "BAE 146-300", "BAE 146", "BAE-125", "Hawk T1"),
    ("McDonnell Douglas",): ("DC-10", "DC-9-30", "DC-9", "F/A-18", "MD-11", "MD-80", "MD-87", "MD-90"),
    ("Douglas",): ("C-47", "DC-3", "DC-6", "DC-8", "DC-9-30", "DC-9"),
    ("Lockheed", "Lockheed Martin"): ("C-130",),
    ("Lockheed",): ("L-1011",),
    ("General Dynamics", "Lockheed Martin"): ("F-16A/B", "F-16"),
    ("Bombardier", "Canadair"): ("CRJ-200", "CRJ-700", "CRJ-900", "Challenger 600"),
    ("Bombardier",): ("Global Express", "DHC-8-100", "DHC-8-300", "Dash 8"),
    ("De Havilland Canada", "de Havilland"): ("DHC-1", "DHC-6", "DHC-8-100", "DHC-8-300", "Dash 8"),
    ("de Havilland",): ("DH-82",),
    ("Robin",): ("DR-400",),
    ("Dornier", "Fairchild Dornier"): ("Dornier 328",),
    ("Embraer",): ("E-170", "E-190", "E-195", "EMB-120", "ERJ 135", "ERJ 145"),
    ("Dassault",): ("Falcon 2000", "Falcon 900"),
    ("Ilyushin",): ("Il-76",),
    ("Fairchild", "Swearingen", "Fairchild Swearingen"): ("Metroliner",),
    ("Beechcraft", "Beech"): ("Model B200", "King Air"),
    ("Piper",): ("PA-28",),
    ("Cirrus",): ("SR-20",),
    ("Supermarine",): ("Spitfire",),
    ("Panavia",): ("Tornado",),
    ("Tupolev",): ("Tu-134", "Tu-154"),
    ("Yakovlev",): ("Yak-42",),
}
"""Names that may stand before labels, variants and families alike; a label that has its maker's name needs none."""

VARIANT_ALIASES: dict[str, tuple[str, ...]] = {
    "A300B4": ("A300",),
    "BAE-125": ("HS-125", "HS.125", "Hawker Siddeley 125", "British Aerospace 125"),
    "Beechcraft 1900": ("Beech 1900",),
    "Boeing 717": ("717", "717-200", "Boeing 717-200", "B717"),
    "C-130": ("C-130 Hercules", "Hercules"),
    "C-47": ("C-47 Skytrain",),
    "Cessna 172": ("C172", "Cessna 172 Skyhawk", "Cessna Skyhawk", "Cessna C172"),
    "Cessna 208": ("C208", "Cessna 208 Caravan", "Cessna Caravan", "Cessna C208"),
    "Cessna 525": ("C525", "Cessna 525 CitationJet", "Cessna CitationJet", "Cessna C525"),
    "Cessna 560": ("C560", "Cessna 560 Citation V", "Cessna Citation V", "Cessna C560"),
    "Challenger 600": ("CL-600", "CL-600 Challenger"),
    "DC-9-30": ("DC-9",),
    "DH-82": ("DH.82", "DH-82 Tiger Moth", "DH.82 Tiger Moth", "Tiger Moth"),
    "DHC-1": ("DHC-1 Chipmunk", "Chipmunk"),
    "DHC-6": ("DHC-6 Twin Otter", "Twin Otter"),
    "DHC-8-100": ("Dash 8-100", "Dash 8 Q100", "DHC-8 Q100"),
    "DHC-8-300": ("Dash 8-300", "Dash 8 Q300", "DHC-8 Q300"),
    "Dornier 328": ("Do-328",),
    "E-170": ("Embraer 170", "ERJ-170", "EMB-170"),
    "E-190": ("Embraer 190", "ERJ-190", "EMB-190"),
    "E-195": ("Embraer 195", "ERJ-195", "EMB-195"),
    "EMB-120": ("Embraer 120", "EMB-120 Brasilia", "Brasilia"),
    "ERJ 135": ("Embraer 135", "EMB-135"),
    "ERJ 145": ("Embraer 145", "EMB-145"),
    "Embraer Legacy 600": ("Legacy 600",),
    "Eurofighter Typhoon": ("Eurofighter", "EF-2000", "Eurofighter EF-2000", "Eurofighter EF-2000 Typhoon"),
    "F-16A/B": ("F-16", "F-16A", "F-16B", "F-16 Fighting Falcon"),
    "F/A-18": ("F-18", "F/A-18 Hornet", "F-18 Hornet"),
    "Gulfstream IV": ("G-IV", "Gulfstream G-IV", "Gulfstream 4"),
    "Gulfstream V": ("G-V", "Gulfstream G-V", "Gulfstream 5"),
    "Hawk T1": ("Hawk T.1", "Hawk T Mk.1"),
    "L-1011": ("L-1011 TriStar", "TriStar"),
    "Model B200": ("B200", "King Air B200", "Super King Air B200", "King Air 200", "Super King Air 200"),
    "PA-28": ("PA-28 Cherokee",),
}

_FAMILIES_OF_ONE_NAME = (
    *("BAE-125", "Beechcraft 1900", "C-130", "C-47", "Cessna 172", "Cessna 208", "Challenger 600", "DH-82", "DHC-1"),
    *("DHC-6", "Dornier 328", "EMB-120", "Embraer Legacy 600", "Eurofighter Typhoon", "F/A-18", "Hawk T1", "L-1011"),
    "PA-28",
)
"""Families whose label is that of their only variant."""

FAMILY_ALIASES: dict[str, tuple[str, ...]] = {
    **{f"Boeing {family}": (family, f"B{family}") for family in (f"7{middle}7" for middle in range(8))},
    "Cessna Citation": ("Citation",),
    "Dash 8": ("DHC-8", "DHC-8 Dash 8"),
    "Embraer E-Jet": ("E-Jet",),
    "Embraer ERJ 145": ("ERJ 145", "EMB-145", "Embraer 145"),
    "F-16": ("F-16 Fighting Falcon",),
    "King Air": ("Super King Air",),
    **{label: VARIANT_ALIASES[label] for label in _FAMILIES_OF_ONE_NAME},
}

MANUFACTURER_ALIASES: dict[str, tuple[str, ...]] = {
    "Bombardier Aerospace": ("Bombardier",),
    "British Aerospace": ("BAe", "BAE Systems"),
    "Cirrus Aircraft": ("Cirrus",),
    "Dassault Aviation": ("Dassault",),
    "Douglas Aircraft Company": ("Douglas", "Douglas Aircraft"),
    "Gulfstream Aerospace": ("Gulfstream",),
}

ALIASES: dict[str, Mapping[str, Sequence[str]]] = {
    "variant": VARIANT_ALIASES,
    "family": FAMILY_ALIASES,
    "manufacturer": MANUFACTURER_ALIASES,
}
"""Aliases by level and label."""


def maker_prefixes() -> dict[str, tuple[str, ...]]:
    """Makers' names that may stand before a label, by label."""
    prefixes: dict[str, tuple[str, ...]] = {}
    for makers, labels in MAKERS.items():
        for label in labels:
            prefixes[label] = (*prefixes.get(label, ()), *makers)
    return prefixes


def user_aliases(path: Path, labels: Sequence[str]) -> dict[str, list[str]]:
    """The aliases in a user's JSON file, by label. Raises TaskError for what is no list of names of a label."""
    try:
        table = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise TaskError(
            f"task_options.aliases: {path} cannot be read ({error})",
            expected='a JSON file such as {"DR-400": ["Robin Regent"]}',
            fix="correct the path; it begins at the folder of the data",
        ) from error
    if not isinstance(table, dict):
        raise TaskError(f"task_options.aliases: {path} holds no object", expected='{"DR-400": ["Robin Regent"]}')
    for label, names in table.items():
        if label not in labels:
            near = difflib.get_close_matches(label, labels, n=1)
            raise TaskError(
                f"task_options.aliases: {path} names the class {label!r}, which the data does not have",
                expected=f"did you mean {near[0]!r}" if near else "labels of the data",
                fix="spell the label as the data does",
            )
        if not isinstance(names, list) or not all(isinstance(name, str) and name.strip() for name in names):
            raise TaskError(
                f"task_options.aliases: {path} gives {label!r} {names!r}", expected='a list of names: ["one", "other"]'
            )
    return table
