"""Sketches of people's values: how many changed can be told from two of them, and nothing else.

Every person falls into one of `BUCKETS` buckets by their id, and a bucket holds the sum of hashes
of its people's values. Two sketches of the same people with the same values are equal; each bucket
that differs holds at least one person who came, went or changed. So the number of such buckets is
never more than that of the people, and a rule "at least k changed" that asks it errs on the safe
side.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

BUCKETS = 128
SKETCH_BYTES = 4 * BUCKETS
Hashes = npt.NDArray[np.uint64]

WIPED = np.uint32(0xFFFFFFFF)
"""A bucket of which nothing is known any more: no change of it is counted."""
_NULL = np.uint64(0x9E3779B97F4A7C15)


def sketches(
    users: pa.ChunkedArray, hashes: Hashes, rows: npt.NDArray[np.int64], count: int
) -> list[bytes]:
    """The sketch of each of `count` rows.

    Args:
        users: whose value each hash is of.
        hashes: of the values.
        rows: which row each belongs to.
        count: of the rows.
    """
    ids = users.combine_chunks().cast(pa.int64()).to_numpy().astype(np.uint64)
    buckets = _buckets(ids)
    sums = np.zeros(count * BUCKETS, dtype=np.uint64)
    places = rows * BUCKETS + buckets
    np.add.at(sums, places, _mix(hashes ^ _mix(ids + _NULL)))
    return [row.astype("<u4").tobytes() for row in sums.reshape(count, BUCKETS)]


def changed(old: bytes, new: bytes) -> int:
    """People at least who came, went or changed between two sketches."""
    before, after = np.frombuffer(old, dtype="<u4"), np.frombuffer(new, dtype="<u4")
    return int(np.count_nonzero((before != after) & (before != WIPED)))


def wipe(sketch: bytes, user_ids: Sequence[int]) -> bytes:
    """The sketch without any trace of these people, whether they are in it or not."""
    buckets = np.frombuffer(sketch, dtype="<u4").copy()
    buckets[_buckets(np.asarray(user_ids, dtype=np.int64).astype(np.uint64))] = WIPED
    return buckets.tobytes()


def _buckets(ids: Hashes) -> npt.NDArray[np.int64]:
    buckets: npt.NDArray[np.int64] = (_mix(ids) % np.uint64(BUCKETS)).astype(np.int64)
    return buckets


def hash_rows(table: pa.Table, names: Sequence[str]) -> Hashes:
    """A hash of these columns for each row; the same in every process and on every day."""
    found: Hashes = np.zeros(table.num_rows, dtype=np.uint64)
    for name in names:
        found = _mix(found + _NULL) ^ _hash_column(table[name].combine_chunks())
    return found


def _hash_column(column: pa.Array) -> Hashes:
    if pa.types.is_floating(column.type) or pa.types.is_integer(column.type):
        values = pc.fill_null(column.cast(pa.float64(), safe=False), 0.0).to_numpy()
        hashed: Hashes = _mix((values + 0.0).view(np.uint64))
    else:
        hashed = _hash_texts([str(value) for value in column.to_pylist()])
    is_null = column.is_null().to_numpy(zero_copy_only=False)
    hashed[is_null] = _NULL
    return hashed


def _hash_texts(texts: list[str]) -> Hashes:
    encoded = pa.array(texts, pa.string()).dictionary_encode()
    each = [
        int.from_bytes(hashlib.blake2b(str(text).encode(), digest_size=8).digest(), "little")
        for text in encoded.dictionary.to_pylist()
    ]
    hashed: Hashes = np.asarray(each, dtype=np.uint64).take(encoded.indices.to_numpy())
    return hashed


def _mix(values: Hashes) -> Hashes:
    """Splitmix64: every bit of the input moves about half of those of the output."""
    mixed: Hashes = values + np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))
