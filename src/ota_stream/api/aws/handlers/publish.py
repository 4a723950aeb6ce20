"""Publish of the data plane: a message over HTTP reaches who has subscribed over MQTT."""

from typing import Final

from ota_stream.answers import Audience, Effect, Reply
from ota_stream.api.aws.clouded import AwsOperated
from ota_stream.api.aws.given import Given, Shown, invalid

PAYLOAD_MAX: Final = 128 * 1024  # Q-28, bytes
TOPIC_MAX: Final = 256  # bytes of UTF-8
SLASHES_MAX: Final = 7


def publish(_: AwsOperated, given: Given) -> tuple[Shown, Effect]:
    """Publish. Nothing is retained, and a topic of the cloud's own takes no message from here."""
    topic, payload = given["topic"], given.get("payload", b"")
    if not topic or len(topic.encode()) > TOPIC_MAX or topic.count("/") > SLASHES_MAX:
        raise invalid(f"topic: use 1 to {TOPIC_MAX} bytes with at most {SLASHES_MAX} slashes")
    if any(sign in topic for sign in "+#\0"):
        raise invalid("topic: a message has no wildcards in its topic")
    if topic.startswith("$"):
        raise invalid("topic: ota-stream takes messages to topics beginning with $ over MQTT only")
    if len(payload) > PAYLOAD_MAX:
        raise invalid(f"payload: use at most {PAYLOAD_MAX} bytes")
    if given.get("retain"):
        raise invalid("retain is not supported by ota-stream over HTTP: publish it over MQTT")
    reply = Reply(topic, bytes(payload), given.get("qos", 0), Audience.SUBSCRIBERS)
    return {}, Effect(replies=(reply,))


CHANGES: Final = {"Publish": publish}
