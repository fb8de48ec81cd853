"""Where lines are: every border a block, a range or a last line can have."""

import pytest

from loaders.events import lines
from loaders.events.lines import LineIndex

TEXT = b'{"a": 1}\n\n{"b": 2}\r\n \t\r\n' + b"x" * 300 + b'\n{"cut": '


@pytest.fixture
def text(tmp_path):
    path = tmp_path / "tracking.log"
    path.write_bytes(TEXT)
    return path


@pytest.mark.parametrize("block", [1, 7, 64, 1 << 18])
def test_lines_blanks_and_ends_do_not_depend_on_the_size_of_a_block(text, monkeypatch, block):
    monkeypatch.setattr(lines, "_BLOCK", block)
    index = LineIndex.of(text)
    assert (index.lines, index.blanks) == (6, [2, 4])
    assert (index.whole_end, index.end) == (TEXT.rindex(b"\n") + 1, len(TEXT))
    assert [line for _, line in index.read(text)] == TEXT.splitlines(keepends=True)


@pytest.mark.parametrize("block", [1, 64, 1 << 18])
def test_wanted_lines_come_in_order_with_their_numbers(text, monkeypatch, block):
    monkeypatch.setattr(lines, "_BLOCK", block)
    found = LineIndex.of(text).read(text, {6, 1, 4})
    assert list(found) == [(1, b'{"a": 1}\n'), (4, b" \t\r\n"), (6, b'{"cut": ')]


def test_a_range_counts_from_its_own_start(text):
    start = TEXT.index(b'{"b"')
    index = LineIndex.of(text, start, TEXT.index(b"xxx"))
    assert (index.lines, index.blanks) == (2, [2])
    assert list(index.read(text)) == [(1, b'{"b": 2}\r\n'), (2, b" \t\r\n")]


def test_a_last_line_that_grows_is_read_as_it_was(text):
    index = LineIndex.of(text)
    with text.open("ab") as log:
        log.write(b"3}\n")
    assert list(index.read(text, {6})) == [(6, b'{"cut": ')]


def test_an_empty_range_has_no_line(text):
    index = LineIndex.of(text, 5, 5)
    assert (index.lines, index.whole_end, index.end) == (0, 5, 5)
    assert list(index.read(text)) == []


def test_with_too_many_blank_lines_no_more_are_remembered(tmp_path):
    path = tmp_path / "blank.log"
    path.write_bytes(b"\n" * 5000)
    index = LineIndex.of(path)
    assert (index.lines, len(index.blanks)) == (5000, lines.BLANKS_KEPT + 1)
