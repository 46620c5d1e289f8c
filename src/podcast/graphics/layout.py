"""Where everything goes in a frame: pure geometry.

All rectangles are even-aligned (chroma is subsampled) and lie inside the frame. Regions that may be seen
at the same time do not overlap each other, except that captions and the visualiser lie over the chest of
a host who fills the frame; nothing ever covers a face.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

Kind = Literal["solo", "panel", "cover"]


class Rect(NamedTuple):
    """A rectangle in pixels."""

    x: int
    y: int
    w: int
    h: int

    @property
    def right(self) -> int:
        """The first column to the right."""
        return self.x + self.w

    @property
    def bottom(self) -> int:
        """The first row below."""
        return self.y + self.h

    def overlaps(self, other: Rect) -> bool:
        """Return whether a pixel belongs to both."""
        return self.x < other.right and other.x < self.right and self.y < other.bottom and other.y < self.bottom

    def contains(self, other: Rect) -> bool:
        """Return whether `other` lies inside."""
        return self.x <= other.x and self.y <= other.y and other.right <= self.right and other.bottom <= self.bottom


def even(x: float, y: float, w: float, h: float) -> Rect:
    """Return the nearest rectangle of even position and size."""
    x0, y0, x1, y1 = (2 * round(v / 2) for v in (x, y, x + w, y + h))
    return Rect(x0, y0, max(2, x1 - x0), max(2, y1 - y0))


@dataclass(frozen=True)
class HostSlot:
    """Where a host is drawn."""

    rect: Rect  # what the host may cover; in a panel a card with rounded corners
    head_height: int  # pixels, from chin to crown
    head_x: int  # centre of the head, in pixels of the frame
    head_y: int
    plate: Rect  # the lower third, or the name on the card
    card: bool

    @property
    def head(self) -> Rect:
        """What must stay visible: the head, with room for nods and turns."""
        w, h = 0.92 * self.head_height, 1.08 * self.head_height
        return Rect(round(self.head_x - w / 2), round(self.head_y - h / 2), round(w), round(h))


@dataclass(frozen=True)
class Layout:
    """A frame's regions. `picture`, `cover` and `title` are None where the layout has none."""

    width: int
    height: int
    kind: Kind
    hosts: tuple[HostSlot, ...]
    captions: Rect
    chapter: Rect  # the chip with the chapter's title
    logo: Rect
    visualizer: Rect  # a strip; in the cover layout the large waveform
    circle: Rect  # for a circular visualiser: a badge; in the cover layout concentric with the cover
    top: Rect  # for a visualiser above everything
    frame: Rect  # the whole frame: title, chapter and outro cards
    picture: Rect | None = None
    cover: Rect | None = None
    title: Rect | None = None
    desk: Rect | None = None  # in front of a host who fills the frame; the host's picture ends at it

    @property
    def beside(self) -> Rect | None:
        """Where the title goes when a circular visualiser leaves the waveform's place free."""
        if not self.title:
            return None
        return even(self.title.x, self.title.y, self.title.w, self.visualizer.bottom - self.title.y)


# ---------------------------------------------------------------- proportions, as shares of the frame


@dataclass(frozen=True)
class _Shape:
    """Bands of a frame from top to bottom, as shares of its height; `margin` is a share of its width."""

    margin: float
    header: tuple[float, float]  # chapter chip and logo
    body: tuple[float, float]  # cards, pictures, cover
    captions: tuple[float, float]
    strip: tuple[float, float]  # visualiser
    caption_width: float
    solo_head: float  # height of the head of a host who fills the frame
    plate: tuple[float, float]
    plate_width: float
    chip_width: float
    desk: float  # its far edge


_WIDE = _Shape(0.042, (0.045, 0.105), (0.125, 0.765), (0.780, 0.920), (0.942, 0.990), 0.72, 0.44,
               (0.655, 0.760), 0.30, 0.42, 0.935)  # fmt: skip
_SQUARE = _Shape(0.05, (0.045, 0.105), (0.125, 0.745), (0.755, 0.905), (0.932, 0.988), 0.88, 0.43,
                 (0.640, 0.730), 0.46, 0.62, 0.925)  # fmt: skip
