"""JSON on standard output, with the attributes that our log pipeline expects of an error."""
import logging
import os
import sys
import traceback

from pythonjsonlogger.json import JsonFormatter


class PipelineFormatter(JsonFormatter):
    def add_fields(self, log_record, record, message_dict):
        super().add_fields(log_record, record, message_dict)
        log_record["status"] = record.levelname.lower()
        log_record["service"] = "invoicing"
        log_record["version"] = os.environ.get("DD_VERSION", "dev")
        log_record["env"] = os.environ.get("DD_ENV", "development")
        if record.exc_info:
            kind, error, trace = record.exc_info
            log_record.pop("exc_info", None)
            log_record["error"] = {
                "kind": kind.__name__,
                "message": str(error),
                "stack": "".join(traceback.format_exception(kind, error, trace)),
            }


def configure(level=logging.INFO):
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(PipelineFormatter("%(asctime)s %(name)s %(message)s"))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
