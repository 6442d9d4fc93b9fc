"""XML without a document type: with one, a file could name other files, and grow without end."""

import xml.etree.ElementTree as ElementTree
from pathlib import Path

from depth_pc_ros.errors import DepthPcError, FileError
from depth_pc_ros.files.raw import read_bytes

MAX_BYTES = 1_000_000


def read_xml(path: str | Path, what: str, error: type[DepthPcError] = FileError) -> ElementTree.Element:
    """The root element of an XML file."""
    where = f"{what}: cannot read {path}"
    data = read_bytes(path, where, MAX_BYTES, error)
    try:
        return ElementTree.fromstring(data, ElementTree.XMLParser(target=_PlainBuilder()))
    except (ElementTree.ParseError, ValueError, LookupError) as problem:  # the last: an unknown encoding
        raise error(f"{where}: expected XML: {problem}") from None


class _PlainBuilder(ElementTree.TreeBuilder):
    def doctype(self, name, public_id, system):
        raise ValueError("a document type is not supported")
