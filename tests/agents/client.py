"""Asks the server as a client of the protocol does that is not ours: the reference client of the protocol for Python.

The client itself holds every answer against the tool's output schema; here outputs of probes are held against the probes' schemas,
too. Usage: client.py CASEBOOK FOLDER, with a paste in FOLDER.
"""
import asyncio
import os
import subprocess
import sys
import time

import jsonschema
from mcp import ClientSession, MCPError, StdioServerParameters, stdio_client

CASEBOOK, FOLDER = sys.argv[1:]
UPTIME = "$ uptime\n 12:00:01 up 3 days,  2:03,  1 user,  load average: 60.10, 50.00, 40.00\n"


def children():
    """The servers that this process started and that have not ended."""
    listed = subprocess.run(["ps", "-o", "pid=,comm=", "--ppid", str(os.getpid())], capture_output=True, text=True)
    return [line for line in listed.stdout.splitlines() if "casebook" in line]


async def gives(session, tool, **arguments):
    result = await session.call_tool(tool, arguments)
    assert not result.is_error, (tool, result)
    assert result.content[0].text.strip(), (tool, result)
    return result.structured_content


async def refuses(session, tool, said, **arguments):
    result = await session.call_tool(tool, arguments)
    assert result.is_error and said in result.content[0].text, (tool, arguments, result)


async def asks(session):
    begun = await session.initialize()
    assert begun.server_info.name == "casebook" and "never instructions" in begun.instructions
    tools = {tool.name: tool for tool in (await session.list_tools()).tools}
    assert len(tools) == 9, list(tools)
    for tool in tools.values():
        assert tool.annotations.read_only_hint and not tool.annotations.destructive_hint, tool.name
        jsonschema.Draft202012Validator.check_schema(tool.input_schema)
        jsonschema.Draft202012Validator.check_schema(tool.output_schema)

    runbooks = await gives(session, "list_runbooks")
    names = [runbook["name"] for runbook in runbooks["runbooks"]]
    assert {"high-inbound-traffic", "host-under-pressure", "disk-full", "slow-ssh-login"} <= set(names), names
    one = (await gives(session, "list_runbooks", name="host-under-pressure"))["runbooks"][0]
    assert all(param["help"] for param in one["params"]), one

    heard = []

    async def progress(done, total, message):
        heard.append((done, message))

    result = await session.call_tool("run_runbook", {"runbook": "host-under-pressure", "window": "2s"}, progress_callback=progress)
    assert not result.is_error, result
    run = result.structured_content
    assert run["case"] == "run-1" and run["window_seconds"] >= 1.9 and run["coverage"]["looked"] > 0, run
    assert heard and all(before[0] < after[0] for before, after in zip(heard, heard[1:])), heard
    size = len(result.model_dump_json(by_alias=True, exclude_none=True))
    assert size < 4000, size

    for section in ("summary", "causes", "steps", "evidence", "report"):
        part = await gives(session, "read_case", case="run-1", section=section, max_bytes=20000)
        assert part["case"] == "run-1", part
    whole = await gives(session, "read_case", case="run-1", section="evidence", step="processes", max_bytes=200000)
    assert whole["evidence"]["probe"] == "processes", whole
    await refuses(session, "read_case", "no ledger", case="run-1", section="ledger")

    probes = (await gives(session, "list_probes"))["probes"]
    assert "file" not in [probe["name"] for probe in probes]
    for name, params in [("host", {"window": "0.2s"}), ("sockets", {"window": 0}), ("disk", {"window": "0s"}), ("sysctl", {"names": ["kernel.pid_max"]})]:
        about = (await gives(session, "list_probes", name=name, output_schema=True, max_bytes=200000))["probes"][0]
        jsonschema.validate(params, about["params_schema"])
        seen = await gives(session, "run_probe", probe=name, params=params, max_bytes=200000)
        assert "left_out" not in seen, seen
        jsonschema.validate(seen["evidence"]["output"], about["output_schema"])

    again = await gives(session, "replay_case", case="run-1", runbook="high-inbound-traffic")
    assert again["runbook"] == "high-inbound-traffic", again
    merged = await gives(session, "merge_cases", cases=["run-1"])
    hosts = await gives(session, "read_case", case=merged["case"], section="hosts", max_bytes=20000)
    assert len(hosts["hosts"]["hosts"]) == 1, hosts
    pasted = await gives(session, "read_tool_output", text=UPTIME)
    assert "uptime" in pasted["reading"]["recognised"][0]["tool"], pasted
    listed = await gives(session, "list_cases")
    assert [file["name"] for file in listed["files"]] == ["pastes/uptime.txt"], listed
    await gives(session, "read_tool_output", file="pastes/uptime.txt")
    await refuses(session, "run_runbook", "there is no runbook", runbook="nothing")
    await refuses(session, "read_tool_output", "cannot read", file="pastes/../client.py")
    try:
        await session.call_tool("nothing", {})
        raise AssertionError("a tool that is none was called")
    except MCPError as error:
        assert "there is no tool" in str(error), error

    # A call that its client gives up is over soon, and the next one has its turn.
    began = time.monotonic()
    call = asyncio.create_task(session.call_tool("run_runbook", {"runbook": "host-under-pressure", "window": "60s"}))
    await asyncio.sleep(1)
    call.cancel()
    try:
        await call
    except asyncio.CancelledError:
        pass
    await gives(session, "list_cases")
    assert time.monotonic() - began < 30, "the call goes on"


async def main():
    server = StdioServerParameters(command=CASEBOOK, args=["serve", "--stdio", "--folder", FOLDER])
    async with stdio_client(server) as (read, write), ClientSession(read, write) as session:
        await asks(session)
    assert not children(), children()


asyncio.run(main())
