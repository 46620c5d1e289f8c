"""FFmpeg: which encoder works here (by proof), and encoding, joining and checking video.

FFmpeg's libraries come with PyAV and are always there. A program `ffmpeg` on the machine is tried only for hardware
encoders that the library lacks or whose driver it rejects.
"""

from podcast.ffmpeg.encode import Encoder, Picture, encoder_identity, open_sink
from podcast.ffmpeg.join import ChapterMark, Checked, Track, check_video, count_frames, join
from podcast.ffmpeg.proof import Choice, choose_encoder, find_program, library_versions, probe, program_version

__all__ = [
    "ChapterMark",
    "Checked",
    "Choice",
    "Encoder",
    "Picture",
    "Track",
    "check_video",
    "choose_encoder",
    "count_frames",
    "encoder_identity",
    "find_program",
    "join",
    "library_versions",
    "open_sink",
    "probe",
    "program_version",
]
