# SPDX-License-Identifier: Apache-2.0
"""Policy documents, keys and signatures. Signing is the recipe of patchd-policy(5) with openssl
alone, so what patchd verifies was not made by patchd; sign_with_patchctl() is the other way."""

import base64
import datetime
import hashlib
import json
import pathlib

from . import roots

PAYLOAD_TYPE = "application/vnd.patchd.policy.v1+json"
MINUTES_A_DAY = 24 * 60


def utc_now():
    return datetime.datetime.now(datetime.timezone.utc)


def utc_text(moment):
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def daily_window(offset_minutes, duration_minutes):
    """A window that opens offset_minutes from now (negative: it is open already), daily in UTC."""
    now = utc_now()
    start = (now.hour * 60 + now.minute + offset_minutes) % MINUTES_A_DAY
    return {"rrule": "FREQ=DAILY", "start": f"{start // 60:02}:{start % 60:02}", "timezone": "UTC",
            "duration_minutes": duration_minutes}


def open_window(duration_minutes=360):
    return daily_window(-2, duration_minutes)


def closed_window(opens_in_minutes=12 * 60):
    return daily_window(opens_in_minutes, 60)


def make_policy(version=1, window=None, mode="apply", reboot=None, **baseline):
    """A policy that approves every security update at once; baseline keys override or add."""
    now = utc_now()
    body = {"rules": [{"name": "security", "classification": ["security"], "approve_after_days": 0}], **baseline}
    assignment = {"name": "all", "match": {}, "baseline": "lab", "mode": mode}
    if window:
        assignment["window"] = "lab"
    if reboot:
        assignment["reboot"] = reboot
    return {"type": "patchd.policy.v1", "policy_id": "lab", "version": version,
            "issued": utc_text(now - datetime.timedelta(hours=1)),
            "expires": utc_text(now + datetime.timedelta(days=7)),
            "assignments": [assignment], "baselines": {"lab": body}, **({"windows": {"lab": window}} if window else {})}


class Key:
    """An Ed25519 key pair in a folder: private NAME.key, public NAME.pem."""

    def __init__(self, folder, name="policy"):
        self.private = pathlib.Path(folder, f"{name}.key")
        self.public = pathlib.Path(folder, f"{name}.pem")
        roots.run_host("openssl", "genpkey", "-algorithm", "ed25519", "-out", self.private)
        roots.run_host("openssl", "pkey", "-in", self.private, "-pubout", "-out", self.public)

    def key_id(self):
        der = base64.b64decode("".join(self.public.read_text("ascii").splitlines()[1:-1]))
        return hashlib.sha256(der).hexdigest()

    def sign(self, payload, envelope, payload_type=PAYLOAD_TYPE):
        """Writes a DSSE envelope over the bytes; gives its path."""
        envelope = pathlib.Path(envelope)
        message, signature = envelope.with_suffix(".pae"), envelope.with_suffix(".sig")
        message.write_bytes(f"DSSEv1 {len(payload_type)} {payload_type} {len(payload)} ".encode() + payload)
        roots.run_host("openssl", "pkeyutl", "-sign", "-rawin", "-inkey", self.private, "-in", message,
                       "-out", signature)
        signed = {"payload": base64.b64encode(payload).decode(), "payloadType": payload_type,
                  "signatures": [{"keyid": self.key_id(), "sig": base64.b64encode(signature.read_bytes()).decode()}]}
        envelope.write_text(json.dumps(signed), encoding="ascii")
        return envelope

    def sign_policy(self, policy, envelope):
        return self.sign(json.dumps(policy).encode(), envelope)

    def sign_with_patchctl(self, patchctl, policy, envelope):
        """The same by the shipped tool; patchctl is the path of the program."""
        plain = pathlib.Path(envelope).with_suffix(".plain.json")
        plain.write_text(json.dumps(policy), encoding="utf-8")
        roots.run_host(patchctl, "policy", "sign", "--key", self.private, plain, "-o", envelope)
        return pathlib.Path(envelope)
