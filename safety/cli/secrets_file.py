"""Secrets file: new devices and their secrets as CSV, for its owner's eyes only, written once."""

import csv
import io
import os
from collections.abc import Sequence
from pathlib import Path

from safety.cli.common import Failure
from safety.domain.enrolment import Reach, enrol
from safety.store.device_import import Imported

COLUMNS = ("id", "secret", "kind", "nurse", "codec", "external_id", "link")


def as_csv(imported: Sequence[Imported], reach: Reach) -> str:
    """Return a table of devices with their secrets and what sets them up."""
    out = io.StringIO()
    table = csv.writer(out, lineterminator="\n")
    table.writerow(COLUMNS)
    for _, device, secret in imported:
        link = enrol(device.id, device.codec, device.external_id, secret, reach).link
        external_id = device.external_id or ""
        table.writerow([device.id, secret, device.kind, device.nurse, device.codec, external_id, link or ""])
    return out.getvalue()


def write_secrets(path: Path, text: str) -> None:
    """Write a file that is not there yet, with mode 0600, and have it on the disk when this returns.

    Raises:
        Failure: it is there already, or cannot be written.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise Failure(f"{path} is there already: expected a new file for the secrets") from None
    except OSError as error:
        raise Failure(f"{path} cannot be written: {error.strerror}") from error
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
