/** The pages that watch. Each reads the history at its own pace; one that falls too far behind has to begin anew. */
import { timingSafeEqual } from 'node:crypto'
import { Type } from '@sinclair/typebox'
import { TypeCompiler } from '@sinclair/typebox/compiler'
import type { WebSocket } from 'ws'
import { messageOf } from '../../core/message-of.ts'
import type { ControlCommand, ControlResult } from '../records/control.ts'
import { type HubToPage, protocolVersion, type Refusal } from '../records/protocol.ts'
import type { History } from './history.ts'

/** Pages that may be open at once. */
const mostPages = 32

/** Records in one message, and their characters: a single record may have more. */
const chunk = 250
const mostCharacters = 1_000_000

/** Nothing more is sent to a page that has so many bytes to read, until it has. */
const mostUnreadBytes = 1_000_000

/** A page that does not answer a ping by the next one is gone, in milliseconds. */
const pingMs = 15_000

/** How long a page that is let go has to read why, in milliseconds. */
const closingMs = 2_000

/** Commands of one page that may be under way. */
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
  /** The servers that were refused lately. */
  readonly refusals: () => readonly Refusal[]
  readonly source: Extract<HubToPage, { type: 'hub.welcome' }>['source']
  readonly token: string
  /** Does what a page asks for. What is inside the command is for it to check. `left` aborts when the page is gone. */
  readonly control: (command: ControlCommand, left: AbortSignal) => Promise<ControlResult>
}

interface Page {
  readonly socket: WebSocket
  /** The number of the record that it is sent next. */
  next: number
  commands: number
  readonly left: AbortController
  isAlive: boolean
  /** It was told of servers that were refused. */
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

  /** All begin anew, with what the history is now. */
  restart(): void {
    for (const page of this.#pages) this.#welcome(page)
  }

  /** Others were refused. */
  showRefusals(): void {
    for (const page of this.#pages) this.#sayRefusals(page)
  }

  /** There are more records. */
  sendNews(): void {
    for (const page of this.#pages) this.#send(page)
  }

  close(): void {
    for (const { socket } of this.#pages) socket.terminate()
  }

  #welcome(page: Page): void {
    const { source } = this.#options
    const history = this.#options.history()
    page.next = history.first
    this.#say(page, { type: 'hub.welcome', version: protocolVersion, source })
    this.#sayRefusals(page)
    const head = history.head()
    if (head.length > 0) this.#say(page, { type: 'hub.records', records: head })
    this.#send(page)
  }

  #sayRefusals(page: Page): void {
    const refusals = this.#options.refusals()
    // Nothing is to be said of what never was; that there are none any more is news.
    if (refusals.length === 0 && !page.knowsRefusals) return
    page.knowsRefusals = refusals.length > 0
    this.#say(page, { type: 'hub.refusals', refusals })
  }

  #forget(page: Page): void {
    this.#pages.delete(page)
    page.left.abort()
    if (this.#pages.size > 0 || this.#pinging === null) return
    clearInterval(this.#pinging)
    this.#pinging = null
  }

  #send(page: Page): void {
    const history = this.#options.history()
    const { socket } = page
    while (page.next < history.end) {
      if (socket.readyState !== socket.OPEN || socket.bufferedAmount > mostUnreadBytes) return
      if (page.next < history.first) {
        // What it lacks is forgotten here: connected again, it begins with what there is.
        end(socket, 'the page was too slow')
        return
      }
      const texts = history.texts(page.next, chunk, mostCharacters)
      page.next += texts.length
      socket.send(`{"type":"hub.records","records":[${texts.join(',')}]}`, (error) => {
        if (!error) this.#send(page)
      })
    }
  }

  #say({ socket }: Page, message: HubToPage): void {
    if (socket.readyState === socket.OPEN) socket.send(JSON.stringify(message), () => undefined)
  }

  #hear(page: Page, text: string): void {
    const said = parsed(text)
    if (!controlCheck.Check(said)) {
      // No page of ours says that.
      page.socket.terminate()
      return
    }
    const { id, token, command } = said
    const answer = (result: ControlResult) => this.#say(page, { type: 'hub.result', id, result })
    if (!isSame(token, this.#options.token)) {
      answer({
        ok: false,
        error: 'the page does not know the token: open it at the address that was printed, with #token=…',
      })
      return
    }
    if (page.commands >= mostCommands) {
      answer({ ok: false, error: `${mostCommands} commands of this page are under way` })
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

/** Says why, to a page that reads, and holds nothing for one that does not. */
function end(socket: WebSocket, reason: string): void {
  socket.close(1013, reason)
  setTimeout(() => socket.terminate(), closingMs).unref()
}

/** Takes as long whatever the two have in common. */
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
