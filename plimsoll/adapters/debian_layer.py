"""Debian packages -> one image layer, by unpacking them and nothing else.

No maintainer script runs, so no root rights and no chroot are needed and equal packages give equal bytes. What such scripts
commonly leave behind and programs look for (users, a few links, the record of what is installed) is written here.
"""

from __future__ import annotations

import io
import re
import tarfile
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

from plimsoll.domain.bases import EPOCH, LINKS, placed, wanted
from plimsoll.errors import Failed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from plimsoll.domain.project import Base

# Certificates of authorities, which programs look for in one file.
AUTHORITY = re.compile(r"usr/share/ca-certificates/.+\.crt")
# Where images put what is their own.
LOCAL_FOLDERS = ("usr/local/bin", "usr/local/lib", "usr/local/sbin", "usr/local/share")
AR_MAGIC = b"!<arch>\n"
AR_HEADER = 60
# uid and gid under which every image of Plimsoll's conventions runs.
APP = 1001
USERS = "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n"
# Where names are looked up: without it, a name server may be asked before /etc/hosts.
LOOKUPS = "passwd: files\ngroup: files\nhosts: files dns\nservices: files\nprotocols: files\n"
GROUPS = "root:x:0:\nnogroup:x:65534:\n"


@dataclass
class _Entry:
    info: tarfile.TarInfo
    # Where the content lies in the spool; None for what has none.
    offset: int | None = None


class LayerWriter:
    """Collects the files of packages and writes them as one sorted tar archive."""

    def __init__(self, base: Base, spool: IO[bytes]) -> None:
        """Make the layer of `base`, keeping contents in `spool` until they are written.

        In a runtime base no program may take another user's rights: set-uid and set-gid bits are taken away.
        """
        self._base = base
        self._spool = spool
        self._keep_rights = base.kind == "builder"
        self._entries: dict[str, _Entry] = {}
        self._status: list[tuple[str, str]] = []

    def add_package(self, deb: Path) -> None:
        """Unpack one archive. Raise Failed when it is no Debian package of a known compression."""
        members = dict(_ar_members(deb))
        control = next((body for name, body in members.items() if name.startswith("control.tar")), None)
        data = next((body for name, body in members.items() if name.startswith("data.tar")), None)
        if control is None or data is None:
            raise Failed("this is no Debian package", where=str(deb), now="remove it and run the command again")
        fields = _control(control)
        package, architecture = _field(fields, "Package"), _field(fields, "Architecture")
        files = sorted(self._unpack(package, data))
        self._status.append((package, _status(fields)))
        suffix = f":{architecture}" if _field(fields, "Multi-Arch") == "same" else ""
        listing = "".join(f"/{name}\n" for name in files)
        self.add_file(f"var/lib/dpkg/info/{package}{suffix}.list", listing.encode())

    def _unpack(self, package: str, data: bytes) -> Iterator[str]:
        with tarfile.open(fileobj=io.BytesIO(data), mode="r:*") as archive:
            for member in archive:
                name = placed(member.name)
                if not name or not wanted(name, self._base):
                    continue
                # A package that still names the folder of which there is only a link now must not replace that link.
                present = self._entries.get(name)
                if member.isdir() and present is not None:
                    continue
                # The folder of a file that is wanted may itself be left out.
                self._add_folder(name.rpartition("/")[0])
                body = archive.extractfile(member) if member.isreg() else None
                self._place(name, member, body.read() if body else None, owner=package)
                yield name

    def _place(self, name: str, member: tarfile.TarInfo, body: bytes | None, *, owner: str) -> None:
        info = tarfile.TarInfo(name)
        info.type, info.linkname = member.type, member.linkname
        info.uid, info.gid = member.uid, member.gid
        info.mode = member.mode & (0o7777 if self._keep_rights or member.isdir() else 0o0777)
        info.mtime = EPOCH
        if member.islnk():
            info.linkname = placed(member.linkname)
            if info.linkname not in self._entries:
                raise Failed(f"package {owner} links {name} to a file that is not there", where=member.linkname)
        if body is None:
            self._entries[name] = _Entry(info)
            return
        info.size = len(body)
        self._entries[name] = _Entry(info, self._spool.seek(0, io.SEEK_END))
        self._spool.write(body)

    def add_file(self, name: str, body: bytes, mode: int = 0o644) -> None:
        """Add a file of our own, and the folders that lead to it."""
        self._add_folder(name.rpartition("/")[0])
        info = tarfile.TarInfo(name)
        info.mode = mode
        self._place(name, info, body, owner="plimsoll")

    def _add_folder(self, name: str) -> None:
        while name and name not in self._entries:
            folder = tarfile.TarInfo(name)
            folder.type, folder.mode, folder.mtime = tarfile.DIRTYPE, 0o755, EPOCH
            self._entries[name] = _Entry(folder)
            name = name.rpartition("/")[0]

    def add_link(self, name: str, target: str) -> None:
        """Add a symbolic link of our own, unless there is something already."""
        if name not in self._entries:
            info = tarfile.TarInfo(name)
            info.type, info.linkname, info.mode = tarfile.SYMTYPE, target, 0o777
            self._place(name, info, None, owner="plimsoll")

    def finish(self, out: IO[bytes]) -> None:
        """Write what scripts would have left behind, then every entry, sorted; hard links come after what they lead to."""
        self._leave_behind()
        order = sorted(self._entries.items(), key=lambda item: (item[1].info.islnk(), item[0]))
        with tarfile.open(fileobj=out, mode="w|", format=tarfile.PAX_FORMAT) as archive:
            for _name, entry in order:
                if entry.offset is None:
                    archive.addfile(entry.info)
                else:
                    self._spool.seek(entry.offset)
                    archive.addfile(entry.info, self._spool)

    def _leave_behind(self) -> None:
        self.add_file("var/lib/dpkg/status", "".join(text for _name, text in sorted(self._status)).encode())
        users = self._content("usr/share/base-passwd/passwd.master", USERS)
        groups = self._content("usr/share/base-passwd/group.master", GROUPS)
        users = users.replace("root:*:", "root:x:").replace(":*:", ":x:")
        self.add_file("etc/passwd", f"{users}app:x:{APP}:{APP}:app:/nonexistent:/usr/sbin/nologin\n".encode())
        self.add_file("etc/group", f"{groups.replace(':*:', ':x:')}app:x:{APP}:\n".encode())
        for folder in LOCAL_FOLDERS:
            self._add_folder(folder)
        authorities = sorted(name for name in self._entries if AUTHORITY.fullmatch(name))
        if authorities:
            bundle = "".join(f"{self._content(name, '').strip()}\n" for name in authorities)
            self.add_file("etc/ssl/certs/ca-certificates.crt", bundle.encode())
        if "etc/nsswitch.conf" not in self._entries:
            self.add_file("etc/nsswitch.conf", LOOKUPS.encode())
        self.add_link("var/run", "/run")
        self.add_link("var/lock", "/run/lock")
        for link, program in LINKS.items():
            if program in self._entries:
                self.add_link(link, program.rpartition("/")[2])

    def _content(self, name: str, default: str) -> str:
        entry = self._entries.get(name)
        if entry is None or entry.offset is None:
            return default
        self._spool.seek(entry.offset)
        return self._spool.read(entry.info.size).decode()


