#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Decode images strictly, by tables that owe nothing to crtool's own .proto files.

A file passes if its magic is right, every record has all required fields and no singular field
twice, every field has the type, range or enum value of the table, and no byte is left over.
Fields from 1000 on are crtool's extensions: those of extensions.tsv are decoded like the others,
the rest is taken as it comes. Below 1000 an unknown field is an error.
"""
import argparse
import json
import os
import re
import struct
import sys

COMMON, SERVICE = 0x54564319, 0x55105940
VARINT, FIXED64, LENGTH, FIXED32 = 0, 1, 2, 5
FIRST_EXTENSION = 1000
BYTES_SHOWN = 64
VARINTS = {"int32", "int64", "uint32", "uint64", "sint32", "sint64", "bool"}


class Bad(Exception):
    pass


def rows(path):
    with open(path, encoding="utf-8") as f:
        lines = [line.rstrip("\n").split("\t") for line in f if line.strip()]
    names = lines[0]
    for cells in lines[1:]:
        yield dict(zip(names, cells + [""] * (len(names) - len(cells))))


class Field:
    def __init__(self, row):
        self.number = int(row["number"])
        self.label = row["label"]
        self.type = row["type"]
        self.name = row["field"]


class Tables:
    """messages.tsv, enums.tsv, files.tsv (and extensions.tsv) of a directory."""

    def __init__(self, where):
        self.messages, self.enums, self.kinds = {}, {}, []
        names = ["messages.tsv"]
        if os.path.exists(os.path.join(where, "extensions.tsv")):
            names.append("extensions.tsv")
        for name in names:
            for row in rows(os.path.join(where, name)):
                field = Field(row)
                self.messages.setdefault(row["message"], {})[field.number] = field
        for row in rows(os.path.join(where, "enums.tsv")):
            self.enums.setdefault(row["enum"], {})[int(row["value"])] = row["name"]
        for row in rows(os.path.join(where, "files.tsv")):
            for pattern in row["file"].split(", "):
                self.kinds.append(Kind(row, pattern))

    def kind_of(self, name):
        for kind in self.kinds:
            if kind.pattern.fullmatch(name):
                return kind
        return None


class Kind:
    """One kind of image file. `layout` is what FORMAT.md's grammar says about simple ones."""

    def __init__(self, row, pattern):
        ids = {"%u": "(0|[1-9][0-9]*)", "%lu": "(0|[1-9][0-9]*)", "%x": "(0|[1-9a-f][0-9a-f]*)"}
        parts = re.split("(%l?[ux])", pattern)
        self.name = row["kind"]
        self.pattern = re.compile("".join(ids.get(p) or re.escape(p) for p in parts))
        self.raw = row["magic"] == "raw"
        self.magic = None if self.raw else int(row["magic"], 16)
        self.layout = []
        for part in re.sub(r" \(.*", "", row["contents"]).split(", "):
            m = re.fullmatch(r"(\w+)(\*| x1)", part)
            self.layout.append((m[1], m[2] == "*") if m else None)


class Reader:
    def __init__(self, data):
        self.data, self.at, self.end = data, 0, len(data)

    def left(self):
        return self.end - self.at

    def take(self, size):
        if size > self.left():
            raise Bad(f"{size} bytes wanted, {self.left()} are left")
        self.at += size
        return self.data[self.at - size:self.at]

    def u32(self):
        return struct.unpack("<I", self.take(4))[0]

    def varint(self):
        value = 0
        for shift in range(0, 70, 7):
            byte = self.take(1)[0]
            value |= (byte & 0x7F) << shift
            if not byte & 0x80:
                if value >> 64:
                    raise Bad("a number of more than 64 bits")
                return value
        raise Bad("a number of more than 10 bytes")


def signed(value):
    return value - (1 << 64) if value >> 63 else value


def in_range(value, bits, is_signed):
    low, high = (-(1 << bits - 1), 1 << bits - 1) if is_signed else (0, 1 << bits)
    if not low <= value < high:
        raise Bad(f"{value} does not fit in {bits} bits")
    return value


