"""``cline_inside.py SOCKET PORT COMMAND...``: runs inside of the walls, with the standard library alone.

A port on the walled-in loopback leads to the relay's socket file; then the command runs, and ends it all.
"""

from __future__ import annotations

import asyncio
import sys


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass  # the other side hung up
    finally:
        writer.close()


async def main(socket: str, port: str, *command: str) -> int:
    async def through(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        out_reader, out_writer = await asyncio.open_unix_connection(socket)
        await asyncio.gather(_copy(reader, out_writer), _copy(out_reader, writer))

    async with await asyncio.start_server(through, "127.0.0.1", int(port)):
        process = await asyncio.create_subprocess_exec(*command)
        return await process.wait()


if __name__ == "__main__":
    sys.exit(asyncio.run(main(*sys.argv[1:])))
