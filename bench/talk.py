"""People's side: signed deliveries of the plain chat, one at a time, and how long the answers take."""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
import secrets
import time
from datetime import UTC, datetime

from bench.servers import SECRET, Server

PATH = "/chat/plain"


class Talk:
    """Say things to a product as Anna, on one kept-open connection."""

    def __init__(self, server: Server) -> None:
        self._link = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
        self._server = server

    def say(self, text: str, room: str | None = None) -> tuple[float, str]:
        """Give the seconds until the answer, and the answer; raises RuntimeError when there is none."""
        body = json.dumps(
            {
                "id": f"d-{secrets.token_hex(8)}", "room": room, "person": {"id": "anna", "name": "Anna", "locale": "en"},
                "text": text, "at": datetime.now(UTC).isoformat(),
            }
        ).encode()  # fmt: skip
        stamp = str(int(time.time()))
        proof = hmac.new(SECRET.encode(), f"v1:{stamp}:POST:{PATH}:".encode() + body, hashlib.sha256).hexdigest()
        headers = {"X-Warroom-Timestamp": stamp, "X-Warroom-Signature": f"v1={proof}", "Content-Type": "application/json"}
        began = time.perf_counter()
        self._link.request("POST", PATH, body, headers)
        answer = self._link.getresponse()
        said = answer.read()
        took = time.perf_counter() - began
        if answer.status != 200:
            raise RuntimeError(f"{self._server.name} answered {answer.status} to {text!r}: {said[:300]!r}")
        reply = json.loads(said).get("reply") or {}
        return took, str(reply.get("text", ""))

    def close(self) -> None:
        """End the connection."""
        self._link.close()
