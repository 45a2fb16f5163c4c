"""Runs a real shell, with job control, on the terminal that is its standard input."""

from __future__ import annotations

import fcntl
import os
import termios

os.setsid()
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execvp("bash", ["bash", "--norc", "--noprofile", "-i"])  # noqa: S606 - it is the shell
