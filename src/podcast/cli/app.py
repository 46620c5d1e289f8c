"""The commands."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Optional

import typer

import podcast

app = typer.Typer(
    name="podcast", no_args_is_help=True, pretty_exceptions_enable=False, add_completion=True,
    help="Turn a text script into a finished video podcast.\n\nStart with: podcast create my.txt --avatar",
    context_settings={"help_option_names": ["-h", "--help"]},
)
config_app = typer.Typer(no_args_is_help=True, help="Look at the configuration.")
cache_app = typer.Typer(no_args_is_help=True, help="Finished work that is kept.")
portrait_app = typer.Typer(no_args_is_help=True, help="Pictures that talk.")
motion_app = typer.Typer(no_args_is_help=True, help="Motion taken from a real person.")
engines_app = typer.Typer(no_args_is_help=True, help="Engines that are installed: neural voices, renderers ...")
app.add_typer(portrait_app, name="portrait")
app.add_typer(motion_app, name="motion")
app.add_typer(engines_app, name="engines")
app.add_typer(config_app, name="config")
app.add_typer(cache_app, name="cache")

ConfigFile = Annotated[Optional[Path], typer.Option("--config", help="Another config.yaml.", show_default=False)]
Settings = Annotated[Optional[list[str]], typer.Option("--set", metavar="KEY=VALUE", show_default=False,
                     help="Any key of config.yaml, for example video.fps=30. May be repeated.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON, for machines.")]
Quiet = Annotated[bool, typer.Option("-q", "--quiet", help="Only errors.")]
Verbose = Annotated[bool, typer.Option("-v", "--verbose", help="Tell more.")]
Avatar = Annotated[bool, typer.Option("--avatar", help="Show presenters.")]
Visualize = Annotated[bool, typer.Option("--visualize", help="Show a picture of the sound.")]
SkipMusic = Annotated[bool, typer.Option("--skip-music", help="No music.")]
MusicFile = Annotated[Optional[Path], typer.Option("--music-file", help="Your own music.", show_default=False)]
Cpu = Annotated[bool, typer.Option("--cpu", help="Use no GPU.")]
RequireGpu = Annotated[bool, typer.Option("--require-gpu", help="Fail rather than render on the processor.")]
Rights = Annotated[bool, typer.Option("--i-have-the-rights", help="You may use the faces and voices in your files.")]
Draft = Annotated[bool, typer.Option("--draft", help="640x360, quick and rough.")]
AudioOnly = Annotated[bool, typer.Option("--audio-only", help="The finished sound (publish.audio: mp3); no video.")]


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"podcast {podcast.__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print it.")] = False,
) -> None:
    pass


def _pairs(settings: list[str] | None) -> list[tuple[str, Any]]:
    """Split KEY=VALUE."""
    pairs: list[tuple[str, Any]] = []
    for setting in settings or []:
        key, equals, value = setting.partition("=")
        if not equals or not key.strip():
            raise typer.BadParameter(f"{setting!r} is not KEY=VALUE", param_hint="--set")
        pairs.append((key.strip(), value))
    return pairs


def _flags(
    avatar: bool, visualize: bool, skip_music: bool, music_file: Path | None, rights: bool, cpu: bool,
    require_gpu: bool,
) -> list[tuple[str, Any]]:
    """Return what the flags mean as settings."""
    if cpu and require_gpu:
        raise typer.BadParameter("choose one of --cpu and --require-gpu")
    meant: list[tuple[bool, str, Any]] = [
        (avatar, "avatar.enabled", True), (visualize, "visualization.enabled", True),
        (skip_music, "music.enabled", False), (rights, "rights_confirmed", True),
        (cpu, "gpu.device", "cpu"), (require_gpu, "gpu.require", True),
        (music_file is not None, "music.file", str(music_file.absolute()) if music_file else None),
    ]
    return [(key, value) for on, key, value in meant if on]


@app.command()
def create(
    script: Annotated[Path, typer.Argument(help="The script: any text file.", show_default=False)],
    avatar: Avatar = False,
    visualize: Visualize = False,
    output: Annotated[Optional[str], typer.Option("-o", "--output", metavar="NAME", show_default=False,
                      help="Name of the episode's folder and files; else the script's name.")] = None,
    narration: Annotated[Optional[Path], typer.Option("--narration", metavar="FILE", show_default=False,
                         help="Your own recording of the script instead of a voice.")] = None,
    preview: Annotated[bool, typer.Option("--preview", help="Only the sound, quickly, to hear it.")] = False,
    audio_only: AudioOnly = False,
    draft: Draft = False,
    skip_music: SkipMusic = False,
    music_file: MusicFile = None,
    cpu: Cpu = False,
    require_gpu: RequireGpu = False,
    rights: Rights = False,
    config: ConfigFile = None,
    set_: Settings = None,
    json_: AsJson = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Make an episode from a script."""
    from podcast.cli.commands import create_episode

    settings = [*_pairs(set_), *_flags(avatar, visualize, skip_music, music_file, rights, cpu, require_gpu)]
    mode = _mode(preview, audio_only)
    create_episode(script, output, mode, draft, narration, config, settings, json_, quiet, verbose)


