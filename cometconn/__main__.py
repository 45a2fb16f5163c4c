"""`python -m cometconn`: the `cometconn` command, for a Python whose scripts are not in the `PATH`."""

from _cometconn_command import main

if __name__ == "__main__":
    main()
