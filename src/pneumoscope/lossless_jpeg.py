"""Lossless JPEG, which DICOM films of more than 8 bits use, decoded by GDCM in its own process.

GDCM alone decodes it, and some damaged streams crash GDCM; as a process apart it takes nothing
with it. Run as a program, this file is that process: it imports GDCM and the standard library.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

_SECONDS = 60  # a film takes less than one; a stream made to be endless is given up


def decode(stream: bytes, *, columns: int, rows: int, bits: int) -> bytes:
    """Decode a grey stream (ISO/IEC 10918-1 process 14) of ``bits`` (2 to 16) precision.

    Returns rows x columns samples of one byte, or of two (little endian) above 8 bits. Raises
    ``ValueError`` where the stream is damaged, ``subprocess.TimeoutExpired`` where it is endless.
    """
    program = [sys.executable, "-P", str(Path(__file__)), *map(str, (columns, rows, bits))]
    done = subprocess.run(program, input=stream, capture_output=True, timeout=_SECONDS)
    expected = columns * rows * (1 if bits <= 8 else 2)
    # The decoder fills up what it cannot read, and only mentions that.
    filled = any(words in done.stderr for words in (b"premature end of data", b"bad Huffman code"))
    if done.returncode or filled or len(done.stdout) != expected:
        raise ValueError("GDCM did not decode the stream as a whole")
    return done.stdout


def _decode_here(stream: bytes, columns: int, rows: int, bits: int) -> bytes:
    import gdcm

    fragment = gdcm.Fragment()
    fragment.SetByteStringValue(stream)
    fragments = gdcm.SequenceOfFragments.New()
    fragments.AddFragment(fragment)
    element = gdcm.DataElement(gdcm.Tag(0x7FE0, 0x0010))
    element.SetValue(fragments.__ref__())
    image = gdcm.Image()
    image.SetNumberOfDimensions(2)
    image.SetDimensions((columns, rows, 1))
    image.SetDataElement(element)
    grey = gdcm.PhotometricInterpretation.GetPIType("MONOCHROME2")
    image.SetPhotometricInterpretation(gdcm.PhotometricInterpretation(grey))
    syntax = gdcm.TransferSyntax.GetTSType("1.2.840.10008.1.2.4.57")
    image.SetTransferSyntax(gdcm.TransferSyntax(syntax))
    image.SetPixelFormat(gdcm.PixelFormat(1, 8 if bits <= 8 else 16, bits, bits - 1, 0))
    # SWIG hands the bytes over as text.
    samples: str = image.GetBuffer()
    return samples.encode("utf-8", "surrogateescape")


if __name__ == "__main__":
    sys.stdout.buffer.write(_decode_here(sys.stdin.buffer.read(), *map(int, sys.argv[1:])))
