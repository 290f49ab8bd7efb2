# SPDX-License-Identifier: GPL-2.0-only
"""What is outside of the tree: --external names it at the dump, --inherit-fd gives it back."""

import contextlib
import os
import select
import socket
import stat

from harness.scene import Failure

SECONDS = 5


def _scene(world, *descriptors, terminal=False):
    """One that echoes: what comes from the first it writes to the last."""
    path = world.elsewhere() / "s"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()
        # The helper waits for us, and start() for the helper: so the message is there before.
        pid = os.fork()
        if not pid:
            peer = server.accept()[0]
            socket.send_fds(peer, [b"x"], list(descriptors))
            os._exit(0)
        scene = world.scene("echo", path, *(["terminal"] if terminal else []))
        os.waitpid(pid, 0)
    return scene


def _expect(to, come, text=b"hello"):
    """What is written to one comes from the other."""
    os.write(to, text)
    if not select.select([come], [], [], SECONDS)[0]:
        raise Failure("nothing comes back")
    got = os.read(come, 64)
    if got != text:
        raise Failure(f"{got!r} comes back")


def _link(scene, fd):
    return os.readlink(f"/proc/{scene.pid}/fd/{fd}")


def _give(fd, name):
    return ["--inherit-fd", f"fd[{fd}]:{name}"]


class Ends:
    """Both ends of two pipes: in[0] and out[1] are the tree's."""

    def __init__(self, stack):
        self.into, self.out = os.pipe(), os.pipe()
        for fd in self.into + self.out:
            stack.callback(self.close, fd)

    @staticmethod
    def close(fd):
        """Some are closed already."""
        with contextlib.suppress(OSError):
            os.close(fd)


def _pipes(world):
    """New pipes take the place of those to an engine; others know nothing of it."""
    with contextlib.ExitStack() as stack:
        before, after = Ends(stack), Ends(stack)
        scene = _scene(world, before.into[0], before.out[1])
        names = _link(scene, 10), _link(scene, 11)
        _expect(before.into[1], before.out[0])
        os.write(before.into[1], b"")
        world.dump(scene)
        for fd, name, end in ((10, names[0], "writing"), (11, names[1], "reading")):
            text = f"fd {fd}: {name}: its {end} end is outside of the tree; nobody will be there"
            if text not in world.last_log().read_text():
                raise Failure(f"the log has nothing like: {text}")
        os.set_blocking(after.out[1], False)
        given = [after.into[0], after.out[1]]
        world.restore(scene, *_give(given[0], names[0]), *_give(given[1], names[1]),
                      *_give(given[1], "net-of-nobody"), pass_fds=given)
        _expect(after.into[1], after.out[0])
        if os.get_blocking(after.out[1]):
            raise Failure("the flags of what was given have changed")
        with open(f"/proc/{scene.pid}/fdinfo/11", encoding="ascii") as info:
            if any(int(line.split()[1], 8) & os.O_NONBLOCK
                   for line in info if line.startswith("flags:")):
                raise Failure("the tree has the flags of what was given")
        # crtool has gone, and nobody else has the writing end: the end of the tree is the end.
        os.close(after.out[1])
        world.kill(scene)
        if not select.select([after.out[0]], [], [], SECONDS)[0] or os.read(after.out[0], 1):
            raise Failure("somebody still has the writing end")


def _pipe_attached(world):
    """crtool that waits for the tree does not hold the pipe open."""
    with contextlib.ExitStack() as stack:
        before, after = Ends(stack), Ends(stack)
        scene = _scene(world, before.into[0], before.out[1])
        names = _link(scene, 10), _link(scene, 11)
        world.dump(scene)
        given = [after.into[0], after.out[1]]
        child = world.spawn("restore", "-D", world.images, *_give(given[0], names[0]),
                            *_give(given[1], names[1]), pass_fds=given)
        scene.expect_beats()
        _expect(after.into[1], after.out[0])
        for fd in given:
            os.close(fd)
        links = [os.readlink(f"/proc/{child.pid}/fd/{fd}")
                 for fd in os.listdir(f"/proc/{child.pid}/fd")]
        names = [f"pipe:[{os.fstat(fd).st_ino}]" for fd in (after.into[1], after.out[0])]
        if set(names) & set(links):
            raise Failure(f"crtool has {links}")
        world.kill(scene)
        world.ended(child)


