"""The other half of `produce`: what the configuration means for each stage."""

from podcast.wiring.engines import choose_music, choose_renderer, choose_speech, engine_room
from podcast.wiring.people import clips, enhanced, face_nets, known_speakers, presenters
from podcast.wiring.pictures import clip, encoder, image_digests, look, missing_letters, picture, publication, told
from podcast.wiring.sound import compose, judge, listen, mastering, speak

__all__ = [
    "choose_music", "choose_renderer", "choose_speech", "clip", "clips", "compose", "encoder", "engine_room",
    "enhanced", "face_nets", "image_digests", "judge", "known_speakers", "listen", "look", "mastering",
    "missing_letters", "picture", "presenters", "publication", "speak", "told",
]
