# SPDX-License-Identifier: Apache-2.0
"""Feeds of advisories: OSV records in a zip, and manifests signed with openssl alone."""

import base64
import datetime
import hashlib
import io
import json
import pathlib
import zipfile

from . import policies

PAYLOAD_TYPE = "application/vnd.patchd.feed.v1+json"


def record(name, package, fixed, ecosystem="Debian:12", published="2026-01-01T00:00:00Z", **more):
    """One OSV record: `package` is fixed in version `fixed`."""
    return {"schema_version": "1.7.3", "id": name, "modified": published, "published": published,
            "affected": [{"package": {"ecosystem": ecosystem, "name": package},
                          "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": fixed}]}]}],
            **more}


def export(*records, compression=zipfile.ZIP_DEFLATED):
    """The bytes of an OSV export."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", compression) as archive:
        for item in records:
            archive.writestr(item["id"] + ".json", json.dumps(item))
    return out.getvalue()


def public_key(key):
    """As it stands in feeds[].keys."""
    return "".join(key.public.read_text("ascii").splitlines()[1:-1])


def sha256(content):
    return hashlib.sha256(content).hexdigest()


def manifest(key, content, version=1, name="debian", days=7, **changes):
    """The envelope of a manifest over the file's bytes; changes replace members (None: left out)."""
    now = policies.utc_now()
    body = {"type": "patchd.feed.v1", "id": name, "version": version,
            "issued": policies.utc_text(now - datetime.timedelta(hours=1)),
            "expires": policies.utc_text(now + datetime.timedelta(days=days)),
            "url": "feed.zip", "sha256": sha256(content), "size_bytes": len(content), **changes}
    body = {name: value for name, value in body.items() if value is not None}
    path = key.sign(json.dumps(body).encode(), pathlib.Path(key.private).with_suffix(".manifest"), PAYLOAD_TYPE)
    return path.read_bytes()


def payload(envelope):
    return json.loads(base64.b64decode(json.loads(envelope)["payload"]))