_TALL = _Shape(0.06, (0.060, 0.100), (0.115, 0.715), (0.735, 0.835), (0.850, 0.900), 0.86, 0.30,
               (0.600, 0.665), 0.70, 0.66, 0.68)  # fmt: skip

_BUST = 1.82  # head heights from the crown to where a presenter's picture ends
_SOLO_HEAD_WIDE = 0.56  # of the frame's width at most: shoulders are 1.7 head heights wide
_CARD_HEAD = 0.46  # of a card's height …
_CARD_HEAD_WIDE = 0.58  # … and at most this share of its width
LANDSCAPE, PORTRAIT = 1.25, 0.8  # aspect ratios between which a frame counts as square
_RING = 0.13  # of the cover's side: what a circular visualiser needs around it
_CARD_GAP = 0.018  # of the frame's longer side
_CARD_ASPECTS = (0.62, 1.9)  # narrower and wider cards are trimmed


def _shape(width: int, height: int) -> _Shape:
    aspect = width / height
    return _WIDE if aspect > LANDSCAPE else _SQUARE if aspect > PORTRAIT else _TALL


def arrange(width: int, height: int, hosts: int, picture: bool = False, cards: bool = False) -> Layout:
    """Return the layout of a frame with that many hosts (0: cover and large waveform), maybe with a picture.

    `cards` puts a single host on a card, too, instead of letting it fill the frame.
    """
    shape = _shape(width, height)
    band = _bands(width, height, shape)
    body = band["body"]
    kind: Kind = "cover" if hosts == 0 else "solo" if hosts == 1 and not (picture or cards) else "panel"
    panel, rest = _split(body, width, height, hosts) if picture else (None, body)
    slots = (_solo(width, height, shape),) if kind == "solo" else _cards(rest, hosts, width, height)
    cover = title = None
    strip, circle = band["strip"], _badge(width, height, shape, band["captions"], band["strip"])
    if kind == "cover" and not picture:
        cover, title, strip, circle = _cover(body, width / height)
    return Layout(
        width, height, kind, slots, band["captions"], band["chip"], band["logo"], strip, circle, band["top"],
        Rect(0, 0, width, height), panel, cover, title, _desk(width, height, shape) if kind == "solo" else None,
    )  # fmt: skip


def _bands(width: int, height: int, s: _Shape) -> dict[str, Rect]:
    left, inner = s.margin * width, width * (1 - 2 * s.margin)

    def band(rows: tuple[float, float], x: float, w: float) -> Rect:
        return even(x, rows[0] * height, w, (rows[1] - rows[0]) * height)

    logo = (1 - s.chip_width) * inner * 0.6
    return {
        "body": band(s.body, left, inner),
        "captions": band(s.captions, width * (1 - s.caption_width) / 2, width * s.caption_width),
        "strip": band(s.strip, width * 0.19, width * 0.62),
        "top": band((0.010, s.header[0] - 0.008), width * 0.19, width * 0.62),
        "chip": band(s.header, left, s.chip_width * inner),
        "logo": band(s.header, width - left - logo, logo),
    }


def _badge(width: int, height: int, s: _Shape, captions: Rect, strip: Rect) -> Rect:
    if width / height > LANDSCAPE:  # in the corner, beside captions and strip
        edge = width * (1 - s.margin / 2)
        side = min(0.16 * height, edge - captions.right - 2)
        return _square(edge - side / 2, strip.bottom - side / 2, side)
    side = min(0.2 * width, height * 0.99 - strip.y)
    return _square(width / 2, strip.y + side / 2, side)


def _square(centre_x: float, centre_y: float, side: float) -> Rect:
    half = max(1, int(side / 2)) // 2 * 2 or 1
    return Rect(2 * round((centre_x - half) / 2), 2 * round((centre_y - half) / 2), 2 * half, 2 * half)


def _desk(width: int, height: int, s: _Shape) -> Rect:
    return even(0, s.desk * height, width, (1 - s.desk) * height)


def _solo(width: int, height: int, s: _Shape) -> HostSlot:
    """Return the place of a host who fills the frame, behind the desk."""
    plate = even(s.margin * width, s.plate[0] * height, s.plate_width * width, (s.plate[1] - s.plate[0]) * height)
    rect = Rect(0, 0, width, _desk(width, height, s).y)
    return _seated(rect, min(s.solo_head * height, _SOLO_HEAD_WIDE * width), plate, card=False)


