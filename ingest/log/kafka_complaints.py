"""KafkaComplaints: what aiokafka has to say, which it says in its log alone; whoever uses it imports this."""

import logging


class KafkaComplaints(logging.Handler):
    """Keeps to itself what aiokafka logs: ten times a second that a node is away, and nowhere else why.

    What cannot be appended or read for it, we say.
    """

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.last: str | None = None
        client = logging.getLogger("aiokafka")
        client.propagate = False
        client.addHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        """Note why no connection could be made, and to which server."""
        if isinstance(record.args, tuple) and len(record.args) == 3:
            host, port, why = record.args
            self.last = f"{host}:{port}: {why or type(why).__name__}"


complaints = KafkaComplaints()
