"""Geometry: inside the frame, even, and nothing over a face."""

from itertools import combinations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from podcast.graphics.layout import Layout, Rect, arrange

SIZES = [(1920, 1080), (1080, 1920), (1080, 1080), (1280, 720), (640, 360), (3840, 2160)]
sizes = st.one_of(
    st.sampled_from(SIZES),
    st.tuples(st.integers(180, 1920), st.integers(180, 1920)).map(lambda s: (2 * s[0], 2 * s[1])),
).filter(lambda s: 0.4 <= s[0] / s[1] <= 2.5)


def regions(layout: Layout) -> dict[str, Rect]:
    """Everything that may be seen at once besides a host who fills the frame."""
    named = {
        "captions": layout.captions,
        "chapter": layout.chapter,
        "logo": layout.logo,
        "visualizer": layout.visualizer,
        "picture": layout.picture,
        "cover": layout.cover,
        "title": layout.title,
        "top": layout.top,
    }
    named |= {f"host {i}": h.rect if h.card else h.plate for i, h in enumerate(layout.hosts)}
    return {name: rect for name, rect in named.items() if rect}


@given(sizes, st.integers(0, 6), st.booleans())
@example((1920, 1080), 1, False)
@example((1080, 1920), 0, False)
def test_regions_are_even_inside_and_apart(size, hosts, picture):
    layout = arrange(*size, hosts, picture)
    seen = regions(layout)
    for name, rect in (*seen.items(), ("circle", layout.circle)):
        assert all(v % 2 == 0 for v in rect), name
        assert layout.frame.contains(rect), name
    for (a, one), (b, other) in combinations(seen.items(), 2):
        assert not one.overlaps(other), f"{a} {one} overlaps {b} {other}"
    assert not layout.circle.overlaps(layout.captions)
    assert not layout.circle.overlaps(layout.chapter)


@given(sizes, st.integers(1, 6), st.booleans())
def test_nothing_covers_a_face(size, hosts, picture):
    layout = arrange(*size, hosts, picture)
    assert len(layout.hosts) == hosts
    over = [layout.captions, layout.chapter, layout.logo, layout.visualizer, layout.circle, layout.picture, layout.top]
    for host in layout.hosts:
        assert host.rect.contains(host.head)
        assert not any(rect.overlaps(host.head) for rect in over if rect)
        assert not any(other.plate.overlaps(host.head) for other in layout.hosts)


@given(sizes, st.integers(1, 6), st.booleans())
def test_a_bust_reaches_the_lower_edge_of_its_place(size, hosts, picture):
    layout = arrange(*size, hosts, picture)
    for host in layout.hosts:
        assert host.rect.bottom - (host.head_y - host.head_height / 2) <= 1.84 * host.head_height
    assert (layout.desk is not None) == (layout.kind == "solo")
    if layout.desk:
        assert layout.desk.y == layout.hosts[0].rect.bottom and layout.desk.bottom == layout.height


@given(sizes, st.booleans())
def test_without_hosts_a_circle_surrounds_the_cover(size, picture):
    layout = arrange(*size, 0, picture)
    if picture:
        assert layout.picture and not layout.cover
    else:
        assert layout.circle.contains(layout.cover) and layout.beside.contains(layout.title)
        assert not layout.circle.overlaps(layout.title)
        centre = [(r.x + r.w // 2, r.y + r.h // 2) for r in (layout.circle, layout.cover)]
        assert centre[0] == centre[1] and layout.circle.w == layout.circle.h


@pytest.mark.parametrize("hosts", [1, 2, 4])
def test_heads_are_large_enough_to_read_lips(hosts):
    least = {1: 0.40, 2: 0.20, 4: 0.12}[hosts]
    layout = arrange(1920, 1080, hosts)
    assert all(h.head_height >= least * 1080 for h in layout.hosts)
