/** Serves a built page for a test: as any static host would, or as a hub that says what the test says. */
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { extname, join, normalize } from 'node:path'
import { type WebSocket, WebSocketServer } from 'ws'
import { type HubToPage, protocolVersion } from '../../../src/inspect/records/protocol.ts'

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
}

export interface Served {
  /** Where it is: `http://127.0.0.1:31700/`. */
  readonly url: string
  readonly close: () => Promise<void>
}

/** Serves the files of `folder`, and nothing else. */
export async function serveFolder(folder: string): Promise<Served> {
  const server = await listening(folder)
  return { url: urlOf(server), close: () => closed(server) }
}

/** Serves the live page of `folder`, and speaks to the pages that connect as a hub does. */
export class ScriptedHub {
  readonly #server: Server
  readonly #sockets: WebSocketServer
  readonly #pages = new Set<WebSocket>()

  static async start(folder: string): Promise<ScriptedHub> {
    return new ScriptedHub(await listening(folder))
  }

  private constructor(server: Server) {
    this.#server = server
    this.#sockets = new WebSocketServer({ server, path: '/pages' })
    this.#sockets.on('connection', (page) => {
      this.#pages.add(page)
      page.on('close', () => this.#pages.delete(page))
      page.send(
        JSON.stringify({
          type: 'hub.welcome',
          version: protocolVersion,
          source: { kind: 'live' },
        } satisfies HubToPage),
      )
    })
  }

  get url(): string {
    return urlOf(this.#server)
  }

  /** To every page that is connected. What is no message of a hub is sent as it stands. */
  say(message: HubToPage | string): void {
    const text = typeof message === 'string' ? message : JSON.stringify(message)
    for (const page of this.#pages) page.send(text)
  }

  /** Ends the connections that there are; pages may come again. */
  disconnect(): void {
    for (const page of this.#pages) page.terminate()
  }

  async close(): Promise<void> {
    this.disconnect()
    this.#sockets.close()
    await closed(this.#server)
  }
}

async function listening(folder: string): Promise<Server> {
  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://127.0.0.1')
    const name = normalize(pathname === '/' ? '/index.html' : pathname)
    try {
      const body = await readFile(join(folder, name))
      response
        .writeHead(200, { 'content-type': types[extname(name)] ?? 'application/octet-stream' })
        .end(body)
    } catch {
      response.writeHead(404).end()
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return server
}

function urlOf(server: Server): string {
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
}

async function closed(server: Server): Promise<void> {
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
}
