#!/usr/bin/env python3
"""What an agent is told of five incidents, in bytes: by casebook and by linux-mcp-server, asked side by side.

Each incident is staged in network namespaces of its own: a host with clients connected to three services, and a second one that
makes the trouble. Both servers run in the first; the peer is installed, pinned, into a temporary folder (or that of PEER_VENV).
Needs root, iproute2, Python with venv and pip. Nothing stays. Usage: benches/agents.py [--casebook PATH] [--clients 0]
"""
import argparse
import json
import os
import random
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

PEER = "linux-mcp-server==1.7.0"
HOST, OTHER = f"agents-{os.getpid()}-host", f"agents-{os.getpid()}-other"
ADDRESS, PEERS = "198.18.0.1", "198.18.0.2"


# What plays the host and its clients: this file again, in a namespace.

def listener(port, backlog=128, reads=True, accepts=True):
    server = socket.socket()
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.bind((ADDRESS, port))
    server.listen(backlog)
    kept = []
    while True:
        if not accepts:
            time.sleep(60)
            continue
        connection, _ = server.accept()
        kept.append(connection)
        if reads:
            pid = os.fork()
            if pid == 0:
                while connection.recv(65536):
                    pass
                os._exit(0)


def services(count):
    """Three services, each with a third of the clients, who say nothing."""
    servers = []
    for port in (80, 443, 5432):
        server = socket.socket()
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind((ADDRESS, port))
        server.listen(128)
        servers.append(server)
    kept = []
    while len(kept) < int(count):
        for server in servers:
            kept.append(server.accept()[0])
    signal.pause()


def clients(count):
    kept = []
    for number in range(int(count)):
        client = socket.socket()
        client.bind((f"198.18.1.{number % 100 + 1}", 0))
        while client.connect_ex((ADDRESS, (80, 443, 5432)[number % 3])):
            time.sleep(0.1)
        kept.append(client)
    signal.pause()


def paced(rate, send):
    began, sent = time.monotonic(), 0
    while True:
        due = int((time.monotonic() - began) * rate)
        while sent < due:
            send()
            sent += 1
        time.sleep(0.002)


def udp_flood():
    out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    payload = bytes(1000)

    def send():
        try:
            out.sendto(payload, (ADDRESS, 9999))
        except OSError:
            pass  # The answer that nobody is there comes back as an error.

    paced(4000, send)


def syn_flood():
    raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)

    def checksum(data):
        total = sum(struct.unpack(f"!{len(data) // 2}H", data))
        while total >> 16:
            total = (total & 0xFFFF) + (total >> 16)
        return ~total & 0xFFFF

    def send():
        source = socket.inet_aton(f"203.0.113.{random.randint(1, 254)}")
        target = socket.inet_aton(ADDRESS)
        tcp = struct.pack("!HHIIBBHHH", random.randint(1024, 65535), 443, random.getrandbits(32), 0, 5 << 4, 2, 64240, 0, 0)
        tcp = tcp[:16] + struct.pack("!H", checksum(source + target + struct.pack("!BBH", 0, 6, len(tcp)) + tcp)) + tcp[18:]
        ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 40, random.getrandbits(16), 0, 64, 6, 0, source, target)
        raw.sendto(ip + tcp, (ADDRESS, 0))

    paced(2000, send)


def slow_reader_host():
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind((ADDRESS, 5514))
    while True:
        server.recv(2048)
        time.sleep(0.01)


def slow_reader():
    """Forty senders of log lines, each with its own port."""
    senders = []
    for number in range(40):
        sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sender.bind((f"198.18.1.{number + 1}", 0))
        senders.append(sender)
    line = b"<134>app: a request was answered " + bytes(200)

    paced(4000, lambda: random.choice(senders).sendto(line, (ADDRESS, 5514)))


def full_backlog_host():
    listener(8080, backlog=8, accepts=False)


def full_backlog():
    kept = []
    while True:
        client = socket.socket()
        client.setblocking(False)
        client.connect_ex((ADDRESS, 8080))
        kept.append(client)
        if len(kept) > 400:
            kept.pop(0).close()
        time.sleep(0.01)