def _close(world):
    """What crtool was started with and told to close is nobody's while it waits for the tree."""
    with contextlib.ExitStack() as stack:
        ends = Ends(stack)
        reading, writing = ends.into
        scene = world.scene()
        world.dump(scene)
        child = world.spawn("restore", "-D", world.images, "--close", f"{writing}",
                            pass_fds=[writing])
        scene.expect_beats()
        os.close(writing)
        if not select.select([reading], [], [], SECONDS)[0] or os.read(reading, 1):
            raise Failure("somebody still has the writing end")
        if child.poll() is not None:
            raise Failure("crtool has ended before the tree")
        world.kill(scene)
        world.ended(child)
    outcome = world.crtool("check", "--close", "1", "--close", "99999", log=False)
    if outcome.code or outcome.out:
        raise Failure(f"--close 1: exit code {outcome.code}, output {outcome.out!r}")
    world.refuses(["check", "--close", "1x"],
                  'check: --close: "1x" is not a number from 0 to 2147483647', code=2, log=False)


def _not_open(world):
    scene = world.scene()
    world.dump(scene)
    world.refuses(["restore", "-d", "-D", world.images, *_give(99, "pipe:[1]")],
                  "restore: --inherit-fd fd[99]:pipe:[1]: descriptor 99 is not open",
                  code=2, but=[scene], log=False)
    world.refuses(["restore", "-d", "-D", world.images, "--inherit-fd", "99:pipe:[1]"],
                  'restore: --inherit-fd: "99:pipe:[1]" is not fd[N]:NAME', code=2,
                  but=[scene], log=False)
    world.restore(scene)


def _socketpair(world):
    """A peer without a name."""
    before, after = socket.socketpair(), socket.socketpair()
    scene = _scene(world, before[0].fileno())
    before[0].close()
    name = _link(scene, 10)
    ino = name[len("socket:["):-1]
    who = f"dump: <*>: pid {scene.pid} ({scene.comm}): fd 10: {name}: a unix stream socket that " \
        "is connected to socket:[<*>], which is not in the tree"
    words = ["dump", "-D", world.images, "-t", scene.pid]
    world.refuses(words, who + "; try --ext-unix-sk, or --external unix[INO], which connects to "
                  "its name at the restore, or --unix-close")
    world.refuses([*words, "--ext-unix-sk"], who + " and has no name to connect to; try "
                  "--unix-close")
    world.dump(scene, "--external", f"unix[{ino}]")
    who = f"restore: load files: pid {scene.pid} ({scene.comm}): fd 10: "
    world.refuses(["restore", "-d", "-D", world.images], f"{who}{name} is connected to a unix "
                  "socket outside of the images that has no name",
                  f"try --inherit-fd fd[N]:{name}", but=[scene])
    with open("/dev/null", "rb+") as null:
        world.refuses(["restore", "-d", "-D", world.images, *_give(null.fileno(), name)],
                      f"restore: load files: --inherit-fd fd[{null.fileno()}]:{name}: is no "
                      "socket", but=[scene], pass_fds=[null.fileno()])
    world.restore(scene, *_give(after[0].fileno(), name), pass_fds=[after[0].fileno()])
    _expect(after[1].fileno(), after[1].fileno())