def write_layer(base: Base, debs: Iterable[Path], spool: IO[bytes], out: IO[bytes]) -> None:
    """Write the layer of `base` that these packages make up to `out`; `spool` is scratch space as large as their contents."""
    layer = LayerWriter(base, spool)
    for deb in sorted(debs):
        layer.add_package(deb)
    layer.finish(out)


def _ar_members(deb: Path) -> Iterator[tuple[str, bytes]]:
    with deb.open("rb") as file:
        if file.read(len(AR_MAGIC)) != AR_MAGIC:
            return
        while len(header := file.read(AR_HEADER)) == AR_HEADER:
            name, size = header[:16].decode("ascii").strip().rstrip("/"), int(header[48:58])
            yield name, file.read(size)
            # Members start at even offsets.
            file.seek(size % 2, io.SEEK_CUR)


def _control(control: bytes) -> str:
    with tarfile.open(fileobj=io.BytesIO(control), mode="r:*") as archive:
        for member in archive:
            body = archive.extractfile(member) if placed(member.name) == "control" else None
            if body is not None:
                return body.read().decode()
    raise Failed("a Debian package without a control file", now="remove the cached packages and run the command again")


def _field(fields: str, name: str) -> str:
    return next((line.partition(":")[2].strip() for line in fields.splitlines() if line.startswith(f"{name}:")), "")


def _status(fields: str) -> str:
    first, _, rest = fields.strip().partition("\n")
    return f"{first}\nStatus: install ok installed\n{rest}\n\n"
