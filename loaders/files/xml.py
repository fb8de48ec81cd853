"""XML without entities: nothing in a file may expand or be fetched from elsewhere."""

from __future__ import annotations

from typing import NoReturn
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat


class BrokenXml(ValueError):
    """Not XML, or XML that defines entities; `line` counts from 1."""

    def __init__(self, reason: str, line: int | None) -> None:
        self.line = line
        super().__init__(reason)


def parse_xml(data: bytes) -> Element:
    """Parse a document, refusing entity definitions.

    Args:
        data: the document, in any encoding that its declaration names.

    Returns:
        The root element.

    Raises:
        BrokenXml: the document is not well-formed or defines entities.
    """
    builder = TreeBuilder()
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.data
    parser.EntityDeclHandler = _refuse_entity
    parser.ExternalEntityRefHandler = _refuse_entity
    try:
        parser.Parse(data, True)
    except expat.ExpatError as error:
        raise BrokenXml(str(error), error.lineno) from error
    except (LookupError, ValueError) as error:
        raise BrokenXml(str(error), None) from error
    return builder.close()


def _refuse_entity(*_: object) -> NoReturn:
    raise BrokenXml("defines entities, which are refused", None)
