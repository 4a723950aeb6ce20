"""The root of every error this project raises on purpose.

    OtaStreamError
    ├── ImageError                  (ota_stream.streams.catalog)  a stream file cannot be served
    │   ├── ImageGone
    │   └── ImageForbidden
    ├── CatalogError                (ota_stream.streams.catalog)  a stream cannot be made or changed
    ├── Rejection                   (ota_stream.streams.errors)   a device's request is refused
    ├── UnknownTopic                (ota_stream.streams.topics)   a stream topic that maps to nothing
    ├── FirmwareError               (ota_stream.stores.files)     a firmware file cannot be taken in
    ├── StoreError                  (ota_stream.stores.errors)    the data directory, or something in it, cannot be used
    ├── QueryError                  (ota_stream.logs.filters)     a question about the logs cannot be read
    ├── ConfigError                 (ota_broker.config)           a setting is not one
    ├── ListenError                 (ota_broker.front.listener)   the port cannot be opened
    ├── DemoError                   (ota_stream.cli.demo)         the demo did not show what it should
    ├── OutputError                 (ota_stream.cli.fetch)        a downloaded image cannot be kept
    └── DeviceError                 (ota_device.errors)           a download did not end well
        └── LinkError               (ota_device.errors)           ... because of the connection

A message is one line for a person: what is wrong, then what to do.
"""


class OtaStreamError(Exception):
    """Something a caller can be told in one line."""
