import importlib
import json
from typing import Any

import boto3
import pytest
import typer
from botocore.stub import ANY, Stubber
from typer.testing import CliRunner

from ota_stream.api.logging_account import AwsAccount
from ota_stream.cli.settings import shown
from ota_stream.errors import ControlError, OtaStreamError
from ota_stream.logs import roles
from ota_stream.logs.levels import Level

settings = importlib.import_module("ota_stream.cli.settings")  # the package's attribute of this name is the function
ARN = "arn:aws:iam::123456789012:role/ota-logging"
URL = "http://127.0.0.1:9"
ROLE = {
    "Path": "/",
    "RoleName": "ota-logging",
    "RoleId": "AROA1234567890123456",
    "Arn": ARN,
    "CreateDate": "2018-07-25T22:09:02Z",
}


class Account:
    """An account that remembers."""

    def __init__(self) -> None:
        self.set: dict[str, Any] | None = None
        self.roles: list[str] = []

    def options(self) -> dict[str, Any] | None:
        return self.set

    def create_role(self, name: str) -> str:
        self.roles.append(name)
        return self.role_arn(name)

    def role_arn(self, name: str) -> str:
        return f"arn:aws:iam::123456789012:role/{name}"

    def set_options(self, role_arn: str, level: Level) -> None:
        self.set = {"roleArn": role_arn, "defaultLogLevel": level.value}


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Account:
    account = Account()
    monkeypatch.setattr(AwsAccount, "at", lambda _: account)
    return account


def run(*arguments: str, typed: str = "") -> Any:
    app = typer.Typer()
    app.command()(settings.settings)
    return CliRunner().invoke(app, [*arguments, "--endpoint-url", URL], input=typed)


def test_the_flow_of_the_console_makes_a_role_and_sets_debug(account: Account):  # LI-3
    result = run(typed="debug\nnew\nota-logging\ny\n")
    assert result.exit_code == 0, result.output
    asked = ["Level of verbosity (Debug", "Set role", "Name (unique", "Update"]
    places = [result.output.index(each) for each in asked]
    assert places == sorted(places)
    assert account.roles == ["ota-logging"]
    assert account.set == {"roleArn": ARN, "defaultLogLevel": "DEBUG"}


def test_the_defaults_of_a_new_account_are_debug_and_a_new_role(account: Account):
    assert run(typed="\n\nmine\n\n").exit_code == 0
    assert account.roles == ["mine"]
    assert account.set is not None
    assert account.set["defaultLogLevel"] == "DEBUG"


def test_what_is_set_is_the_default(account: Account):
    account.set = {"roleArn": ARN, "defaultLogLevel": "WARN"}
    result = run(typed="\n\n\n")
    assert "note: OTA records are written at Debug only" in result.output  # LC-2
    assert (account.set, account.roles) == ({"roleArn": ARN, "defaultLogLevel": "WARN"}, [])


def test_whoever_does_not_update_changes_nothing(account: Account):
    assert run(typed="debug\nnew\nmine\nn\n").exit_code == 0
    assert (account.set, account.roles) == (None, [])


def test_options_leave_nothing_to_ask(account: Account):
    assert "Update" not in run("--level", "info", "--create-role", "a").output
    assert account.set == {"roleArn": "arn:aws:iam::123456789012:role/a", "defaultLogLevel": "INFO"}
    run("--level", "Debug", "--role", "b")
    run("--level", "Debug", "--role", ARN)
    assert account.roles == ["a"]
    assert account.set == {"roleArn": ARN, "defaultLogLevel": "DEBUG"}


def test_showing_changes_nothing(account: Account):
    assert run("--show").output == "Logs\nLevel of verbosity  not set\nRole                not set\n"
    assert account.set is None


@pytest.mark.parametrize("arguments", [("--level", "loud", "--role", "a"), ("--role", "a", "--create-role", "b")])
def test_bad_options_are_refused_in_one_line(account: Account, arguments: tuple[str, ...]):
    result = run(*arguments)
    assert isinstance(result.exception, OtaStreamError)
    assert "\n" not in str(result.exception)
    assert account.set is None