class Decoder:
    def __init__(self, tables):
        self.tables = tables

    def wire_type(self, kind):
        if kind in VARINTS or kind in self.tables.enums:
            return VARINT
        return {"fixed64": FIXED64, "fixed32": FIXED32}.get(kind, LENGTH)

    def number(self, kind, r):
        if kind in ("fixed64", "fixed32"):
            size = int(kind[5:]) // 8
            return int.from_bytes(r.take(size), "little")
        value = r.varint()
        if kind == "bool":
            return bool(in_range(value, 1, False))
        if kind in self.tables.enums:
            value = in_range(signed(value), 32, True)
            if value not in self.tables.enums[kind]:
                raise Bad(f"{value} is no {kind}")
            return self.tables.enums[kind][value]
        if kind.startswith("sint"):
            value = in_range(value, int(kind[4:]), False)
            return value >> 1 ^ -(value & 1)
        if kind.startswith("uint"):
            return in_range(value, int(kind[4:]), False)
        return in_range(signed(value), int(kind[3:]), True)

    def value(self, field, wire, r):
        """The value, or the values of a packed field."""
        expected = self.wire_type(field.type)
        if wire == LENGTH and expected != LENGTH and field.label == "repeated":
            inside = Reader(r.take(r.varint()))
            values = []
            while inside.left():
                values.append(self.number(field.type, inside))
            return values
        if wire != expected:
            raise Bad(f"wire type {wire} where {field.type} has {expected}")
        if wire != LENGTH:
            return [self.number(field.type, r)]
        data = r.take(r.varint())
        if field.type == "string":
            if b"\0" in data:
                raise Bad("a NUL inside a string")
            return [data.decode("utf-8", "backslashreplace")]
        if field.type == "bytes":
            more = f"... ({len(data)} bytes)" if len(data) > BYTES_SHOWN else ""
            return [data[:BYTES_SHOWN].hex() + more]
        return [self.message(field.type, data)]

    def unknown(self, wire, r):
        if wire == VARINT:
            return r.varint()
        if wire == LENGTH:
            return r.take(r.varint()).hex()
        if wire in (FIXED32, FIXED64):
            return r.take(4 if wire == FIXED32 else 8).hex()
        raise Bad(f"wire type {wire}")

    def message(self, kind, data):
        if kind not in self.tables.messages:
            raise Bad(f"no table for message {kind}")
        fields = self.tables.messages[kind]
        out, r = {}, Reader(data)
        while r.left():
            tag = r.varint()
            number, wire = tag >> 3, tag & 7
            field = fields.get(number)
            try:
                if not field:
                    if number < FIRST_EXTENSION:
                        raise Bad("unknown")
                    out.setdefault(f"#{number}", []).append(self.unknown(wire, r))
                elif field.label == "repeated":
                    out.setdefault(field.name, []).extend(self.value(field, wire, r))
                elif field.name in out:
                    raise Bad("twice")
                else:
                    out[field.name] = self.value(field, wire, r)[0]
            except Bad as e:
                raise Bad(f"{kind}.{field.name if field else number}: {e}") from None
        for field in fields.values():
            if field.label == "required" and field.name not in out:
                raise Bad(f"{kind}.{field.name}: required, but missing")
        return out

    def record(self, kind, r, out):
        size = r.u32()
        try:
            entry = self.message(kind, r.take(size))
        except Bad as e:
            raise Bad(f"record {len(out) + 1}: {e}") from None
        out.append(entry)
        return entry


# What stands in the images where raw bytes follow the records. Each gets the decoder, the reader
# behind the magic, and the list to append entries to.

def raw(r, entry, size):
    data = r.take(size)
    more = f"... ({size} bytes)" if size > BYTES_SHOWN else ""
    entry["RAW"] = data[:BYTES_SHOWN].hex() + more


def records_with_raw(kind, size_of):
    def layout(d, r, out):
        while r.left():
            entry = d.record(kind, r, out)
            raw(r, entry, size_of(entry))
    return layout


def ghost_file(d, r, out):
    head = d.record("ghost_file_entry", r, out)
    if not head.get("chunks"):
        raw(r, head, r.left())
        return
    while r.left():
        chunk = d.record("ghost_chunk_entry", r, out)
        raw(r, chunk, chunk["len"])


def tcp_stream(d, r, out):
    entry = d.record("tcp_stream_entry", r, out)
    raw(r, entry, entry["inq_len"] + entry["outq_len"])


