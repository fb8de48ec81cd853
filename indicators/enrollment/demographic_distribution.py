"""Students by year of birth, age, gender, education and country."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import UTC, datetime

from courselens.plugin import (
    AGE_BANDS,
    MAXIMUM_AGE,
    MINIMUM_AGE,
    Annotated,
    Key,
    Level,
    Parameters,
    Privacy,
    Tables,
    Value,
    cases,
    ifelse,
    indicator,
    ir,
    literal,
    null_value,
    percent,
    total,
    union,
)

_EDUCATION = {
    "high_school_or_less": ("none", "el", "jhs", "hs"),
    "college": ("a", "b"),
    "advanced": ("m", "p", "p_se", "p_oth"),
}
_OTHER = "other"


class ProfileDimension(enum.StrEnum):
    """What a profile says.

    Attributes:
        YEAR_OF_BIRTH: year.
        AGE: year of `as_of` less year of birth, in bands.
        GENDER: code of the platform: f, m, o.
        EDUCATION: highest level, in bands.
        COUNTRY: code of the platform (ISO 3166-1, two letters).
    """

    YEAR_OF_BIRTH = "year_of_birth"
    AGE = "age"
    GENDER = "gender"
    EDUCATION = "education"
    COUNTRY = "country"


_LISTED = {
    ProfileDimension.AGE: tuple(AGE_BANDS),
    ProfileDimension.GENDER: ("f", "m", "o"),
    ProfileDimension.EDUCATION: (*_EDUCATION, _OTHER),
}
"""Values that are counted even where nobody has them."""
_BY_GENDER = (ProfileDimension.AGE, ProfileDimension.EDUCATION, ProfileDimension.COUNTRY)


@dataclass(frozen=True, slots=True)
class LearnersOfValue:
    """Students whose profile says the same."""

    dimension: Annotated[ProfileDimension, Key("What the profile says.")]
    value: Annotated[
        str,
        Key(
            "Age: <=25, 26-40, >=41. Education: high_school_or_less, college, advanced, other."
            " Else as the platform has it."
        ),
    ]
    learners: Annotated[int | None, Value("Students of this value.")]
    percent: Annotated[
        float | None, Value("Of the students of whom the dimension is known.", unit="percent")
    ]


@dataclass(frozen=True, slots=True)
class LearnersUnknown:
    """Students whose profile does not say it: empty, no profile, or an age that cannot be."""

    dimension: Annotated[ProfileDimension, Key("What the profile does not say.")]
    learners: Annotated[int | None, Value("Students of whom it is unknown.")]


@dataclass(frozen=True, slots=True)
class LearnersOfPair:
    """Students of one value and gender; those of whom either is unknown are left out."""

    dimension: Annotated[ProfileDimension, Key("Age, education or country.")]
    value: Annotated[str, Key("As in `rows`.")]
    gender: Annotated[str, Key("As in `rows`.")]
    learners: Annotated[int | None, Value("Students of both; pairs of nobody are left out.")]


@dataclass(frozen=True, slots=True)
class DemographicDistribution:
    """Students of a group by what their profiles say."""

    rows: list[LearnersOfValue]
    unknown: list[LearnersUnknown]
    by_gender: list[LearnersOfPair]


@indicator(
    key="demographic_distribution",
    version=1,
    title="Demographics",
    unit="learners",
    family="enrollment",
    levels=(Level.COURSE, Level.GROUP),
    needs=("profiles", "population", "memberships", "groups"),
    group=DemographicDistribution,
    privacy=(Privacy.PROFILE, Privacy.AGG),
    chart={
        "data": {"name": "rows"},
        "mark": "bar",
        "encoding": {
            "row": {"field": "dimension", "type": "nominal"},
            "x": {"field": "learners", "type": "quantitative"},
            "y": {"field": "value", "type": "nominal"},
        },
    },
)
def demographic_distribution(t: Tables, p: Parameters) -> dict[str, ir.Table]:
    """Count the students of each year of birth, age, gender, level of education and country.

    An empty value is unknown like a missing one, and so are ages below 5 and above 120 with the
    years of birth behind them. Age is the year of `as_of` (UTC) less the year of birth. `byGender`
    is the only crossing: age, education and country, each with gender. Whoever may not use
    profiles is told fixed tables of the class without what would give a few away.

    Source: auth_userprofile; edX Insights, demographics.
    """
    people = _described(t, p)
    rows = _count(people, t)
    known = rows.group_by("group_id", "dimension").agg(known=total(rows.learners))
    shares = rows.inner_join(known, ["group_id", "dimension"])
    every = union(
        *(
            t.groups.select(
                "group_id", "members", dimension=literal(one.value), sort_position=literal(place)
            )
            for place, one in enumerate(ProfileDimension)
        )
    )
    left = every.left_join(known, ["group_id", "dimension"])
    return {
        "rows": shares.select(
            "group_id", "dimension", "value", "learners", "sort_position",
            percent=percent(shares.learners, shares.known),
        ),
        "unknown": left.select(
            "group_id", "dimension", "sort_position",
            learners=left.members - left.known.fill_null(0),
        ),
        "by_gender": _count_pairs(people).inner_join(
            rows.drop("learners"), ["group_id", "dimension", "value"]
        ),
    }  # fmt: skip


def _described(t: Tables, p: Parameters) -> ir.Table:
    """Members of groups with what is known of each; null where it is not."""
    members = t.memberships.inner_join(t.population, "user_id")
    age = datetime.fromtimestamp(p.as_of_us // 1_000_000, UTC).year - members.year_of_birth
    is_age = age.between(MINIMUM_AGE, MAXIMUM_AGE).fill_null(False)
    level = members.level_of_education.nullif("")
    nothing = null_value("string")
    bands = [(age <= greatest, literal(band)) for band, greatest in AGE_BANDS.items()]
    levels = [(level.isin(codes), literal(band)) for band, codes in _EDUCATION.items()]
    return members.select(
        "group_id",
        year_of_birth=ifelse(is_age, members.year_of_birth.cast("string"), nothing),
        age=cases((~is_age, nothing), *bands, else_=nothing),
        gender=members.gender.nullif(""),
        education=cases((level.isnull(), nothing), *levels, else_=literal(_OTHER)),
        country=members.country.nullif(""),
    )


def _count(people: ir.Table, t: Tables) -> ir.Table:
    """Students of every value that somebody has or that is listed, in the order of the catalogue.

    A listed value is counted in two rows here, one of them with nobody, whose place comes first.
    """
    found = []
    for place, one in enumerate(ProfileDimension):
        dimension, last = literal(one.value), literal(100 * place + 99, "int64")
        known = people.filter(people[one.value].notnull())
        counts = known.group_by("group_id", value=known[one.value]).agg(learners=known.count())
        found.append(counts.mutate(dimension=dimension, place=last).select(*_COUNTED))
        found += [
            t.groups.select(
                "group_id",
                dimension=dimension,
                value=literal(value),
                learners=literal(0, "int64"),
                place=literal(100 * place + number, "int64"),
            )
            for number, value in enumerate(_LISTED.get(one, ()))
        ]
    rows = union(*found)
    return rows.group_by("group_id", "dimension", "value").agg(
        learners=total(rows.learners), sort_position=rows.place.min()
    )


_COUNTED = ("group_id", "dimension", "value", "learners", "place")


def _count_pairs(people: ir.Table) -> ir.Table:
    found = []
    for one in _BY_GENDER:
        known = people.filter(people[one.value].notnull() & people.gender.notnull())
        counts = known.group_by("group_id", "gender", value=known[one.value]).agg(
            learners=known.count()
        )
        found.append(
            counts.select("group_id", "value", "gender", "learners", dimension=literal(one.value))
        )
    return union(*found)
