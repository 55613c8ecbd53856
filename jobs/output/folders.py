"""The folders a run writes to: what they may be, and that none lies in another or in the input.

All this is checked before Spark starts; nothing is written here.
"""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from jobs.errors import SettingsError
from jobs.places.place import Location, Place, is_address, plain
from jobs.places.place import located as placed

if TYPE_CHECKING:  # a run file's sections take longer to load than a small table
    from jobs.settings.run_file import RunFile

MOUNTS = "/proc/self/mountinfo"
OCTAL = re.compile(r"\\([0-7]{3})")  # how that file writes blanks and backslashes
UNNAMED = re.compile(r"[`\x00-\x1f]")
MOST_SHOWN = 200  # characters of a path
KINDS = {
    stat.S_IFREG: "a file",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
}


def checked(settings: RunFile, conf: str) -> RunFile:
    """The settings with the folders `out` and `work` as whole paths, links resolved.

    Raises SettingsError where a folder cannot be written, or where `out`, `work`, `simulate.path` and the
    input lie in one another.
    """
    out, work = _anywhere(settings.out, "out"), _anywhere(settings.work, "work")
    if isinstance(out, Path):
        replaced_as_a_whole(out, "out")
    if isinstance(work, Path):
        own_folder(work, "work")
    _demand_name_of_tables(work)
    if settings.releases and is_address(settings.releases):
        located(settings.releases, "releases")
    own: dict[str, Location] = {"out": out, "work": work}
    simulated = [of.simulate.path for of in settings.slices.values() if of.simulate]
    if simulated:
        own["simulate.path"] = located(simulated[0], "simulate.path")
    apart(own)
    for label, path in _inputs(settings, conf).items():
        for name, folder in own.items():
            if name == "simulate.path" and not _within(folder, path):
                continue  # the run reads what it simulated
            _demand_apart(name, folder, label, path)
    return settings.model_copy(update={"out": str(out), "work": str(work)})


def _demand_name_of_tables(work: Location) -> None:
    """Raise SettingsError for a path that Delta cannot take as the name of a table."""
    if UNNAMED.search(str(work)):
        raise SettingsError(
            f"work {_shown(str(work))} holds a backtick or a line break, which no table's path can have; "
            "name another folder."
        )


def _anywhere(text: str, label: str) -> Location:
    """A folder to write to, here or elsewhere. Raises SettingsError, see `located`; Unreachable."""
    place = placed(text)
    if isinstance(place, Path):
        return located(text, label)
    if len(place.parents) < 1:
        raise SettingsError(f"{label} {place} is a whole file system; name a folder in it.")
    for above in (place, *place.parents):
        if above.is_file():
            where = "is" if above == place else f"lies in {above}, which is"
            raise SettingsError(f"{label} {place} {where} a file; name a folder.")
    return place


def located(text: str, label: str) -> Path:
    """A folder to write to, as a whole path with its links resolved; it may be absent.

    Raises SettingsError where it can be no folder, or the user may not write there.
    """
    text = plain(text)
    subject = f"{label} {_shown(text)}"
    if is_address(text):
        raise SettingsError(f"{subject} is an address; name a folder of this machine.")
    home = os.path.expanduser(text)
    if text.startswith("~") and home == text:
        raise SettingsError(f"{subject} names no user's home; write ./{text} for a folder of that name.")
    try:
        given = Path.cwd() / home
        _demand_folder(given, subject)
        folder = Path(os.path.realpath(given))
        _demand_folder(folder, subject)
    except ValueError:
        raise SettingsError(f"{subject} holds a character that no path can have; mend it.") from None
    except OSError as error:
        reason = (error.strerror or "unknown").lower()
        raise SettingsError(f"{subject} cannot be used: {reason}; name another folder.") from None
    return folder


def replaced_as_a_whole(folder: Path, label: str) -> None:
    """Raise SettingsError where a folder cannot change places with a new one beside it."""
    own_folder(folder, label)
    if folder in _mounts() or os.path.ismount(folder):
        raise SettingsError(
            f"{label} {folder} is a mount point and cannot be replaced as a whole; "
            f"name a folder in it, such as {folder / 'published'}."
        )
    if folder.exists():
        _demand_writable(folder.parent, f"{label} {folder} cannot be replaced as a whole")


def own_folder(folder: Path, label: str) -> None:
    """Raise SettingsError for the folder in which the user works, the user's home, and those above them."""
    home = Path(os.path.expanduser("~"))
    for word, place in (("the current folder", Path.cwd()), ("the home folder", home)):
        if _within(place, folder):
            relation = "is" if _within(folder, place) else "holds"
            raise SettingsError(f"{label} {folder} {relation} {word}; name a folder of its own.")


