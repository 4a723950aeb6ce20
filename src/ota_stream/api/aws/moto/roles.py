"""The roles of IAM, as moto has them: what AWS IoT may do in the name of one, kept until a policy may have changed."""

from collections.abc import Iterator
from typing import Any, Final

from ota_stream.api.aws.moto.policies import Asking, Ruling, Verdict, decide
from ota_stream.api.aws.moto.state import ACCOUNT, MotoState, backends_of
from ota_stream.logs import roles as logging_role
from ota_stream.updates.roles import AnyRole

VERDICTS_MAX: Final = 65_536  # kept; callers choose the names
_SHOWN_MAX: Final = 200  # characters of an ARN that are told back
_S3: Final = "arn:aws:s3:::"


class MotoRoles:
    """Satisfies `updates.roles.Roles` and `logs.settings.Roles`. Moto is imported when the first role is asked about.

    Call `changed` when a role or a policy may be another one.
    """

    def __init__(self, state: MotoState | None = None, region: str = "us-east-1") -> None:
        self._state = state
        self._account = ACCOUNT if state is None else state.account
        self._region = region
        self._verdicts: dict[tuple[str, str, str], str | None] = {}

    def changed(self) -> None:
        """Look anew from now on."""
        self._verdicts.clear()

    def may_assume(self, role_arn: str) -> str | None:
        """Return None when AWS IoT can act as the role, else why not, in one clause for a person (LI-1, OL-13)."""
        return self.may(role_arn, logging_role.ASSUME, "")

    def may(self, role_arn: str, action: str, resource: str) -> str | None:
        """Return None when AWS IoT can act as the role and it may do this, else why not."""
        asked = (role_arn, action, resource)
        try:
            return self._verdicts[asked]
        except KeyError:
            if self._state is not None:
                self._state.load()
            if len(self._verdicts) >= VERDICTS_MAX:
                self._verdicts.clear()
            reason = self._verdicts[asked] = self._reason(*asked)
            return reason

    def may_write(self, role_arn: str, group: str) -> str | None:
        """Return None when the role may write to the log group, else why not (LI-2)."""
        arn = f"arn:aws:logs:{self._region}:{self._account}:log-group:{group}"
        resources = {"logs:PutLogEvents": f"{arn}:log-stream:any"}
        reasons = (self.may(role_arn, each, resources.get(each, arn)) for each in logging_role.WRITING)
        return next((reason for reason in reasons if reason is not None), None)

    def _reason(self, role_arn: str, action: str, resource: str) -> str | None:
        shown = repr(role_arn[:_SHOWN_MAX])
        roles = list(self._moto("iam").roles.values())  # a list: moto's thread may be adding one
        role = next((role for role in roles if role.arn == role_arn), None)
        if role is None:
            return f"role {shown} does not exist"
        trusted = decide([role.assume_role_policy_document or ""], self._trust())
        if trusted.ruling is not Ruling.ALLOWED:
            return f"the trust policy of role {shown} does not let {logging_role.SERVICE} assume it{_told(trusted)}"
        if action == logging_role.ASSUME:
            return None
        verdict = self._verdict(role, action, resource)
        if verdict.ruling is Ruling.ALLOWED:
            return None
        return f"role {shown} is {verdict.ruling.value} {action} on {resource[:_SHOWN_MAX]!r}{_told(verdict)}"

    def _verdict(self, role: Any, action: str, resource: str) -> Verdict:  # noqa: ANN401 - moto's
        """Weigh the policies of a role, its boundary, and of a bucket: each may deny."""
        asking = Asking(action, resource, {**self._context(), "aws:principalarn": role.arn})
        verdict = decide(_documents(role), asking)
        if role.permissions_boundary_arn and verdict.ruling is Ruling.ALLOWED:
            verdict = decide(self._boundary(role), asking)
        if not resource.startswith(_S3) or verdict.ruling is Ruling.DENIED:
            return verdict
        account = frozenset({self._account, f"arn:aws:iam::{self._account}:root"})
        asking = Asking(action, resource, asking.context, "AWS", frozenset({role.arn}), account)
        of_bucket = decide(self._bucket_policy(resource), asking)
        if of_bucket.ruling is Ruling.SILENT:  # one account: what either allows is allowed
            return Verdict(verdict.ruling, (*verdict.doubts, *of_bucket.doubts))
        return of_bucket

    def _boundary(self, role: Any) -> list[str]:  # noqa: ANN401 - moto's
        policy = self._moto("iam").managed_policies.get(role.permissions_boundary_arn)
        return [] if policy is None else [_in_force(policy)]

    def _bucket_policy(self, resource: str) -> Iterator[bytes]:
        bucket = self._moto("s3").buckets.get(resource.removeprefix(_S3).partition("/")[0])
        if bucket is not None and bucket.policy:
            yield bucket.policy

    def _moto(self, service: str) -> Any:  # noqa: ANN401 - moto's
        return backends_of(service)[self._account]["aws"]

    def _trust(self) -> Asking:
        source = {"aws:sourceaccount": self._account, "aws:sourcearn": f"arn:aws:iot:{self._region}:{self._account}:*"}
        names = frozenset({logging_role.SERVICE})
        return Asking(logging_role.ASSUME, None, {**self._context(), **source}, "Service", names)

    def _context(self) -> dict[str, str]:
        """Return what conditions can ask about, keys in small letters."""
        return {
            "aws:principalaccount": self._account,
            "aws:principaltype": "AssumedRole",
            "aws:requestedregion": self._region,
            "aws:resourceaccount": self._account,
            "aws:securetransport": "true",
            "iam:passedtoservice": logging_role.SERVICE,
        }


def _documents(role: Any) -> list[str]:  # noqa: ANN401 - moto's
    """Return the policies of a role, inline and managed."""
    return [*role.policies.values(), *map(_in_force, list(role.managed_policies.values()))]


def _in_force(policy: Any) -> str:  # noqa: ANN401 - moto's
    """Return the version of a managed policy that counts."""
    return str(next(each.document for each in policy.versions if each.version_id == policy.default_version_id))


def _told(verdict: Verdict) -> str:
    return f" ({verdict.doubts[0]})" if verdict.doubts else ""


class RolesElsewhere(AnyRole):
    """IAM is at another endpoint (`--aws-backend`), whose roles are not looked at: each may everything."""

    def may_write(self, role_arn: str, group: str) -> str | None:  # noqa: ARG002 - of the protocol
        """Return None."""
        return None

    def changed(self) -> None:
        """Have nothing to forget."""
