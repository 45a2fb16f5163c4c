"""`cometconn fleet demo`: three worker processes of this machine, of which one is killed and one is drained."""
