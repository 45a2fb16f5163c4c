"""`python -m cometconn`: the `cometconn` command, for a Python whose scripts are not in the `PATH`."""

if __name__ == "__main__":
    # Not above: the import decides what Ctrl-C does, which is not for a program that only looks through the modules.
    from _cometconn_command import main

    main()
