#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""
crtool is killed or interrupted at random moments: a tree that was being saved runs on as if
nothing had happened, one that was being brought back is there as a whole or not at all. See
README.md.
"""

import os
import pathlib
import random
import re
import shutil
import signal
import statistics
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from harness import HELPERS, suite  # noqa: E402
from harness.memory import Memory  # noqa: E402
from harness.scene import Failure, Skip, start, threads  # noqa: E402
from runner import procs  # noqa: E402

WARM_UPS = 5
LONGER = 1.02  # by how much more a command may take than was thought, when it has been struck
COMMIT_SECONDS = 0.003  # about what it takes to kill a tree of 40
COPY_SECONDS = 5.0  # how long a copy of a task waits to be told that it may stay
GONE_SECONDS = 1.0  # how long a half restored tree may outlive its maker


class Moments:
    """Random moments within the time that a command takes, the same ones for each seed."""

    def __init__(self, world, name):
        self.count = world.options.count
        self.random = random.Random(f"{world.options.seed} {name}")
        self.seconds = 0.0
        self.hits = 0
        self.where = {}

    def measure(self, run):
        """RUN() returns a child that has begun; how long it takes is the median of some."""
        times = []
        for _ in range(WARM_UPS):
            child = run()
            started = time.perf_counter()
            child.wait()
            times.append(time.perf_counter() - started)
            if child.returncode:
                raise Failure(f"a run without a signal ended with {child.returncode}")
            yield
        self.seconds = statistics.median(times)

    def strike(self, child, what, target=0):
        """
        Waits for the next moment without sleeping, then sends the signal WHAT. The time that the
        command takes is followed: one that ends before its moment tells it, others may take longer.
        """
        started = time.perf_counter()
        until = started + self.random.random() * self.seconds
        while time.perf_counter() < until:
            if os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is not None:
                self.seconds = (self.seconds + time.perf_counter() - started) / 2
                return
        self.seconds *= LONGER
        try:
            os.kill(target or child.pid, what)
        except ProcessLookupError:
            pass

    def note(self, hit, log=None):
        """HIT: it was still at work. LOG tells what at."""
        self.hits += bool(hit)
        if not hit or log is None or not log.exists():
            return
        steps = re.findall(r" info: [\w-]+: ([\w ]+): done in", log.read_text())
        place = steps[-1] if steps else "the start"
        self.where[place] = self.where.get(place, 0) + 1

    def verdict(self):
        """If most of them came too late, nothing has been shown."""
        if self.hits * 2 < self.count:
            raise Failure(f"only {self.hits} of {self.count} found crtool at work")
        places = ", ".join(f"{place} {number}" for place, number in self.where.items())
        return f"({self.hits} of {self.count} at work" + (f"; after {places})" if places else ")")


def _maps(scene):
    found = {}
    for pid in scene.pids():
        found[pid] = pathlib.Path(f"/proc/{pid}/maps").read_text()
    return found


def _expect_whole(scene, pids, maps, when):
    """All of it runs, undisturbed, and as it was."""
    try:
        scene.expect_untraced()
        scene.expect_beats()
        scene.expect_no_errors()
    except Failure as error:
        raise Failure(f"{when}: {error}") from error
    if scene.pids() != pids:
        raise Failure(f"{when}: processes {scene.pids()} instead of {pids}")
    if maps is not None:
        now = _maps(scene)
        for pid in pids:
            if now[pid] != maps[pid]:
                new = set(now[pid].splitlines()) ^ set(maps[pid].splitlines())
                raise Failure("\n".join([f"{when}: pid {pid}: mappings differ:", *sorted(new)]))


def _expect_alone(world, pids, when):
    """No process is left but those of the scenes."""

    def left():
        procs.reap()
        return set(procs.tree(os.getpid())) - set(pids) - {os.getpid()}

    try:
        procs.wait_until(lambda: not left(), COPY_SECONDS, "others to be gone")
    except procs.Timeout as error:
        raise Failure(f"{when}: processes left: {sorted(left())}") from error


def _expect_stopped_well(outcome, sig, when):
    """One error line that names the signal; or it had not begun, or was too late."""
    if outcome.code in (0, -sig):
        if outcome.err or outcome.out:
            raise Failure(f"{when}: exit code {outcome.code}, but: {outcome.err}")
        return
    lines = outcome.err.splitlines()
    name = signal.Signals(sig).name
    if outcome.code != 1 or len(lines) != 1 or not lines[0].endswith(f"interrupted by {name}"):
        raise Failure(f"{when}: exit code {outcome.code}: {outcome.err!r}")


# --- dump ---------------------------------------------------------------------------


def _dump(world, sig, *tree, program="scene"):
    """A dump that leaves the tree running is killed; the tree must not notice."""
    if not (HELPERS / program).exists():
        raise Skip("a 32-bit C library (libc6-dev-i386)")
    scene = world.scene(*tree, program=program)
    moments = Moments(world, f"dump {sig} {tree}")
    words = ["dump", "-D", world.images, "-t", scene.pid, "-R"]
    pids, maps = scene.pids(), _maps(scene)
    for _ in moments.measure(lambda: world.spawn(*words, log=False)):
        pass
    for number in range(moments.count):
        when = f"signal {sig}, number {number}"
        folder = world.folder(f"images{number}")
        words[2] = folder
        child = world.spawn(*words)
        moments.strike(child, sig)
        outcome = world.ended(child)
        moments.note(outcome.code != 0, world.last_log())
        _expect_whole(scene, pids, maps, when)
        _expect_alone(world, pids, when)
        if sig == signal.SIGKILL:
            continue
        _expect_stopped_well(outcome, sig, when)
        if outcome.code and os.listdir(folder):
            raise Failure(f"{when}: left behind: {os.listdir(folder)}")
    return moments.verdict()


def _keepers():
    """Processes of crtool that look after our scenes between two dumps."""
    procs.reap()
    found = []
    for pid in procs.tree(os.getpid()):
        try:
            if pathlib.Path(f"/proc/{pid}/comm").read_text() == "crtool-keeper\n":
                found.append(pid)
        except OSError:
            pass
    return found


def _pre_dump(world, sig, *tree):
    """
    A pre-dump is killed. At most the keeper of one that was complete is left, and after a dump
    no trace of it.
    """
    scene = world.scene(*tree)
    moments = Moments(world, f"pre-dump {sig} {tree}")
    pids, maps = scene.pids(), _maps(scene)
    words = ["pre-dump", "-D", world.images, "-t", scene.pid]
    for _ in moments.measure(lambda: world.spawn(*words, log=False)):
        pass
    for number in range(moments.count):
        when = f"signal {sig}, number {number}"
        words[2] = world.folder(f"images{number}")
        child = world.spawn(*words)
        moments.strike(child, sig)
        outcome = world.ended(child)
        moments.note(outcome.code != 0, world.last_log())
        _expect_whole(scene, pids, maps, when)
        procs.wait_until(lambda: len(_keepers()) <= 1, GONE_SECONDS, "other keepers to be gone")
        _expect_alone(world, pids + _keepers(), when)
        if sig != signal.SIGKILL:
            _expect_stopped_well(outcome, sig, when)
    world.dump(scene, "-R")
    _expect_alone(world, pids, "after a dump")
    for pid in pids:
        if re.search(r"^VmFlags:.* uw\b", pathlib.Path(f"/proc/{pid}/smaps").read_text(), re.M):
            raise Failure("after a dump, mappings are still marked")
    return moments.verdict()


def _dump_over_dump(world):
    """Killed while it replaces a dump: the old one or the new one is there, and whole."""
    scene = world.scene("busy")
    moments = Moments(world, "dump over dump")
    words = ["dump", "-D", world.images, "-t", scene.pid, "-R"]
    for _ in moments.measure(lambda: world.spawn(*words, log=False)):
        pass
    for number in range(moments.count):
        child = world.spawn(*words)
        moments.strike(child, signal.SIGKILL)
        moments.note(world.ended(child).code != 0, world.last_log())
        scene.expect_beats()
        if number % 5:
            continue
        world.kill(scene)
        world.restore(scene)
        scene.expect_no_errors()
    return moments.verdict()


def _dump_at_commit(world, *tree):
    """Killed when the dump is complete, while it kills the tree: all of it is dead, or none."""
    scene = world.scene(*tree)
    pids = scene.pids()
    rng = random.Random(f"{world.options.seed} at commit")
    ended = {"dead": 0, "alive": 0}
    for number in range(world.options.count):
        folder = world.folder(f"images{number}")
        child = world.spawn("dump", "-D", folder, "-t", scene.pid, log=False)
        _wait_committed(folder / "inventory.img", child)
        until = time.perf_counter() + rng.random() * COMMIT_SECONDS
        while time.perf_counter() < until:
            pass
        child.kill()
        world.ended(child)
        if not _is_gone(pids):
            ended["alive"] += 1
            _expect_whole(scene, pids, None, f"number {number}")
            continue
        ended["dead"] += 1
        world.wait_gone(scene, pids)
        world.restore(scene, images=folder)
    return f"({ended['dead']} times dead, {ended['alive']} times alive)"


def _wait_committed(inventory, child):
    """Without sleeping: it does not last."""
    inventory = str(inventory)
    deadline = time.monotonic() + 10
    while not os.path.exists(inventory) and child.poll() is None:
        if time.monotonic() > deadline:
            raise Failure("no dump in 10 s")


def _dump_to_the_end(world, *tree):
    """
    A dump that kills the tree when it is complete. Killed before, the tree runs; after, the
    dump is whole, and of the tree either all runs on or nothing is left.
    """
    scene = world.scene(*tree)
    pids = scene.pids()
    living = [pid for pid in pids if _state(pid) not in "XZ"]
    moments = Moments(world, f"dump to the end {tree}")

    def begin():
        return world.spawn("dump", "-D", world.images, "-t", scene.pid, log=False)

    for _ in moments.measure(begin):
        world.wait_gone(scene, pids)
        world.restore(scene)
    for number in range(moments.count):
        when = f"number {number}"
        folder = world.folder(f"images{number}")
        child = world.spawn("dump", "-D", folder, "-t", scene.pid)
        moments.strike(child, signal.SIGKILL)
        moments.note(world.ended(child).code != 0, world.last_log())
        is_complete = (folder / "inventory.img").exists()
        try:
            is_gone = _is_gone(living)
        except Failure as error:
            raise Failure(f"{when}, dump {'' if is_complete else 'not '}complete: "
                          f"{error}") from error
        if is_gone:
            world.wait_gone(scene, pids)
            if not is_complete:
                raise Failure(f"{when}: the tree is dead, and there is no dump")
            world.restore(scene, images=folder)
            continue
        _expect_whole(scene, pids, None, f"{when}, dump {'' if is_complete else 'not '}complete")
    return moments.verdict()


def _dump_of_chain(world):
    """
    The last dump of a chain copies what has changed while the tree runs, and is killed: either the
    tree is gone and the dump whole, or the tree runs, and a dump on top of the same one has all.
    """
    scene = world.scene("memory", 16)
    memory = Memory(scene, 16)
    moments = Moments(world, "dump of a chain")
    last = [world.images]

    def begin(number=0):
        pre, last[0] = (world.folder(f"{name}{number}") for name in ("pre", "last"))
        world.succeeded(world.crtool("pre-dump", "-D", pre, "-t", scene.pid))
        memory.write(0.3)
        return world.spawn(*words(pre))

    def words(pre):
        return ["dump", "-D", last[0], "-t", scene.pid, "--prev-images-dir", f"../{pre.name}"]

    numbers = iter(range(-1, -1 - WARM_UPS, -1))
    for _ in moments.measure(lambda: begin(next(numbers))):
        world.wait_gone(scene)
        world.restore(scene, images=last[0])
        memory.expect("after a restore")
    for number in range(moments.count):
        child = begin(number)
        moments.strike(child, signal.SIGKILL)
        moments.note(world.ended(child).code != 0, world.last_log())
        if not _is_gone([scene.pid]):
            _expect_whole(scene, [scene.pid], None, f"number {number}")
            memory.write(0.1)
            world.succeeded(world.crtool(*words(world.top / f"pre{number}")))
        world.wait_gone(scene)
        world.restore(scene, images=last[0])
        memory.expect(f"number {number}")
        for name in ("pre", "last"):
            shutil.rmtree(world.top / f"{name}{number}")
    return moments.verdict()


def _is_gone(pids):
    """
    All of them are dead, or none is. Those that have been killed take a moment, and so does the
    process of crtool's that kills them, and survives it.
    """

    def decided():
        procs.reap()
        if any(_is_crtool(pid) for pid in procs.children(os.getpid())):
            return None
        dead = [pid for pid in pids if _state(pid) in "XZ"]
        return len(dead) in (0, len(pids)) and not any(_is_killed(pid) for pid in pids) and [dead]

    try:
        return bool(procs.wait_until(decided, GONE_SECONDS, "all or nothing")[0])
    except procs.Timeout as error:
        left = " ".join(f"{pid}:{_state(pid)}" for pid in pids)
        raise Failure(f"half of the tree is dead: {left}") from error


def _is_crtool(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/comm").read_text() == "crtool\n"
    except OSError:
        return False


def _is_killed(pid):
    """SIGKILL is on its way."""
    try:
        text = pathlib.Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False
    pending = re.findall(r"^(?:SigPnd|ShdPnd):\t(\w+)", text, re.MULTILINE)
    is_dead = re.search(r"^State:\t[XZ]", text, re.MULTILINE)
    return not is_dead and any(int(mask, 16) >> (signal.SIGKILL - 1) & 1 for mask in pending)


def _dump_task_killed(world):
    """A process of the tree is killed while it is saved: crtool ends, and lets go of the others."""
    moments = Moments(world, "task")
    refused = 0
    scene = world.scene("children", 8)

    def begin():
        return world.spawn("dump", "-D", world.images, "-t", scene.pid, "-R", log=False)

    for _ in moments.measure(begin):
        pass
    for number in range(moments.count):
        when = f"number {number}"
        if number % 8 == 0:
            world.kill(scene)
            scene = world.scene("children", 8)
        pids = scene.pids()
        victim = pids[1 + moments.random.randrange(len(pids) - 1)]
        child = world.spawn("dump", "-D", world.images, "-t", scene.pid, "-R")
        moments.strike(child, signal.SIGKILL, target=victim)
        outcome = world.ended(child)
        if outcome.code:
            refused += 1
            try:
                world.check_refusal(outcome)
            except Failure as error:
                raise Failure(f"{when}: {error}") from error
        scene.expect_untraced()
        alive = [pid for pid in scene.pids() if _state(pid) not in "ZX"]
        _expect_they_run(alive, when)
    return f"({refused} of {moments.count} refused)"


def _dump_root_killed(world, *tree):
    """The whole tree goes while it is saved: an error, or a dump that is whole, and no hanging."""
    moments = Moments(world, f"root {tree}")
    scene = world.scene(*tree)

    def begin():
        return world.spawn("dump", "-D", world.images, "-t", scene.pid, "-R", log=False)

    for _ in moments.measure(begin):
        pass
    refused = 0
    for number in range(moments.count):
        pids = scene.pids()
        folder = world.folder(f"images{number}")
        child = world.spawn("dump", "-D", folder, "-t", scene.pid, "-R")
        moments.strike(child, signal.SIGKILL, target=scene.pid)
        outcome = world.ended(child)
        if outcome.code:
            refused += 1
            try:
                world.check_refusal(outcome)
            except Failure as error:
                raise Failure(f"number {number}: {error}") from error
            if os.listdir(folder):
                raise Failure(f"number {number}: left behind: {os.listdir(folder)}")
        procs.kill_all()
        world.wait_gone(scene, pids)
        scene = world.scene(*tree)
    return f"({refused} of {moments.count} refused)"


def _state(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return "X"


def _expect_they_run(pids, when):
    """Each is scheduled again and again."""

    def runs(pid):
        text = pathlib.Path(f"/proc/{pid}/status").read_text()
        return int(re.search(r"^voluntary_ctxt_switches:\t(\d+)", text, re.MULTILINE).group(1))

    before = {pid: runs(pid) for pid in pids}
    try:
        procs.wait_until(lambda: all(runs(pid) > before[pid] for pid in pids), 5, "progress")
    except procs.Timeout as error:
        raise Failure(f"{when}: {error}") from error


# --- restore ------------------------------------------------------------------------


def _restore(world, sig, *tree, reap=True):
    """Everything runs, or nothing is left, within a second."""
    scene = world.scene(*tree)
    pids = scene.pids()
    tids = {pid: threads(pid) for pid in pids}
    world.dump(scene)
    moments = Moments(world, f"restore {sig} {tree}")

    def begin():
        return world.spawn("restore", "-d", "-D", world.images, log=False)

    for _ in moments.measure(begin):
        world.kill(scene)
    for number in range(moments.count):
        when = f"signal {sig}, number {number}"
        child = world.spawn("restore", "-d", "-D", world.images)
        moments.strike(child, sig)
        # Its parent may take its time before it asks how it ended.
        _wait_end(world, child, when)
        if reap:
            outcome = world.ended(child)
        gone = _all_or_nothing(scene, tids, when, [] if reap else [child.pid])
        if not reap:
            outcome = world.ended(child)
        moments.note(outcome.code != 0, world.last_log())
        if sig != signal.SIGKILL:
            _expect_stopped_well(outcome, sig, when)
        if gone != (outcome.code != 0) and sig != signal.SIGKILL:
            raise Failure(f"{when}: exit code {outcome.code}, "
                          f"the tree {'is gone' if gone else 'runs'}")
        if not gone:
            world.kill(scene)
    world.restore(scene)
    scene.expect_no_errors()
    return moments.verdict()


def _wait_end(world, child, when):
    """Until it is dead, but not yet reaped."""

    def dead():
        options = os.WEXITED | os.WNOWAIT | os.WNOHANG
        return os.waitid(os.P_PID, child.pid, options) is not None

    try:
        procs.wait_until(dead, world.options.timeout, "crtool to end")
    except procs.Timeout as error:
        last = world.last_log().read_text().splitlines()[-1:]
        raise Failure(f"{when}: {error}; the end of its log: {last}") from error


def _all_or_nothing(scene, tids, when, spared):
    """True when nothing is left, False when everything runs."""
    pids = list(tids)
    before = scene.beats()

    def decided():
        for pid in _dead_children(spared):
            os.waitpid(pid, 0)
        left = [pid for pid in _below_us() if pid not in spared]
        if not left:
            return "nothing"
        # They also stand still, untraced, while they wait for their maker, and then die with it.
        if left == pids and all(now > was for was, now in zip(before, scene.beats())):
            return "everything"
        return None

    try:
        answer = procs.wait_until(decided, GONE_SECONDS, "all or nothing")
    except procs.Timeout as error:
        left = [f"{pid} {_state(pid)}" for pid in _below_us() if pid not in spared]
        raise Failure(f"{when}: neither all nor nothing: {', '.join(left)}") from error
    if answer == "everything":
        if any(threads(pid) != tids[pid] for pid in pids):
            raise Failure(f"{when}: threads are missing")
        _expect_whole(scene, pids, None, when)
    return answer == "nothing"


def _below_us():
    return [pid for pid in procs.tree(os.getpid()) if pid != os.getpid()]


def _dead_children(spared):
    """Zombies that are ours to reap."""
    for pid in list(procs.children(os.getpid())):
        if pid not in spared and _state(pid) == "Z":
            yield pid


def _restore_bare(world, number):
    """Of children that are born in the restorer: all are there, or none."""
    pid = start(HELPERS / "load", ("children", str(number)), world.top)
    pids = procs.tree(pid)
    world.succeeded(world.crtool("dump", "-D", world.images, "-t", pid))
    procs.wait_until(lambda: procs.reap() is not None and not _below_us(), 5, "an end")
    moments = Moments(world, "born bare")

    def begin():
        return world.spawn("restore", "-d", "-D", world.images, log=False)

    for _ in moments.measure(begin):
        procs.kill_all()
    for i in range(moments.count):
        child = world.spawn("restore", "-d", "-D", world.images)
        moments.strike(child, signal.SIGKILL)
        moments.note(world.ended(child).code != 0, world.last_log())
        try:
            procs.wait_until(lambda: procs.reap() is not None and not _below_us(), GONE_SECONDS,
                             "nothing")
        except procs.Timeout as error:
            if sorted(_below_us()) != sorted(pids):
                raise Failure(f"number {i}: neither all nor nothing: {_below_us()}") from error
        procs.kill_all()
    outcome = world.crtool("restore", "-d", "-D", world.images)
    world.succeeded(outcome)
    if f"{number} of {len(pids)} tasks are born bare" not in world.last_log().read_text():
        raise Failure("not all of them were born bare")
    return moments.verdict()


def _restore_task_killed(world):
    """A process dies while it is brought back: crtool says so, and leaves nothing."""
    scene = world.scene("family")
    pids = scene.pids()
    world.dump(scene)
    moments = Moments(world, "task of a restore")

    def begin():
        return world.spawn("restore", "-d", "-D", world.images, log=False)

    for _ in moments.measure(begin):
        world.kill(scene)
    for number in range(moments.count):
        when = f"number {number}"
        victim = moments.random.choice(pids)
        child = world.spawn("restore", "-d", "-D", world.images)
        moments.strike(child, signal.SIGKILL, target=victim)
        outcome = world.ended(child)
        moments.note(outcome.code != 0, world.last_log())
        if outcome.code:
            try:
                world.check_refusal(outcome)
                procs.wait_until(lambda: procs.reap() is not None and not _below_us(), 1, "nothing")
            except (Failure, procs.Timeout) as error:
                raise Failure(f"{when}: {error}: {outcome.err}") from error
        else:
            procs.kill_all()
    world.restore(scene)
    return f"({moments.hits} of {moments.count} at work)"


def main():
    """Signals, commands, trees."""
    parser = suite.parser(__doc__)
    parser.add_argument("-n", "--count", type=int, default=50, help="moments in each case")
    parser.add_argument("--seed", type=int, default=20261121)
    options = parser.parse_args()
    cases = suite.Suite()
    for sig in (signal.SIGKILL, signal.SIGINT, signal.SIGTERM):
        cases.add(f"{sig.name}/dump/busy", _dump, sig, "busy")
        cases.add(f"{sig.name}/dump/family", _dump, sig, "family")
        cases.add(f"{sig.name}/dump/copied", _dump, sig, "memory", 64)
        cases.add(f"{sig.name}/pre-dump/busy", _pre_dump, sig, "busy")
        cases.add(f"{sig.name}/pre-dump/family", _pre_dump, sig, "family")
        cases.add(f"{sig.name}/dump/userfaultfd", _dump, sig, "map-userfault")
        cases.add(f"{sig.name}/dump/busy-32", _dump, sig, "busy", program="scene32")
        cases.add(f"{sig.name}/restore/busy", _restore, sig, "busy")
        cases.add(f"{sig.name}/restore/family", _restore, sig, "family")
    cases.add("SIGKILL/restore/not-reaped", _restore, signal.SIGKILL, "family", reap=False)
    cases.add("SIGKILL/restore/seccomp", _restore, signal.SIGKILL, "seccomp")
    cases.add("SIGKILL/restore/born-bare", _restore_bare, 40)
    for name in ("seccomp", "leader-gone"):
        cases.add(f"SIGKILL/dump/{name}", _dump, signal.SIGKILL, name)
    cases.add("SIGKILL/dump/over-dump", _dump_over_dump)
    cases.add("SIGKILL/dump/to-the-end/busy", _dump_to_the_end, "busy")
    cases.add("SIGKILL/dump/to-the-end/family", _dump_to_the_end, "family")
    cases.add("SIGKILL/dump/of-chain", _dump_of_chain)
    cases.add("SIGKILL/dump/at-commit", _dump_at_commit, "children", 40)
    cases.add("task-killed/dump", _dump_task_killed)
    cases.add("root-killed/dump/threads", _dump_root_killed, "threads", 6)
    cases.add("root-killed/dump/family", _dump_root_killed, "family")
    cases.add("task-killed/restore", _restore_task_killed)
    return suite.main(cases, options)


if __name__ == "__main__":
    sys.exit(main())
