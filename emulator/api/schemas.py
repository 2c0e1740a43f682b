"""The response of each extension, as types for the OpenAPI document."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple, NotRequired, TypedDict

from ...backends.local.transfer.importing import ImportResult
from ...backends.local.transfer.seeding import SeedResult
from ...backends.settings import Settings

Record = dict[str, Any]
"""The members of DescribeModelPackage, DescribeModelPackageGroup or a policy; times are epoch seconds."""


class Empty(TypedDict):
    """An empty object."""


class Status(TypedDict):
    """`status` is `ok`."""

    status: str


class Info(TypedDict):
    """The server: its version, its registry, and the operations and extensions that it offers.

    The value of an extension tells whether it changes something, and therefore accepts only POST.
    """

    name: str
    version: str
    registry: str
    operations: list[str]
    extensions: dict[str, bool]
    health: str
    openapi: str


class Store(TypedDict):
    """The store: its name and version, its journal mode, its durability settings and the version of its schema."""

    store: list[str]
    journal: list[str]
    durability: list[str]
    schema: list[str]


class Change(TypedDict):
    """One change; `before` and `after` are whole records, or null.

    `kind` is `group`, `package` or `policy`; `version` is null for anything but a version; `hash` covers this entry and
    `previous`, the hash of the entry before it.
    """

    at: str
    actor: str
    principal: str
    request_id: str
    operation: str
    kind: str
    arn: str
    name: str
    version: int | None
    before: Record | None
    after: Record | None
    reason: str | None
    rules: list[Any]
    seq: int
    previous: str
    hash: str


class Changes(TypedDict):
    """A page of changes; `next_token` is missing on the last page."""

    changes: list[Change]
    next_token: NotRequired[str]


class Broken(TypedDict):
    """The first broken entry of a history; `seq` is its number, null for a missing entry."""

    name: str
    version: int | None
    seq: int | None
    why: str


class Verification(TypedDict):
    """Part of a verification; add up the pages until `next_token` is missing.

    `checked` counts entries, `chains` histories, and `unrecorded` resources without history, which are not verified.
    """

    checked: int
    chains: int
    unrecorded: int
    broken: list[Broken]
    next_token: NotRequired[str]


class AsOf(TypedDict):
    """A version at a moment; null if there was none.

    `changed` is the change that made it so. `known_since` is the start of a history that does not begin with the group.
    """

    version: int | None
    record: Record | None
    changed: Change | None
    asked_version: int | None
    known_since: str | None


class Listed(TypedDict):
    """A version; `rev` is its revision, for `decide`."""

    rev: int
    record: Record


class Versions(TypedDict):
    """A page of versions; `next_token` is missing on the last page."""

    versions: list[Listed]
    next_token: NotRequired[str]


class Place(TypedDict):
    """An account and region with groups."""

    account: str
    region: str


RuleResult = TypedDict(
    "RuleResult", {"rule": str, "is": str, "outcome": str, "why": str, "threshold": NotRequired[dict[str, Any]]}
)
RuleResult.__doc__ = "The result of a rule; `outcome` is `passed`, `failed`, `pending` or `needs_input`."


class Transition(TypedDict):
    """A possible next status; `allowed` is null if it depends on the request or on further approvals."""

    to: str
    allowed: bool | None
    why: str
    rules: list[RuleResult]


class Approval(TypedDict):
    """A recorded approval; `at` is in epoch seconds."""

    name: str
    arn: str
    reason: str | None
    at: float


class Person(TypedDict):
    """The caller whose decision is explained."""

    name: str
    arn: str
    groups: list[str]


class LifeCycle(TypedDict):
    """The life cycle of a group; `state` is null for a version without a stage."""

    name: str
    state: str | None
    transitions: list[Transition]


class Explanation(TypedDict):
    """The status of a version and its possible transitions; `always` has the rules for every change."""

    version: str
    status: str
    since: str
    profile: str
    approvals: list[Approval]
    caller: Person
    transitions: list[Transition]
    always: list[RuleResult]
    rev: NotRequired[int]
    life_cycle: NotRequired[LifeCycle]


class Decided(TypedDict):
    """The response of UpdateModelPackage."""

    ModelPackageArn: str


class Export(TypedDict):
    """A page of an archive; `next_token` is missing on the last page."""

    account: str
    region: str
    at: str
    lines: list[dict[str, Any]]
    next_token: NotRequired[str]


Envelope = TypedDict(
    "Envelope",
    {
        "version": str,
        "id": str,
        "detail-type": str,
        "source": str,
        "account": str,
        "time": str,
        "region": str,
        "resources": list[str],
        "detail": dict[str, Any],
    },
)
Envelope.__doc__ = """An event in the format of EventBridge. Webhooks receive the same object.

