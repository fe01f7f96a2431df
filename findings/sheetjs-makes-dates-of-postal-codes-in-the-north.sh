#!/usr/bin/env bash
# SheetJS: xlsx 0.18.5 (npm), reading a CSV file of Japanese postal codes, each in quotes.
#
# Guess: a text of three digits, a hyphen and four digits is no date in any notation, so all stay texts; or else none does.
# What happens: it hands what it can't read otherwise to JavaScript's Date and keeps what that makes of it, within limits.
# The north of Sapporo, 001-0012, is 12 January 2001, Akita's 010-0001 is 1 October 2001 and the middle of Sapporo, 060-0001, is
# 1 January 1960. 012-0801, in Akita too, is a text again, like all of Tokyo and Osaka: a list tried with addresses of the
# south reads perfectly. `raw: true` keeps texts.
source "$(dirname "$0")/lib.sh"
npm_packages xlsx@0.18.5

cat >read.mjs <<'JS'
import XLSX from 'xlsx';
const codes = ['001-0012', '010-0001', '060-0001', '012-0801', '100-0001', '530-0001', '900-0001'];
const csv = codes.map((code) => `"${code}"`).join('\n');
for (const options of [{}, { raw: true }]) {
  const sheet = XLSX.read(csv, { type: 'string', dateNF: 'yyyy-mm-dd', ...options }).Sheets.Sheet1;
  console.log(...codes.map((_code, index) => `${sheet[`A${index + 1}`].t}:${sheet[`A${index + 1}`].w ?? sheet[`A${index + 1}`].v}`));
}
JS
mapfile -t got < <(TZ=Asia/Tokyo node read.mjs)
expect 'as it comes' 'n:2001-01-12 n:2001-10-01 n:1960-01-01 s:012-0801 s:100-0001 s:530-0001 s:900-0001' "${got[0]-}"
expect 'raw' 's:001-0012 s:010-0001 s:060-0001 s:012-0801 s:100-0001 s:530-0001 s:900-0001' "${got[1]-}"
