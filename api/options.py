"""What an application may be told beside its store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from aggregates.small_numbers import K_MIN
from api.access.policy import ProfileFilters, RoleSource
from api.documents.accepted import DocumentRules
from api.documents.limits import Limits
from api.exports.door import DEADLINE_SECONDS, EXPORTS_AT_ONCE, STOP_LIMIT_SECONDS
from api.http.gate import Gate
from api.http.rates import Rates
from api.kept import KEPT_BYTES
from api.live.batch import LiveSource
from api.metrics import Metrics
from api.subscriptions.places import StreamLimits

LIVE_DEADLINE_SECONDS = 2.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """Options of an application.

    Attributes:
        roles: where roles are looked up; None: the store, and then kept for a minute.
        live: the platform's databases, for live indicators; whoever opened it closes it. Without
            one stored values are served.
        live_deadline_seconds: for how long one request waits for them, altogether.
        graphiql: whether the explorer is served.
        limits: how large questions may be.
        rules: which documents are answered.
        rates: how much one asker may ask for; None: as much as they like.
        gate: how many questions are worked on at a time; by default as many as come.
        streams: how many subscriptions and WebSockets are open. News come at once while somebody
            listens to `store.notices`, else with the next look at the course.
        allowed_hosts: names under which this server answers; none: any. Health is told to all.
        cors_origins: pages of other origins that may ask from a browser.
        cors_cookies: browsers may send cookies along for these pages.
        k_min: people below which nothing is told to those who may not see named students.
        kept_bytes: room for answers that are given again; used while the store's notices are
            listened to, so that none is older than the store.
        metrics: counts what is done.
        profile_filters: who of a course's team may filter and order by profiles.
        exports_at_once: files that are given at a time.
        export_deadline_seconds: for a whole file.
        stop_limit_seconds: for what is left of a file once the gate says that the process leaves.
    """

    roles: RoleSource | None = None
    live: LiveSource | None = None
    live_deadline_seconds: float = LIVE_DEADLINE_SECONDS
    graphiql: bool = True
    limits: Limits = field(default_factory=Limits)
    rules: DocumentRules = field(default_factory=DocumentRules)
    rates: Rates | None = None
    gate: Gate = field(default_factory=Gate)
    streams: StreamLimits = field(default_factory=StreamLimits)
    allowed_hosts: Sequence[str] = ()
    cors_origins: Sequence[str] = ()
    cors_cookies: bool = False
    k_min: int = K_MIN
    kept_bytes: int = KEPT_BYTES
    metrics: Metrics = field(default_factory=Metrics)
    profile_filters: ProfileFilters = ProfileFilters.TEAM
    exports_at_once: int = EXPORTS_AT_ONCE
    export_deadline_seconds: float = DEADLINE_SECONDS
    stop_limit_seconds: float = STOP_LIMIT_SECONDS
