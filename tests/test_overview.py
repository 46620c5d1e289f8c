"""The table of engines in the docs is what the manifests say."""

from __future__ import annotations

from pathlib import Path

from podcast.environments.manifest import find_specs
from podcast.environments.overview import overview

DOCS = Path(__file__).parent.parent / "docs" / "engines.md"


def test_the_docs_print_the_table_of_the_manifests() -> None:
    table = overview(find_specs().values())
    assert table in DOCS.read_text("utf-8"), "print it anew: python -m podcast.environments.overview"


def test_a_row_tells_licences_and_what_they_forbid() -> None:
    rows = {line.split()[1]: line for line in overview(find_specs().values()).splitlines()[2:]}
    assert "GPL-3.0-or-later" in rows["piper"] and "voices" in rows["piper"] and "its own" in rows["piper"]
    assert all(line.count("|") == 11 for line in rows.values())
