# SPDX-License-Identifier: GPL-2.0-only
"""An interactive shell on the pty of script(1): job control, half a line, and keys."""

import os

from stage import wait_until

PROGRAMS = ("script", "bash")


def run(stage):
    """cat in the foreground has half a line; Ctrl-Z, fg and Ctrl-D reach it afterwards."""
    keys = stage.file("keys")
    os.mkfifo(keys)
    # Who writes is in the tree, too: a FIFO whose other end stays outside could not be filled.
    pid = stage.start("sh", "-c", "exec 3<>keys; exec script -qf -c 'bash --norc --noprofile -i' "
                                  "typescript <keys >/dev/null 2>&1")

    def type_in(text):
        fd = os.open(keys, os.O_WRONLY)
        os.write(fd, text.encode())
        os.close(fd)

    def shows(text, times=1):
        wait_until(lambda: stage.read("typescript").count(text) >= times,
                   f"{text!r} in typescript")

    type_in("PS1='ready> '\r")
    shows("ready> ", 2)
    type_in("cat\r")
    wait_until(lambda: "cat" in stage.tell("ps", "-o", "comm=", "-s", _session(stage, pid)), "cat")
    type_in("one\r")
    shows("one\none")
    type_in("tw")
    shows("tw")
    for _ in range(2):
        stage.save_and_bring_back(pid)
    type_in("o\r")
    shows("two\ntwo")
    type_in("\x1a")
    shows("Stopped")
    stage.save_and_bring_back(pid)
    type_in("fg\r")
    shows("ready> fg")
    type_in("three\r\x04")
    shows("three\nthree")
    type_in("echo $((6*7))\r")
    shows("\n42")
    stage.end(pid)


def _session(stage, pid):
    """The one that bash leads."""
    return stage.tell("pgrep", "-P", pid).strip()
