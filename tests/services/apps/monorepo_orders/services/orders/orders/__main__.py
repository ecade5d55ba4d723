import argparse
import logging

import uvicorn

from orders.http import build


def main() -> None:
    parser = argparse.ArgumentParser(prog="orders")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--host", default="127.0.0.1")
    given = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s [%(name)s] %(message)s")
    uvicorn.run(build(), host=given.host, port=given.port, log_level="warning")


if __name__ == "__main__":
    main()
