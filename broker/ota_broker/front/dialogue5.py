"""What a client may say in MQTT 5 and what it is told: one function a packet, every refusal with its reason."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from ota_broker.front import dialogue, limits
from ota_broker.front.codec import grants, mqtt5
from ota_broker.front.codec.aliases import AliasingWire
from ota_broker.front.codec.packets import Message, PacketType, Publish, Refused, Violation
from ota_broker.front.codec.properties import Property
from ota_broker.front.codec.reasons import Reason
from ota_broker.front.delivery import shared
from ota_broker.front.delivery.topics import has_wildcard
from ota_broker.front.terms import Terms
from ota_broker.front.version import Arrival, Handle, Version

if TYPE_CHECKING:
    from ota_broker.front.connection import Connection

_FAILURE: Final = 0x80  # and above: 2.4
_FOUND: Final = (Reason.PACKET_ID_NOT_FOUND, Reason.SUCCESS)


def welcome(peer: "Connection", arrival: Arrival) -> bytes:
    """Set the terms of a connection and write the CONNACK that tells them (3.2)."""
    peer.terms = Terms(arrival.given)
    if arrival.given.alias_max:
        peer.wire = AliasingWire(arrival.given.alias_max, arrival.given.packet_max)
    asked, given, profile = arrival.asked, arrival.given, peer.exchange.profile
    told: dict[Property, Any] = {
        Property.RECEIVE_MAXIMUM: limits.RECEIVE_MAX,
        Property.RETAIN_AVAILABLE: 1,  # M5-2, and the next five
        Property.MAXIMUM_PACKET_SIZE: limits.PACKET_MAX,
        Property.TOPIC_ALIAS_MAXIMUM: limits.TOPIC_ALIAS_MAX,
        Property.WILDCARDS_AVAILABLE: 1,
        Property.SUBSCRIPTION_IDS_AVAILABLE: int(profile.subscription_ids),
        Property.SHARED_AVAILABLE: 1,
    }
    if profile.qos_max < 2:  # noqa: PLR2004 - 2 is told by silence (3.2.2.3.4)
        told[Property.MAXIMUM_QOS] = profile.qos_max
    if given.session_expiry != asked.session_expiry:  # M5-1
        told[Property.SESSION_EXPIRY] = given.session_expiry
    if given.client_id != asked.client_id:
        told[Property.ASSIGNED_CLIENT_ID] = given.client_id
    if arrival.keep_alive != asked.keep_alive:
        told[Property.SERVER_KEEP_ALIVE] = int(arrival.keep_alive)
    if asked.wants_response_information and not has_wildcard(given.client_id):  # it begins topics (3.2.2.3.15)
        told[Property.RESPONSE_INFORMATION] = f"responses/{given.client_id}"
    connack = mqtt5.encode_connack(Reason.SUCCESS, told, session_present=arrival.present)
    if len(connack) > given.packet_max:  # 3.2.2.3.6: nothing larger may be sent
        reason = f"the client takes packets of {given.packet_max} bytes, the CONNACK has {len(connack)}"
        raise Violation(reason, code=Reason.PACKET_TOO_LARGE)
    return connack


def refuse(peer: "Connection", refusal: Violation) -> bytes:
    """Write the CONNACK that turns a client away, and says why if there is room for it (3.2.2.2, MU-1)."""
    told = mqtt5.encode_connack(refusal.code, {Property.REASON_STRING: str(refusal)})
    return told if len(told) <= peer.packet_max else mqtt5.encode_connack(refusal.code, {})


def on_publish(peer: "Connection", flags: int, data: bytes, start: int, end: int) -> None:
    """Take a message (3.3), or refuse it: in the PUBACK if it waits for one, else by hanging up (MU-3)."""
    publish = mqtt5.decode_publish(flags, data, start, end)
    exchange, session, terms = peer.exchange, peer.session, peer.mqtt5_terms()
    if publish.qos:
        _count(terms, publish, exchange.profile.qos_max)
    raw = _topic(terms, publish)
    try:
        topic = exchange.topic_name(raw)
        exchange.check_publish(session, topic, len(publish.payload), retain=publish.retain)
    except Refused as refusal:
        if not publish.qos:
            raise
        peer.note(refusal)
        _refuse(peer, publish, refusal)
        return
    if publish.qos == 1:
        peer.send(mqtt5.encode_ack(PacketType.PUBACK, publish.packet_id))
    elif publish.qos:
        is_new = session.receive(publish.packet_id)
        peer.send(mqtt5.encode_ack(PacketType.PUBREC, publish.packet_id))
        if not is_new:
            return
    expires_at = None if publish.lasts is None else exchange.expiry(publish.lasts)
    exchange.publish(
        session, Message(topic, publish.payload, publish.qos, publish.retain, publish.properties, expires_at)
    )


def discard(peer: "Connection", publish: Publish, refusal: Violation) -> None:
    """Take no message, but its alias; who waits for an acknowledgement is told why (Q-20, M5-4)."""
    terms = peer.mqtt5_terms()
    if publish.qos:
        _count(terms, publish, peer.exchange.profile.qos_max)
    _topic(terms, publish)
    if publish.qos:
        _refuse(peer, publish, refusal)


def _refuse(peer: "Connection", publish: Publish, refusal: Violation) -> None:
    kind = PacketType.PUBACK if publish.qos == 1 else PacketType.PUBREC
    peer.send(mqtt5.encode_ack(kind, publish.packet_id, refusal.code, _why(peer, refusal, 8)))


def _count(terms: Terms, publish: Publish, qos_max: int) -> None:
    if publish.qos > qos_max:
        raise Violation("PUBLISH with QoS 2; QoS 0 and 1 exist here", code=Reason.QOS_NOT_SUPPORTED)  # MU-5
    terms.unanswered += 1
    if terms.unanswered > limits.RECEIVE_MAX:  # 3.3.4: none of their acknowledgements has left yet
        reason = f"more than {limits.RECEIVE_MAX} messages before an acknowledgement"
        raise Violation(reason, code=Reason.RECEIVE_MAXIMUM_EXCEEDED)


def _topic(terms: Terms, publish: Publish) -> bytes:
    """Return the topic of a PUBLISH, by its alias if it has one (3.3.2.3.4)."""
    alias = publish.alias
    if not alias:
        return publish.topic
    if alias > limits.TOPIC_ALIAS_MAX:
        raise Violation(f"topic alias {alias}, more than {limits.TOPIC_ALIAS_MAX}", code=Reason.TOPIC_ALIAS_INVALID)
    if terms.aliases is None:
        terms.aliases = {}
    if publish.topic:
        if len(publish.topic) <= limits.TOPIC_MAX:  # a longer one is refused anyway, and takes no room
            terms.aliases[alias] = publish.topic
        return publish.topic
    topic = terms.aliases.get(alias)
    if topic is None:
        raise Violation(f"topic alias {alias} stands for no topic")
    return topic


def _why(peer: "Connection", refusal: Violation, rest: int) -> str:
    """Return the reason string of a packet with `rest` other bytes, empty when the client does not want it."""
    why = str(refusal)
    fits = rest + len(why.encode()) + 8 <= peer.packet_max  # 3.4.2.2.2
    return why if peer.mqtt5_terms().wants_reasons and fits else ""


def on_puback(peer: "Connection", flags: int, data: bytes, start: int, end: int) -> None:
    """Take an acknowledgement (3.4), whatever it says; one that nothing waits for is a late one, and harmless."""
    peer.session.acknowledge(PacketType.PUBACK, mqtt5.decode_ack(PacketType.PUBACK, flags, data, start, end)[0])


def on_pubrec(peer: "Connection", flags: int, data: bytes, start: int, end: int) -> None:
    """Take word that a message of QoS 2 has arrived, or is not wanted (3.5, 4.3.3)."""
    packet_id, code = mqtt5.decode_ack(PacketType.PUBREC, flags, data, start, end)
    if code >= _FAILURE:
        peer.session.drop(packet_id)
        return
    is_known = peer.session.acknowledge(PacketType.PUBREC, packet_id)
    peer.send(mqtt5.encode_ack(PacketType.PUBREL, packet_id, _FOUND[is_known]))


def on_pubrel(peer: "Connection", flags: int, data: bytes, start: int, end: int) -> None:
    """Let the client use a packet id again (3.6)."""
    packet_id = mqtt5.decode_ack(PacketType.PUBREL, flags, data, start, end)[0]
    is_known = peer.session.release(packet_id)
    peer.send(mqtt5.encode_ack(PacketType.PUBCOMP, packet_id, _FOUND[is_known]))


def on_pubcomp(peer: "Connection", flags: int, data: bytes, start: int, end: int) -> None:
    """Take the last word about a message of QoS 2 (3.7)."""
    peer.session.acknowledge(PacketType.PUBCOMP, mqtt5.decode_ack(PacketType.PUBCOMP, flags, data, start, end)[0])


def on_subscribe(peer: "Connection", flags: int, data: bytes, start: int, end: int) -> None:
    """Subscribe (3.8), then send what is retained."""
    subscribe = mqtt5.decode_subscribe(flags, data, start, end)
    exchange, session = peer.exchange, peer.session
    if subscribe.subscription_id and not exchange.profile.subscription_ids:  # M5-2
        reason = "a subscription identifier; this broker has announced none"
        raise Violation(reason, code=Reason.SUBSCRIPTION_IDENTIFIERS_NOT_SUPPORTED)
    peer.subscribing([topic_filter for topic_filter, _ in subscribe.filters])
    known = set(session.filters)
    codes, why = bytearray(), ""
    for topic_filter, options in subscribe.filters:
        try:
            code = _granted(peer, topic_filter, options)
            if code < _FAILURE:
                session.identify(topic_filter, subscribe.subscription_id)
        except Refused as refusal:  # MU-2
            peer.note(refusal)
            code, why = refusal.code, why or _why(peer, refusal, 8 + len(subscribe.filters))
        codes.append(code)
    peer.send(mqtt5.encode_codes(PacketType.SUBACK, subscribe.packet_id, bytes(codes), why))
    for (topic_filter, options), code in zip(subscribe.filters, codes, strict=True):
        handling = options & grants.RETAIN_HANDLING
        if code < _FAILURE and (not handling or (handling == grants.RETAINED_IF_NEW and topic_filter not in known)):
            exchange.send_retained(session, topic_filter)


def _granted(peer: "Connection", topic_filter: str, options: int) -> int:
    if options & grants.NO_LOCAL and topic_filter.startswith(shared.PREFIX):  # 3.8.3.1
        raise Violation("No Local on a shared subscription")
    return peer.exchange.subscribe(peer.session, topic_filter, options & grants.KEPT)


def on_unsubscribe(peer: "Connection", flags: int, data: bytes, start: int, end: int) -> None:
    """Unsubscribe (3.10)."""
    unsubscribe = mqtt5.decode_unsubscribe(flags, data, start, end)
    exchange = peer.exchange
    missing = Reason.NO_SUBSCRIPTION_EXISTED if exchange.profile.tells_no_subscription else Reason.SUCCESS  # M5-4
    ended = [exchange.unsubscribe(peer.session, topic_filter) for topic_filter in unsubscribe.filters]
    codes = bytes(Reason.SUCCESS if each else missing for each in ended)
    peer.send(mqtt5.encode_codes(PacketType.UNSUBACK, unsubscribe.packet_id, codes))


def on_disconnect(peer: "Connection", flags: int, data: bytes, start: int, end: int) -> None:
    """Let a client go (3.14); its will is sent unless the client left in peace."""
    code, session_expiry = mqtt5.decode_disconnect(flags, data, start, end)
    if session_expiry is not None:
        if session_expiry and not peer.mqtt5_terms().may_extend_session:  # 3.14.2.2.2
            raise Violation("DISCONNECT with a session expiry after a CONNECT with none")
        peer.session.session_expiry = min(session_expiry, peer.exchange.options.session_expiry)
    if code == Reason.SUCCESS:
        peer.will = None
    peer.finish()


CONNECTED: Final[Mapping[int, Handle]] = MappingProxyType(
    {
        PacketType.PUBLISH: on_publish,
        PacketType.PUBACK: on_puback,
        PacketType.SUBSCRIBE: on_subscribe,
        PacketType.UNSUBSCRIBE: on_unsubscribe,
        PacketType.PINGREQ: dialogue.on_pingreq,
        PacketType.DISCONNECT: on_disconnect,
    }
)
"""What a connection accepts once it is let in. All else is a violation; AUTH too, and QoS 2 (MU-7, M5-3)."""

CONNECTED_QOS_2: Final[Mapping[int, Handle]] = MappingProxyType(
    {**CONNECTED, PacketType.PUBREC: on_pubrec, PacketType.PUBREL: on_pubrel, PacketType.PUBCOMP: on_pubcomp}
)
"""... and what it accepts in a profile that has QoS 2."""

VERSION: Final = Version(mqtt5, (CONNECTED, CONNECTED, CONNECTED_QOS_2), welcome, refuse)
