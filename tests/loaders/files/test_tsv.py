from __future__ import annotations

import gzip

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from courselens.errors import SourceMalformed
from loaders.files import tsv
from loaders.files.tsv import TsvTable, unescape

ESCAPES = {"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"}
# What a database can hold, NUL and lone surrogates aside.
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)


def escape(text):
    return "".join(ESCAPES.get(character, character) for character in text)


def write(path, content):
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def read(path, *wanted, **options):
    table = TsvTable("t", path)
    batches = list(table.batches(wanted, **options))
    rows = [row for batch in batches for row in batch.to_pylist()]
    return table, rows


def unescape_one(text):
    return unescape(pa.chunked_array([pa.array([text], pa.string())]))[0].as_py()


def test_columns_are_found_by_the_header_wherever_they_stand(tmp_path):
    _, rows = read(write(tmp_path / "t.sql", "c\ta\tb\n3\t1\t2\n"), "a", "b", "absent")

    assert rows == [{"row": 0, "a": "1", "b": "2", "absent": None}]


def test_null_is_a_word_and_empty_is_not_null(tmp_path):
    _, rows = read(write(tmp_path / "t.sql", "a\tb\tc\nNULL\t\t\\N\n"), "a", "b", "c")

    assert rows == [{"row": 0, "a": None, "b": "", "c": None}]


@pytest.mark.parametrize(
    ("escaped", "text"),
    [
        (r"a\tb\nc\rd", "a\tb\nc\rd"),
        (r"\\", "\\"),
        (r"\\n", r"\n"),
        (r"\\\n", "\\\n"),
        (r"\\\\t\t", "\\\\t\t"),
        (r"\x \" \u0041", r"\x \" \u0041"),
        ("no escapes", "no escapes"),
        ("", ""),
        (None, None),
    ],
)
def test_an_escape_stands_for_its_character_once(escaped, text):
    assert unescape_one(escaped) == text


@given(st.lists(st.one_of(st.none(), TEXT), max_size=8), st.integers(0, 8))
def test_unescaping_is_the_inverse_of_escaping(texts, cut):
    escaped = [None if text is None else escape(text) for text in texts]
    chunks = [escaped[:cut], escaped[cut:]]
    column = pa.chunked_array([pa.array(chunk, pa.string()) for chunk in chunks])

    assert unescape(column).to_pylist() == texts


def test_unescaping_a_slice_looks_at_no_other_value():
    column = pa.array(["\\\\", None, r"\n", r"\t"], pa.string()).slice(1, 2)

    assert unescape(pa.chunked_array([column])).to_pylist() == [None, "\n"]


def test_raw_text_is_kept_beside_the_unescaped_one(tmp_path):
    _, rows = read(write(tmp_path / "t.sql", "a\n\\\\n\n"), "a", keep_raw=["a"])

    assert rows == [{"row": 0, "a": "\\n", "a_raw": "\\\\n"}]


def test_lines_with_too_few_or_too_many_fields_are_misfits_with_their_line(tmp_path):
    content = "a\tb\n1\t2\n3\n\n4\t5\t6\n7\t8\n"
    table, rows = read(write(tmp_path / "t.sql", content), "a")

    assert [row["a"] for row in rows] == ["1", "7"]
    assert table.misfit_count == 2
    lines = table.find_lines({0, 1})
    assert lines.of_rows == {0: 2, 1: 6}
    assert lines.misfits == (
        (3, "1 fields where the header has 2"),
        (5, "3 fields where the header has 2"),
    )


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.lists(TEXT, min_size=1, max_size=4), max_size=12), st.sampled_from(["\n", "\r\n"])
)
def test_rows_and_misfits_are_all_the_lines(tmp_path_factory, rows, end):
    path = tmp_path_factory.mktemp("tsv") / "t.sql"
    texts = ["\t".join(escape(text) for text in row) for row in rows]
    # A row of one empty field is a blank line, which is no data.
    kept = [(row, text) for row, text in zip(rows, texts, strict=True) if text]
    path.write_bytes(end.join(["a\tb", *(text for _, text in kept), ""]).encode())

    table, read_rows = read(path, "a", "b")
    good = [row for row, _ in kept if len(row) == 2]
    nulls = {"NULL": None, "\\N": None}
    assert [(row["a"], row["b"]) for row in read_rows] == [
        tuple(nulls.get(text, text) if escape(text) == text else text for text in row)
        for row in good
    ]
    assert len(read_rows) + table.misfit_count == len(kept)
    lines = table.find_lines(range(len(read_rows)))
    assert sorted([*lines.of_rows.values(), *(line for line, _ in lines.misfits)]) == list(
        range(2, len(kept) + 2)
    )