def _seated(rect: Rect, head: float, plate: Rect, card: bool) -> HostSlot:
    """Return a slot in which the bust reaches just below the lower edge."""
    head = 2 * int(head / 2)
    y = rect.bottom - int((_BUST - 0.5) * head)
    return HostSlot(rect, int(head), rect.x + rect.w // 2, y, plate, card)


def _split(body: Rect, width: int, height: int, hosts: int) -> tuple[Rect, Rect]:
    if hosts == 0:
        return body, body
    gap = _CARD_GAP * max(width, height)
    if width >= height:
        share = 0.70 if hosts < 3 else 0.74
        w = (body.w - gap) * share
        rest = even(body.x + w + gap, body.y, body.w - gap - w, body.h)
        return even(body.x, body.y, w, body.h), rest
    h = (body.h - gap) * (0.52 if hosts < 3 else 0.48)
    return even(body.x, body.y, body.w, h), even(body.x, body.y + h + gap, body.w, body.h - gap - h)


def _cards(body: Rect, hosts: int, width: int, height: int) -> tuple[HostSlot, ...]:
    if not hosts:
        return ()
    gap = _CARD_GAP * max(width, height)
    grids = ((c, -(-hosts // c)) for c in range(1, hosts + 1))

    def card(columns: int, rows: int) -> tuple[float, float]:
        return (body.w - gap * (columns - 1)) / columns, (body.h - gap * (rows - 1)) / rows

    def worth(columns: int, rows: int) -> float:  # large heads, little empty room
        w, h = card(columns, rows)
        used = min(w, h * _CARD_ASPECTS[1]) * min(h, w / _CARD_ASPECTS[0]) * hosts
        return _head(w, h) * used**0.5

    columns, rows = max(grids, key=lambda grid: worth(*grid))
    w, h = card(columns, rows)
    trimmed_w, trimmed_h = min(w, h * _CARD_ASPECTS[1]), min(h, w / _CARD_ASPECTS[0])
    top = body.y + (body.h - rows * trimmed_h - gap * (rows - 1)) / 2
    slots = []
    for i in range(hosts):
        row, column = divmod(i, columns)
        in_row = min(columns, hosts - row * columns)
        left = body.x + (body.w - in_row * trimmed_w - gap * (in_row - 1)) / 2
        x, y = left + column * (trimmed_w + gap), top + row * (trimmed_h + gap)
        slots.append(_card(even(x, y, trimmed_w, trimmed_h), min(width, height)))
    return tuple(slots)


def _head(w: float, h: float) -> float:
    return min(_CARD_HEAD * h, _CARD_HEAD_WIDE * w)


def _card(rect: Rect, short_side: int) -> HostSlot:
    inset = min(0.02 * short_side, 0.05 * rect.h)
    tall = min(max(0.12 * rect.h, 0.045 * short_side), 0.07 * short_side, 0.2 * rect.h)
    plate = even(rect.x + inset, rect.bottom - inset - tall, min(rect.w - 2 * inset, 0.5 * short_side), tall)
    return _seated(rect, _head(rect.w, rect.h), plate, card=True)


def _cover(body: Rect, aspect: float) -> tuple[Rect, Rect, Rect, Rect]:
    """Return cover, title, waveform and circle."""
    if aspect > LANDSCAPE:
        side = 0.78 * body.h
        ring = _RING * side
        cover = _square(body.x + ring + side / 2, body.y + body.h / 2, side)
        x = cover.right + ring + 0.03 * body.w
        room = body.right - x
        title = even(x, cover.y + 0.02 * side, room, 0.50 * side)
        wave = even(x, cover.y + 0.58 * side, room, 0.36 * side)
    else:
        side = min(0.5 * body.h, 0.62 * body.w)
        ring = _RING * side
        cover = _square(body.x + body.w / 2, body.y + ring + side / 2, side)
        title = even(body.x, cover.bottom + ring, body.w, 0.14 * body.h)
        wave = even(body.x, title.bottom + 0.02 * body.h, body.w, body.bottom - title.bottom - 0.04 * body.h)
    ring = 2 * int(ring / 2)
    return cover, title, wave, Rect(cover.x - ring, cover.y - ring, cover.w + 2 * ring, cover.h + 2 * ring)
