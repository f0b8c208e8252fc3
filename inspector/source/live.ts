/** The page's connection to the hub that served it: what comes is shown, and what the reader asks for is passed on. */
import type { ControlCommand, ControlResult } from '../../src/inspect/records/control.ts'
import { fieldOf } from '../../src/inspect/records/field-of.ts'
import { type PageToHub, protocolVersion } from '../../src/inspect/records/protocol.ts'
import type { InspectorRecord } from '../../src/inspect/records/record.ts'
import { isRefusal, recordFault } from '../../src/inspect/records/record-fault.ts'
import type { SourceState, Store } from '../model/store.ts'

/** A connection that was asked for. */
export interface Connection {
  send(text: string): void
  close(): void
}

/** Is told what comes of it. */
export interface Listener {
  opened(): void
  heard(data: unknown): void
  closed(): void
}

export interface LiveOptions {
  readonly store: Pick<Store, 'add' | 'clear' | 'setRefusals' | 'setSource' | 'skip'>
  readonly connect: (listener: Listener) => Connection
  /** Of the address at which the page was opened; `null` when it had none. */
  readonly token: string | null
  /** Calls `run` after so many milliseconds. */
  readonly later: (run: () => void, ms: number) => void
}

/** How long to wait before the next try to connect, in milliseconds: twice as long each time. */
const firstRetryMs = 250
const lastRetryMs = 5_000

export class Live {
  readonly #options: LiveOptions
  readonly #asked = new Map<number, (result: ControlResult) => void>()
  #connection: Connection | null = null
  #isOpen = false
  #retryMs = firstRetryMs
  #nextId = 1

  /** Connects, and again whenever the connection is lost. */
  constructor(options: LiveOptions) {
    this.#options = options
    this.#connect()
  }

  /** Has something done to the cluster; resolves when it is known what came of it. */
  readonly control = (command: ControlCommand): Promise<ControlResult> => {
    const { token } = this.#options
    if (token === null) {
      return failed('this page has no token: open it at the address that was printed, with #token=…')
    }
    if (!this.#isOpen || this.#connection === null) return failed('the inspector does not answer')
    const id = this.#nextId
    this.#nextId += 1
    const asked: PageToHub = { type: 'page.control', id, token, command }
    this.#connection.send(JSON.stringify(asked))
    return new Promise((resolve) => this.#asked.set(id, resolve))
  }

  #connect(): void {
    this.#connection = this.#options.connect({
      opened: () => {
        this.#isOpen = true
      },
      heard: (data) => this.#hear(data),
      closed: () => this.#lost(),
    })
  }

  #lost(): void {
    this.#connection = null
    this.#isOpen = false
    this.#options.store.setSource({ kind: 'live', state: 'lost' })
    for (const resolve of this.#asked.values()) {
      resolve({ ok: false, error: 'the connection was lost: it is not known what came of it' })
    }
    this.#asked.clear()
    this.#options.later(() => this.#connect(), this.#retryMs)
    this.#retryMs = Math.min(lastRetryMs, this.#retryMs * 2)
  }

  #hear(data: unknown): void {
    const said = parsed(data)
    switch (fieldOf(said, 'type')) {
      case 'hub.welcome':
        this.#welcomed(said)
        return
      case 'hub.records': {
        const records = fieldOf(said, 'records')
        if (Array.isArray(records)) this.#take(records, String(data).length)
        return
      }
      case 'hub.refusals': {
        const refusals = fieldOf(said, 'refusals')
        if (Array.isArray(refusals)) this.#options.store.setRefusals(refusals.filter(isRefusal))
        return
      }
      case 'hub.result': {
        const id = fieldOf(said, 'id') as number
        const result = resultIn(fieldOf(said, 'result'))
        this.#asked.get(id)?.(result)
        this.#asked.delete(id)
        return
      }
    }
  }

  /** Everything comes again from the hub's history. */
  #welcomed(said: unknown): void {
    const { store } = this.#options
    if (fieldOf(said, 'version') !== protocolVersion) {
      this.#connection?.close()
      return
    }
    this.#retryMs = firstRetryMs
    store.setSource(sourceIn(fieldOf(said, 'source')))
    store.clear()
  }

  #take(records: readonly unknown[], characters: number): void {
    const { store } = this.#options
    const sound = records.filter((record): record is InspectorRecord => recordFault(record) === null)
    store.add(sound, characters)
    store.skip(records.length - sound.length)
  }
}

/** Connects as a browser does. */
export function connectTo(url: string): LiveOptions['connect'] {
  return ({ opened, heard, closed }) => {
    const socket = new WebSocket(url)
    socket.addEventListener('open', opened)
    socket.addEventListener('message', ({ data }) => heard(data))
    socket.addEventListener('close', closed)
    return socket
  }
}

/** The token in the fragment of an address: `#token=…`. */
function tokenIn(fragment: string): string | null {
  return /^#token=([\w-]+)$/.exec(fragment)?.[1] ?? null
}

/**
 * The token of the address at which the page was opened, kept for when the address has none any more: a link to a part of the
 * page takes its place. `null` when there never was one.
 */
export function keptToken(fragment: string, kept: Pick<Storage, 'getItem' | 'setItem'>): string | null {
  const token = tokenIn(fragment)
  if (token !== null) kept.setItem('token', token)
  return token ?? kept.getItem('token')
}

function sourceIn(source: unknown): SourceState {
  const name = fieldOf(source, 'name')
  return fieldOf(source, 'kind') === 'recording' && typeof name === 'string'
    ? { kind: 'recording', name }
    : { kind: 'live', state: 'open' }
}

function resultIn(result: unknown): ControlResult {
  const [text, error] = [fieldOf(result, 'text'), fieldOf(result, 'error')]
  if (fieldOf(result, 'ok') === true && typeof text === 'string') return { ok: true, text }
  return { ok: false, error: typeof error === 'string' ? error : 'the inspector answered in other words' }
}

function failed(error: string): Promise<ControlResult> {
  return Promise.resolve({ ok: false, error })
}

function parsed(data: unknown): unknown {
  try {
    return JSON.parse(String(data))
  } catch {
    return null
  }
}
