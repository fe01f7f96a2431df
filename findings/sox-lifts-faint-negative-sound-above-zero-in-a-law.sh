#!/usr/bin/env bash
# SoX 14.4.2+git20190427-3.5 (Debian) writes G.711 of all 65,536 samples of 16 bits, without dither; beside it audioop of
# Python 3.11 and alawmulaw 6.0.0 (npm, the codec of wavefile). Reading the 256 codes back, all three agree.
#
# Guess: G.711 is a table with decision values in it, so all encoders write the same bytes, save for the sign of zero.
# What happens: no two of the three agree. In A-law, where there is no zero and the two quietest codes are +8 and -8, SoX
# writes +8 (D5) for -1 to -4, where both others write -8 (55). So the faint noise of a quiet line, within 4 of zero on
# both sides, becomes one steady value on one side, and recordings of one sound by two tools can't be compared by bytes.
source "$(dirname "$0")/lib.sh"
npm_packages alawmulaw@6.0.0
debian_packages sox=14.4.2+git20190427-3.5 libsox3=14.4.2+git20190427-3.5 libsox-fmt-base=14.4.2+git20190427-3.5
python3 -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' || { echo 'needs Python 3.11' >&2 && exit 2; }

cat >python.py <<'PY'
import array, audioop
samples = array.array('h', range(-32768, 32768)).tobytes()
every_code = bytes(range(256))
def put(name, content):
    with open(name, 'wb') as file:
        file.write(content)
put('samples', samples)
put('codes', every_code)
put('a-law.python', audioop.lin2alaw(samples, 2))
put('u-law.python', audioop.lin2ulaw(samples, 2))
put('a-law.read.python', audioop.alaw2lin(every_code, 2))
put('u-law.read.python', audioop.ulaw2lin(every_code, 2))
PY
python3 -W ignore python.py
for law in a-law u-law; do
  raw=(-t raw -r 8000 -c 1)
  sox -V1 -D "${raw[@]}" -e signed -b 16 samples "${raw[@]}" -e $law -b 8 $law.sox
  sox -V1 -D "${raw[@]}" -e $law -b 8 codes "${raw[@]}" -e signed -b 16 $law.read.sox
done
cat >compare.mjs <<'JS'
import { readFileSync } from 'node:fs';
import codecs from 'alawmulaw';
const samples = Int16Array.from({ length: 65_536 }, (_unused, index) => index - 32_768);
const codes = Uint8Array.from({ length: 256 }, (_unused, index) => index);
const differing = (one, other) => one.reduce((count, byte, index) => count + (byte === other[index] ? 0 : 1), 0);
for (const [law, codec] of [['a-law', codecs.alaw], ['u-law', codecs.mulaw]]) {
  const [sox, python] = [readFileSync(`${law}.sox`), readFileSync(`${law}.python`)];
  const npm = codec.encode(samples);
  const read = new Uint8Array(codec.decode(codes).buffer);
  console.log(differing(read, readFileSync(`${law}.read.sox`)), differing(read, readFileSync(`${law}.read.python`)));
  console.log(differing(sox, python), differing(sox, npm), differing(python, npm));
  const faint = (bytes) => Buffer.from(bytes.slice(32_768 - 5, 32_768 + 5)).toString('hex');
  if (law === 'a-law') console.log([sox, python, npm].map(faint).join(' '));
}
JS
mapfile -t got < <(node compare.mjs)
expect 'A-law, codes read differently from npm by SoX, by Python' '0 0' "${got[0]-}"
expect 'A-law, samples written differently: SoX/Python, SoX/npm, Python/npm' '1020 1147 127' "${got[1]-}"
expect 'A-law of -5 to 4 by SoX, Python, npm' '55d5d5d5d5d5d5d5d5d5 5555555555d5d5d5d5d5 5555555555d5d5d5d5d5' "${got[2]-}"
expect 'µ-law, codes read differently' '0 0' "${got[3]-}"
expect 'µ-law, samples written differently' '508 383 381' "${got[4]-}"
