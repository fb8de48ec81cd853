"""By what a person is known wherever something is kept: ids in columns, names in any text."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

_WHO = "([Uu]ser|[Ss]tudent|[Ll]earner|[Aa]uthor|[Mm]ember)"
_ID_COLUMN = re.compile(rf"{_WHO}_?[Ii][Dd]s?$|(^|_){_WHO}$")  # not `learners`, which is a count
_NAME_COLUMN = re.compile(rf"{_WHO}(_?([Nn]ame|[Ii][Dd])s?)?$|[Mm]ail")
_IN_NAME = "A-Za-z0-9_@+.-"


@dataclass(frozen=True)
class Marks:
    """Ids, also the negative ones of names, and texts: usernames, e-mail addresses, real names."""

    user_ids: frozenset[int]
    texts: frozenset[str]

    @cached_property
    def pattern(self) -> str:
        """What a text holds that tells of them; means the same to Python, RE2 and PostgreSQL.

        A name counts where it stands as a whole word, an id as the value of a JSON key of users.
        """
        ids = "|".join(str(one) for one in sorted(self.user_ids))
        parts = [
            f'"([^"]*{_WHO}_?[Ii][Dd]s?|([^"]*_)?{_WHO})" *: *"?({ids})($|[^0-9])',
        ]
        if self.texts:
            words = "|".join(re.escape(text) for text in sorted(self.texts))
            end = f"$|[^{_IN_NAME}]|[.]($|[^A-Za-z0-9_])"
            parts.append(f"(^|[^{_IN_NAME}])({words})({end})")
        return "|".join(f"({part})" for part in parts)


def holds_ids(column: str) -> bool:
    """Whether a column's values are ids of users, as its name tells."""
    return _ID_COLUMN.search(column) is not None


def names_people(column: str) -> bool:
    """Whether a column's texts are names or ids of users, as its name tells."""
    return _NAME_COLUMN.search(column) is not None
