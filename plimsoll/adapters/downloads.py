"""A project's own releases: fetched from its address, taken only when they hash to what is pinned."""

from __future__ import annotations

import hashlib
import os
import tarfile
from pathlib import PurePosixPath
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import requests

from plimsoll.errors import EnvironmentLacks

if TYPE_CHECKING:
    from pathlib import Path

    from plimsoll.domain.tools import Source

# Seconds to connect, and between two pieces: a network that swallows packets must not hold a newcomer up for long.
TIMEOUT = (5, 30)
PIECE = 1 << 20
GONE = {404, 410}


class SourceFailed(EnvironmentLacks):
    """A source did not bring its tool. `gone` means that it answered and no longer has it."""

    default_code = "source-failed"

    def __init__(self, what: str, *, where: str = "", gone: bool = False) -> None:
        """Describe what went wrong at which source."""
        super().__init__(what, where=where, now="correct the pin, or name a binary of your own")
        self.gone = gone


class Downloads:
    """Fetches files over HTTPS (Fetcher of kind `download`). A host that did not answer once is not asked again."""

    def __init__(self) -> None:
        """Start with every host believed to be there."""
        self._silent: dict[str, str] = {}

    def fetch(self, source: Source, platform: str, into: Path) -> None:
        """Put the release into `into`: unpacked where the source says so, otherwise as the program itself."""
        url = source.origin[platform]
        file = into / ".download" if source.unpack else into / source.program
        found = self._save(url, file)
        wanted = source.hash_for(platform)
        if found != wanted:
            file.unlink()
            raise SourceFailed(f"the download hashes to {found}, not to the pinned {wanted}", where=url)
        if source.unpack:
            _unpack(file, into, source.strip)
            file.unlink()

    def _save(self, url: str, file: Path) -> str:
        host = urlsplit(url).netloc
        if host in self._silent:
            raise SourceFailed(f"{host} does not answer: {self._silent[host]}", where=url)
        digest = hashlib.sha256()
        try:
            with requests.get(url, stream=True, timeout=TIMEOUT) as answer, file.open("wb") as out:
                if answer.status_code in GONE:
                    raise SourceFailed(f"{host} no longer has it (HTTP {answer.status_code})", where=url, gone=True)
                answer.raise_for_status()
                for piece in answer.iter_content(PIECE):
                    digest.update(piece)
                    out.write(piece)
        except requests.HTTPError as error:
            raise SourceFailed(f"{host} answers HTTP {error.response.status_code}", where=url) from error
        except requests.RequestException as error:
            self._silent[host] = type(error).__name__
            raise SourceFailed(f"{host} does not answer: {type(error).__name__}", where=url) from error
        return f"sha256:{digest.hexdigest()}"


def _unpack(archive: Path, into: Path, strip: int) -> None:
    """Unpack a tar archive, whose hash was checked before, without its first `strip` folders."""
    with tarfile.open(archive) as tar:
        # Debian 12's Python 3.11.2 ignores this; later ones warn where no filter is named.
        tar.extraction_filter = getattr(tarfile, "tar_filter", None)
        for member in tar:
            parts = PurePosixPath(member.name).parts[strip:]
            if not parts or ".." in parts:
                continue
            member.name = str(PurePosixPath(*parts))
            if member.islnk():
                member.linkname = str(PurePosixPath(*PurePosixPath(member.linkname).parts[strip:]))
            # Root would otherwise give the files to whoever packed them.
            member.uid, member.gid, member.uname, member.gname = os.getuid(), os.getgid(), "", ""
            tar.extract(member, into)
