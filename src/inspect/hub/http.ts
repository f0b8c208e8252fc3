/** The hub's web server: it serves the page only, and this machine only. */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'

interface PageFile {
  readonly type: string
  readonly body: Buffer
  readonly zipped: Buffer
  readonly etag: string
}

const types: Readonly<Record<string, string>> = {
  'index.html': 'text/html; charset=utf-8',
  'app.js': 'text/javascript; charset=utf-8',
  'app.css': 'text/css; charset=utf-8',
  'THIRD-PARTY-NOTICES.txt': 'text/plain; charset=utf-8',
}

const headers = {
  'Content-Security-Policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cache-Control': 'no-cache',
} as const

/** The files of the page, by their paths. */
export type PageFiles = ReadonlyMap<string, PageFile>

/** Reads the page that scripts/build-inspector.ts has built into `folder`; empty when it was not built. */
export function readPage(folder: string): PageFiles {
  const files = new Map<string, PageFile>()
  try {
    for (const [name, type] of Object.entries(types)) {
      const body = readFileSync(join(folder, name))
      const etag = `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`
      files.set(`/${name}`, { type, body, zipped: gzipSync(body), etag })
    }
  } catch {
    return new Map()
  }
  const index = files.get('/index.html')
  return index === undefined ? files : files.set('/', index)
}

/** True when the request names this server, and not another name that resolves to its address. */
export function isOwnHost({ headers: { host } }: IncomingMessage, port: number): boolean {
  return host !== undefined && ownHosts(port).includes(host.toLowerCase())
}

/** True when this server also served the page that sends the request. */
export function isOwnOrigin({ headers: { origin } }: IncomingMessage, port: number): boolean {
  return origin !== undefined && ownHosts(port).some((host) => origin.toLowerCase() === `http://${host}`)
}

function ownHosts(port: number): readonly string[] {
  const hosts = ['127.0.0.1', 'localhost', '[::1]'].map((host) => `${host}:${port}`)
  return port === 80 ? [...hosts, '127.0.0.1', 'localhost', '[::1]'] : hosts
}

/** Answers a request for the page. */
export function servePage(
  files: PageFiles,
  port: number,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  const { method, url = '' } = request
  const [path = ''] = url.split('?')
  const file = files.get(path)
  if (!isOwnHost(request, port)) refuse(response, 403, `use the address 127.0.0.1:${port}`)
  else if (method !== 'GET' && method !== 'HEAD') refuse(response, 405, 'only GET and HEAD are supported')
  else if (file !== undefined) send(file, request, response)
  else if (files.size === 0 && path === '/') {
    refuse(response, 503, 'the page is not built: run npm run build, then start the inspector again')
  } else refuse(response, 404, 'no such page')
}

function refuse(response: ServerResponse, status: number, why: string): void {
  response.writeHead(status, { ...headers, 'Content-Type': 'text/plain; charset=utf-8' })
  response.end(`${why}\n`)
}

function send(
  { type, body, zipped, etag }: PageFile,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  const common = { ...headers, ETag: etag, Vary: 'Accept-Encoding' }
  if (request.headers['if-none-match'] === etag) {
    response.writeHead(304, common)
    response.end()
    return
  }
  const isZipped = /\bgzip\b/.test(String(request.headers['accept-encoding'] ?? ''))
  const sent = isZipped ? zipped : body
  response.writeHead(200, {
    ...common,
    'Content-Type': type,
    'Content-Length': sent.length,
    ...(isZipped ? { 'Content-Encoding': 'gzip' } : {}),
  })
  response.end(request.method === 'HEAD' ? undefined : sent)
}
