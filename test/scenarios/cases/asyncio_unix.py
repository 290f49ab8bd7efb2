# SPDX-License-Identifier: GPL-2.0-only
"""asyncio: a server and clients over a unix socket, epoll, and a socketpair that wakes it up."""

from stage import expect, wait_until

PROGRAMS = ("python3",)
PROGRAM = """
import asyncio, os, sys, threading

state = {"answers": 0, "wakes": 0, "wrong": 0}

async def serve(reader, writer):
    while line := await reader.readline():
        writer.write(line[::-1].strip() + b"\\n")
        await writer.drain()

async def ask(nr):
    reader, writer = await asyncio.open_unix_connection("server")
    for i in range(1 << 30):
        text = b"%d %d" % (nr, i)
        writer.write(text + b"\\n")
        if (await reader.readline()).strip() != text[::-1]:
            state["wrong"] += 1
        state["answers"] += 1
        await asyncio.sleep(0.001)

def wake(loop):
    while True:
        done = threading.Event()
        loop.call_soon_threadsafe(done.set)
        done.wait()
        state["wakes"] += 1
        threading.Event().wait(0.002)

async def tell():
    while True:
        with open("state.new", "w") as f:
            f.write(" ".join(str(state[k]) for k in ("answers", "wakes", "wrong")))
        os.rename("state.new", "state")
        await asyncio.sleep(0.005)

async def main():
    server = await asyncio.start_unix_server(serve, "server")
    threading.Thread(target=wake, args=(asyncio.get_running_loop(),), daemon=True).start()
    await asyncio.gather(tell(), *(ask(nr) for nr in range(20)))

asyncio.run(main())
"""


def run(stage):
    """Twenty connections go on, and none gets an answer that is not its own."""
    def state():
        return [int(word) for word in stage.read("state").split()] or [0, 0, 0]

    stage.file("program.py").write_text(PROGRAM)
    pid = stage.start("python3", "program.py")
    wait_until(lambda: min(state()[:2]) > 50, "the first answers")
    for _ in range(3):
        stage.save_and_bring_back(pid)
        answers, wakes, _ = state()
        wait_until(lambda: state()[0] > answers + 100 and state()[1] > wakes + 20,
                   "answers after the restore")
        expect(not state()[2], f"{state()[2]} answers were wrong")
    stage.end(pid)
