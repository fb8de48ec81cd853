"""Which hosts are answered under, and which pages of other origins may ask."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.trustedhost import TrustedHostMiddleware

CORS_SECONDS = 600
_ASKED = ("authorization", "content-type", "if-none-match", "last-event-id", "x-request-id")
_TOLD = (
    "content-disposition",
    "courselens-rows",
    "courselens-run",
    "etag",
    "link",
    "retry-after",
    "x-request-id",
)


def guards_of(
    allowed_hosts: Sequence[str], cors_origins: Sequence[str], *, cors_cookies: bool
) -> list[Middleware]:
    """The middleware for these settings; none where both are empty.

    Args:
        allowed_hosts: names under which this server answers; none: any.
        cors_origins: pages of other origins that may ask from a browser.
        cors_cookies: browsers may send cookies along for them.
    """
    guards: list[Middleware] = []
    if allowed_hosts:
        guards.append(
            Middleware(TrustedHostMiddleware, allowed_hosts=list(allowed_hosts), www_redirect=False)
        )
    if cors_origins:
        guards.append(
            Middleware(
                CORSMiddleware,
                allow_origins=list(cors_origins),
                allow_methods=["GET", "POST"],
                allow_headers=list(_ASKED),
                expose_headers=list(_TOLD),
                allow_credentials=cors_cookies,
                max_age=CORS_SECONDS,
            )
        )
    return guards
