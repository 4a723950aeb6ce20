"""The settings of AWS IoT's logging, as the AWS API has them (LC-3..LC-6, LC-12)."""

from typing import Any, Final

import msgspec

from ota_stream.answers import Effect
from ota_stream.api.aws.clouded import AwsOperated
from ota_stream.api.aws.given import Given, Shown, invalid, part, shaped
from ota_stream.logs.service import PAGE_MAX
from ota_stream.logs.settings import LegacyOptions, LoggingOptions
from ota_stream.logs.targets import LogTarget, TargetLevel, TargetType


def get_options(cloud: AwsOperated, given: Given) -> Shown:
    """GetV2LoggingOptions."""
    return _built(cloud.logs.settings.get_options(verbose=bool(given.get("verbose"))))


def set_options(cloud: AwsOperated, given: Given) -> tuple[Shown, Effect]:
    """SetV2LoggingOptions."""
    cloud.logs.settings.set_options(shaped(given, LoggingOptions))
    return {}, Effect()


def list_levels(cloud: AwsOperated, given: Given) -> Shown:
    """ListV2LoggingLevels."""
    kind = given.get("targetType")
    levels, token = cloud.logs.settings.list_levels(
        None if kind is None else _target_type(kind), given.get("nextToken"), given.get("maxResults", PAGE_MAX)
    )
    shown: Shown = {"logTargetConfigurations": [_built(level) for level in levels]}
    return shown if token is None else {**shown, "nextToken": token}


def set_level(cloud: AwsOperated, given: Given) -> tuple[Shown, Effect]:
    """SetV2LoggingLevel."""
    asked = shaped(given, TargetLevel)
    cloud.logs.settings.set_level(asked.log_target, asked.log_level)
    return {}, Effect()


def delete_level(cloud: AwsOperated, given: Given) -> tuple[Shown, Effect]:
    """DeleteV2LoggingLevel."""
    cloud.logs.settings.delete_level(LogTarget(_target_type(given["targetType"]), given["targetName"]))
    return {}, Effect()


def get_legacy_options(cloud: AwsOperated, _: Given) -> Shown:
    """GetLoggingOptions: empty before they are set."""
    options = cloud.logs.settings.get_legacy_options()
    return {} if options is None else _built(options)


def set_legacy_options(cloud: AwsOperated, given: Given) -> tuple[Shown, Effect]:
    """SetLoggingOptions."""
    cloud.logs.settings.set_legacy_options(shaped(part(given, "loggingOptionsPayload"), LegacyOptions))
    return {}, Effect()


def _built(value: Any) -> Shown:  # noqa: ANN401 - a struct in the API's shape
    shown: Shown = msgspec.to_builtins(value)
    return shown


def _target_type(text: str) -> TargetType:
    try:
        return TargetType(text)
    except ValueError:
        raise invalid(f"targetType: use one of {', '.join(TargetType)}") from None


READS: Final = {
    "GetV2LoggingOptions": get_options,
    "ListV2LoggingLevels": list_levels,
    "GetLoggingOptions": get_legacy_options,
}
CHANGES: Final = {
    "SetV2LoggingOptions": set_options,
    "SetV2LoggingLevel": set_level,
    "DeleteV2LoggingLevel": delete_level,
    "SetLoggingOptions": set_legacy_options,
}
