"""The account's logging settings as a simulator starts: what was set before, or DEBUG and a role of its own."""

import json
from typing import Any, Final

from msgspec import Struct

from ota_broker.rest_of_aws import RestOfAws
from ota_stream.api.aws.moto.state import MotoState, backends_of
from ota_stream.api.thing_groups import RegisteredGroups
from ota_stream.jobs.book import JobBook
from ota_stream.logs import groups, roles
from ota_stream.logs.levels import Level
from ota_stream.logs.service import LoggingService
from ota_stream.logs.settings import LegacyOptions, LoggingBook, LoggingOptions, Roles
from ota_stream.logs.targets import LogTarget, TargetLevel, TargetType
from ota_stream.stores.sqlite import Database, Table

ROLE: Final = "ota-stream-logging"  # of a new account


class Verdict(Struct, frozen=True):
    """Why a role may not write to a log group, or None."""

    reason: str | None


class RememberedRoles:
    """Satisfies `logs.settings.Roles`: as long as moto was not asked for anything, nothing about roles has changed.

    So a start needs no moto, which takes a second to import: the last verdicts hold, and the role of a new account is
    made when moto is loaded (`furnish`).
    """

    def __init__(self, below: Roles, state: MotoState, verdicts: Table[Verdict], role_arn: str) -> None:
        self._below = below
        self._state = state
        self._verdicts = verdicts
        self._role_arn = role_arn
        if state.doubt() is not None:
            verdicts.clear()

    def may_write(self, role_arn: str, group: str) -> str | None:
        """Return None when the role may write to the log group, else why not, in one clause for a person."""
        key = f"{role_arn} {group}"
        known = self._verdicts.get(key)
        if not self._state.loaded:
            if known is not None:
                return known.reason
            if self._state.is_new and role_arn == self._role_arn:
                return None
        reason = self._below.may_write(role_arn, group)
        if known is None or known.reason != reason:
            self._verdicts[key] = Verdict(reason)
        return reason


def open_logging(database: Database, book: JobBook, rest: RestOfAws, moto: MotoState, group: str) -> LoggingService:
    """Return the logging service over what was set. `group` is the log group of records that are not sent elsewhere.

    Raises:
        StoreError: a stored value is damaged.
    """
    table = database.table
    moto.furnish = lambda: make_role(moto.account, group)
    return LoggingService(
        LoggingBook(
            options=table("logging options", LoggingOptions),
            legacy=table("legacy logging options", LegacyOptions),
            levels=table("logging levels", TargetLevel),
        ),
        RememberedRoles(rest.roles, moto, table("role verdicts", Verdict), _arn(moto.account)),
        RegisteredGroups(book.things, book.groups),
        group,
    )


def begin(service: LoggingService, account: str, level: Level | None) -> None:
    """Set what a start asks for: a level, or for None that of before, with a new account's role if none is set."""
    if not service.is_configured:
        service.set_options(LoggingOptions(_arn(account), level or Level.DEBUG))
    elif level is not None:
        service.set_level(LogTarget(TargetType.DEFAULT), level)


def make_role(account: str, group: str) -> None:
    """Have moto know the role of a new account, which AWS IoT may assume to write to the log group (LI-1, LI-2)."""
    iam: Any = backends_of("iam")[account]["aws"]
    names = () if group == groups.REAL else (group,)
    if not any(role.name == ROLE for role in iam.roles.values()):
        iam.create_role(ROLE, json.dumps(roles.trust()), "/", None, "Made by ota-stream", {}, None)
        iam.put_role_policy(ROLE, roles.POLICY_NAME, json.dumps(roles.permissions(*names)))


def _arn(account: str) -> str:
    return f"arn:aws:iam::{account}:role/{ROLE}"