def message_queues(d, r, out):
    while r.left():
        queue = d.record("ipc_msg_entry", r, out)
        for _ in range(queue["qnum"]):
            entry = d.record("ipc_msg", r, out)
            raw(r, entry, entry["msize"] + 7 & ~7)


def shared_memory_size(entry):
    return 0 if entry.get("in_pagemaps") else entry["size"] + 3 & ~3


LAYOUTS = {
    "PIPES_DATA": records_with_raw("pipe_data_entry", lambda e: e["bytes"]),
    "FIFO_DATA": records_with_raw("pipe_data_entry", lambda e: e["bytes"]),
    "SK_QUEUES": records_with_raw("sk_packet_entry", lambda e: e["length"]),
    "IPCNS_SHM": records_with_raw("ipc_shm_entry", shared_memory_size),
    "IPCNS_SEM": records_with_raw("ipc_sem_entry", lambda e: e["nsems"] * 2 + 7 & ~7),
    "BPFMAP_DATA": records_with_raw("bpfmap_data_entry",
                                    lambda e: e["keys_bytes"] + e["values_bytes"]),
    "IPCNS_MSG": message_queues,
    "GHOST_FILE": ghost_file,
    "TCP_STREAM": tcp_stream,
}


def decode_magic(kind, r):
    outer = SERVICE if kind.name in ("STATS", "IRMAP_CACHE") else COMMON
    if kind.name != "INVENTORY":
        magic = r.u32()
        if magic != outer:
            raise Bad(f"begins with {magic:#x}, not {outer:#x}")
    magic = r.u32()
    if magic != kind.magic:
        raise Bad(f"magic {magic:#x}, not {kind.magic:#x}")


def decode_records(decoder, kind, r, out):
    if kind.name in LAYOUTS:
        LAYOUTS[kind.name](decoder, r, out)
        return
    for part in kind.layout:
        message, many = part
        if not many:
            decoder.record(message, r, out)
        while many and r.left():
            decoder.record(message, r, out)
    if r.left():
        raise Bad(f"{r.left()} bytes too many")


def decode_file(decoder, path):
    """The kind's name and the list of entries; None for a file that is not an image."""
    kind = decoder.tables.kind_of(os.path.basename(path))
    if not kind:
        return None
    if kind.raw:
        size = os.path.getsize(path)
        if kind.name == "PAGES" and size % 4096:
            raise Bad(f"{size} bytes are no whole pages")
        return kind.name, [{"RAW": f"{size} bytes"}]
    with open(path, "rb") as f:
        r = Reader(f.read())
    out = []
    decode_magic(kind, r)
    decode_records(decoder, kind, r, out)
    if kind.name == "INVENTORY" and out[0]["img_version"] not in (2, 3):
        raise Bad(f"img_version {out[0]['img_version']}")
    return kind.name, out


def paths_of(arguments):
    for path in arguments:
        if not os.path.isdir(path):
            yield path
            continue
        for name in sorted(os.listdir(path)):
            if os.path.isfile(os.path.join(path, name)):
                yield os.path.join(path, name)


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    parser = argparse.ArgumentParser(description="decode images strictly")
    parser.add_argument("path", nargs="+", help="an images directory, or an image")
    parser.add_argument("-t", "--tables", default=os.path.join(here, "format"),
                        help="directory with messages.tsv, enums.tsv, files.tsv")
    parser.add_argument("-j", "--json", action="store_true", help="print what is in the images")
    parser.add_argument("-q", "--quiet", action="store_true", help="print errors only")
    args = parser.parse_args()
    decoder = Decoder(Tables(args.tables))
    good = bad = 0
    shown = {}
    for path in paths_of(args.path):
        try:
            found = decode_file(decoder, path)
        except (Bad, OSError) as e:
            print(f"{path}: {e}", file=sys.stderr)
            bad += 1
            continue
        if found:
            good += 1
            shown[path] = {"magic": found[0], "entries": found[1]}
    if args.json:
        json.dump(shown, sys.stdout, indent=1)
        print()
    elif not args.quiet:
        print(f"{good} images decoded, {bad} bad")
    return 1 if bad or not good else 0


if __name__ == "__main__":
    sys.exit(main())
