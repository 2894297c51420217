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

# All tests; those that need root say that they were skipped
test:
    cargo test

# The live incidents only: real traffic in network namespaces (root)
incidents:
    cargo test --test incidents -- situations

# The benches: packets per CPU second, log lines per second, rows of evidence in Lua
bench:
    cargo bench

# Write the reference manual and the schemas out of the code
generate:
    cargo run --quiet -- generate

# Licences, sources and bans of the dependencies (needs cargo-deny)
deny:
    cargo deny check
