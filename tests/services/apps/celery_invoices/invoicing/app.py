import os

from celery import Celery
from celery.signals import setup_logging

from invoicing import logs

app = Celery(
    "invoicing",
    broker=os.environ.get("REDIS_URL", "redis://localhost:6379/0"),
    include=["invoicing.tasks"],
)
app.conf.update(
    task_acks_late=True,
    task_ignore_result=True,
    task_default_queue="invoicing",
    worker_prefetch_multiplier=1,
    broker_connection_retry_on_startup=True,
    timezone="Europe/Zurich",
)


@setup_logging.connect
def _logging(**_):
    logs.configure()
