#!/usr/bin/env bash
# libphonenumber-js 1.13.16 (npm), findPhoneNumbersInText with Japan as the country: numbers on business cards.
#
# Guess: ＴＥＬ０３－１２３４－５６７８ and TEL03-1234-5678 are the same to it, as the digits and hyphens are: both are found,
# or, if a word must end before a number, neither.
# What happens: the one in full-width letters is found and the one in ASCII is not, nor is T03-… . What may not stand right
# before a number is a Latin letter, and full-width letters, which the reader folds nowhere else than in digits, count as
# none. With a space or a colon between both are found, and kanji may stand right before it. The same texts handed to
# parsePhoneNumber are read, all of them.
source "$(dirname "$0")/lib.sh"
npm_packages libphonenumber-js@1.13.16

cat >find.mjs <<'JS'
import { findPhoneNumbersInText, parsePhoneNumberFromString } from 'libphonenumber-js/max';
const texts = ['ＴＥＬ０３－１２３４－５６７８', 'ＴＥＬ03-1234-5678', 'TEL03-1234-5678', 'T03-1234-5678', 'TEL 03-1234-5678', 'TEL:03-1234-5678', '電話03-1234-5678'];
for (const text of texts) {
  const found = findPhoneNumbersInText(text, 'JP').map(({ number }) => number.number);
  console.log(`${found.join() || 'nothing'}, parsed ${parsePhoneNumberFromString(text, 'JP')?.number}`);
}
JS
mapfile -t got < <(node find.mjs)
expect 'all in full width' '+81312345678, parsed +81312345678' "${got[0]-}"
expect 'letters in full width' '+81312345678, parsed +81312345678' "${got[1]-}"
expect 'TEL' 'nothing, parsed +81312345678' "${got[2]-}"
expect 'T' 'nothing, parsed +81312345678' "${got[3]-}"
expect 'TEL, a space' '+81312345678, parsed +81312345678' "${got[4]-}"
expect 'TEL, a colon' '+81312345678, parsed +81312345678' "${got[5]-}"
expect 'kanji' '+81312345678, parsed +81312345678' "${got[6]-}"