`id` is the same in each delivery. `detail` has the members of DescribeModelPackage, with times in epoch milliseconds.
For an update it also has `UpdatedModelPackageFields`, the names of the changed members."""


class Event(TypedDict):
    """An event and its position, a number that grows with each event of the registry."""

    position: int
    event: Envelope


class EventPage(TypedDict):
    """A page of events; `position` is where the next page begins, `last` the newest position of the registry.

    `more` tells whether to ask at once. With `follow`, `ask_again` is the number of seconds before the next request.
    """

    events: list[Event]
    position: int
    more: bool
    last: int
    ask_again: NotRequired[float]


class Delivery(TypedDict):
    """The delivery of an event to one target; `next_attempt` is null after the last attempt."""

    position: int
    id: str
    sink: str
    state: str
    attempts: int
    version: str
    changed: str
    next_attempt: str | None
    error: str | None


class Deliveries(TypedDict):
    """A page of deliveries, newest first; pass the last `position` as `before` for the next page."""

    deliveries: list[Delivery]
    more: bool


class Replayed(TypedDict):
    """The number of deliveries that were scheduled."""

    deliveries: int


class Snapshots(TypedDict):
    """The names of all snapshots."""

    snapshots: list[str]


class Time(TypedDict):
    """The clock of the registry; `seconds` is `now` in epoch seconds."""

    now: str
    seconds: float
    stopped: bool


class ActiveFault(TypedDict):
    """A fault; `hits` counts the requests that it has affected."""

    number: int
    kind: str
    operation: str
    rate: float
    count: int | None
    seconds: float
    message: str
    hits: int


class Cleared(TypedDict):
    """The number of faults that were removed."""

    cleared: int


class Call(TypedDict):
    """A recorded request; `outcome` is `ok` or the error code, `at` is in epoch seconds."""

    number: int
    operation: str
    account: str
    region: str
    principal: str
    params: dict[str, Any]
    at: float
    request_id: str
    outcome: str
    message: str
    milliseconds: float


class Described(NamedTuple):
    """The purpose of an extension, and the type of its response."""

    summary: str
    response: Any


RESPONSES: Final[Mapping[str, Described]] = {
    "health": Described("Check that the registry can answer.", Status),
    "ready": Described("Check that the registry can answer and that seeds are loaded; same as `health`.", Status),
    "info": Described("Describe the server and what it offers.", Info),
    "settings": Described("Return the settings of the registry, without secrets.", Settings),
    "store": Described("Describe the store.", Store),
    "history": Described("List changes, newest first.", Changes),
    "history/verify": Described("Verify the hash chains of the history and the records.", Verification),
    "as-of": Described("Return the version that was approved at a moment, or a version as it was then.", AsOf),
    "versions": Described("List versions with their records, newest first.", Versions),
    "places": Described("List the accounts and regions that have groups; at most 100.", list[Place]),
    "explain": Described("Explain the possible decisions about a version, and the result of each rule.", Explanation),
    "decide": Described("Set the approval status of a version, if it still has the given revision.", Decided),
    "export": Described("Export groups, versions, policies and history of the account and region.", Export),
    "import": Described("Import lines of an archive into the account and region.", ImportResult),
    "seed": Described("Create the groups and versions of a seed that do not exist.", SeedResult),
    "events": Described("List events, oldest first, or wait for the next one.", EventPage),
    "events/deliveries": Described("List deliveries of events, newest first.", Deliveries),
    "events/replay": Described("Deliver events again.", Replayed),
    "reset": Described("Delete everything, or the data of an account, a region or a group, with its history.", Empty),
    "snapshot": Described("Save a snapshot of the whole registry in the memory of the server.", Snapshots),
    "snapshots": Described("List the names of the snapshots.", list[str]),
    "restore": Described("Restore a snapshot; clears faults and recorded requests, and resumes the clock.", Empty),
    "clock": Described("Return the time of the registry.", Time),
    "clock/freeze": Described("Stop the clock, at a moment or where it is.", Time),
    "clock/advance": Described("Move the clock forward.", Time),
    "clock/resume": Described("Return the clock to the time of the machine.", Time),
    "faults": Described("List the active faults.", list[ActiveFault]),
    "faults/add": Described("Inject a fault from now on.", ActiveFault),
    "faults/clear": Described("Remove one fault, or all.", Cleared),
    "calls": Described("List recorded requests, oldest first; the latest 10,000 are kept.", list[Call]),
    "calls/clear": Described("Delete the recorded requests.", Empty),
}
