#!/usr/bin/env bash
# ReportLab 3.6.12 (Debian's python3-reportlab 3.6.12-1+deb12u1) writes, pdftotext of Poppler 22.12.0 reads, with the font
# VL Gothic 20220612, which has the letter.
#
# Many Japanese are called 𠮷田, with the 𠮷 that has the longer stroke below (U+20BB7, beyond the first 65,536 characters);
# so is a chain of restaurants, 𠮷野家.
#
# Guess: the page shows 𠮷 and its text is 𠮷; if the letter were too much for it, a box, a blank or an error.
# What happens: the page shows 𠮷, and the text read from it, copied or searched is ₻, the sign of the Nordic mark (U+20BB):
# the map from shapes to characters holds 20BB7 where pairs of bytes belong, and the first two bytes are taken.
# Nothing is reported. 髙 and 﨑 are right.
source "$(dirname "$0")/lib.sh"
debian_packages python3-reportlab=3.6.12-1+deb12u1 python3-pil=9.4.0-1.1+deb12u1 libimagequant0=2.17.0-1 \
  libraqm0=0.7.0-4.1 fonts-vlgothic=20220612-1
[[ $(pdftotext -v 2>&1 || true) == *'version 22.12.0'* ]] || { echo 'needs pdftotext 22.12.0 (poppler-utils)' >&2 && exit 2; }

cat >write.py <<'PY'
import sys
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen import canvas

font = TTFont('gothic', sys.argv[1])
pdfmetrics.registerFont(font)
print('the font has it' if 0x20BB7 in font.face.charToGlyph else 'the font lacks it')
page = canvas.Canvas('names.pdf')
for line, name in enumerate(['𠮷田様', '𠮷野家', '髙﨑様']):
    page.setFont('gothic', 10)
    page.drawString(40, 700 - 20 * line, name)
page.save()
PY
expect '𠮷' 'the font has it' "$(/usr/bin/python3 write.py "$root"/usr/share/fonts/truetype/vlgothic/VL-Gothic-Regular.ttf)"
expect 'text of the page' '₻田様 ₻野家 髙﨑様' "$(pdftotext names.pdf - | tr -d '\f' | xargs)"
