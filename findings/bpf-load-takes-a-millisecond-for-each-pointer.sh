#!/usr/bin/env bash
# To load a BPF program takes milliseconds for each place that reads a pointer, and microseconds for one that reads a number.
#
# One would guess: the verifier's work grows with the instructions and the ways through them, so that a program of ten loads
# without a jump is let in within microseconds, whatever it loads, and that a field of a packet costs the same if it is a pointer.
#
# True: where a tracing program loads a pointer out of a structure that the kernel vouches for, such as the packet that a tracepoint
# hands over, the verifier asks whether the field is one of those that stay vouched for. It makes a name of it ("sk_buff__safe_rcu"
# and others) and looks for that among all types of the kernel, one by one. That is some 100,000 names to compare, up to four times
# for each load, also for the same field again. A program of 200 instructions that seems cheap takes ten milliseconds of CPU each
# time it is loaded. bpf_probe_read_kernel() of the same field is a call when it runs, and costs nothing here.
#
# Seen with: Linux 6.18.44, bpftool 7.1.0+6.1.192-3 (bookworm), Python 3.11. check_ptr_to_btf_access() and
# btf_nested_type_is_trusted() in kernel/bpf: btf_find_by_name_kind().
set -euo pipefail
[ "$(id -u)" = 0 ] || { echo "run as root: it loads BPF programs, and attaches none" >&2; exit 2; }
[ -r /sys/kernel/btf/vmlinux ] || { echo "needs a kernel that describes its types (CONFIG_DEBUG_INFO_BTF)" >&2; exit 2; }
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
chmod 755 "$work"; cd "$work"
apt-get download -qq bpftool=7.1.0+6.1.192-3 2>/dev/null
dpkg-deb -x ./*.deb root
root/usr/sbin/bpftool -j btf dump file /sys/kernel/btf/vmlinux format raw > types.json
cat > load.py <<'PY'
import ctypes, json, os, platform, struct, time
BPF = {"x86_64": 321, "aarch64": 280}[platform.machine()]
types = json.load(open("types.json"))["types"]
tracepoint = next(t["id"] for t in types if t["kind"] == "TYPEDEF" and t["name"] == "btf_trace_kfree_skb")
named = {t["id"]: t for t in types}
packet = next(t for t in types if t["kind"] == "STRUCT" and t["name"] == "sk_buff")
def place(of, name, bits=0):
    for member in of["members"]:
        at = bits + member["bits_offset"]
        if member["name"] == name:
            return at // 8
        if member["name"] in ("", "(anon)"):
            found = place(named[member["type_id"]], name, at)
            if found is not None:
                return found
    return None
libc = ctypes.CDLL(None, use_errno=True)
def instruction(code, to, source, offset, number):
    return struct.pack("<BBhi", code, source << 4 | to, offset, number)
def load(code, offset, times):
    """Milliseconds that the kernel takes to let in a program that reads one field so many times; the least of five."""
    text = instruction(0x79, 6, 1, 0, 0)                     # r6 = the packet
    text += instruction(code, 1, 6, offset, 0) * times       # r1 = the field
    text += instruction(0xB7, 0, 0, 0, 0) + instruction(0x95, 0, 0, 0, 0)
    lines, right = ctypes.create_string_buffer(text), ctypes.create_string_buffer(b"GPL")
    about = struct.pack("<IIQQIIQII16sIIIIQII", 26, len(text) // 8, ctypes.addressof(lines), ctypes.addressof(right),
                        0, 0, 0, 0, 0, b"", 0, 23, 0, 0, 0, 0, 0) + struct.pack("<QIII", 0, 0, tracepoint, 0)
    least = float("inf")
    for _ in range(5):
        room = ctypes.create_string_buffer(about, len(about))
        began = time.perf_counter()
        descriptor = libc.syscall(BPF, 5, room, len(about))
        took = time.perf_counter() - began
        if descriptor < 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
        os.close(descriptor)
        least = min(least, took * 1000)
    return least
numbers, pointers = load(0x61, place(packet, "len"), 20), load(0x79, place(packet, "dev"), 20)
print(f"{len(types)} types; 20 times a number (len): {numbers:.2f} ms; 20 times a pointer (dev): {pointers:.2f} ms")
assert pointers > 20 * numbers, "a pointer costs as much as a number"
PY
python3 load.py
echo "as described: each place that reads a pointer costs a search through all types"
