"""The form of a piece: intro, bed sections and outro, and which parts play in each."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import ceil

from podcast.engines.composer import bassline, harmony, melody, parts
from podcast.engines.composer.cue import Settings, chance
from podcast.engines.composer.harmony import Event
from podcast.engines.composer.room import decay_time
from podcast.engines.composer.score import Composition, Note, Section, Stroke
from podcast.episode import SAMPLE_RATE

SECTION = 23.0  # seconds that a bed section lasts, about
STING = 8.0  # seconds below which a piece is a sting: a cadence and its ring
_STING_RING = 3.5  # seconds
MOST_BEDS = 4  # distinct bed sections; a longer bed repeats them
_INTRO = 9.0  # seconds that an introduction lasts at most
_LAST_RING = 4.5  # seconds of the last chord behind its bar: a bar of them may be cut off to end on time


@dataclass(frozen=True)
class Plan:
    """What happens in a section: the progression (A or B), the roles that play, and how."""

    name: str
    harmony: str
    roles: frozenset[str]
    lift: float = 0.0  # added to the density
    trim: float = 0.0  # dB
    motif: str = "same"  # variant; "" for none
    drums: str = "full"  # "light", or "" for none


def _roles(*names: str) -> frozenset[str]:
    return frozenset(names)


_INTRO_PLAN = Plan("intro", "A", _roles("pad", "keys", "arp"), -0.15, -1.0, "head", "light")
_BEDS = (
    Plan("A", "A", _roles("pad", "keys", "bass", "motif"), 0.0, 0.0, "same"),
    Plan("B", "B", _roles("pad", "arp", "bass", "keys"), 0.0, 0.3, ""),
    Plan("A'", "A", _roles("pad", "keys", "arp", "bass", "motif"), 0.1, 0.5, "ending"),
    Plan("C", "B", _roles("pad", "arp", "bass", "motif"), -0.15, -0.6, "inverted", "light"),
)
_BUILDING = (
    Plan("A", "A", _roles("pad", "bass"), -0.25, -1.2, "head", "light"),
    Plan("A'", "A", _roles("pad", "arp", "bass", "keys"), -0.05, -0.4, ""),
    Plan("B", "B", _roles("pad", "arp", "bass", "keys", "motif"), 0.1, 0.5, "same"),
    Plan("B'", "B", _roles("pad", "arp", "bass", "keys", "motif"), 0.25, 1.2, "ending"),
)
_OUTRO_PLAN = Plan("outro", "cadence", _roles("pad", "keys", "arp", "bass", "motif"), -0.1, 0.0, "head")


def compose(settings: Settings, seconds: float) -> Composition:
    """Return a piece that can last `seconds`: it is written out in full up to `MOST_BEDS` bed sections."""
    bar = round(settings.beats * 60 / settings.tempo * SAMPLE_RATE)
    overlap = round((decay_time(settings.space) * 0.9 + 1.6) * SAMPLE_RATE)
    if seconds < STING:
        return Composition(settings, (_sting(settings, bar, seconds),), 1, None, bar, overlap)
    bar_s, (a, b, cadence) = bar / SAMPLE_RATE, harmony.choose(settings)
    unit = 4
    bars = unit * max(1, round(SECTION / bar_s / unit))
    intro_bars = 4 if 4 * bar_s <= _INTRO else 2
    beds: tuple[Plan, ...] = _BUILDING if settings.build else _BEDS
    count = min(max(ceil((seconds - intro_bars * bar_s) / (bars * bar_s)), 1), MOST_BEDS)
    if settings.build and count < MOST_BEDS:
        beds = beds[MOST_BEDS - count :]
    loop, intro, outro = _harmonise(settings, a, b, cadence, bars, intro_bars, [p.harmony for p in beds[:count]])
    idea = melody.invent(settings, chance(settings.seed, "motif"))
    sections = [_write(settings, _INTRO_PLAN, intro_bars, intro, idea)]
    sections += [_write(settings, plan, bars, events, idea) for plan, events in zip(beds, loop, strict=False)]
    sections.append(replace(_write(settings, _OUTRO_PLAN, len(cadence.split("|")), outro, idea), ring=_LAST_RING))
    loop_from = 3 if settings.build and count == MOST_BEDS else 1
    return Composition(settings, tuple(sections), loop_from, len(sections) - 1, bar, overlap)


def _bars(settings: Settings, text: str, bars: int) -> list[Event]:
    """Return a progression repeated to fill a number of bars; one of two bars is taken at half speed."""
    pace = settings.beats * (2 if text.count("|") == 1 else 1)
    once = harmony.parse_bars(text, settings.tonic, pace)
    span, total = pace * len(text.split("|")), bars * settings.beats
    events = [replace(e, start=e.start + i * span) for i in range(ceil(total / span)) for e in once]
    return [replace(e, beats=min(e.beats, total - e.start)) for e in events if e.start < total]


def _harmonise(settings: Settings, a: str, b: str, cadence: str, bars: int, intro_bars: int, order: list[str]
               ) -> tuple[list[tuple[Event, ...]], tuple[Event, ...], tuple[Event, ...]]:  # fmt: skip
    """Voice the whole form: the loop returns to where it began, the intro leads to it and the outro away."""
    written = [_bars(settings, a if name == "A" else b, bars) for name in order]
    start = harmony.candidates(written[0][0].chord)[0]
    flat = harmony.lead([e for section in written for e in section], start, start)
    loop, done = [], 0
    for section in written:
        loop.append(tuple(flat[done : done + len(section)]))
        done += len(section)
    intro = harmony.lead(_bars(settings, a, intro_bars), None, loop[0][0].voices)
    outro = harmony.lead(harmony.parse_bars(cadence, settings.tonic, settings.beats), start)
    return loop, tuple(intro), tuple(outro)


def _sting(settings: Settings, bar: int, seconds: float) -> Section:
    """Return a sting: the end of a cadence in as many bars as there is time for, then the last chord's ring."""
    cadence = harmony.choose(settings)[2].split("|")
    fit = max(1, min(len(cadence), int((seconds - 2.0) * SAMPLE_RATE / bar) + 1))
    text = "|".join(cadence[-fit:])
    events = tuple(harmony.lead(harmony.parse_bars(text, settings.tonic, settings.beats)))
    idea = melody.invent(settings, chance(settings.seed, "motif"))
    plan = replace(_OUTRO_PLAN, name="sting", drums="light")
    section = _write(settings, plan, fit, events, idea)
    return replace(section, ring=_STING_RING)