def _mode(preview: bool, audio_only: bool) -> str:
    if preview and audio_only:
        raise typer.BadParameter("choose one of --preview and --audio-only")
    return "preview" if preview else "audio" if audio_only else "video"


@app.command()
def batch(
    scripts: Annotated[list[Path], typer.Argument(help="Scripts, or folders of them.", show_default=False)],
    avatar: Avatar = False,
    visualize: Visualize = False,
    audio_only: AudioOnly = False,
    draft: Draft = False,
    skip_music: SkipMusic = False,
    music_file: MusicFile = None,
    cpu: Cpu = False,
    require_gpu: RequireGpu = False,
    rights: Rights = False,
    at_once: Annotated[int, typer.Option("--at-once", min=1, max=16, help="Episodes worked on at a time.")] = 2,
    config: ConfigFile = None,
    set_: Settings = None,
    json_: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Make several episodes, sharing this machine's cores."""
    from podcast.cli.commands import create_batch

    settings = [*_pairs(set_), *_flags(avatar, visualize, skip_music, music_file, rights, cpu, require_gpu)]
    failed = create_batch(scripts, _mode(False, audio_only), draft, at_once, config, settings, json_, quiet)
    if failed:
        raise typer.Exit(1)


@app.command()
def check(
    script: Annotated[Path, typer.Argument(show_default=False)],
    config: ConfigFile = None,
    set_: Settings = None,
    json_: AsJson = False,
) -> None:
    """Show how a script is understood: who says what, cues, length, and what nobody will say."""
    from podcast.cli.commands import check_script

    check_script(script, config, _pairs(set_), json_)


@app.command()
def init(
    folder: Annotated[Path, typer.Argument(help="Where.")] = Path(),
    force: Annotated[bool, typer.Option("--force", help="Replace files that are there.")] = False,
) -> None:
    """Write a commented config.yaml and example scripts."""
    from podcast.cli.commands import init_folder

    init_folder(folder, force)


@app.command("list")
def list_(config: ConfigFile = None, set_: Settings = None, json_: AsJson = False) -> None:
    """List finished episodes."""
    from podcast.cli.commands import list_episodes

    list_episodes(config, _pairs(set_), json_)


@app.command()
def voices(
    language: Annotated[str, typer.Option("--language", "-l", help="For example en, de, pt-br.")] = "en",
    say: Annotated[Optional[str], typer.Option("--say", metavar="TEXT", show_default=False,
                   help="Let every voice say it, into wav files.")] = None,
    into: Annotated[Path, typer.Option("--into", help="Folder for --say.")] = Path("voices"),
    engine: Annotated[Optional[str], typer.Option("--engine", metavar="NAME", show_default=False,
                      help="Only this engine's, installed or not; else those of all that are installed.")] = None,
    config: ConfigFile = None,
    set_: Settings = None,
    json_: AsJson = False,
) -> None:
    """List voices."""
    from podcast.cli.voices import list_voices

    list_voices(language, say, into, engine, config, _pairs(set_), json_)


@app.command()
def hosts(
    sheet: Annotated[Path, typer.Option("--sheet", help="Where to write the contact sheet.")] = Path("hosts.png"),
    json_: AsJson = False,
) -> None:
    """List presenters and write a contact sheet of them."""
    from podcast.cli.commands import list_hosts

    list_hosts(sheet, json_)


@portrait_app.command("check")
def portrait_check(
    picture: Annotated[Path, typer.Argument(help="A portrait: any picture.", show_default=False)],
    face: Annotated[Optional[int], typer.Option("--face", min=1, help="Which face, from the left.",
                    show_default=False)] = None,
    sheet: Annotated[Optional[Path], typer.Option("--sheet", help="Where to write the test sheet.",
                     show_default=False)] = None,
    config: ConfigFile = None,
    set_: Settings = None,
    json_: AsJson = False,
) -> None:
    """Tell whether a picture can talk, and draw it talking on a test sheet."""
    from podcast.cli.people import check_portrait

    if not check_portrait(picture, face, sheet, config, _pairs(set_), json_):
        raise typer.Exit(1)


@motion_app.command("extract")
def motion_extract(
    clip: Annotated[Path, typer.Argument(help="A video of somebody talking.", show_default=False)],
    output: Annotated[Optional[Path], typer.Option("-o", "--output", metavar="FILE.npz", show_default=False,
                      help="The template; else beside the clip.")] = None,
    config: ConfigFile = None,
    set_: Settings = None,
    quiet: Quiet = False,
) -> None:
    """Take head, eyes and brows of a real person; use it with avatar.motion: FILE.npz."""
    from podcast.cli.people import extract_motion

    extract_motion(clip, output or clip.with_suffix(".npz"), config, _pairs(set_), quiet)


_EngineName = Annotated[str, typer.Argument(help="As `podcast engines list` shows it.", show_default=False)]
_Device = Annotated[str, typer.Option("--device", help="auto | cuda | mps | cpu")]
_Source = Annotated[Optional[str], typer.Option("--source", metavar="PATH_OR_URL", show_default=False,
                    help="A copy of the engine's code: repository, mirror, folder or archive. It is checked.")]
_Weights = Annotated[Optional[Path], typer.Option("--weights", metavar="FOLDER", show_default=False,
                     help="Copies of its weights. They are checked.")]
_Wheels = Annotated[Optional[Path], typer.Option("--wheels", metavar="FOLDER", show_default=False,
                    help="Copies of its packages. They are checked.")]
_Offline = Annotated[bool, typer.Option("--offline", help="Never use the network.")]
_Yes = Annotated[bool, typer.Option("-y", "--yes", help="Fetch gigabytes without asking.")]


def _known_device(device: str) -> str:
    if device not in ("auto", "cuda", "mps", "cpu"):
        raise typer.BadParameter("must be one of auto, cuda, mps, cpu", param_hint="--device")
    return device


@engines_app.command("list")
def engines_list(config: ConfigFile = None, set_: Settings = None, json_: AsJson = False) -> None:
    """List engines: what can be installed, and what is."""
    from podcast.cli.engines import list_engines

    list_engines(config, _pairs(set_), json_)


@engines_app.command("install")
def engines_install(
    name: _EngineName, device: _Device = "auto", source: _Source = None, weights: _Weights = None,
    wheels: _Wheels = None, offline: _Offline = False, yes: _Yes = False, config: ConfigFile = None,
    set_: Settings = None, json_: AsJson = False, quiet: Quiet = False,
) -> None:
    """Install an engine, and prove that it works here. Interrupted, it goes on at the next call."""
    from podcast.cli.engines import Asked, install_engine

    asked = Asked(_known_device(device), source, weights, wheels, offline, yes)
    install_engine(name, asked, config, _pairs(set_), json_, quiet)


@engines_app.command("verify")
def engines_verify(
    name: _EngineName, device: _Device = "auto", config: ConfigFile = None, set_: Settings = None, json_: AsJson = False
) -> None:
    """Compare an installed engine with its pins, and prove that it works."""
    from podcast.cli.engines import verify_engine

    if not verify_engine(name, _known_device(device), config, _pairs(set_), json_):
        raise typer.Exit(1)


@engines_app.command("repair")
def engines_repair(
    name: _EngineName, source: _Source = None, weights: _Weights = None, wheels: _Wheels = None,
    offline: _Offline = False, config: ConfigFile = None, set_: Settings = None, json_: AsJson = False,
) -> None:
    """Mend what is broken in an installed engine, and only that."""
    from podcast.cli.engines import Asked, repair_engine

    repair_engine(name, Asked("auto", source, weights, wheels, offline), config, _pairs(set_), json_)


@engines_app.command("remove")
def engines_remove(
    name: _EngineName,
    stale: Annotated[bool, typer.Option("--stale", help="Only what was made from former pins.")] = False,
    keep_weights: Annotated[bool, typer.Option("--keep-weights", help="Leave its weights.")] = False,
    config: ConfigFile = None, set_: Settings = None, json_: AsJson = False,
) -> None:
    """Remove an engine and say how much room that gives."""
    from podcast.cli.engines import remove_engine

    remove_engine(name, stale, keep_weights, config, _pairs(set_), json_)


@config_app.command("show")
def config_show(config: ConfigFile = None, set_: Settings = None, json_: AsJson = False) -> None:
    """Print every key with its value."""
    from podcast.cli.commands import show_config

    show_config(config, _pairs(set_), json_)


@config_app.command("check")
def config_check(config: ConfigFile = None, set_: Settings = None) -> None:
    """Tell whether config.yaml is right."""
    from podcast.cli.commands import check_config

    check_config(config, _pairs(set_))


@cache_app.command("info")
def cache_info(config: ConfigFile = None, set_: Settings = None, json_: AsJson = False) -> None:
    """Tell what the cache holds."""
    from podcast.cli.commands import show_cache

    show_cache(config, _pairs(set_), json_)


@cache_app.command("clear")
def cache_clear(config: ConfigFile = None, set_: Settings = None) -> None:
    """Remove everything that no running command uses."""
    from podcast.cli.commands import clear_cache

    clear_cache(config, _pairs(set_))


@app.command()
def doctor(
    config: ConfigFile = None, set_: Settings = None, json_: AsJson = False,
    report: Annotated[Optional[Path], typer.Option("--report", metavar="FILE", show_default=False,
                      help="Write a file to attach to a bug report: no secrets, no names.")] = None,
) -> None:
    """Tell what this machine has, what was proved to work, and what that means."""
    from podcast.cli.machine import examine

    examine(config, _pairs(set_), json_, report)
