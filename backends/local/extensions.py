"""The table of extension API calls, which go beyond AWS's API."""

from __future__ import annotations

from ..approval import explain
from ..base import Extension
from .history import events, outbox, queries, verification
from .operations import approvals, packages, review_queue
from .transfer import export, importing, seeding

EXTENSIONS: dict[str, Extension] = {
    "settings": Extension(lambda context, _: context.settings.shown()),
    "store": Extension(lambda context, _: context.rows.facts()),
    "history": Extension(queries.changes, queries.Query),
    "history/verify": Extension(verification.verify, verification.Query),
    "as-of": Extension(queries.as_of, queries.AsOf),
    "versions": Extension(review_queue.versions, review_queue.Query),
    "places": Extension(review_queue.places),
    "explain": Extension(approvals.explain, explain.Asked, prefetch=approvals.prefetch_for_explain),
    "decide": Extension(
        packages.decide,
        approvals.Decision,
        writes=True,
        prefetch=approvals.prefetch_for_decide,
        operation="UpdateModelPackage",
    ),
    "export": Extension(export.export, export.Export),
    queries.IMPORT: Extension(importing.import_lines, importing.Import, writes=True),
    "seed": Extension(seeding.apply, seeding.Seed, writes=True),
    "events": Extension(events.events, events.Query, needs_positions=True),
    "events/deliveries": Extension(outbox.log, outbox.Query),
    "events/replay": Extension(outbox.replay, outbox.Replay, writes=True, needs_positions=True),
}