def full_disk_host(folder):
    log = open(os.path.join(folder, "app", "debug.log"), "ab", buffering=0)
    line = b"2026-01-01T00:00:00Z DEBUG a request was answered\n" * 40
    # Nearly full already: what is left lasts a minute.
    log.write(b"2026-01-01T00:00:00Z DEBUG an earlier request was answered\n" * 1_100_000)
    while True:
        try:
            log.write(line)
        except OSError:
            pass
        time.sleep(0.05)


INCIDENTS = [
    # Its name, the host's part, the other's part, casebook's runbook, what its answer must say, the peer's tools that an agent needs.
    ("UDP flood to a closed port", None, "udp_flood", "high-inbound-traffic", ["9999"],
     ["get_network_interfaces", "get_network_interfaces", "get_network_connections", "get_listening_ports"]),
    ("SYN flood", None, "syn_flood", "high-inbound-traffic", ["SYN", "443"],
     ["get_network_interfaces", "get_network_interfaces", "get_network_connections", "get_listening_ports"]),
    ("a program that reads too slowly", "slow_reader_host", "slow_reader", "high-inbound-traffic", ["5514"],
     ["get_network_interfaces", "get_network_interfaces", "get_network_connections", "get_listening_ports"]),
    ("a full listen backlog", "full_backlog_host", "full_backlog", "high-inbound-traffic", ["8080"],
     ["get_network_interfaces", "get_network_connections", "get_listening_ports"]),
    ("a full file system", "full_disk_host", None, "disk-full", ["debug.log"],
     ["get_disk_usage", "list_block_devices", "list_directories", "list_files"]),  # and list_processes: who writes it
]


class Server:
    """A server of the protocol, spoken to by its pipes."""

    def __init__(self, command, env=None):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=env)
        self.number = 0
        self.ask("initialize", {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "bench", "version": "1"}})
        self.say({"jsonrpc": "2.0", "method": "notifications/initialized"})

    def say(self, message):
        self.process.stdin.write(json.dumps(message).encode() + b"\n")
        self.process.stdin.flush()

    def ask(self, method, params):
        """The answer, and its bytes as they came."""
        self.number += 1
        self.say({"jsonrpc": "2.0", "id": self.number, "method": method, "params": params})
        for line in self.process.stdout:
            answer = json.loads(line)
            if answer.get("id") == self.number:
                return answer, len(line)
        raise SystemExit(f"the server ended: {method} {params}")

    def call(self, tool, arguments):
        return self.ask("tools/call", {"name": tool, "arguments": arguments})

    def close(self):
        self.process.stdin.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()


