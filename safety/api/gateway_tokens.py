"""GatewayTokens: whose API token a request of a gateway carries (`ingest.gateway.logins.TokenHolders`)."""

from devices.clock import Clock
from ingest.gateway.logins import TokenHolder
from safety.api.people import EDITS
from safety.store.database import Database
from safety.store.sessions import find_session


class GatewayTokens:
    """Finds tokens among the sessions in the store."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def find(self, token: str) -> TokenHolder | None:
        with self._database.reading() as connection:
            person = find_session(connection, token, self._clock.now_ms())
        return None if person is None else TokenHolder(person.login, person.org, person.role in EDITS)
