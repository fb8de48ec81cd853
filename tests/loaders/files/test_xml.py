from __future__ import annotations

import pytest

from loaders.files.xml import BrokenXml, parse_xml

LAUGHS = b"""<?xml version="1.0"?>
<!DOCTYPE lolz [<!ENTITY lol "lol"><!ENTITY lol2 "&lol;&lol;">]>
<course>&lol2;</course>"""
OUTSIDE = b'<!DOCTYPE c [<!ENTITY x SYSTEM "file:///etc/hostname">]><c>&x;</c>'


def test_elements_attributes_and_text_are_read():
    root = parse_xml('<a b="1 &amp; 2"><c/>é</a>'.encode())

    assert (root.tag, root.get("b"), root[0].tag, root[0].tail) == ("a", "1 & 2", "c", "é")


@pytest.mark.parametrize("document", [LAUGHS, OUTSIDE])
def test_entities_are_refused(document):
    with pytest.raises(BrokenXml, match="entities"):
        parse_xml(document)


@pytest.mark.parametrize("document", [b"", b"<a>", b"<a></b>", b"plain", b"<a>&nbsp;</a>", b"\xff"])
def test_what_is_not_well_formed_is_refused(document):
    with pytest.raises(BrokenXml):
        parse_xml(document)


def test_the_line_of_the_fault_is_told():
    with pytest.raises(BrokenXml) as caught:
        parse_xml(b"<a>\n<b>\n</a>")

    assert caught.value.line == 3