def test_quotes_are_characters_like_any_other(tmp_path):
    _, rows = read(write(tmp_path / "t.sql", 'a\tb\n"x\t"y"\n\'\t""\n'), "a", "b")

    assert [(row["a"], row["b"]) for row in rows] == [('"x', '"y"'), ("'", '""')]


def test_a_header_with_commas_makes_it_csv(tmp_path):
    content = 'user_id,name\n1,"Blue, dark"\n2\n3,"say ""hi"" \\n"\n'
    table, rows = read(write(tmp_path / "cohorts.csv", content), "user_id", "name")

    assert [row["name"] for row in rows] == ["Blue, dark", 'say "hi" \\n']
    assert table.find_lines({1}).of_rows == {1: 4}
    assert table.find_lines(()).misfits == ((3, "1 fields where the header has 2"),)


def test_bytes_that_are_no_utf8_do_not_stop_the_reading(tmp_path):
    _, rows = read(write(tmp_path / "t.sql", b"a\tb\n\xff\t1\n\xc3\xa9\t2\n"), "a")

    assert [row["a"] for row in rows] == ["\ufffd", "é"]


def test_compressed_files_windows_line_ends_and_byte_order_marks_are_read(tmp_path):
    path = tmp_path / "t.sql.gz"
    path.write_bytes(gzip.compress(b"\xef\xbb\xbfa\tb\r\n1\t2\r\n3\t4"))
    _, rows = read(path, "a", "b")

    assert [(row["a"], row["b"]) for row in rows] == [("1", "2"), ("3", "4")]


@pytest.mark.parametrize("content", ["a\tb", "a\tb\n", "\n\na\tb\n\n\n"])
def test_a_header_alone_is_a_table_without_rows(tmp_path, content):
    table, rows = read(write(tmp_path / "t.sql", content), "a")

    assert table.columns == ("a", "b")
    assert rows == []


def test_a_file_without_a_header_is_malformed(tmp_path):
    with pytest.raises(SourceMalformed, match="no header row"):
        TsvTable("t", write(tmp_path / "t.sql", "\n \n"))


def test_the_first_of_two_columns_of_one_name_is_read(tmp_path):
    _, rows = read(write(tmp_path / "t.sql", "a\ta\n1\t2\n"), "a")

    assert rows == [{"row": 0, "a": "1"}]


def test_rows_are_numbered_through_all_blocks(tmp_path, monkeypatch):
    monkeypatch.setattr(tsv, "BLOCK_BYTES", 64)
    content = "a\tb\n" + "".join(f"{n}\tx\n" for n in range(200))
    table, rows = read(write(tmp_path / "t.sql", content), "a")

    assert [row["row"] for row in rows] == list(range(200))
    assert [row["a"] for row in rows] == [str(n) for n in range(200)]
    assert table.find_lines({199}).of_rows == {199: 201}


def test_a_line_longer_than_a_block_makes_the_file_malformed(tmp_path, monkeypatch):
    monkeypatch.setattr(tsv, "BLOCK_BYTES", 64)

    with pytest.raises(SourceMalformed, match="cannot be split into rows"):
        read(write(tmp_path / "t.sql", "a\tb\n1\t2\n" + "x" * 500 + "\ty\n"), "a")


def test_the_bytes_read_are_told(tmp_path):
    told = []
    content = "a\tb\n1\t2\n"
    read(write(tmp_path / "t.sql", content), "a", on_bytes=told.append)

    assert told[-1] == len("1\t2\n")
