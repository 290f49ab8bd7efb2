# SPDX-License-Identifier: GPL-2.0-only
"""The memory of a scene of that name, as its maker and we have written to it."""

import os
import pathlib
import random
import struct

from .scene import Failure

PAGE = 4096
WORD = struct.Struct("<Q")
FACTOR = 0x9E3779B97F4A7C15  # set_memory() of prog/scene_map.c
MASK = (1 << 64) - 1


class Memory:
    """What each page of it begins with."""

    def __init__(self, scene, mib):
        self.pid = scene.pid
        self.pages = (mib << 20) // PAGE
        self.start = self._find()
        per_page = PAGE // WORD.size
        self.words = [i * per_page * FACTOR & MASK for i in range(self.pages)]
        self.random = random.Random(mib)

    def _find(self):
        """The kernel may have made one mapping of it and its neighbours."""
        first = WORD.pack(0) + WORD.pack(FACTOR)
        for line in pathlib.Path(f"/proc/{self.pid}/maps").read_text().splitlines():
            start, end = (int(word, 16) for word in line.split()[0].split("-"))
            if end - start < self.pages * PAGE or "rw-p" not in line:
                continue
            with open(f"/proc/{self.pid}/mem", "rb", buffering=0) as mem:
                for at in range(start, end - self.pages * PAGE + 1, PAGE):
                    mem.seek(at)
                    if mem.read(len(first)) == first:
                        return at
        raise Failure(f"pid {self.pid}: its memory is not to be found")

    def write(self, share):
        """To so many of all pages, anywhere."""
        fd = os.open(f"/proc/{self.pid}/mem", os.O_RDWR)
        try:
            for page in self.random.sample(range(self.pages), int(self.pages * share)):
                self.words[page] = self.random.getrandbits(64)
                os.pwrite(fd, WORD.pack(self.words[page]), self.start + page * PAGE)
        finally:
            os.close(fd)

    def expect(self, when):
        """It is as it was written."""
        with open(f"/proc/{self.pid}/mem", "rb", buffering=0) as mem:
            mem.seek(self.start)
            data = mem.read(self.pages * PAGE)
        wrong = [i for i, word in enumerate(self.words)
                 if WORD.unpack_from(data, i * PAGE)[0] != word]
        if wrong:
            raise Failure(f"{when}: {len(wrong)} of {self.pages} pages are not as they were, the "
                          f"first at {self.start + wrong[0] * PAGE:#x}")
