"""`cometconn timeline`: a trace as a picture."""
