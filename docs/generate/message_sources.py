"""Where the error messages of the product are: the classes, functions and tables, and the exceptions with reasons."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

PROGRAM: Final = "sagemaker-registry: "
"""The beginning of the lines that a command prints on stderr about a problem."""

SHOWN: Final = frozenset(
    {
        "AuthenticationFailed",
        "BackendUnavailable",
        "BadParameter",
        "ConnectionDropped",
        "ImportRefused",
        "LookupError",
        "ParsingError",
        "RegistryError",
        "Rejected",
        "TimeoutError",
        "TransferEncodingNotImplemented",
        "Undelivered",
        "UsageError",
        "ValueError",
    }
)
"""Base classes of the errors whose message a user reads: in a response, on stderr, or in a delivery."""

NOT_SHOWN: Final[Mapping[str, str]] = {
    "AssertionError": "a failed test of the user, which pytest explains",
    "AttributeError": "a mistake in the calling code",
    "ConnectionClosedError": "botocore's error of a lost connection, which clients retry",
    "Gone": "a page of the console, which explains itself",
    "KeyError": "caught where it is raised from",
    "MethodNotAllowed": "Flask's error, answered by emulator/flask_app.py",
    "ModuleNotFoundError": "caught by the command `serve`, which names the package",
    "NotHandled": "the signal that another service answers the request",
    "NotImplementedError": "a method that every subclass has",
    "OSError": "caught where the file is opened, which shows its reason",
    "Overtaken": "a page of the console, which explains itself",
    "Problem": "a page of the console, which explains itself and says what to do next",
    "TypeError": "a mistake in the calling code",
    "type": "the error of a request in a seed, with its place in the file",
    "_Unanswered": "a difference between two registries in the report of `verify`",
}
"""Errors that no user reads as a message, with the reason."""

TAKERS: Final[Mapping[str, tuple[str, tuple[int | str, ...]]]] = {
    "AuthenticationFailed": ("emulator/", (1,)),
    "code": ("backends/approval/evaluation.py", (0,)),
    "error": ("backends/testing/faults.py", (0,)),
    "fail": ("client/", (0,)),
    "confirm": ("client/commands/", (1, 2)),
    "failed": ("backends/approval/", (0,)),
    "kind": ("backends/store/", (0,)),
    "_refusing": ("backends/testing/faults.py", (1,)),
    "Rule": ("backends/local/operations/package_checks.py", (1,)),
    "Scheme": ("backends/urls.py", ("backup",)),
}
"""Functions and classes that take a message: where they are used, and the arguments that are messages."""

JUDGMENTS: Final[Mapping[str, tuple[str, int, str]]] = {
    "Check": ("", 1, "'ok'"),
    "RuleResult": ("backends/approval/", 0, "'passed'"),
    "result": ("backends/approval/rules.py", 0, "'passed'"),
}
"""Classes whose message follows an outcome: where they are used, the place of the outcome, and the one of a success."""

TABLES: Final[Mapping[str, tuple[str, ...]]] = {
    "backends/store/postgres.py": ("ANSWERS",),
    "backends/store/sqlite/store.py": ("ANSWERS",),
}
"""Tables whose sentences are messages."""

SENTENCES: Final[Mapping[str, tuple[str, ...]]] = {
    "emulator/auth/authentication.py": ("_what_is_missing",),
}
"""Functions that make a message of several sentences."""

SIGNATURES: Final = "emulator/responses.py"
"""The file with the messages of requests that are not signed as they should be, in the table CODES."""

PASSED_ON: Final[Mapping[tuple[str, str], str]] = {
    ("backends/approval/rule.py", "failed"): "the sentence of a rule",
    ("backends/base.py", "parsed"): "a Mismatch, after the name of the extension",
    ("backends/config.py", "load"): "a Misconfigured, after the file and the line",
    (
        "backends/local/operations/package_checks.py",
        "check",
    ): "a sentence of CREATE or UPDATE",
    ("backends/local/transfer/seeding.py", "_check"): "botocore's report of invalid parameters",
    ("backends/remote/aws.py", "account"): "the error of another function of the module, at the start",
    ("backends/remote/base.py", "_forward"): "the error of the registry behind a gateway, unchanged",
    ("backends/remote/http.py", "ask"): "the error of the server, unchanged",
    ("backends/settings.py", "convert"): "a Mismatch",
    ("backends/store/postgres.py", "_answer"): "a sentence of ANSWERS, or one that is collected",
    ("backends/store/postgres.py", "examine"): "the reason of psycopg",
    ("backends/store/postgres.py", "options_of"): "caught in the same function",
    ("backends/store/sqlite/diagnosis.py", "_schema"): "the message of check_schema_version",
    ("backends/store/sqlite/store.py", "_check_file"): "the message of check_schema_version, after the file",
    ("backends/store/sqlite/store.py", "_registry_error"): "a sentence of ANSWERS",
    ("backends/store/sqlite/store.py", "check_writing"): "a sentence of ANSWERS",
    ("backends/testing/controlled.py", "_seconds"): "caught in the same function",
    (
        "backends/testing/faults.py",
        "_answer_lost",
    ): "the message of the injected fault, or a collected one",
    ("backends/testing/faults.py", "refuse"): "the message of the injected fault, or one of KINDS",
    ("client/archive/transfer.py", "_send"): "the error of the extension `import`, after the file",
    ("client/backup.py", "_source"): "`backup` of a row of the table of URLs, which is collected",
    ("client/commands/archive.py", "import_"): "an ImportRefused, before the names of resources",
    ("client/commands/history.py", "as_of"): "a LookupError, before the time",
    ("client/commands/output.py", "confirm"): "arguments of confirm, which are collected from its calls",
    ("client/commands/output.py", "errors_reported"): "an error of the registry or of botocore",
    ("client/commands/output.py", "fail"): "the argument of fail, which is collected from its calls",
    ("client/commands/promotion.py", "_read"): "the error of a plan file, after the file",
    ("client/commands/review.py", "latest"): "a NoApprovedVersion",
    ("client/commands/review.py", "wait"): "a Rejected or TimeoutError",
    ("client/commands/serve.py", "_seeder"): "a BadSeed",
    ("client/commands/serve.py", "serve"): "a BackendUnavailable",
    ("client/commands/verify.py", "_interruptible"): "the groups that the command has not deleted",
    ("client/doctor.py", "_answering"): "the reason of botocore",
    ("client/doctor.py", "_identity"): "the reason of botocore",
    ("client/doctor.py", "_registry"): "a BackendUnavailable without passwords",
    ("client/seeding/apply.py", "_located"): "the error of a request, after its place in the file",
    ("client/seeding/apply.py", "apply"): "the error of the registry",
    ("client/seeding/apply.py", "apply_seed"): "the error of the extension `seed`",
    ("client/seeding/parser.py", "_fits"): "botocore's report of invalid parameters, after the place in the file",
    (
        "client/seeding/parser.py",
        "_version",
    ): "the error of another function, after the place in the file",
    ("emulator/api/registry_api.py", "__call__"): "a ConnectionDropped",
    ("emulator/auth/authentication.py", "_claim"): "sentences of _what_is_missing, which are collected",
    ("emulator/responses.py", "as_error"): "a sentence of CODES, or of the AuthenticationFailed",
    ("emulator/serve.py", "serve"): "the error of the registry at the start",
}
"""Functions that pass on a message whose text is not in the call, with the place of the text."""
