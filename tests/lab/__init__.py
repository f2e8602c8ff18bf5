# SPDX-License-Identifier: Apache-2.0
"""The lab: throw-away Debian roots, containers booted with systemd, a real web server, signed
policies. Python's standard library only. Everything needs root.

    roots      base roots from the archive (cached) and cheap copies of them
    container  one copy booted with systemd
    webserver  nginx with TLS and a private CA, made from packaging/control
    policies   policy documents, keys and signatures
"""
