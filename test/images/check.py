#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Decode every dump below the given directories: each of them is one test.

A dump is a directory with an inventory.img. The last line counts; the exit code is 0 only if
there were dumps and all could be decoded.
"""
import argparse
import os
import sys

sys.dont_write_bytecode = True
import decode  # noqa: E402 # of this directory


def dumps(tops):
    """All directories with a complete dump, sorted."""
    for top in tops:
        for where, folders, names in os.walk(top):
            folders.sort()
            if "inventory.img" in names:
                yield where


def complaints(decoder, where):
    """What is wrong with the images of a directory; the number of images."""
    bad, images = [], 0
    for path in decode.paths_of([where]):
        try:
            images += decode.decode_file(decoder, path) is not None
        except (decode.Bad, OSError) as error:
            bad.append(f"{path}: {error}")
    return bad, images


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("directory", nargs="+", help="where to look for dumps")
    args = parser.parse_args()
    decoder = decode.Decoder(decode.Tables(os.path.join(here, "format")))
    passed = failed = total = 0
    for where in dumps(args.directory):
        bad, images = complaints(decoder, where)
        total += images
        failed += bool(bad)
        passed += not bad
        for line in bad:
            print(f"FAIL {line}")
    print(f"{total} images in {passed + failed} dumps")
    if not passed + failed:
        print("FAIL there is no dump to decode")
        failed = 1
    print(f"{passed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
