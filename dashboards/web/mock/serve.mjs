// Serves the built application as the crate does (same policy, same fallback) with recorded shapes behind
// it: `npm run build && node mock/serve.mjs [port]`. For development and for trying the browser test.
import { createServer } from 'node:http';
import { readFile } from 'node:fs/promises';
import { dirname, extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { answer } from './api.mjs';

const web = dirname(dirname(fileURLToPath(import.meta.url)));
const TYPES = { '.html': 'text/html; charset=utf-8', '.js': 'text/javascript', '.mjs': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml', '.woff2': 'font/woff2', '.woff': 'font/woff' };
// The crate's own constant is what is tried here: it is read, not repeated.
const source = await readFile(join(web, '../src/policy.rs'), 'utf8');
const policy = [...source.slice(source.indexOf('CONTENT_SECURITY_POLICY')).split(';\n')[0].matchAll(/"([^"]*)"/g)].map((part) => part[1]).join('').replace(/\\\n\s*/g, '');

const server = createServer(async (request, response) => {
  if (answer(request, response)) return;
  const path = normalize(new URL(request.url, 'http://mock.invalid').pathname);
  const file = await readFile(join(web, 'dist', path)).catch(() => null);
  const isPage = file === null || path === '/';
  const body = isPage ? await readFile(join(web, 'dist/index.html')) : file;
  response.writeHead(200, { 'content-type': TYPES[isPage ? '.html' : extname(path)] ?? 'application/octet-stream', 'content-security-policy': policy });
  response.end(body);
});
server.listen(Number(process.argv[2] ?? 4173), '127.0.0.1', () => console.log(`http://127.0.0.1:${server.address().port}`));
