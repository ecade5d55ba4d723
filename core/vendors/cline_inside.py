"""``cline_inside.py SOCKET PORT COMMAND...``: runs in the sandbox, with only the standard library.

It forwards a port on the sandbox's loopback to the relay's socket file, runs the command, and ends with it.
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
        pass  # the other side closed the connection
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
