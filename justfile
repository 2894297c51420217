# The chores. `just` lists them.

_default:
    @just --list --unsorted

# Format the code
fmt:
    cargo fmt

# Formatting and lints, warnings denied
lint:
    cargo fmt --check
    cargo clippy --all-targets -- -D warnings

# All tests; one that lacks root or a tool says that it was skipped, and what it needs
test:
    cargo test

# The tests that look at the host, on a staged one with services, a VPN, a journal and no IPv6 (root)
lived-in *programs:
    tests/lived-in {{programs}}

# The Ansible collection: lint, and its playbook on twelve hosts by real sshd (root)
ansible:
    cargo build
    tests/ansible

# The server for agents, asked by the protocol's reference client for Python
agents:
    tests/agents/run

# The live incidents, three times: real traffic and real troubles in namespaces (root); writes docs/accuracy.md. With words, only
# those whose name holds one, once
incidents *words:
    #!/usr/bin/env bash
    if [ -n "{{words}}" ]; then exec cargo test --test incidents --test cli --test engines -- {{words}}; fi
    rm -rf "${CARGO_TARGET_DIR:-target}/tmp/accuracy"
    status=0
    for run in 1 2 3; do cargo test --no-fail-fast --test incidents --test cli --test engines -- situations || status=$?; done
    cargo test --test incidents -- --ignored --nocapture the_table_is_written || status=$?
    exit $status

# Damaged and hostile inputs by the thousand against the release build; writes the table of docs/security.md
attack inputs="1000":
    CASEBOOK_ATTACK={{inputs}} CASEBOOK_ATTACK_PAGE=docs/security.md cargo test --release --test attack -- --nocapture

# One fuzz target (packets, capture_files, netlink, nftables, xtables, cases, runbooks, certificates, tool_output), for so many seconds;
# needs cargo-fuzz and a nightly compiler
fuzz target seconds="300":
    cargo +nightly fuzz run {{target}} -- -max_total_time={{seconds}}

# casebook against the tools that it replaces, as root; writes docs/performance.md. With jobs (sockets, packets,
# bandwidth, logs, firewall, interfaces, start, whole) or --quick it only prints
bench *jobs:
    cargo bench --bench peers -- {{jobs}}

# What an agent is told of five incidents, in bytes, by casebook and by linux-mcp-server (root; installs that one into a temporary folder)
bench-agents:
    cargo build --release
    benches/agents.py

# What the parts cost by themselves: packets, lines of logs, conditions, evidence in Lua
bench-parts:
    cargo bench --bench micro --bench capture --bench lua --bench script --bench read

# Write the reference manual and the schemas out of the code
generate:
    cargo run --quiet -- generate

# Debian's kernels in an emulator, with every probe and some incidents on each; writes docs/portability.md (root, some minutes each)
kernels *suites:
    .ci/kernels {{suites}}

# Packages that run on any Linux of this architecture, into target/dist; and what shows that they do (root)
dist:
    .ci/dist
    .ci/portable

# Licences, sources and bans of the dependencies
deny:
    .ci/deny
