"""The discussion of a chunk of learners: threads, responses, comments, votes, views."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from courselens.simulator.events import Array, Kind, make_events, spread
from courselens.simulator.options import DAY_US, HOUR_US
from courselens.simulator.outline import Outline
from courselens.simulator.roster import Roster

THREAD, RESPONSE, COMMENT = 0, 1, 2
PER_CHUNK = 1 << 18  # numbers reserved for the posts of a chunk


@dataclass(frozen=True, slots=True)
class Posts:
    """Posts in the order of their numbers; `parent` and `thread` are numbers of posts.

    `author` is an index into the roster, `topic` a block, `votes` lists the voters by post.
    """

    number: Array
    level: Array  # THREAD, RESPONSE or COMMENT
    author: Array
    at_us: Array
    thread: Array
    parent: Array
    topic: Array
    is_question: Array
    anonymous: Array
    endorsed: Array
    votes: list[list[int]]


def discuss(outline: Outline, roster: Roster, rng: np.random.Generator) -> tuple[Array, Posts]:
    """Let learners talk.

    Returns:
        Events (`a` number of the post, `b` of its thread or parent, `c` of its author), and posts.
    """
    talkers = np.flatnonzero(roster.came & (roster.forum_taste > 0))
    first = roster.chunk * PER_CHUNK
    size = int(min(rng.poisson(len(talkers) * 0.5), 60_000)) if len(talkers) else 0
    author = _someone(roster, talkers, size, rng)
    at = _while_active(roster, author, roster.from_us[author], rng)
    topics = np.array([kind == "discussion" for kind in outline.block_type]).nonzero()[0]
    topic = rng.choice(np.append(topics, 0), size)
    thread_no = np.arange(size)
    reply_row, reply_author, reply_at = _answers(roster, talkers, at, 1.6, rng)
    talk_row, talk_author, talk_at = _answers(roster, talkers, reply_at, 0.5, rng)
    replies, talks = len(reply_row), len(talk_row)
    level = np.repeat([THREAD, RESPONSE, COMMENT], [size, replies, talks])
    thread = np.concatenate([thread_no, reply_row, reply_row[talk_row]])
    parent = np.concatenate([thread_no, reply_row, size + talk_row])
    total = size + replies + talks
    all_author = np.concatenate([author, reply_author, talk_author])
    all_at = np.concatenate([at, reply_at, talk_at])
    voted = np.flatnonzero(level < COMMENT)
    vote_row, voter, vote_at = _answers(roster, talkers, all_at[voted], 0.7, rng)
    vote_row = voted[vote_row]
    _, once = np.unique(vote_row * (roster.size + 1) + voter, return_index=True)
    once = once[voter[once] != all_author[vote_row[once]]]
    vote_row, voter, vote_at = vote_row[once], voter[once], vote_at[once]
    votes: list[list[int]] = [[] for _ in range(total)]
    for row, who in zip(vote_row.tolist(), voter.tolist(), strict=True):
        votes[row].append(who)
    posts = Posts(
        number=first + np.arange(total),
        level=level,
        author=all_author,
        at_us=all_at,
        thread=first + thread,
        parent=first + parent,
        topic=topic[thread],
        is_question=(rng.random(size) < 0.4)[thread],
        anonymous=rng.random(total) < 0.03,
        endorsed=(rng.random(total) < 0.1) & (level == RESPONSE),
        votes=votes,
    )
    return _events(roster, posts, talkers, vote_row, voter, vote_at, rng), posts


def _events(
    roster: Roster,
    posts: Posts,
    talkers: Array,
    vote_row: Array,
    voter: Array,
    vote_at: Array,
    rng: np.random.Generator,
) -> Array:
    created = np.array([Kind.THREAD_CREATED, Kind.RESPONSE_CREATED, Kind.COMMENT_CREATED])
    voted = np.array([Kind.THREAD_VOTED, Kind.RESPONSE_VOTED, Kind.RESPONSE_VOTED])
    threads = np.flatnonzero(posts.level == THREAD)
    row, reader, view_at = _answers(roster, talkers, posts.at_us[threads], 6.0, rng)
    row = threads[row]
    author = roster.who[posts.author]
    parts = [
        make_events(
            posts.at_us, posts.author, posts.topic, created[posts.level],
            a=posts.number, b=posts.parent, c=posts.thread,
        ),
        make_events(
            vote_at, voter, posts.topic[vote_row], voted[posts.level[vote_row]],
            a=posts.number[vote_row], b=posts.thread[vote_row], c=author[vote_row],
        ),
        make_events(
            view_at - 400_000, reader, posts.topic[row], Kind.FORUM_VIEW, a=posts.number[row]
        ),
        make_events(
            view_at, reader, posts.topic[row], Kind.THREAD_VIEWED,
            a=posts.number[row], b=posts.number[row], c=author[row],
        ),
    ]  # fmt: skip
    return np.concatenate(parts)


def _someone(roster: Roster, talkers: Array, size: int, rng: np.random.Generator) -> Array:
    if not size:
        return np.zeros(0, np.int64)
    taste = roster.forum_taste[talkers]
    return np.asarray(rng.choice(talkers, size, p=taste / taste.sum()))


def _while_active(roster: Roster, who: Array, after_us: Array, rng: np.random.Generator) -> Array:
    until = np.maximum(roster.until_us[who], after_us + HOUR_US)
    return np.asarray(after_us + (rng.random(len(who)) * (until - after_us)).astype(np.int64))


def _answers(
    roster: Roster, talkers: Array, at_us: Array, mean: float, rng: np.random.Generator
) -> tuple[Array, Array, Array]:
    """What others do about something that happened at `at_us`: row, who, when.

    Only those still around answer.
    """
    row, _ = spread(rng.poisson(mean, len(at_us)))
    who = _someone(roster, talkers, len(row), rng)
    at = at_us[row] + 30_000_000 + (rng.exponential(1, len(row)) * DAY_US).astype(np.int64)
    here = (at <= roster.until_us[who]) & (at >= roster.from_us[who])
    return row[here], who[here], at[here]
