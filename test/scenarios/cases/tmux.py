# SPDX-License-Identifier: GPL-2.0-only
"""A tmux server: a shell with a job and a command line that is not complete, vi, and less."""

from stage import expect, wait_until

PROGRAMS = ("tmux", "bash", "vi", "less")


def run(stage):
    """The screens are the same, and what is typed next goes where it has to."""
    def tmux(*words):
        return stage.tell("tmux", "-S", stage.file("socket"), "-f", "/dev/null", *words)

    def screen(pane):
        return tmux("capture-pane", "-p", "-t", pane)

    def shows(pane, text):
        wait_until(lambda: text in screen(pane), f"{text!r} on the screen of {pane}")

    lines = "".join(f"line {number}\n" for number in range(1, 200))
    stage.file("text").write_text(lines)
    tmux("new-session", "-d", "-s", "s", "-x", "80", "-y", "40", "bash --norc --noprofile")
    tmux("split-window", "-t", "s", "vi text")
    tmux("new-window", "-t", "s", "less text")
    wait_until(lambda: screen("s:0.0").strip(), "a prompt")
    tmux("send-keys", "-t", "s:0.0", "sleep 1000 &", "Enter")
    shows("s:0.0", "[1] ")
    tmux("send-keys", "-t", "s:0.0", "echo ha")
    shows("s:0.0", "echo ha")
    shows("s:0.1", "line 1")
    shows("s:1.0", "line 2")
    pid = int(tmux("display-message", "-p", "#{pid}"))
    panes = ("s:0.0", "s:0.1", "s:1.0")
    terminals = tmux("list-panes", "-s", "-F", "#{pane_tty} #{pane_pid}")

    for _ in range(2):
        before = [screen(pane) for pane in panes]
        stage.save_and_bring_back(pid)
        after = [screen(pane) for pane in panes]
        expect(before == after, f"the screens were\n{before}\nand are\n{after}")
    expect(tmux("list-panes", "-s", "-F", "#{pane_tty} #{pane_pid}") == terminals, "the terminals")
    tmux("send-keys", "-t", "s:0.0", "lf; jobs; tty", "Enter")
    shows("s:0.0", "\nhalf\n")
    shows("s:0.0", "Running")
    shows("s:0.0", terminals.split()[0])
    tmux("send-keys", "-t", "s:0.1", ":$", "Enter")
    shows("s:0.1", "line 199")
    tmux("send-keys", "-t", "s:1.0", "G")
    shows("s:1.0", "line 199")
    tmux("send-keys", "-t", "s:1.0", "q")
    wait_until(lambda: "less" not in tmux("list-windows", "-t", "s"), "less to end")
    tmux("resize-window", "-t", "s:0", "-x", "60", "-y", "30")
    tmux("send-keys", "-t", "s:0.0", "stty size", "Enter")
    shows("s:0.0", " 60")
    stage.end(pid)
