"""What an operator may ask of a job: the ranges of JC-1, JTM-1 and JTM-5..JTM-7, each refusal one sentence."""

from collections.abc import Iterable

from ota_stream.jobs import documents, names, quotas
from ota_stream.jobs.configs import AbortConfig, ExponentialRate, PresignedUrlConfig, RetryConfig, RolloutConfig
from ota_stream.jobs.errors import invalid_request
from ota_stream.jobs.jobs import JobSpec, JobUpdate


def spec(wanted: JobSpec) -> None:
    """Check what CreateJob got. Raises ControlError (InvalidRequestException)."""
    if not names.is_job_id(wanted.job_id):
        raise invalid_request(f"Job id {wanted.job_id[:80]!r}: use 1 to 64 of a-z A-Z 0-9 _ -")
    _longest("documentSource", wanted.document_source, quotas.DOCUMENT_SOURCE_MAX)
    _targets(wanted.targets)
    _document(wanted.document)
    if wanted.target_selection not in {"SNAPSHOT", "CONTINUOUS"}:
        raise invalid_request("targetSelection is SNAPSHOT or CONTINUOUS")
    _configs(wanted)


def update(wanted: JobUpdate) -> None:
    """Check what UpdateJob got. Raises ControlError (InvalidRequestException)."""
    _configs(wanted)


def targets(wanted: Iterable[str]) -> list[names.Target]:
    """Read targets. Raises ControlError (InvalidRequestException) for what is no thing and no thing group."""
    read: list[names.Target] = []
    for text in wanted:
        target = names.target(text)
        if target is None:
            raise invalid_request(
                f"Target {text[:200]!r}: use the ARN of a thing or thing group, thing/T or thinggroup/G"
            )
        read.append(target)
    return read


def comment(text: str | None) -> None:
    """Check a comment. Raises ControlError (InvalidRequestException)."""
    _longest("comment", text, quotas.COMMENT_MAX)


def _targets(wanted: tuple[str, ...]) -> None:
    if len(wanted) < quotas.TARGETS_MIN:
        raise invalid_request("A job needs at least one target")
    targets(wanted)


def _document(document: str) -> None:
    if len(document) > quotas.DOCUMENT_MAX:
        raise invalid_request(f"The job document is longer than {quotas.DOCUMENT_MAX} characters")
    try:
        documents.compact(document)
    except ValueError as error:
        raise invalid_request(f"The job document is not a JSON object: {error}") from None
    if documents.placeholders(document) > quotas.PLACEHOLDERS_MAX:  # JC-22
        raise invalid_request(f"The job document has more than {quotas.PLACEHOLDERS_MAX} placeholders")


def _configs(wanted: JobSpec | JobUpdate) -> None:
    _longest("description", wanted.description, quotas.DESCRIPTION_MAX)
    _presigned(wanted.presigned_url_config)
    _rollout(wanted.job_executions_rollout_config)
    _abort(wanted.abort_config)
    _retry(wanted.job_executions_retry_config)
    if wanted.timeout_config is not None:
        minutes = wanted.timeout_config.in_progress_timeout_in_minutes
        _within("inProgressTimeoutInMinutes", minutes, quotas.TIMEOUT_MIN, quotas.TIMEOUT_MAX)  # JTM-1


def _presigned(config: PresignedUrlConfig | None) -> None:
    if config is not None:
        _within("expiresInSec", config.expires_in_sec, quotas.PRESIGNED_MIN, quotas.PRESIGNED_MAX)


def _rollout(config: RolloutConfig | None) -> None:  # JTM-6
    if config is not None:
        _within("maximumPerMinute", config.maximum_per_minute, 1, quotas.RATE_MAX)
        if config.exponential_rate is not None:
            _exponential(config.exponential_rate)


def _exponential(rate: ExponentialRate) -> None:
    _within("baseRatePerMinute", rate.base_rate_per_minute, 1, quotas.RATE_MAX)
    _within("incrementFactor", rate.increment_factor, quotas.INCREMENT_MIN, quotas.INCREMENT_MAX)
    if round(rate.increment_factor, 1) != rate.increment_factor:
        raise invalid_request("incrementFactor has one decimal")
    criteria = rate.rate_increase_criteria
    given = [criteria.number_of_notified_things, criteria.number_of_succeeded_things]
    things = [number for number in given if number is not None]
    if len(things) != 1 or things[0] < 1:
        raise invalid_request(
            "rateIncreaseCriteria is one of numberOfNotifiedThings and numberOfSucceededThings, at least 1"
        )


def _abort(config: AbortConfig | None) -> None:  # JTM-7
    if config is None:
        return
    if not config.criteria_list:
        raise invalid_request("abortConfig needs at least one criterion")
    for criterion in config.criteria_list:
        _within("thresholdPercentage", criterion.threshold_percentage, 0.0, quotas.THRESHOLD_MAX)
        if criterion.min_number_of_executed_things < 1:
            raise invalid_request("minNumberOfExecutedThings is at least 1")


def _retry(config: RetryConfig | None) -> None:  # JTM-5
    if config is None:
        return
    if not 1 <= len(config.criteria_list) <= quotas.RETRY_CRITERIA_MAX:
        raise invalid_request(f"jobExecutionsRetryConfig has 1 to {quotas.RETRY_CRITERIA_MAX} criteria")
    for criterion in config.criteria_list:
        _within("numberOfRetries", criterion.number_of_retries, 0, quotas.RETRIES_MAX)


def _within(name: str, value: float | None, least: float, most: float) -> None:
    if value is not None and not least <= value <= most:
        raise invalid_request(f"{name} is outside {least} to {most}")


def _longest(name: str, text: str | None, most: int) -> None:
    if text is not None and len(text) > most:
        raise invalid_request(f"{name} is longer than {most} characters")
