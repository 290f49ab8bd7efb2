# SPDX-License-Identifier: GPL-2.0-only
"""multiprocessing: a pool of workers, pipes that are socketpairs, and descriptors sent through
a unix socket from one process to another."""

from stage import expect, wait_until

PROGRAMS = ("python3",)
PROGRAM = """
import multiprocessing, os, time

def square(n):
    return n * n

def fd_sender(ours, nr):
    from multiprocessing.reduction import send_handle
    r, w = os.pipe()
    os.write(w, b"%d" % nr)
    send_handle(ours, r, None)
    os.close(r)
    os.close(w)

def fd_echo(end):
    from multiprocessing.reduction import recv_handle
    while True:
        fd = recv_handle(end)
        end.send(os.read(fd, 100))
        os.close(fd)

def main():
    pool = multiprocessing.Pool(3)
    ours, its = multiprocessing.Pipe()
    multiprocessing.Process(target=fd_echo, args=(its,), daemon=True).start()
    done = wrong = 0
    while True:
        wrong += pool.map(square, range(20)) != [n * n for n in range(20)]
        fd_sender(ours, done)
        wrong += ours.recv() != b"%d" % done
        done += 1
        with open("state.new", "w") as f:
            f.write(f"{done} {wrong}")
        os.rename("state.new", "state")

main()
"""


def run(stage):
    """Results are right, and every descriptor arrives, whenever the tree is saved."""
    def state():
        return [int(word) for word in stage.read("state").split()] or [0, 0]

    stage.file("program.py").write_text(PROGRAM)
    pid = stage.start("python3", "program.py")
    wait_until(lambda: state()[0] > 20, "the first results")
    for _ in range(3):
        stage.save_and_bring_back(pid)
        done, _ = state()
        wait_until(lambda: state()[0] > done + 50, "results after the restore")
        expect(not state()[1], f"{state()[1]} results were wrong")
    stage.end(pid)
