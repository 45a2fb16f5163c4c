"""Draws what a connection did as a picture, for `cometconn timeline` and for the page of the emulator."""
