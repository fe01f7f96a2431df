#!/usr/bin/env bash
# exceljs 4.4.0 (npm). The same workbook read by its two readers.
#
# Excel in Japan keeps the reading typed for a name beside the name: in the shared string, <t>山田太郎</t> is followed by
# <rPh>…<t>ヤマダ</t></rPh> and <rPh>…<t>タロウ</t></rPh>.
#
# Guess: both readers leave the reading out, as SheetJS does; at worst one would append it.
# What happens: readFile gives 山田太郎. The streaming reader, meant for long lists, gives タロウ, the last piece of the
# reading, and the name is nowhere. A cell with fonts inside it comes right, so does one whose text was pasted.
source "$(dirname "$0")/lib.sh"
npm_packages exceljs@4.4.0 jszip@3.10.1 xlsx@0.18.5

cat >read.mjs <<'JS'
import { readFileSync, writeFileSync } from 'node:fs';
import ExcelJS from 'exceljs';
import JSZip from 'jszip';
import XLSX from 'xlsx';

const book = new ExcelJS.Workbook();
book.addWorksheet('customers').addRow(['山田太郎', '髙橋']);
await book.xlsx.writeFile('customers.xlsx');

// What Excel adds when a person types the name with an input method (ECMA-376 part 1, 18.4.6).
const zip = await JSZip.loadAsync(readFileSync('customers.xlsx'));
const strings = 'xl/sharedStrings.xml';
const reading = '<rPh sb="0" eb="2"><t>ヤマダ</t></rPh><rPh sb="2" eb="4"><t>タロウ</t></rPh>';
const xml = (await zip.file(strings).async('string')).replace(/(<t[^>]*>山田太郎<\/t>)/, `$1${reading}`);
zip.file(strings, xml);
writeFileSync('customers.xlsx', await zip.generateAsync({ type: 'nodebuffer' }));

const sheetjs = XLSX.readFile('customers.xlsx').Sheets.customers;
const whole = new ExcelJS.Workbook();
await whole.xlsx.readFile('customers.xlsx');
const streamed = [];
for await (const sheet of new ExcelJS.stream.xlsx.WorkbookReader('customers.xlsx')) {
  for await (const row of sheet) streamed.push(row.getCell(1).value, row.getCell(2).value);
}
console.log(sheetjs.A1.v, sheetjs.B1.v);
console.log(whole.worksheets[0].getCell('A1').value, whole.worksheets[0].getCell('B1').value);
console.log(...streamed);
JS
mapfile -t got < <(node read.mjs)
expect 'SheetJS' '山田太郎 髙橋' "${got[0]-}"
expect 'exceljs, whole file' '山田太郎 髙橋' "${got[1]-}"
expect 'exceljs, streaming' 'タロウ 髙橋' "${got[2]-}"
