"""A tiny real engine for tests: a wheel with its hash, a git repository, weights, and a server that misbehaves."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import os
import subprocess
import threading
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import yaml

WEIGHTS = bytes(range(256)) * 8192  # 2 MiB: more than one block
WHEEL = "tinypure-1.0-py3-none-any.whl"
WORKER = '''
import time
from pathlib import Path

import tinypure
from podcast_worker import serve

def load(device, setup):
    here = Path(__file__).parent
    while (here / "hold").exists():
        (here / "held").touch()
        time.sleep(0.05)
    code = Path(setup["source"], "net.py").read_text()
    return {"device": device, "answer": tinypure.ANSWER, "code": code}

def run(state, args, progress):
    return {"files": {}}

serve(load, run)
'''


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def make_wheel(folder: Path, answer: int = 42) -> Path:
    """Write a wheel of one module; the same bytes for the same answer."""
    info = "tinypure-1.0.dist-info"
    files = {
        "tinypure/__init__.py": f"ANSWER = {answer}\n",
        f"{info}/METADATA": "Metadata-Version: 2.1\nName: tinypure\nVersion: 1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    lines = []
    for name, text in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
        lines.append(f"{name},sha256={digest},{len(text)}")
    files[f"{info}/RECORD"] = "\n".join([*lines, f"{info}/RECORD,,", ""])
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(folder / WHEEL, "w") as wheel:
        for name, text in files.items():
            wheel.writestr(zipfile.ZipInfo(name, (2020, 1, 1, 0, 0, 0)), text)
    return folder / WHEEL


def git(folder: Path, *arguments: str) -> str:
    who = ["-c", "user.name=T", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false"]
    done = subprocess.run(["git", *who, *arguments], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()


@dataclass(frozen=True)
class Upstream:
    """A repository whose pinned commit is not its newest."""

    folder: Path
    commit: str
    tree: str
    newest: str


def make_upstream(folder: Path) -> Upstream:
    (folder / "sub").mkdir(parents=True)
    git(folder, "init", "-q", "-b", "main")
    (folder / "net.py").write_text("LAYERS = 3\n")
    (folder / "sub/run.sh").write_text("echo hello\n")
    os.chmod(folder / "sub/run.sh", 0o755)
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "first")
    commit, tree = git(folder, "rev-parse", "HEAD"), git(folder, "rev-parse", "HEAD^{tree}")
    (folder / "net.py").write_text("LAYERS = 4\n")
    git(folder, "commit", "-qam", "second")
    return Upstream(folder, commit, tree, git(folder, "rev-parse", "HEAD"))


def make_engine(folder: Path, wheel: Path, upstream: Upstream, python: str, /, **changes: Any) -> Path:
    """Write an engine's folder; `changes` replace keys of its engine.yaml, None takes one out."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "requirements.lock").write_text(f"tinypure==1.0 --hash=sha256:{sha256(wheel.read_bytes())}\n")
    (folder / "worker.py").write_text(WORKER)
    manifest: dict[str, Any] = {
        "name": folder.name, "kind": "avatar", "summary": "a tiny one", "version": "1",
        "licence": {"code": "Apache-2.0"},
        "upstream": {"url": str(upstream.folder), "commit": upstream.commit, "tree": upstream.tree},
        "environments": [{"name": "only", "python": python, "lock": "requirements.lock", "disk": "12 MB"}],
        "options": {"size": {"type": "integer", "choices": [256, 512], "default": 256, "help": "pixels"},
                    "scale": {"type": "number", "default": 1.0, "least": 0, "most": 3},
                    "still": {"type": "boolean", "default": False}},
    }
    manifest.update(changes)
    (folder / "engine.yaml").write_text(yaml.safe_dump({k: v for k, v in manifest.items() if v is not None}))
    return folder


@dataclass
class Host:
    """A server of files that can cut, stall and refuse."""

    files: dict[str, bytes] = field(default_factory=dict)
    cuts: dict[str, list[int]] = field(default_factory=dict)  # bytes after which the next connections are cut
    held: set[str] = field(default_factory=set)  # paths (their beginnings) that are answered only to half, then wait
    status: dict[str, int] = field(default_factory=dict)
    ranges: bool = True
    hits: list[tuple[str, str]] = field(default_factory=list)  # path, Range
    stalled: threading.Event = field(default_factory=threading.Event)
    go: threading.Event = field(default_factory=threading.Event)
    url: str = ""

    def hold(self, *paths: str) -> None:
        self.held, self.stalled, self.go = set(paths), threading.Event(), threading.Event()

    def release(self) -> None:
        self.held = set()
        self.go.set()


@contextlib.contextmanager
def serving() -> Iterator[Host]:
    host = Host()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            asked = self.headers.get("Range", "")
            self.path = self.path.partition("?")[0]
            host.hits.append((self.path, asked))
            body = host.files.get(self.path)
            status = host.status.get(self.path, 200 if body is not None else 404)
            self.close_connection = True
            start = int(asked[6:].rstrip("-")) if asked and host.ranges and status == 200 else 0
            body = (body or b"")[start:]
            self.send_response(206 if start else status)
            if start:
                self.send_header("Content-Range", f"bytes {start}-{start + len(body) - 1}/{start + len(body)}")
            self.send_header("Content-Type", "text/html" if self.path.endswith("/") else "application/octet-stream")
            self.send_header("Content-Length", str(len(body)))
            self.send_header("ETag", f'"{sha256(host.files.get(self.path, b""))[:16]}"')
            self.end_headers()
            self._send(body)

        def _send(self, body: bytes) -> None:
            cuts = host.cuts.get(self.path)
            if cuts:
                body = body[:cuts.pop(0)]
            with contextlib.suppress(OSError):
                if any(self.path.startswith(path) for path in host.held):
                    self.wfile.write(body[:len(body) // 2])
                    self.wfile.flush()
                    host.stalled.set()
                    host.go.wait(60)
                    body = body[len(body) // 2:]
                self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    host.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield host
    finally:
        host.release()
        server.shutdown()
        server.server_close()
        thread.join()
