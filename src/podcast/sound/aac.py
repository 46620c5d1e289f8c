"""AAC-LC on the episode's clock: a track whose packets need no edit list."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from types import TracebackType

import av
import numpy as np
from av.packet import Packet

from podcast.episode import SAMPLE_RATE

FRAME = 1024  # samples of an AAC-LC frame, and of the encoder's priming
FINE_FROM = 320_000  # bit/s; smaller budgets leave no room for constant fine quality (noise needs 270,000 of it)
_FINE = "130"  # FF_QP2LAMBDA times a quality of 1.1: noise 40-49 dB below speech with music, at some 300 kbit/s
_OPTIONS = {"aac_coder": "fast", "aac_pns": "0", "aac_is": "0", "aac_tns": "0"}  # twoloop: twice the time, more noise
_FINE_OPTIONS = {"flags": "+qscale", "global_quality": _FINE, "aac_ms": "1"}  # voices sit in the middle


class AacWriter:
    """Encode an episode's stereo sound block by block, advanced by the encoder's priming.

    The encoder is fed from sample 1024 on, so that the track, decoded from its first packet without an edit list,
    lies exactly on the episode's clock. Packet times begin at 0 and the last packet ends at `length`.
    From `FINE_FROM` on, quality is constant and the rate follows the content below `bit_rate`, which takes half
    the time of the search for a constant rate. Use it as a context manager.
    """

    def __init__(self, path: Path, length: int, bit_rate: int) -> None:
        self.length, self.bytes, self.packets = length, 0, 0
        self._budget = max(0, -(-length // FRAME) - 1) * FRAME  # samples to be fed; flushing adds one frame
        self._fed, self._skip, self._rest = 0, FRAME, np.zeros((0, 2), np.float32)
        self._file = av.open(str(path), "w", format="mp4", options={"use_editlist": "0"})
        options = _OPTIONS | (_FINE_OPTIONS if bit_rate >= FINE_FROM else {})
        self._stream = self._file.add_stream("aac", rate=SAMPLE_RATE, layout="stereo", options=options)
        self._stream.codec_context.bit_rate = bit_rate
        self._decoder = av.CodecContext.create("aac", "r")

    def __enter__(self) -> AacWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        self._file.close()

    @property
    def rate(self) -> float:
        """Return the mean rate so far in bit/s."""
        return 8 * self.bytes * SAMPLE_RATE / (FRAME * max(self.packets, 1))

    def write(self, block: np.ndarray) -> Iterator[np.ndarray]:
        """Encode the next samples (n, 2) and yield what a listener will hear, float32 (m, 2)."""
        skipped = min(self._skip, len(block))
        self._skip -= skipped
        joined = np.concatenate([self._rest, block[skipped:]])[: self._budget - self._fed]
        whole = len(joined) // FRAME * FRAME
        self._rest = joined[whole:]
        yield from self._encode(joined[:whole])

    def finish(self) -> Iterator[np.ndarray]:
        """Encode the rest, padded with silence, and yield what a listener will hear."""
        missing = self._budget - self._fed - len(self._rest)
        yield from self._encode(np.pad(self._rest, ((0, missing), (0, 0))))
        yield from self._deliver(self._stream.encode(None))
        yield from (frame.to_ndarray().T for frame in self._decoder.decode(None))

    def _encode(self, whole: np.ndarray) -> Iterator[np.ndarray]:
        if not len(whole):
            return
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(whole.T, np.float32), format="fltp", layout="stereo")
        frame.sample_rate, frame.pts = SAMPLE_RATE, self._fed
        frame.time_base = Fraction(1, SAMPLE_RATE)
        self._fed += len(whole)
        yield from self._deliver(self._stream.encode(frame))

    def _deliver(self, packets: list[Packet]) -> Iterator[np.ndarray]:
        if packets and not self._decoder.extradata:
            self._decoder.extradata = self._stream.codec_context.extradata
        for packet in packets:
            yield from (frame.to_ndarray().T for frame in self._decoder.decode(packet))
            self._place(packet)
            self._file.mux(packet)

    def _place(self, packet: Packet) -> None:
        packet.time_base = Fraction(1, SAMPLE_RATE)
        packet.pts = packet.dts = self.packets * FRAME
        packet.duration = min(FRAME, self.length - self.packets * FRAME)
        self.bytes += packet.size
        self.packets += 1
