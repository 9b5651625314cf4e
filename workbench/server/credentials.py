"""Who may use the standalone server: names with scrypt hashes of their secrets (RFC 7914), in a file of the owner's.

There is no default secret. One that was made here is shown once and has 256 bits; one that a person chose is a
password, which is why the hash is slow. A secret that was right is remembered as a fast digest for as long as the
process lives, so that only the first request with it, and wrong ones, cost the time of scrypt.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import re
import secrets
import threading
import uuid
from pathlib import Path
from typing import Any

from workbench.errors import InputError

# OWASP, "Password Storage": N=2^15, r=8, p=3 (32 MiB)
_COST = {"n": 1 << 15, "r": 8, "p": 3}
_MEMORY = 64 * 1024 * 1024
_NAME = re.compile(r"[A-Za-z0-9_-]{1,60}")
_SHORTEST_PASSWORD = 12


class Credentials:
    """Names and hashed secrets.

    Parameters
    ----------
    path : Path
        The file, readable by its owner alone. It need not exist yet.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._proven = secrets.token_bytes(32)  # a key of this process: digests mean nothing outside of it
        self._right: dict[bytes, tuple[str, str]] = {}
        self._lock = threading.Lock()

    def names(self) -> list[str]:
        """Who may come in."""
        return sorted(self._read())

    def add(self, name: str, secret: str | None = None) -> str:
        """Let somebody in, or give them another secret, and give the token ``name.secret``.

        Parameters
        ----------
        name : str
            Letters, digits, ``-`` and ``_``.
        secret : str, optional
            A password of 12 letters or more; by default 256 random bits.

        Raises
        ------
        InputError
            When the name or the password cannot be used.
        """
        if not _NAME.fullmatch(name):
            raise InputError(f"{name[:80]!r} cannot be a name.", "Use up to 60 letters, digits, '-' and '_'.")
        if secret is not None and not (_SHORTEST_PASSWORD <= len(secret) <= 1000 and secret.isprintable()):
            raise InputError("The password cannot be used.", f"Use {_SHORTEST_PASSWORD} characters or more.")
        secret = secret or secrets.token_urlsafe(32)
        salt = secrets.token_bytes(16)
        self._write(self._read() | {name: {"salt": salt.hex(), "hash": _hash(secret, salt).hex()}})
        return f"{name}.{secret}"

    def remove(self, name: str) -> None:
        """Let somebody in no more; `InputError` when nobody has that name."""
        known = self._read()
        if name not in known:
            raise InputError(f"Nobody is called {name[:80]!r}.", f"Known are: {', '.join(sorted(known)) or 'none'}.")
        self._write({other: entry for other, entry in known.items() if other != name})

    def check(self, token: str) -> str | None:
        """Give the name that a token ``name.secret`` belongs to, None if it is wrong. Takes a tenth of a second."""
        name, _, secret = token.partition(".")
        entry = self._read().get(name) if len(token) <= 2000 else None
        if entry is None:
            _hash(secret[:1000], b"nobody's")  # as long as for somebody: times tell no names
            return None
        right = hmac.compare_digest(_hash(secret, bytes.fromhex(entry["salt"])), bytes.fromhex(entry["hash"]))
        if right:
            with self._lock:
                if len(self._right) > 1000:
                    self._right.clear()
                self._right[self._digest(token)] = (name, entry["hash"])
        return name if right else None

    def remembered(self, token: str) -> str | None:
        """Give the name for a token that was right before and still is; takes microseconds."""
        name, stored = self._right.get(self._digest(token), (None, None))
        if name is None or self._read().get(name, {}).get("hash") != stored:
            return None
        return name

    def _digest(self, token: str) -> bytes:
        return hmac.digest(self._proven, token.encode("utf-8", "surrogatepass"), "sha256")

    def _read(self) -> dict[str, Any]:
        """Read the file if it has changed since it was read."""
        try:
            found = os.stat(self.path)
        except FileNotFoundError:
            return {}
        stamp = (found.st_mtime_ns, found.st_size, found.st_ino)
        with self._lock:
            if getattr(self, "_stamp", None) != stamp:
                try:
                    self._entries = dict(json.loads(self.path.read_text())["users"])
                except (OSError, ValueError, KeyError, TypeError) as error:
                    raise InputError(
                        f"The credentials {str(self.path)!r} cannot be read: {error}.", "Repair or remove the file."
                    ) from error
                self._stamp = stamp
            return self._entries

    def _write(self, entries: dict[str, Any]) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        beside = self.path.with_name(f".{self.path.name}.{uuid.uuid4().hex[:8]}")
        with open(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            json.dump({"users": entries}, file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, self.path)


def _hash(secret: str, salt: bytes) -> bytes:
    return hashlib.scrypt(secret.encode("utf-8", "surrogatepass"), salt=salt, maxmem=_MEMORY, **_COST)