def apart(folders: Mapping[str, Location]) -> None:
    """Raise SettingsError for the first two folders of which one lies in the other."""
    names = list(folders)
    for number, name in enumerate(names):
        for other in names[number + 1 :]:
            _demand_apart(name, folders[name], other, folders[other])


def apart_from_input(folder: Path, label: str, inputs: dict[str, str | None]) -> None:
    """Raise SettingsError where a folder to write to is, holds or lies in an input."""
    for name, text in inputs.items():
        path = _real(text) if text else None
        if path is not None:
            _demand_apart(label, folder, name, path)


def _demand_apart(name: str, folder: Location, other: str, place: Location) -> None:
    inner, outer = _within(folder, place), _within(place, folder)
    if inner or outer:
        relation = "are the same" if inner and outer else f"lies in {other}" if inner else f"holds {other}"
        words = f"{name} and {other} {relation}" if inner and outer else f"{name} {relation}"
        raise SettingsError(f"{words} ({place}); give {name} a folder of its own.")


def _inputs(settings: RunFile, conf: str) -> dict[str, Location]:
    """What the run reads, by the names of the settings; links resolved, paths only."""
    named: dict[str, str | None] = {"the run file": conf}
    several = len({slice.country for slice in settings.slices}) > 1
    for slice, own in settings.slices.items():
        of = str(slice) if several else slice.wave
        of_country = f" of {slice.country}" if several else ""
        named |= {f"{key}{of_country}": getattr(own, key) for key in ("regions", "sectors", "model")}
        if own.survey:
            named[f"the survey of {of}"] = own.survey.path
            named[f"the wave map of {of}"] = own.survey.map
        if own.flows:
            for role, path in own.flows.paths.items():
                named[f"the table {role} of {of}"] = path
    paths = {name: _real(text) for name, text in named.items() if text}
    return {name: path for name, path in paths.items() if path is not None}


def _real(text: str) -> Location | None:
    """A path with its links resolved, or a place elsewhere; None where it is no path: its reader says so."""
    if is_address(text):
        return placed(text)
    try:
        return Path(os.path.realpath(os.path.expanduser(text)))
    except (OSError, ValueError):
        return None


def _within(inner: Location, outer: Location) -> bool:
    """Whether a path is another one or lies in it, also by another name of the same folder."""
    if isinstance(inner, Place) or isinstance(outer, Place):
        return outer == inner or (isinstance(inner, Place) and outer in inner.parents)
    chain = [inner, *inner.parents]
    if outer in chain:
        return True
    try:
        identity = os.stat(outer)
        return any(path.exists() and os.path.samestat(path.stat(), identity) for path in chain)
    except (OSError, ValueError):
        return False


def _demand_folder(path: Path, subject: str) -> None:
    """Raise SettingsError unless the path is a folder, or could be made one by this user."""
    for place in (path, *path.parents):
        try:
            os.lstat(place)
        except (FileNotFoundError, NotADirectoryError):
            continue
        where = "is" if place == path else f"lies in {place}, which is"
        if place.is_symlink() and not place.exists():
            raise SettingsError(f"{subject} {where} a link that leads nowhere; mend the link.")
        kind = stat.S_IFMT(place.stat().st_mode)
        if kind != stat.S_IFDIR:
            raise SettingsError(f"{subject} {where} {KINDS.get(kind, 'no folder')}; name a folder.")
        longest = os.pathconf(place, "PC_NAME_MAX")
        if any(len(os.fsencode(part)) > longest for part in path.parts):
            raise OSError(errno.ENAMETOOLONG, os.strerror(errno.ENAMETOOLONG))
        _demand_writable(place, f"{subject} cannot be written")
        return


def _demand_writable(place: Path, words: str) -> None:
    if not os.access(place, os.W_OK | os.X_OK):
        raise SettingsError(f"{words}: this user may not write to {place}; name another folder.")


def _shown(text: str) -> str:
    """A path as it may stand in a sentence: what cannot be printed is escaped, a very long one is cut."""
    plain = "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode() for letter in text
    )
    return plain if len(plain) <= MOST_SHOWN else f"{plain[:MOST_SHOWN]}…"


def _mounts() -> set[Path]:
    """Where something is mounted, folders of the same disk included; none where the system does not tell."""
    try:
        lines = Path(MOUNTS).read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return set()
    names = [line.split(" ")[4] for line in lines if line.count(" ") > 4]
    return {Path(OCTAL.sub(lambda code: chr(int(code[1], 8)), name)) for name in names}