def run(*command):
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def stage(folder):
    for name in (HOST, OTHER):
        run("ip", "netns", "add", name)
        run("ip", "-n", name, "link", "set", "lo", "up")
    run("ip", "-n", HOST, "link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "netns", OTHER)
    for name, address in ((HOST, ADDRESS), (OTHER, PEERS)):
        run("ip", "-n", name, "address", "add", f"{address}/15", "dev", "eth0")
        run("ip", "-n", name, "link", "set", "eth0", "up")
    for number in range(1, 101):
        run("ip", "-n", OTHER, "address", "add", f"198.18.1.{number}/15", "dev", "eth0")
    # Who answers a forged source is not the question.
    run("ip", "-n", HOST, "route", "add", "default", "via", PEERS)
    disk = os.path.join(folder, "disk")
    os.mkdir(disk)
    run("mount", "-t", "tmpfs", "-o", "size=64m", "agents", disk)
    os.mkdir(os.path.join(disk, "app"))
    return disk


def play(namespace, part, *arguments):
    command = ["ip", "netns", "exec", namespace, sys.executable, os.path.abspath(__file__), "--play", part, *arguments]
    return subprocess.Popen(command, start_new_session=True)


def end(processes):
    for process in processes:
        try:
            os.killpg(process.pid, signal.SIGTERM)
        except ProcessLookupError:
            pass
        process.wait()


def measure(incident, disk, casebook, peer, keep, count):
    name, here, there, runbook, wanted, tools = incident
    parts = [play(HOST, "services", count), play(OTHER, "clients", count)]
    try:
        time.sleep(1.5)
        if here:
            parts.append(play(HOST, here, *([disk] if here == "full_disk_host" else [])))
            time.sleep(0.5)
        if there:
            parts.append(play(OTHER, there))
        time.sleep(3)
        ours = Server(["ip", "netns", "exec", HOST, casebook, "serve", "--stdio"])
        arguments = {"runbook": runbook}
        if runbook == "disk-full":
            arguments["params"] = {"path": disk}
        schemas_ours = ours.ask("tools/list", {})[1]
        answer, bytes_ours = ours.call("run_runbook", arguments)
        ours.close()
        env = {**os.environ, "LINUX_MCP_ALLOWED_LOG_PATHS": disk}
        theirs = Server(["ip", "netns", "exec", HOST, peer], env)
        schemas_theirs = theirs.ask("tools/list", {})[1]
        told, each = [], []
        for tool in [*tools, "list_processes"]:
            extra = {"path": disk, "order_by": "size"} if tool == "list_directories" else {}
            extra = {"path": os.path.join(disk, "app"), "order_by": "size"} if tool == "list_files" else extra
            reply, count = theirs.call(tool, {"host": "localhost", **extra})
            told.append(reply)
            each.append((tool, count))
        theirs.close()
    finally:
        end(parts)
    if keep:
        with open(os.path.join(keep, name.replace(" ", "-") + ".json"), "w") as out:
            json.dump({"casebook": answer, "peer": told}, out, indent=1, ensure_ascii=False)
    result = answer["result"]
    said = result.get("structuredContent") or {}
    causes = [f"{cause['title']} ({cause['likelihood']})" for cause in said.get("causes", [])]
    is_right = bool(causes) and all(word in causes[0] or word in said["summary"] for word in wanted)
    without = sum(count for tool, count in each if tool != "list_processes")
    processes = each[-1][1]
    print(f"\n{name}\n  casebook  {bytes_ours:>7} B  {'right' if is_right else 'WRONG'}: {said.get('summary', result)}")
    for cause in causes[1:]:
        print(f"            also: {cause}")
    print(f"  peer      {without:>7} B  " + ", ".join(f"{tool} {count}" for tool, count in each[:-1]))
    print(f"            {without + processes:>7} B  with list_processes {processes}")
    print(f"  tools     {schemas_ours:>7} B and {schemas_theirs} B, asked for once")
    print(f"  share     {bytes_ours / without:.2f} without, {bytes_ours / (without + processes):.2f} with the list of processes")
    return is_right


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--casebook", default="target/release/casebook")
    parser.add_argument("--keep", help="a folder for the answers, whole")
    parser.add_argument("--clients", type=int, default=150, help="connected to the three services; a multiple of three")
    parser.add_argument("--only", help="the incidents whose name has this in it")
    parser.add_argument("--play", help=argparse.SUPPRESS)
    parser.add_argument("rest", nargs="*", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.play:
        return globals()[arguments.play](*arguments.rest)
    casebook = os.path.abspath(arguments.casebook)
    with tempfile.TemporaryDirectory() as folder:
        venv = os.environ.get("PEER_VENV") or os.path.join(folder, "peer")
        if not os.path.exists(venv):
            run(sys.executable, "-m", "venv", venv)
            run(os.path.join(venv, "bin", "pip"), "install", "-q", PEER)
        disk = os.path.join(folder, "disk")
        try:
            stage(folder)
            # A runbook of the folder that it is started in would go before the one that ships.
            os.chdir(folder)
            chosen = [incident for incident in INCIDENTS if not arguments.only or arguments.only in incident[0]]
            peer = os.path.join(venv, "bin", "linux-mcp-server")
            rights = [measure(incident, disk, casebook, peer, arguments.keep, str(arguments.clients)) for incident in chosen]
        finally:
            subprocess.run(["umount", disk], check=False)
            for name in (HOST, OTHER):
                subprocess.run(["ip", "netns", "del", name], check=False)
    return 0 if all(rights) else 1


if __name__ == "__main__":
    sys.exit(main())