def _write(settings: Settings, plan: Plan, bars: int, events: tuple[Event, ...], idea: melody.Motif) -> Section:
    """Let every part of a section write its notes."""
    density = min(max(settings.density + plan.lift, 0.0), 1.0)
    hand = parts.Hand(settings, bars, density, chance(settings.seed, plan.name), plan.name in ("outro", "sting"))
    playing = _playing(settings, plan, density)
    notes: list[Note] = []
    for role, player in (("pad", parts.pad), ("keys", parts.keys), ("arp", parts.arp), ("bass", bassline.bass)):
        if role in playing:
            notes += player(hand, events)
    if "motif" in playing:
        notes += _motifs(hand, events, plan, idea)
    strokes: list[Stroke] = parts.percussion(hand, plan.drums == "light") if settings.kit and plan.drums else []
    return Section(plan.name, bars, events, tuple(notes), tuple(strokes), plan.trim)


def _playing(settings: Settings, plan: Plan, density: float) -> frozenset[str]:
    """Return the roles that play: those of the plan that have an instrument, fewer where it is to be sparse."""
    able = {role for role in ("pad", "keys", "arp", "bass", "motif") if getattr(settings, role)}
    playing = able & plan.roles
    if density < 0.3 and {"keys", "arp"} <= playing:
        playing -= {"arp"} if plan.harmony == "A" else {"keys"}
    if not plan.motif:
        playing -= {"motif"}
    if not playing - {"bass"}:
        playing = able - {"bass"} or able
    return frozenset(playing)


def _motifs(hand: parts.Hand, events: tuple[Event, ...], plan: Plan, idea: melody.Motif) -> list[Note]:
    """State the motif, leave it room, and bring it back varied; dense music answers at once."""
    if plan.motif == "head":
        at = max(hand.bars - 2, 0) if not hand.last else 0
        return melody.sing(hand, events, melody.vary(idea, "head"), at, 0.62)
    notes = []
    for number, bar in enumerate(range(0, hand.bars - 1, 4)):
        kind = plan.motif if number % 2 == 0 else "ending"
        notes += melody.sing(hand, events, melody.vary(idea, kind), bar, 0.72)
        if hand.density > 0.5 and bar + 3 < hand.bars:
            notes += melody.sing(hand, events, melody.vary(idea, "head"), bar + 2, 0.6, lift=2 if number % 2 else -1)
    return notes
