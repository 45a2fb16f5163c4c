"""`cometconn fleet`: workers, accounts, and what an operator does with them."""
