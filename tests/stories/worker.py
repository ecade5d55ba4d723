"""``python -m tests.stories.worker FOLDER [DATABASE [DEAD_AFTER]]``: an engine on the world of a story, until it is
killed. DEAD_AFTER is in seconds.
"""

from __future__ import annotations

import sys
import time
from datetime import timedelta
from pathlib import Path

from core import flow  # noqa: F401 - flow registers the workflows
from core.ops import durable  # noqa: F401 - flow registers the workflows
from core.repair import engine
from core.stages.review import gates
from tests.stories.world import World, pass_gates, write_known_fix


def main(folder: Path, database: str) -> None:
    engine.repair, gates.review = write_known_fix, pass_gates
    made = World(folder, database=database)
    executor = durable.Executor(made.settings.data_dir, "worker")
    executor.beat()
    durable.launch(executor.id)
    print('{"ready": true}', flush=True)
    while True:
        time.sleep(0.3)
        executor.beat()
        durable.reap(executor)


if __name__ == "__main__":
    if len(sys.argv) > 3:
        durable.DEAD_AFTER, durable.LOOKED_ON = timedelta(seconds=float(sys.argv[3])), float(sys.argv[3]) / 2
    main(Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else "")
