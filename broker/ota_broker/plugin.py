"""The amqtt plugin: when the broker has started, the front door opens; before it stops, the door closes."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from amqtt.plugins.base import BasePlugin

from ota_broker.config import Settings
from ota_broker.simulator import Simulator
from ota_stream.errors import OtaStreamError

if TYPE_CHECKING:
    from amqtt.broker import BrokerContext


class OtaStreamPlugin(BasePlugin["BrokerContext"]):
    """Works in any amqtt broker, `amqtt -c FILE` included; give amqtt itself a listener of type `external`.

    `failure` says why the simulator did not start. Under plain amqtt that ends the process: a broker that runs
    and answers nothing is the worst of all.
    """

    @dataclass(frozen=True, kw_only=True)
    class Config(Settings):  # pyright: ignore[reportIncompatibleVariableOverride] - amqtt's way to declare settings
        """The plugin's part of the YAML."""

        exit_on_failure: bool = True

    def __init__(self, context: "BrokerContext") -> None:
        super().__init__(context)
        self.settings = cast("OtaStreamPlugin.Config", context.config)
        self.simulator = Simulator(self.settings)
        self.failure: OtaStreamError | None = None

    async def on_broker_post_start(self) -> None:
        """Start the simulator."""
        try:
            await self.simulator.start()
        except OtaStreamError as error:
            self.failure = error
            if self.settings.exit_on_failure:
                raise SystemExit(f"error: {error}") from None
            return
        self.context.logger.info("ota-stream answers on %s port %d", self.simulator.host, self.simulator.port)

    async def on_broker_pre_shutdown(self) -> None:
        """Stop it."""
        await self.simulator.stop()
