"""The truth about accounts: names, profiles and devices of everybody on the site."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np

from courselens.simulator.events import Array
from courselens.simulator.options import DAY_US, Options

_FIRST = (
    "Ada", "Ben", "Chloé", "Dmitri", "Eka", "Fatou", "Goran", "Hana", "Inês", "Jun", "Kofi",
    "Lena", "Mateo", "Nadia", "Olu", "Priya", "Quentin", "Rosa", "Søren", "Tariq", "Uma", "Viktor",
    "Wei", "Ximena", "Yara", "Zoë",
)  # fmt: skip
_LAST = (
    "Abe", "Berg", "Costa", "Diaz", "Eriksen", "Fofana", "García", "Huang", "Ivanova", "Jones",
    "Kim", "López", "Müller", "Nguyen", "Okafor", "Petrov", "Quispe", "Rossi", "Singh", "Tanaka",
)  # fmt: skip
_GENDERS = ("m", "f", "o", "", None)
_LEVELS = ("p", "m", "b", "a", "hs", "jhs", "el", "none", "other", "", None, "p_se", "GS")
_COUNTRIES = ("", "US", "IN", "ES", "BR", "GB", "DE", "NG", "CN", "MX", "FR", "PL", "JP", None)
_HOURS_EAST = (0, -6, 5, 1, -3, 0, 1, 1, 8, -6, 1, 1, 9, 0)  # clock of each country
TEAM_PER_COURSE = ("instructor", "staff", "beta_testers", "data_researcher")
AGENTS = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/132.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/18.2 Safari/605.1.15",
    "Mozilla/5.0 (X11; Linux x86_64; rv:134.0) Gecko/20100101 Firefox/134.0",
    "Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/132.0.0.0 "
    "Mobile Safari/537.36",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_2 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like "
    "Gecko) Version/18.2 Mobile/15E148 Safari/604.1",
)
LANGUAGES = ("en-US,en;q=0.9", "es-ES,es;q=0.9,en;q=0.6", "de-DE,de;q=0.8", "pt-BR", "fr-FR,fr")


@dataclass(frozen=True, slots=True)
class People:
    """Accounts of the site as parallel columns; `who` elsewhere is an index into them.

    The first `team` accounts are no learners: the site's administrator, a member of the staff of
    the whole organisation, then four members of each course's team in `TEAM_PER_COURSE` order.
    """

    team: int
    user_id: Array
    username: list[str]  # as logged
    table_username: list[str]  # as the database has it now: retired accounts were renamed
    name: list[str]
    is_active: Array
    is_staff: Array
    joined_us: Array
    year_of_birth: Array  # 0: not given
    gender: list[str | None]
    level_of_education: list[str | None]
    country: list[str | None]
    hours_east: Array  # of the clock that rules the day
    session: list[str]  # 28 hexadecimal digits, to which the day is added
    ip: list[str]
    agent: Array
    language: Array

    def team_member(self, course: int, role: str) -> int:
        """Index of a course's team member."""
        return 2 + course * len(TEAM_PER_COURSE) + TEAM_PER_COURSE.index(role)


def make_people(options: Options) -> People:
    """Draw the accounts: a pool that all courses of the simulation share."""
    team = 2 + len(TEAM_PER_COURSE) * options.courses
    pool = round(options.students * (1 + 0.7 * (options.courses - 1)))
    size = team + pool
    rng = np.random.default_rng([options.seed, 0x9E])
    user_id = np.concatenate([np.arange(1, team + 1), 10_000 + np.cumsum(rng.integers(1, 4, pool))])
    first = rng.integers(0, len(_FIRST), size)
    last = rng.integers(0, len(_LAST), size)
    name = [f"{_FIRST[f]} {_LAST[n]}" for f, n in zip(first, last, strict=True)]
    username = _team_names(options) + [
        f"learner_{number}" if number % 3 else f"L.{number}-x" for number in user_id[team:].tolist()
    ]
    table_username = list(username)
    is_active = rng.random(size) >= 0.02
    is_active[:team] = True
    # One in a thousand, and one where there are enough to spare one.
    for retired in range(team + pool // 2, size if pool >= 20 else team, 1000):
        table_username[retired] = "retired__user_" + _digest(username[retired], 20)
        is_active[retired] = False
    is_staff = np.zeros(size, bool)
    is_staff[0] = True
    country = rng.choice(len(_COUNTRIES), size, p=_shares(len(_COUNTRIES), 0.25))
    born = np.where(rng.random(size) < 0.78, 2025 - 16 - rng.gamma(2.2, 7, size).astype(int), 0)
    born[(born > 0) & (rng.random(size) < 0.004)] = 1900  # a slip of the finger
    born[(born > 0) & (rng.random(size) < 0.002)] = 2099
    return People(
        team=team,
        user_id=user_id,
        username=username,
        table_username=table_username,
        name=name,
        is_active=is_active,
        is_staff=is_staff,
        joined_us=options.start_us
        - (rng.gamma(1.2, 120, size) * DAY_US).astype(np.int64)
        - 35 * DAY_US,
        year_of_birth=born,
        gender=[_GENDERS[k] for k in rng.choice(5, size, p=[0.45, 0.36, 0.02, 0.07, 0.1])],
        level_of_education=[
            _LEVELS[k] for k in rng.choice(13, size, p=_LEVEL_SHARES / _LEVEL_SHARES.sum())
        ],
        country=[_COUNTRIES[k] for k in country],
        hours_east=np.array(_HOURS_EAST)[country],
        session=[_digest(f"{options.seed}/{number}", 14) for number in user_id.tolist()],
        ip=[f"10.{x >> 16 & 255}.{x >> 8 & 255}.{x & 255}" for x in (user_id * 7919).tolist()],
        agent=rng.integers(0, len(AGENTS), size),
        language=rng.integers(0, len(LANGUAGES), size),
    )


_LEVEL_SHARES = np.array([5, 25, 32, 5, 20, 3, 1, 1, 2, 2, 8, 0.5, 0.2])


def _team_names(options: Options) -> list[str]:
    names = ["site_admin", "org_staff"]
    for course in range(options.courses):
        names += [f"{role}_{course + 1}" for role in TEAM_PER_COURSE]
    return names


def _shares(size: int, first: float) -> Array:
    rest = 0.8 ** np.arange(size - 1)
    return np.concatenate([[first], (1 - first) * rest / rest.sum()])


def _digest(text: str, size: int) -> str:
    return hashlib.blake2b(text.encode(), digest_size=size).hexdigest()
