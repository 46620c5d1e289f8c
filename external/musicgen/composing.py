"""Codes, one after the other: seeded, several cues in one pass, of any length by windows that overlap."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from models import Conditions, Model

WINDOW, KEPT = 30.0, 10.0  # s the model was taught to hear at once, and of them what the next window begins with
OFTEN = 5  # codes after which progress is told

Melody = Callable[[float], "torch.Tensor | None"]  # of the window that begins at this second


@dataclass(frozen=True)
class Taste:
    """How codes are chosen."""

    temperature: float = 1.0
    top_k: int = 250
    guidance: float = 3.0


def compose(
    model: Model, texts: Sequence[str], frames: int, seeds: Sequence[int], taste: Taste,
    melody: Melody = lambda start: None, progress: Callable[[int, int], None] = lambda done, total: None,
) -> torch.Tensor:
    """Return codes, (cues, books, frames).

    A cue's codes depend on its own text and seed, not on its neighbours in the pass.
    """
    chances = torch.stack([_chances(seed, frames, model.books) for seed in seeds]).to(model.device)
    window, kept = round(WINDOW * model.pace), round(KEPT * model.pace)
    made = torch.zeros(len(texts), model.books, 0, dtype=torch.long, device=model.device)
    conditions = None
    while made.shape[2] < frames:
        known = min(kept, made.shape[2])
        start = made.shape[2] - known
        length = min(window, frames - start)
        if conditions is None or model.melodic:
            conditions = model.listen(list(texts), melody(start / model.pace))
        part = _window(model, conditions, made[..., start:], length, chances[:, start : start + length], taste,
                       lambda done, s=start: progress(s + done, frames))  # type: ignore[misc]  # fmt: skip
        made = torch.cat([made[..., :start], part], 2)
    return made


def _chances(seed: int, frames: int, books: int) -> torch.Tensor:
    """Return a number from 0 to 1 for each code: drawn on the processor, so the same on every device."""
    return torch.rand(frames, books, generator=torch.Generator().manual_seed(seed))


def _window(
    model: Model, conditions: Conditions, known: torch.Tensor, frames: int, chances: torch.Tensor, taste: Taste,
    progress: Callable[[int], None],
) -> torch.Tensor:
    """Return the codes of a window, (cues, books, frames), that begin with those that are known.

    Book k runs k columns behind the first one (stereo: both books of a pair together), after one empty column.
    """
    cues, books, have = known.shape
    delay = [book // model.channels for book in range(books)]
    columns = frames + delay[-1] + 1
    grid = torch.full((cues, books, columns), model.pad, dtype=torch.long, device=model.device)
    for book, behind in enumerate(delay):
        grid[:, book, 1 + behind : 1 + behind + have] = known[:, book]
    past, fed = None, 0
    for column in range(have + 1, columns):
        logits, past = _step(model, conditions, grid[..., fed:column], past, fed == 0)
        chosen = _choose(logits, _column(chances, delay, column), taste)
        for book, behind in enumerate(delay):
            if have <= column - 1 - behind < frames:
                grid[:, book, column] = chosen[:, book]
        fed = column
        if column % OFTEN == 0:
            progress(min(column, frames))
    return torch.stack([grid[:, book, 1 + behind : 1 + behind + frames] for book, behind in enumerate(delay)], 1)


def _column(chances: torch.Tensor, delay: list[int], column: int) -> torch.Tensor:
    """Return the chances of the codes that stand in a column, (cues, books)."""
    places = [min(max(column - 1 - behind, 0), chances.shape[1] - 1) for behind in delay]
    return torch.stack([chances[:, place, book] for book, place in enumerate(places)], 1)


def _step(
    model: Model, conditions: Conditions, columns: torch.Tensor, past: object, first: bool
) -> tuple[torch.Tensor, object]:
    """Return what the decoder thinks of the next column, (2 cues, books, codes), and what it remembers."""
    told = {}
    if conditions.mask is not None:
        told = {"encoder_hidden_states": conditions.hidden, "encoder_attention_mask": conditions.mask}
    elif first:
        told = {"encoder_hidden_states": conditions.hidden}
    twice = columns.repeat(2, 1, 1).flatten(0, 1)
    out = model.step(input_ids=twice, past_key_values=past, use_cache=True, **told)
    return out.logits[:, -1].float().view(2 * len(columns), model.books, -1), out.past_key_values


def _choose(logits: torch.Tensor, chances: torch.Tensor, taste: Taste) -> torch.Tensor:
    """Return a code for each book, (cues, books), by the likelihoods of the likeliest ones."""
    told, nothing = logits.chunk(2)
    guided = nothing + (told - nothing) * taste.guidance
    best, codes = guided.topk(min(taste.top_k, guided.shape[-1]))
    ladder = (best / taste.temperature).softmax(-1).cumsum(-1)
    rung = (ladder < chances[..., None] * ladder[..., -1:]).sum(-1, keepdim=True).clamp(max=best.shape[-1] - 1)
    return codes.gather(-1, rung)[..., 0]
