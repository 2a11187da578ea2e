"""QR codes: a link as a picture for the page, and as blocks for a terminal."""

import io

import segno

QUIET_ZONE = 4
"""The light border that a reader needs, in modules (ISO/IEC 18004)."""


def as_svg(text: str) -> str:
    """Return the QR code of `text` as an SVG document; always dark on light, as readers want it."""
    out = io.BytesIO()
    _code(text).save(
        out,
        kind="svg",
        border=QUIET_ZONE,
        dark="#000",
        light="#fff",
        omitsize=True,
        xmldecl=False,
        nl=False,
        svgclass=None,
        lineclass=None,
    )
    return out.getvalue().decode()


def as_blocks(text: str) -> str:
    """Return the QR code of `text` in half blocks with the terminal's colours."""
    out = io.StringIO()
    _code(text).terminal(out=out, border=2, compact=True)
    return out.getvalue()


def _code(text: str) -> segno.QRCode:
    # A screen is neither torn nor dirty: the least correction makes the largest modules.
    return segno.make(text, error="l", micro=False, boost_error=False)
