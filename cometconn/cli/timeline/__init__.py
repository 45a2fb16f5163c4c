"""`cometconn timeline`: draws a trace as a picture."""