@pytest.mark.parametrize(
    ("options", "level"),
    [
        ({"defaultLogLevel": "DEBUG", "roleArn": ARN}, "Debug"),
        ({"defaultLogLevel": "DEBUG", "disableAllLogs": True}, "Disabled"),
        ({}, "Disabled"),
    ],
)
def test_settings_are_shown_as_the_console_writes_them(options: dict[str, Any], level: str):
    assert shown(options) == [("Level of verbosity", level), ("Role", options.get("roleArn", "not set"))]


# Through the SDK, whose stubs check each request and answer against the service's model


class Stubbed:
    def __init__(self) -> None:
        self.clients = {
            name: boto3.client(
                name, "us-east-1", aws_access_key_id="x", aws_secret_access_key="x", endpoint_url="http://127.0.0.1:9"
            )
            for name in ("iot", "iam")
        }
        self.iot, self.iam = (Stubber(self.clients[name]) for name in ("iot", "iam"))
        for stub in (self.iot, self.iam):
            stub.activate()
        self.account = AwsAccount(self.clients.__getitem__)


@pytest.fixture
def sdk():
    stubbed = Stubbed()
    yield stubbed
    stubbed.iot.assert_no_pending_responses()
    stubbed.iam.assert_no_pending_responses()


def test_options_are_read_and_set(sdk: Stubbed):
    sdk.iot.add_client_error("get_v2_logging_options", "NotConfiguredException", http_status_code=404)
    sdk.iot.add_response(
        "set_v2_logging_options", {}, {"roleArn": ARN, "defaultLogLevel": "DEBUG", "disableAllLogs": False}
    )
    sdk.iot.add_response("get_v2_logging_options", {"roleArn": ARN, "defaultLogLevel": "DEBUG"})
    assert sdk.account.options() is None
    sdk.account.set_options(ARN, Level.DEBUG)
    assert (sdk.account.options() or {})["roleArn"] == ARN


def test_a_role_is_made_with_all_permissions(sdk: Stubbed):  # LI-1, LI-2
    sdk.iam.add_response(
        "create_role",
        {"Role": ROLE},
        {"RoleName": "ota-logging", "AssumeRolePolicyDocument": json.dumps(roles.trust())},
    )
    sdk.iam.add_response(
        "put_role_policy",
        {},
        {"RoleName": "ota-logging", "PolicyName": ANY, "PolicyDocument": json.dumps(roles.permissions())},
    )
    sdk.iam.add_response("get_role", {"Role": ROLE}, {"RoleName": "ota-logging"})
    assert sdk.account.create_role("ota-logging") == ARN
    assert sdk.account.role_arn("ota-logging") == ARN


def test_a_role_that_gets_no_permissions_is_taken_away_again(sdk: Stubbed):
    sdk.iam.add_response("create_role", {"Role": ROLE})
    sdk.iam.add_client_error("put_role_policy", "LimitExceeded", "too large", 409)
    sdk.iam.add_response("delete_role", {}, {"RoleName": "ota-logging"})
    with pytest.raises(ControlError, match="LimitExceeded: too large") as caught:
        sdk.account.create_role("ota-logging")
    assert caught.value.status == 409


def test_a_name_that_is_taken_is_told(sdk: Stubbed):
    sdk.iam.add_client_error("create_role", "EntityAlreadyExists", http_status_code=409)
    with pytest.raises(ControlError, match="choose another name"):
        sdk.account.create_role("ota-logging")


def test_refusals_are_passed_on(sdk: Stubbed):
    sdk.iot.add_client_error("get_v2_logging_options", "InternalException", "no", 500)
    sdk.iot.add_client_error("set_v2_logging_options", "InvalidRequestException", "the role cannot write", 400)
    sdk.iam.add_client_error("create_role", "Throttling", "slow", 400)
    sdk.iam.add_client_error("get_role", "NoSuchEntity", "no role", 404)
    for call, why in (
        (sdk.account.options, "InternalException: no"),
        (lambda: sdk.account.set_options(ARN, Level.DEBUG), "the role cannot write"),
        (lambda: sdk.account.create_role("x"), "slow"),
        (lambda: sdk.account.role_arn("x"), "no role"),
    ):
        with pytest.raises(ControlError, match=why):
            call()


def test_the_clients_go_to_the_simulator():
    account = AwsAccount.at("http://127.0.0.1:9")
    assert isinstance(account, AwsAccount)
    assert account._iot.meta.endpoint_url == account._iam.meta.endpoint_url == "http://127.0.0.1:9"
