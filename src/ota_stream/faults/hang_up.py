"""The broker hangs up instead of an answer."""

from ota_stream.faults.packet import PacketFault


class HangUp(PacketFault, frozen=True, tag="hang-up"):
    """The connection is cut at a packet, which is not carried out: TCP ends without a word of MQTT."""
