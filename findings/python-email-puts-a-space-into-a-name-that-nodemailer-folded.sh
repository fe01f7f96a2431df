#!/usr/bin/env bash
# nodemailer 10.6.1 (npm) writes, the email module of Python 3.11 reads (3.10.13, 3.12.1 and 3.13.0 read the same).
#
# A long Japanese name of a sender goes into two encoded words on two lines. Space between two encoded words belongs to
# neither (RFC 2047, 6.2).
#
# Guess: with the modern policy, `email.policy.default`, the name comes back as it was written, as the subject does.
# What happens: the subject comes back right, from four encoded words. The name comes back with a space where it was
# folded, in the middle of a word: 電話番, 株式会社（代 表）. Whoever compares senders by name, or addresses an answer to it,
# has another name. The old policy, `compat32` with `make_header`, which the manual calls the legacy way, is right in both.
source "$(dirname "$0")/lib.sh"
npm_packages nodemailer@10.6.1
python3 -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' || { echo 'needs Python 3.11' >&2 && exit 2; }

cat >write.mjs <<'JS'
import { writeFileSync } from 'node:fs';
import nodemailer from 'nodemailer';
const { message } = await nodemailer.createTransport({ streamTransport: true, buffer: true }).sendMail({
  from: { name: '電話番, 株式会社（代表）', address: 'from@example.jp' },
  to: 'to@example.jp',
  subject: '新しい留守番電話があります。折り返しのお電話をお願いいたします（至急）',
  text: 'x',
});
writeFileSync('mail.eml', message);
JS
node write.mjs
cat >read.py <<'PY'
import email
from email import policy
from email.header import decode_header, make_header
from email.utils import parseaddr

mail = open('mail.eml', 'rb').read()
modern = email.message_from_bytes(mail, policy=policy.default)
old = email.message_from_bytes(mail, policy=policy.compat32)
print(modern['subject'])
print(modern['from'].addresses[0].display_name)
print(make_header(decode_header(parseaddr(old['from'])[0])))
PY
mapfile -t got < <(PYTHONIOENCODING=utf-8 python3 read.py)
expect 'subject' '新しい留守番電話があります。折り返しのお電話をお願いいたします（至急）' "${got[0]-}"
expect 'name' '電話番, 株式会社（代 表）' "${got[1]-}"
expect 'name, the old way' '電話番, 株式会社（代表）' "${got[2]-}"
