"""One short word for all settings as they stand, by which a change of them is noticed after a restart."""

import hashlib
import json

from pydantic import SecretStr

from morpheus_assets.settings import Settings


def settings_digest(settings: Settings) -> str:
    """The same for the same settings and spaces file; tells nothing of a key that is among them."""
    values = {name: _plain(getattr(settings, name)) for name in sorted(Settings.model_fields)}
    try:
        described = settings.spaces_file.read_bytes()
    except OSError:
        described = b""
    return hashlib.sha256(json.dumps(values).encode() + described).hexdigest()[:16]


def _plain(value: object) -> str:
    return value.get_secret_value() if isinstance(value, SecretStr) else str(value)
