# SPDX-License-Identifier: GPL-2.0-only
"""dbus-daemon with a client that stays connected, and others that come and go."""

from stage import expect, wait_until

PROGRAMS = ("dbus-daemon", "dbus-monitor", "dbus-send")


def run(stage):
    """The monitor is told what is sent to the bus before, between and after three restores."""
    address = f"unix:path={stage.file('bus')}"
    bus = ("--bus=" + address,)
    sent = 0

    def send():
        nonlocal sent
        sent += 1
        stage.tell("dbus-send", *bus, "/test", f"test.signal.number{sent}")
        return f"member=number{sent}"

    pid = stage.start(
        "sh", "-c", f"dbus-daemon --session --nofork --nopidfile --address={address} & "
        f"while [ ! -S bus ]; do sleep 0.01; done; dbus-monitor --address {address} "
        "\"path='/test'\"; wait")
    wait_until(lambda: "NameAcquired" in stage.out(), "the monitor to be connected")
    for _ in range(3):
        text = send()
        wait_until(lambda: text in stage.out(), f"{text} to be shown")
        stage.save_and_bring_back(pid)
    text = send()
    wait_until(lambda: text in stage.out(), f"{text} to be shown")
    names = stage.tell("dbus-send", *bus, "--print-reply", "--dest=org.freedesktop.DBus", "/",
                       "org.freedesktop.DBus.ListNames")
    expect(names.count("string") == 2, f"the names on the bus are {names}")
    stage.end(pid)
