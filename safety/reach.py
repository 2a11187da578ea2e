"""Where devices reach the service: what the settings say of it, and what follows where they say nothing."""

from urllib.parse import urlsplit

from safety.config import Settings
from safety.domain.enrolment import Addresses


def addresses_of(settings: Settings, mqtt_port: int) -> Addresses:
    """Return where devices reach the service; `mqtt_port` is where the embedded broker listens without TLS.

    They reach the broker over TLS wherever it listens for that: a device says its secret to it.
    """
    if settings.public_mqtt_url is not None:
        return Addresses(settings.public_url, settings.public_mqtt_url, mqtt_port)
    if settings.broker_url is not None:
        outside = urlsplit(settings.broker_url)
        without_login = f"{outside.scheme}://{outside.netloc.rpartition('@')[2]}"
        return Addresses(settings.public_url, without_login, mqtt_port)
    if settings.mqtts_port:
        return Addresses(settings.public_url, None, settings.mqtts_port, mqtt_secure=True)
    return Addresses(settings.public_url, None, mqtt_port)
