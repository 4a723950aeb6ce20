"""The root of every error this project raises on purpose.

    OtaStreamError
    ├── ControlError                (here)                        an operator's call is refused, as the AWS API would
    │   ├── PatternError            (ota_stream.logs.patterns)    ... because of its filter pattern
    │   ├── MalformedPolicy         (ota_stream.policies.documents)  ... because of its IoT policy
    │   ├── MalformedQuery          (ota_stream.logs.insights)    ... because of its Insights query
    │   └── AlreadyExists           (ota_stream.api.aws.handlers.streams)  ... because a stream has the id
    ├── FaultError                  (ota_stream.faults.kinds)     a fault that is asked for is none
    ├── CloudError                  (ota_stream.testing.cloud)    what a test asked of its cloud has not come about
    ├── ScenarioError               (ota_stream.scenarios.scenario)  a scenario is none, or cannot be played like this
    ├── ResultsError                (ota_stream.scenarios.report)  the results of scenarios cannot be written
    ├── ImageError                  (ota_stream.streams.catalog)  a stream file cannot be served
    │   ├── ImageGone
    │   └── ImageForbidden
    ├── CatalogError                (ota_stream.streams.catalog)  a stream cannot be made or changed
    ├── Rejection                   (ota_stream.streams.errors and ota_stream.jobs.errors)  a request is refused
    ├── UnknownTopic                (ota_stream.streams.topics and ota_stream.jobs.topics)  a topic that maps to nothing
    ├── QueryError                  (ota_stream.logs.filters)     a question about the logs cannot be read
    ├── FirmwareError               (ota_stream.stores.files)     a firmware file cannot be taken in
    ├── StoreError                  (ota_stream.stores.errors)    the data directory, or something in it, cannot be used
    ├── Forbidden                   (ota_stream.api.presign)      a URL does not open what it names, or not any more
    ├── HttpError                   (ota_stream.api.server)       the HTTP port cannot be opened
    ├── ConfigError                 (ota_broker.config)           a setting is not one
    ├── Violation                   (ota_broker.front.codec.packets)    a peer broke a rule of MQTT; its connection ends
    │   ├── BadProtocol             (ota_broker.front.codec.connecting)
    │   ├── BadClientId             (ota_broker.front.codec.connecting)
    │   ├── Malformed               (ota_broker.front.codec.packets)    ... with bytes that are no packet
    │   └── Refused                 (ota_broker.front.codec.packets)    ... or asked for what is not granted
    │       ├── Declined
    │       ├── TooMany             (ota_broker.front.codec.packets)    ... or more of it than there may be
    │       └── Denied              (ota_broker.front.codec.packets)    ... by the policies
    ├── QuotaError                  (ota_broker.front.metering.quotas)     a file of quotas cannot be used
    ├── ListenError                 (ota_broker.front.listener)   the MQTT port cannot be opened
    ├── TransportError              (ota_broker.workers.transport)  a worker gets no requests
    ├── EndpointError               (ota_stream.cli.endpoints)    no simulator is found
    ├── CallError                   (ota_stream.cli.control_client)  the simulator has refused a call
    ├── UpdateError                 (ota_stream.cli.update)       an update cannot be made like this
    ├── JobGone                     (ota_stream.cli.watch)        a job that is watched is no longer there
    ├── DeleteError                 (ota_stream.cli.updates)      an update could not be deleted
    ├── DemoError                   (ota_stream.cli.demo)         the demo did not show what it should
    ├── OutputError                 (ota_stream.cli.fetch)        a downloaded image cannot be kept
    ├── CertsError                  (ota_stream.cli.certs)        files of certificates cannot be written
    ├── PolicyFileError             (ota_stream.cli.policy)       a file has no policy in it
    ├── FleetError                  (ota_stream.cli.fleet_run)    a fleet cannot be run like this
    ├── ReportError                 (ota_stream.cli.fleet_files)  the report of a fleet cannot be written, or read
    ├── ExportError                 (ota_stream.cli.logs_export)  log records cannot be written to a file
    └── DeviceError                 (ota_device.errors)           a device cannot do what it should
        ├── LinkError               (ota_device.errors)           ... because of the connection
        └── FlashError              (ota_device.errors)           ... because of its flash

A message is one line for a person: what is wrong, then what to do.
"""


class OtaStreamError(Exception):
    """Something a caller can be told in one line."""


class ControlError(OtaStreamError):
    """An operator's call is refused: AWS's exception name, its HTTP status and the message."""

    def __init__(self, name: str, status: int, message: str) -> None:
        super().__init__(f"{name}: {message}")
        self.name = name
        self.status = status
        self.message = message
