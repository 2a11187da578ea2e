"""Mosquitto's command-line clients: the outside's hands on MQTT."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from queue import Queue
from threading import Thread
from typing import Any

from tests.support.waiting import PATIENCE_S


def publish(port: int, device: dict[str, Any], topic: str, payload: str | bytes, *, qos: int = 1) -> None:
    """Publish one message with a device's credentials."""
    data = payload.encode() if isinstance(payload, str) else payload
    command = [
        "mosquitto_pub",
        "-h",
        "127.0.0.1",
        "-p",
        str(port),
        "-u",
        device["id"],
        "-P",
        device["secret"],
    ]
    subprocess.run([*command, "-t", topic, "-q", str(qos), "-s"], input=data, check=True, timeout=PATIENCE_S)


def publish_json(port: int, device: dict[str, Any], channel: str, message: Any) -> None:
    """Publish a native message on the device's own topic."""
    publish(port, device, f"vigil/v1/{device['id']}/{channel}", json.dumps(message))


@contextmanager
def listening(port: int, device: dict[str, Any]) -> Iterator["Queue[dict[str, Any]]"]:
    """Have mosquitto_sub on the device's `down` topic; yields a queue of what it hears."""
    topic = f"vigil/v1/{device['id']}/down"
    # Line by line: into a pipe it would keep its words to itself.
    command = [
        "stdbuf",
        "-oL",
        "mosquitto_sub",
        "-h",
        "127.0.0.1",
        "-p",
        str(port),
        "-u",
        device["id"],
        "-P",
        device["secret"],
    ]
    heard: Queue[dict[str, Any]] = Queue()
    with subprocess.Popen(
        [*command, "-t", topic, "-q", "1", "-d"], stdout=subprocess.PIPE, text=True, bufsize=1
    ) as process:
        try:
            _await_subscription(process)
            reader = Thread(target=_read, args=(process, heard), daemon=True)
            reader.start()
            yield heard
        finally:
            process.kill()


def _await_subscription(process: "subprocess.Popen[str]") -> None:
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("Subscribed"):
            return
    raise AssertionError("mosquitto_sub ended before it had subscribed")


def _read(process: "subprocess.Popen[str]", heard: "Queue[dict[str, Any]]") -> None:
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("{"):
            heard.put(json.loads(line))
