/** The pages that are connected. Each reads the history at its own pace. A page that is too slow must begin again. */
import { timingSafeEqual } from 'node:crypto'
import { Type } from '@sinclair/typebox'
import { TypeCompiler } from '@sinclair/typebox/compiler'
import type { WebSocket } from 'ws'
import { messageOf } from '../../core/message-of.ts'
import type { ControlCommand, ControlResult } from '../records/control.ts'
import { type HubToPage, protocolVersion, type Refusal } from '../records/protocol.ts'
import type { History } from './history.ts'

/** How many pages may be open at once. */
const mostPages = 32

/** The number of records in one message, and of their characters. A single record may have more. */
const chunk = 250
const mostCharacters = 1_000_000

/** The hub stops sending to a page with this many unread bytes until the page has read them. */
const mostUnreadBytes = 1_000_000

/** The interval of pings, in milliseconds. A page that does not answer a ping before the next one is gone. */
const pingMs = 15_000

/** How long a page that is disconnected has to read the reason, in milliseconds. */
const closingMs = 2_000

/** How many commands of one page may be in progress. */
const mostCommands = 64

const controlCheck = TypeCompiler.Compile(
  Type.Object({
    type: Type.Literal('page.control'),
    id: Type.Integer({ minimum: 0 }),
    token: Type.String({ maxLength: 200 }),
    command: Type.Object({ type: Type.String({ maxLength: 40 }) }),
  }),
)

export interface PagesOptions {
  readonly history: () => History
  /** The servers that were refused recently. */
  readonly refusals: () => readonly Refusal[]
  readonly source: Extract<HubToPage, { type: 'hub.welcome' }>['source']
  readonly token: string
  /** Executes a command of a page, and checks its content. `left` aborts when the page disconnects. */
  readonly control: (command: ControlCommand, left: AbortSignal) => Promise<ControlResult>
}

interface Page {
  readonly socket: WebSocket
  /** The number of the next record to send. */
  next: number
  commands: number
  readonly left: AbortController
  isAlive: boolean
  /** It was sent refusals before. */
  knowsRefusals: boolean
}

export class Pages {
  readonly #options: PagesOptions
  readonly #pages = new Set<Page>()
  #pinging: NodeJS.Timeout | null = null

  constructor(options: PagesOptions) {
    this.#options = options
  }

  get count(): number {
    return this.#pages.size
  }

  /** Takes a connection on `/pages`. */
  take(socket: WebSocket): void {
    if (this.#pages.size >= mostPages) {
      end(socket, 'too many pages are open')
      return
    }
    const page: Page = {
      socket,
      next: 0,
      commands: 0,
      left: new AbortController(),
      isAlive: true,
      knowsRefusals: false,
    }
    this.#pages.add(page)
    this.#pinging ??= setInterval(() => this.#ping(), pingMs).unref()
    socket.on('message', (data, isBinary) => {
      if (isBinary) socket.terminate()
      else this.#hear(page, String(data))
    })
    socket.on('pong', () => {
      page.isAlive = true
    })
    socket.on('error', () => undefined)
    socket.on('close', () => this.#forget(page))
    this.#welcome(page)
  }

  /** Sends all pages the present history from the beginning. */
  restart(): void {
    for (const page of this.#pages) this.#welcome(page)
  }

  /** The refusals changed. */
  showRefusals(): void {
    for (const page of this.#pages) this.#sendRefusals(page)
  }

  /** The history has new records. */
  sendNews(): void {
    for (const page of this.#pages) this.#sendRecords(page)
  }

  close(): void {
    for (const { socket } of this.#pages) socket.terminate()
  }

  #welcome(page: Page): void {
    const { source } = this.#options
    const history = this.#options.history()
    page.next = history.first
    this.#send(page, { type: 'hub.welcome', version: protocolVersion, source })
    this.#sendRefusals(page)
    const head = history.head()
    if (head.length > 0) this.#send(page, { type: 'hub.records', records: head })
    this.#sendRecords(page)
  }

  #sendRefusals(page: Page): void {
    const refusals = this.#options.refusals()
    // A page that never received refusals needs no empty list.
    if (refusals.length === 0 && !page.knowsRefusals) return
    page.knowsRefusals = refusals.length > 0
    this.#send(page, { type: 'hub.refusals', refusals })
  }

  #forget(page: Page): void {
    this.#pages.delete(page)
    page.left.abort()
    if (this.#pages.size > 0 || this.#pinging === null) return
    clearInterval(this.#pinging)
    this.#pinging = null
  }

  #sendRecords(page: Page): void {
    const history = this.#options.history()
    const { socket } = page
    while (page.next < history.end) {
      if (socket.readyState !== socket.OPEN || socket.bufferedAmount > mostUnreadBytes) return
      if (page.next < history.first) {
        // The history no longer holds the next record of this page. When it connects again it begins with the present history.
        end(socket, 'the page was too slow')
        return
      }
      const texts = history.texts(page.next, chunk, mostCharacters)
      page.next += texts.length
      socket.send(`{"type":"hub.records","records":[${texts.join(',')}]}`, (error) => {
        if (!error) this.#sendRecords(page)
      })
    }
  }

  #send({ socket }: Page, message: HubToPage): void {
    if (socket.readyState === socket.OPEN) socket.send(JSON.stringify(message), () => undefined)
  }

  #hear(page: Page, text: string): void {
    const message = parsed(text)
    if (!controlCheck.Check(message)) {
      // The page of this project never sends this.
      page.socket.terminate()
      return
    }
    const { id, token, command } = message
    const answer = (result: ControlResult) => this.#send(page, { type: 'hub.result', id, result })
    if (!isSame(token, this.#options.token)) {
      answer({
        ok: false,
        error: 'the page has no valid token: open the address that the command printed, with #token=…',
      })
      return
    }
    if (page.commands >= mostCommands) {
      answer({ ok: false, error: `${mostCommands} commands of this page are in progress` })
      return
    }
    page.commands += 1
    void this.#control(command as ControlCommand, page.left.signal).then((result) => {
      page.commands -= 1
      answer(result)
    })
  }

  async #control(command: ControlCommand, left: AbortSignal): Promise<ControlResult> {
    try {
      return await this.#options.control(command, left)
    } catch (error) {
      return { ok: false, error: messageOf(error) }
    }
  }

  #ping(): void {
    for (const page of this.#pages) {
      if (!page.isAlive) {
        page.socket.terminate()
        continue
      }
      page.isAlive = false
      page.socket.ping(() => undefined)
    }
  }
}

/** Sends a page the reason, and destroys the connection if the page does not read it. */
function end(socket: WebSocket, reason: string): void {
  socket.close(1013, reason)
  setTimeout(() => socket.terminate(), closingMs).unref()
}

/** Compares in constant time. */
function isSame(given: string, wanted: string): boolean {
  const [a, b] = [given, wanted].map((text) => Buffer.from(text))
  if (a === undefined || b === undefined || a.length !== b.length) return false
  return timingSafeEqual(a, b)
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
