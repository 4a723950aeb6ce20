"""MQTT topics as NATS subjects and back: levels are tokens, and what a token cannot hold is written otherwise."""

_EMPTY = "/"  # the token of a level without a character
_DOT = "//"  # a dot within a level


def subject_of(topic: str) -> str:
    """Return the NATS subject of a topic or of a filter."""
    levels = topic.replace("+", "*").split("/")
    return ".".join(level.replace(".", _DOT) or _EMPTY for level in levels)


def topic_of(subject: str) -> str:
    """Return the topic of a NATS subject."""
    return "/".join("" if token == _EMPTY else token.replace(_DOT, ".") for token in subject.split("."))
