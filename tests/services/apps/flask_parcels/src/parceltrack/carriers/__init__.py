"""How each carrier tells of its scans: payload in, (number, scan) out."""

from parceltrack.carriers import hanse, swift

READERS = {"hanse": hanse.read, "swift": swift.read}
