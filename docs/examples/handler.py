#!/usr/bin/python3
"""A handler for meta-consumer."""

import hashlib
import hmac
import json
import os
import time
import traceback
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

with open(os.environ["SECRET_FILE"], "rb") as f:
    SECRET = f.read().strip()


def decide(event):
    """Your answer: a list of actions."""
    if event["kind"] == "message" and "deliver" in (event["text"] or ""):
        return [{"reply": {"text": "Yes, daily."}}, "mark_read"]
    return []


def is_genuine(headers, body):
    stamp = headers.get("Meta-Timestamp", "")
    digest = hmac.new(SECRET, stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    return (hmac.compare_digest(headers.get("Meta-Signature", "").encode(), b"sha256=" + digest.encode())
            and abs(time.time() - int(stamp)) < 300)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if not is_genuine(self.headers, body):
            return self.answer(401, b"")
        try:
            answer = json.dumps({"actions": decide(json.loads(body))}).encode()
        except Exception:
            traceback.print_exc()
            return self.answer(500, b"")
        self.answer(200, answer)

    def answer(self, status, body):
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
