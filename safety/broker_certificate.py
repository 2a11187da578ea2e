"""BrokerCertificate: which certificate the embedded broker shows, and that it never runs out."""

from pathlib import Path

import structlog

from devices.clock import Clock
from ingest.broker.tls import TlsFiles
from safety.config import ConfigError, Settings
from safety.trust import Trust, TrustError, server_names

_LOOK_EVERY_S = 3600.0

_log = structlog.get_logger(__name__)


class BrokerCertificate:
    """The configured certificate, or one from the authority in `data_dir`, renewed in time.

    The broker looks at the file itself, so that who brings a certificate of their own renews it by writing
    it anew. Devices' certificates count if they are from the authority in `data_dir`.
    """

    def __init__(self, data_dir: Path, settings: Settings, listens_on: str, clock: Clock) -> None:
        self._trust = Trust(data_dir)
        self._settings = settings
        self._names = server_names(listens_on, [name for name in settings.mqtts_names.split(",") if name])
        self._clock = clock

    def files(self) -> TlsFiles:
        """Return the files to start with, made where they have to be.

        Raises:
            ConfigError: a certificate is set without its key, or the key without it.
            TrustError: none is set, and there is no authority to make one.
        """
        own, key = self._settings.mqtts_certificate, self._settings.mqtts_key
        authority = self._trust.authority_file if self._trust.exists else None
        if own is not None and key is not None:
            return TlsFiles(own, key, authority)
        if own is not None or key is not None:
            raise ConfigError("mqtts_certificate and mqtts_key: expected both or none of them")
        self._trust.renew_server(self._names, self._clock.now_ms())
        return TlsFiles(self._trust.server_file, self._trust.server_key, authority)

    async def run(self) -> None:
        """Renew the certificate in time, for ever; one that was configured is its owner's business."""
        while True:
            await self._clock.sleep_s(_LOOK_EVERY_S)
            if self._settings.mqtts_certificate is not None:
                continue
            try:
                if self._trust.renew_server(self._names, self._clock.now_ms()):
                    _log.info("certificate renewed", action="certificate.renewed")
            except TrustError as error:
                _log.error("certificate not renewed", action="certificate.not_renewed", error=str(error))
