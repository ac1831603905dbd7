"""Logs as JSON, a line each, with the id of the request that they belong to."""

from __future__ import annotations

import json
import logging
import re
import uuid
from contextvars import ContextVar

from django.core.signals import request_finished

request_id: ContextVar[str] = ContextVar("request_id", default="")


class JsonFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        entry = {
            "time": self.formatTime(record, "%Y-%m-%dT%H:%M:%S%z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if request_id.get():
            entry["request_id"] = request_id.get()
        if record.exc_info:
            entry["exception"] = self.formatException(record.exc_info)
        return json.dumps(entry, ensure_ascii=False)


def forget(**_kwargs) -> None:
    request_id.set("")


# Django logs what went wrong behind all middleware: the id is kept until the answer is sent.
request_finished.connect(forget)


def request_ids(get_response):
    """Keeps the id that a proxy gave a request, or gives it one; the answer carries it."""

    def middleware(request):
        given = request.headers.get("X-Request-ID", "")
        own = given if re.fullmatch(r"[A-Za-z0-9._-]{1,64}", given) else uuid.uuid4().hex
        request_id.set(own)
        response = get_response(request)
        response["X-Request-ID"] = own
        return response

    return middleware
