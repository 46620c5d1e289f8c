"""Files that people name in scripts and configurations: a picture, a sample of a voice, a voice's model."""

from __future__ import annotations

from pathlib import Path

SPEAKER = "#"  # between a voice's model and the speaker of it that is meant: my.onnx#3


def beside(folder: Path, name: str) -> str:
    """Return a name as an absolute path if a file of that name is in a folder, else as it is; a speaker stays."""
    file, speaker = named_file(name, folder)
    return f"{file}{speaker}" if file else name


def named_file(name: str, folder: Path | None = None) -> tuple[Path | None, str]:
    """Return the file that a name is the path of, absolute, and the "#speaker" after it; None: it is no file's."""
    plain, mark, speaker = name.rpartition(SPEAKER)
    for path, rest in ((name, ""), (plain, mark + speaker)):
        file = (folder or Path()).absolute() / Path(path).expanduser()
        try:
            if file.suffix and file.is_file():
                return file, rest
        except (OSError, ValueError):  # no name that a file can have
            continue
    return None, ""
