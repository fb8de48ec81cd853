from __future__ import annotations

from contextlib import ExitStack

import pytest

from api.subscriptions.places import Places, StreamLimits
from courselens.errors import LimitExceeded, Overloaded


def test_places_of_a_process_are_shared_by_all() -> None:
    places = Places(StreamLimits(open=2))
    with places.taken(), places.taken(7):
        for user_id in (None, 7, 8):
            with pytest.raises(Overloaded), places.taken(user_id):
                pass
    with places.taken(8), places.taken():
        pass


def test_viewer_has_places_of_their_own() -> None:
    places = Places(StreamLimits(of_viewer=2))
    with ExitStack() as stack:
        for user_id in (7, 7, 8, 8):
            stack.enter_context(places.taken(user_id))
        for user_id in (7, 8):
            with pytest.raises(LimitExceeded), places.taken(user_id):
                pass
    with places.taken(7):
        assert dict(places._by_viewer) == {7: 1}
    assert dict(places._by_viewer) == {}
