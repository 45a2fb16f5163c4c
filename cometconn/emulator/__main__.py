"""`python -m cometconn.emulator`: runs the server, until Ctrl-C or SIGTERM. `--help` lists the options."""

if __name__ == "__main__":
    import _cometconn_command  # noqa: F401 - Ctrl-C before the server runs ends the process without a traceback

    from .command import main

    main()
