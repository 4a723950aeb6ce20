"""A download that goes into a slot: it begins with what is already there, and asks as a flavour of agents does."""

from msgspec import Struct

from ota_device.download import Download, DownloadOptions, Manner
from ota_device.flavours import Flavour
from ota_stream.streams.messages import DataBlock


class Piece(Struct, frozen=True, gc=False):
    """A block to keep: its id, where it begins in the file (bytes), and its bytes."""

    block_id: int
    start: int
    data: bytes


class Reception(Download):
    """A `Download` whose blocks are handed out, in `piece`, instead of kept. `missing` has bit k set for block k."""

    def __init__(self, file_id: int, size: int, flavour: Flavour, missing: int | None = None) -> None:
        options = DownloadOptions(
            format=flavour.format,
            block_size=flavour.block_size,
            block_count=flavour.block_count,
            client_token=flavour.block_token,
            stream_version=flavour.stream_version,
            retry_after=flavour.retry_after,
            unanswered_max=flavour.unanswered_max,
        )
        super().__init__(file_id, size, options, Manner(flavour.plan, flavour.write, flavour.read))
        self.piece: Piece | None = None
        if missing is not None:
            self._missing = missing
        self.received = self.total - self._missing.bit_count()

    def _keep(self, block: DataBlock) -> None:
        block_id = block.block_id
        self._missing ^= 1 << block_id
        self.received += 1
        self.received_bytes += len(block.payload)
        self.piece = Piece(block_id, block_id * self._options.block_size, block.payload)