def _file(world):
    """Any file, be it of a kind that cannot be kept."""
    log = world.file("log", "")
    with contextlib.ExitStack() as stack:
        ends, after = Ends(stack), Ends(stack)
        fuse = stack.enter_context(open("/dev/fuse", "rb+", buffering=0))
        out = stack.enter_context(open(log, "ab", buffering=0))
        scene = _scene(world, ends.into[0], fuse.fileno(), out.fileno())
        with open(f"/proc/{scene.pid}/fdinfo/11", encoding="ascii") as info:
            mount = next(int(line.split()[1]) for line in info if line.startswith("mnt_id:"))
        name = f"file[{mount:x}:{os.stat('/dev/fuse').st_ino:x}]"
        pipe = _link(scene, 10)
        world.refuses(["dump", "-D", world.images, "-t", scene.pid], "dump: <*>: pid "
                      f"{scene.pid} ({scene.comm}): fd 11: /dev/fuse: a device, which cannot be "
                      "kept yet")
        world.dump(scene, "--external", name)
        world.refuses(["restore", "-d", "-D", world.images], "restore: load files: pid "
                      f"{scene.pid} ({scene.comm}): fd 11: {name} stays outside of the images",
                      f"try --inherit-fd fd[N]:{name}", but=[scene])
        # Another log, by the path of the first; with and without its slash.
        new = stack.enter_context(open(world.file("new", ""), "ab", buffering=0))
        read = stack.enter_context(open(world.file("old", ""), "rb"))
        given = [fuse.fileno(), new.fileno(), read.fileno(), after.into[0]]
        words = [*_give(given[0], name), *_give(after.into[0], pipe)]
        world.refuses(["restore", "-d", "-D", world.images, *words, *_give(given[2], log)],
                      f"restore: load files: --inherit-fd fd[{given[2]}]:{log}: is open for "
                      "reading only, and was for writing", but=[scene], pass_fds=given)
        world.restore(scene, *words, *_give(given[1], str(log)[1:]), pass_fds=given)
        os.write(after.into[1], b"line\n")
        watch = select.poll()
        while not os.stat(world.top / "new").st_size:
            watch.poll(1)
        if log.read_text() or not stat.S_ISCHR(os.stat(f"/proc/{scene.pid}/fd/11").st_mode):
            raise Failure("the log of the dump was written to")


def _terminal(world):
    """Another terminal takes the place of the one that controls a session of the tree."""
    masters, slaves = zip(*(os.openpty() for _ in range(2)))
    for fd in slaves:
        os.set_inheritable(fd, True)
    scene = _scene(world, slaves[0], terminal=True)
    st = os.fstat(slaves[0])
    name = f"tty[{st.st_rdev:x}:{st.st_dev:x}]"
    world.dump(scene, "--external", name)
    world.refuses(["restore", "-d", "-D", world.images], "restore: load files: pid "
                  f"{scene.pid} ({scene.comm}): fd 10: {os.ttyname(slaves[0])}: a terminal that "
                  "stays outside of the images", f"try --inherit-fd fd[N]:{name}", but=[scene])
    world.restore(scene, *_give(slaves[1], name), pass_fds=[slaves[1]])
    os.write(masters[1], b"line\n")
    if not select.select([masters[1]], [], [], SECONDS)[0]:
        raise Failure("nothing comes back")
    with open(f"/proc/{scene.pid}/stat", encoding="ascii") as file:
        device, group = map(int, file.read().rpartition(")")[2].split()[4:6])
    if device != os.fstat(slaves[1]).st_rdev or group != scene.pid:
        raise Failure(f"the terminal of its session is {device:#x}, of group {group}")
    world.kill(scene)
    for fd in masters + slaves:
        os.close(fd)


def add_cases(suite):
    """Each kind of file."""
    for name, function in (
        ("pipes", _pipes),
        ("pipe-attached", _pipe_attached),
        ("close", _close),
        ("not-open", _not_open),
        ("socketpair", _socketpair),
        ("file", _file),
        ("terminal", _terminal),
    ):
        suite.case(f"given/{name}")(function)
