"""Looks for subject identifiers in files, in every form in which they could have got there."""

import base64
import collections
import concurrent.futures
import dataclasses
import multiprocessing
import os

from checks import expect

CHUNK = 32 << 20
WORKERS = 2
SAMPLES = 5


def base64_core(number, offset, encode):
    """The characters of a base64 text that depend on the number alone, when `offset` other bytes (mod 3) stand before it."""
    data = number.encode()
    text = encode(bytes(offset) + data + bytes(3)).decode()
    return text[-(-offset * 8 // 6):(offset + len(data)) * 8 // 6].encode()


FORMS = {
    "plain": lambda number: number.encode(),
    "lower case": lambda number: number.lower().encode(),
    "hexadecimal": lambda number: number.encode().hex().encode(),
    "HEXADECIMAL": lambda number: number.encode().hex().upper().encode(),
    "hexadecimal of lower case": lambda number: number.lower().encode().hex().encode(),
    **{f"base64 at {offset}": lambda number, offset=offset: base64_core(number, offset, base64.b64encode)
       for offset in range(3)},
    # Of digits and these letters both alphabets make the same text; should the numbers change, the forms are still there.
    **{f"url-safe base64 at {offset}": lambda number, offset=offset: base64_core(number, offset, base64.urlsafe_b64encode)
       for offset in range(3)},
    "UTF-16LE": lambda number: number.encode("utf-16-le"),
    "UTF-16BE": lambda number: number.encode("utf-16-be"),
    # How Rust prints bytes that nobody thought of as text.
    "list of bytes": lambda number: ", ".join(map(str, number.encode())).encode(),
}


@dataclasses.dataclass
class Found:
    """What a scan covered and found."""

    files: int = 0
    size: int = 0
    hits: collections.Counter = dataclasses.field(default_factory=collections.Counter)
    samples: list = dataclasses.field(default_factory=list)


class Needles:
    """The forms of all numbers. Those of one form start alike, so one fast search for the start finds every candidate."""

    def __init__(self, numbers, secrets=()):
        self.forms = []
        by_bytes = {}
        for name, encode in FORMS.items():
            wanted = {encode(number) for number in numbers}
            if by_bytes.setdefault(frozenset(wanted), name) == name:
                self._add(name, wanted)
        for token in secrets:
            # Whoever shows a token shows its signature.
            self._add("token", {token.rpartition(".")[2].encode()})
        self.longest = max(length for _, _, length, _ in self.forms)

    def _add(self, name, wanted):
        lengths = {len(needle) for needle in wanted}
        assert len(lengths) == 1, f"{name}: needles of several lengths"
        prefix = os.path.commonprefix(sorted(wanted))
        assert len(prefix) > 1, f"{name}: needles that do not start alike"
        self.forms.append((name, prefix, lengths.pop(), wanted))

    def search(self, content, end):
        """Yields (form, position) of every needle that starts before `end`."""
        for name, prefix, length, wanted in self.forms:
            at = content.find(prefix)
            while 0 <= at < end:
                if content[at:at + length] in wanted:
                    yield name, at
                at = content.find(prefix, at + 1)


_needles = None


def _set_needles(numbers, secrets):
    global _needles
    _needles = Needles(numbers, secrets)


def _search_chunk(path, start, length):
    try:
        with open(path, "rb") as file:
            file.seek(start)
            # A needle over the edge belongs to the chunk in which it starts.
            content = file.read(length + _needles.longest - 1)
    except FileNotFoundError:
        return []           # a -wal or -shm that the server put away just now
    return [(name, start + at) for name, at in _needles.search(content, length)]


def files_under(paths):
    for path in paths:
        yield from (entry for entry in sorted(path.rglob("*")) if entry.is_file()) if path.is_dir() else [path]


def scan(paths, numbers, secrets=(), chunk=CHUNK):
    """Searches files and folders by chunks, on two processors."""
    found, tasks = Found(), []
    for path in files_under(paths):
        try:
            size = path.stat().st_size
        except FileNotFoundError:
            continue        # see _search_chunk
        found.files += 1
        found.size += size
        tasks += [(str(path), start, chunk) for start in range(0, size, chunk)]
    # Spawned, not forked: the parent has the threads of a gRPC client.
    with concurrent.futures.ProcessPoolExecutor(
            WORKERS, mp_context=multiprocessing.get_context("spawn"), initializer=_set_needles,
            initargs=(list(numbers), list(secrets))) as pool:
        for (path, _, _), hits in zip(tasks, pool.map(_search_chunk, *zip(*tasks))):
            for name, at in hits:
                found.hits[name] += 1
                if len(found.samples) < SAMPLES:
                    found.samples.append(f"{name} in {os.path.basename(path)} at {at}")
    return found


def plants(number):
    """Form to bytes as they would stand in a file, made without the needles' code: what the scan must be able to find."""
    raw = number.encode()
    yield "plain", b"<" + raw + b">"
    yield "lower case", number.lower().encode()
    yield "hexadecimal", "".join(f"{byte:02x}" for byte in raw).encode()
    yield "HEXADECIMAL", "".join(f"{byte:02X}" for byte in raw).encode()
    yield "hexadecimal of lower case", "".join(f"{byte:02x}" for byte in number.lower().encode()).encode()
    for offset in range(3):
        yield f"base64 at {offset}", base64.standard_b64encode(b"\xff" * (offset + 6) + raw + b"\xfe?more")
        yield f"url-safe base64 at {offset}", base64.urlsafe_b64encode(b"\xfb" * (offset + 9) + raw + b"\xfb\xef")
    yield "UTF-16LE", f"<{number}>".encode("utf-16-le")
    yield "UTF-16BE", f"<{number}>".encode("utf-16-be")
    yield "list of bytes", repr(list(raw)).encode()


def control(folder, original, number, secret):
    """Plants each form in a copy of a file, over the edge of a chunk, and returns how many forms the scan found there."""
    content, chunk = original.read_bytes(), 4096
    copy = folder / "planted"
    planted = [*plants(number), ("token", f"Bearer {secret}".encode())]
    for name, plant in planted:
        # Around the middle of the file, with the edge in the middle of the plant.
        edge = max(1, len(content) // 2 // chunk) * chunk
        start = edge - len(plant) // 2
        copy.write_bytes(content[:start].ljust(start, b"\0") + plant + content[start + len(plant):])
        hits = collections.Counter(form for form, _ in _scan_here(copy, [number], [secret], chunk))
        # Where both alphabets make the same text, the form goes by its first name.
        expect(hits[name] or hits[name.removeprefix("url-safe ")], f"a planted number ({name}) was not found: {dict(hits)}")
    copy.unlink()
    return len(planted)


def _scan_here(path, numbers, secrets, chunk):
    _set_needles(numbers, secrets)
    return [hit for start in range(0, path.stat().st_size, chunk) for hit in _search_chunk(path, start, chunk)]
