"""What an MQTT 5 client and the broker agreed on at CONNECT, as far as the dialogue has to remember it."""

from ota_broker.front.codec.packets import Connect


class Terms:
    """The terms of one connection."""

    __slots__ = ("aliases", "may_extend_session", "unanswered", "wants_reasons")

    def __init__(self, connect: Connect) -> None:
        self.aliases: dict[int, bytes] | None = None  # topics the client has given a number; made when it does
        self.may_extend_session = connect.session_expiry > 0  # 3.14.2.2.2
        self.unanswered = 0  # QoS 1 messages taken in this turn, whose acknowledgements have not left
        self.wants_reasons = connect.wants_reasons  # 3.1.2.11.7
