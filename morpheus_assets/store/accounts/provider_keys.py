"""Provider keys at rest: AES-256-GCM under a master key that is given from outside and never stored.

A ciphertext is bound to its provider's name, so that a row moved under another name does not decrypt.
"""

import base64
import binascii
import hashlib
import os
from dataclasses import dataclass
from datetime import datetime

from morpheus_assets.store.database.errors import StoreError
from morpheus_assets.store.database.statements import load_queries
from morpheus_assets.store.database.transactions import Bind, autocommit, transaction

queries = load_queries(__file__)

_KEY_BYTES, _NONCE_BYTES = 32, 12


class KeyUnusable(StoreError):
    """A stored key cannot be decrypted, or the master key is none."""


@dataclass(frozen=True)
class StoredKey:
    """A stored key as it may be shown: never the key itself."""

    provider: str
    master: str
    updated_at: datetime


class MasterKey:
    """32 random bytes, written in base64; `name` is the head of their sha256 and tells nothing of them."""

    def __init__(self, text: str) -> None:
        try:
            self._bytes = base64.urlsafe_b64decode(text.strip())
        except (ValueError, binascii.Error):
            self._bytes = b""
        if len(self._bytes) != _KEY_BYTES:
            raise KeyUnusable(
                "MORPHEUS_MASTER_KEY is no master key (32 bytes in base64): make one with `morpheus keys new-master`."
            )
        self.name = hashlib.sha256(b"morpheus master " + self._bytes).hexdigest()[:12]

    def __repr__(self) -> str:
        return f"MasterKey({self.name})"

    @staticmethod
    def new() -> str:
        """A fresh one, as it is written."""
        return base64.urlsafe_b64encode(os.urandom(_KEY_BYTES)).decode()

    def encrypt(self, provider: str, key: str) -> tuple[bytes, bytes]:
        """(nonce, ciphertext) of a provider's key."""
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        nonce = os.urandom(_NONCE_BYTES)
        return nonce, AESGCM(self._bytes).encrypt(nonce, key.encode(), provider.encode())

    def decrypt(self, provider: str, nonce: bytes, ciphertext: bytes) -> str:
        """A provider's key. Raises KeyUnusable when it was made under another master key or was tampered with."""
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        try:
            return AESGCM(self._bytes).decrypt(nonce, ciphertext, provider.encode()).decode()
        except InvalidTag:
            raise KeyUnusable(
                f"The stored key of {provider} cannot be decrypted with this master key: set the MORPHEUS_MASTER_KEY it"
                f" was stored under, or store it again (morpheus keys set {provider})."
            ) from None


def save_key(bind: Bind, provider: str, key: str, master: MasterKey) -> None:
    """Store a provider's key, in place of the one before."""
    nonce, ciphertext = master.encrypt(provider, key)
    with autocommit(bind) as connection:
        connection.execute(
            queries.save_key,
            {"provider": provider, "master": master.name, "nonce": nonce, "ciphertext": ciphertext},
        )


def read_key(bind: Bind, provider: str, masters: list[MasterKey]) -> str | None:
    """A provider's key, None when none is stored; `masters` are the present and the previous master key."""
    with autocommit(bind) as connection:
        row = connection.execute(queries.read_key, {"provider": provider}).fetchone()
    if row is None or not masters:
        return None
    master = next((each for each in masters if each.name == row[0]), masters[0])
    return master.decrypt(provider, bytes(row[1]), bytes(row[2]))


def list_keys(bind: Bind) -> list[StoredKey]:
    """The stored keys by provider, each with the name of its master key."""
    with autocommit(bind) as connection:
        return [StoredKey(*row) for row in connection.execute(queries.list_keys)]


def remove_key(bind: Bind, provider: str) -> bool:
    """Delete a provider's stored key; whether there was one."""
    with autocommit(bind) as connection:
        return connection.execute(queries.delete_key, {"provider": provider}).rowcount == 1


def rotate(bind: Bind, old: MasterKey, new: MasterKey) -> int:
    """Encrypt every key that is under `old` with `new`, all or none; how many. Raises KeyUnusable."""
    with transaction(bind) as connection:
        rows = connection.execute(queries.keys_under_other_masters, {"master": new.name}).fetchall()
        for provider, nonce, ciphertext in rows:
            fresh_nonce, fresh = new.encrypt(provider, old.decrypt(provider, bytes(nonce), bytes(ciphertext)))
            connection.execute(
                queries.replace_key,
                {"provider": provider, "master": new.name, "nonce": fresh_nonce, "ciphertext": fresh},
            )
    return len(rows)
