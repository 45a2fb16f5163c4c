"""The picture's colours, for a light and a dark background, and its glyphs."""

from __future__ import annotations

__all__ = ["GLYPHS", "STYLE"]

GLYPHS = {
    "no-pong": "m0 -4v8",
    "lost": "m-5 -4h10l-5 8z",
    "failed": "m-3.5 -3.5l7 7m0 -7l-7 7",
    "refused": "m-4 -4h8v8h-8z",
    "renewal": "m0 -4a4 4 0 1 0 .01 0z",
    "dropped": "m0 -5l5 5l-5 5l-5 -5z",
}
"""Shapes around a point, each as an SVG path that continues from it."""

STYLE = """
text{font:11px system-ui,"DejaVu Sans",sans-serif;fill:#24292f}
.heading{font-size:15px;font-weight:600}.small{font-size:10px;fill:#57606a}
.middle{text-anchor:middle}.end{text-anchor:end}
.paper{fill:#fff}.axis{stroke:#8c959f}.tick{stroke:#eaeef2}.guide{stroke:#d8dee4;stroke-dasharray:2 3}
.connected{fill:#2da44e}.connecting{fill:#d4a72c}.waiting{fill:#f5c78f}.disconnected{fill:#afb8c1}.absent{fill:none;stroke:#afb8c1;stroke-dasharray:3 3}
.on-connected,.on-background,.on-asleep{fill:#fff}
.foreground{fill:#b6e3ff}.background{fill:#4a6785}.asleep{fill:#24292f}.shade{fill:#24292f;opacity:.07}
.forever{fill:#ddf4ff}.left{fill:#b6a6e9;opacity:.45}.teeth{fill:#8250df;stroke:#8250df;stroke-width:.7;stroke-linejoin:round}
.pong{stroke:#0969da;stroke-width:1.7;stroke-linecap:round;fill:none}.dot{stroke-width:3.2}
.no-pong{stroke:#cf222e;stroke-width:1.7}
.message{fill:#0969da}.fetched{fill:#9ac7a5}.recovered{fill:#9ac7a5}.missing{fill:#e5534b}.paused{fill:#bc4c00}
.lost,.refused{fill:#cf222e}.failed{stroke:#bc4c00;stroke-width:1.7;fill:none}.renewal{fill:#d4a72c}.dropped{fill:#bc4c00}
@media(prefers-color-scheme:dark){
text{fill:#e6edf3}.small{fill:#9198a1}.paper{fill:#0d1117}.axis{stroke:#656c76}.tick{stroke:#21262d}.guide{stroke:#2f353d}
.connecting{fill:#bb8009}.waiting{fill:#7a4d1c}.disconnected{fill:#545d68}.foreground{fill:#1f4a6b}.background{fill:#3b4b5e}
.asleep{fill:#9198a1}.on-asleep{fill:#0d1117}.shade{fill:#c9d1d9;opacity:.1}.forever{fill:#12283d}.pong{stroke:#58a6ff}.message{fill:#58a6ff}
.recovered,.fetched{fill:#3d6b48}}
"""
"""One style sheet for both backgrounds: GitHub and browsers apply the matching part."""
