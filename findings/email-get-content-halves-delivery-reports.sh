#!/usr/bin/env bash
# Python's own `email` (seen in 3.11) gives the first block of a delivery report and no other, so a
# bounced message does not say whom it failed to reach.
#
# Expected: `get_content()` of the part message/delivery-status gives its text, or the list of its
# blocks.
# Seen: bytes of the first block, which is about the server ("Reporting-MTA"); the blocks with
# Final-Recipient, Status and Diagnostic-Code (RFC 3464) are left out. `walk()` does hold each
# block, as an empty message of type text/plain whose facts are its headers, so a reader that
# collects text/plain parts collects one empty text per recipient. `as_string()` of the part has
# everything.
# Fails where a later version does otherwise.
set -euo pipefail
python3 - <<'PYTHON'
import email
import email.policy
import sys

REPORT = """\
From: MAILER-DAEMON@mail.example
To: shop@mail.example
Subject: Undelivered
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="b"

--b
Content-Type: text/plain; charset=us-ascii

Your message was not delivered.
--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mail.example

Final-Recipient: rfc822; one@mail.example
Action: failed
Status: 5.1.1
Diagnostic-Code: smtp; 550 no such mailbox

Final-Recipient: rfc822; two@mail.example
Action: delayed
Status: 4.2.2
--b--
"""
message = email.message_from_bytes(REPORT.encode(), policy=email.policy.default)
_, status = message.iter_parts()
content = status.get_content()
plain = [part.get_content() for part in message.walk() if part.get_content_type() == "text/plain"]
print("Python", sys.version.split()[0], "| defects:", message.defects + status.defects)
print("get_content():", content)
print("text/plain parts of walk():", plain)
if message.defects or status.defects or status.get_content_type() != "message/delivery-status":
    sys.exit("The report is no longer read as a sound one.")
if "Diagnostic-Code" not in status.as_string() or "two@mail.example" not in status.as_string():
    sys.exit("The part as a string no longer holds every block.")
if content != b"Reporting-MTA: dns; mail.example\n\n":
    sys.exit("get_content() gives something else than the bytes of the first block now.")
if plain != ["Your message was not delivered.", "", "", ""]:
    sys.exit("The blocks are no longer empty text/plain parts of walk().")
PYTHON
