import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { get } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { brotliCompressSync, brotliDecompressSync, gunzipSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startServer, type TestServer } from './support.ts';

const script = Buffer.from('console.log("電話番");'.repeat(200));
const page = Buffer.from('<!doctype html><title>電話番</title>');
const name = `assets/index-${createHash('sha256').update(script).digest('hex').slice(0, 8)}.js`;
const folder = mkdtempSync(join(tmpdir(), 'denwaban-pages-'));
let server: TestServer;

beforeAll(async () => {
  mkdirSync(join(folder, 'assets'));
  for (const [file, bytes] of [
    [name, script],
    ['index.html', page],
  ] as const) {
    writeFileSync(join(folder, file), bytes);
    writeFileSync(join(folder, `${file}.br`), brotliCompressSync(bytes));
    writeFileSync(join(folder, `${file}.gz`), gzipSync(bytes));
  }
  server = await startServer({ consoleFolder: folder });
});
afterAll(async () => {
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** As it comes over the wire. */
function bytesOf(path: string, headers: Record<string, string>) {
  return new Promise<{ status: number; headers: Record<string, unknown>; bytes: Buffer }>((resolve, reject) => {
    get(`${server.url}${path}`, { headers }, (answer) => {
      const chunks: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => chunks.push(chunk));
      answer.on('end', () =>
        resolve({ status: answer.statusCode ?? 0, headers: answer.headers, bytes: Buffer.concat(chunks) }),
      );
    }).on('error', reject);
  });
}

it('scripts come compressed as the browser takes it, and are kept for good by their hash', async () => {
  const kept = { 'cache-control': 'public, max-age=31536000, immutable', vary: 'accept-encoding' };
  const brotli = await bytesOf(`/${name}`, { 'accept-encoding': 'gzip, deflate, br, zstd' });
  expect(brotli.headers).toMatchObject({ ...kept, 'content-encoding': 'br' });
  expect(String(brotli.headers['content-type'])).toContain('javascript');
  expect(brotliDecompressSync(brotli.bytes)).toEqual(script);
  const gzip = await bytesOf(`/${name}`, { 'accept-encoding': 'gzip' });
  expect(gzip.headers).toMatchObject({ ...kept, 'content-encoding': 'gzip' });
  expect(gunzipSync(gzip.bytes)).toEqual(script);
  const plain = await bytesOf(`/${name}`, {});
  expect(plain.headers['content-encoding']).toBeUndefined();
  expect(plain.bytes).toEqual(script);
});

it.each(['/', '/index.html', '/any/page'])('the page at %s is asked for each time', async (path) => {
  const answer = await bytesOf(path, { accept: 'text/html' });
  expect([answer.status, answer.headers['cache-control'], answer.bytes]).toEqual([200, 'no-cache', page]);
});
