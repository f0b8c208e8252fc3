/** The page's connection to its hub: it adds the hub's records to the store, and sends the reader's commands. */
import type { ControlCommand, ControlResult } from '../../src/inspect/records/control.ts'
import { fieldOf } from '../../src/inspect/records/field-of.ts'
import { type PageToHub, protocolVersion } from '../../src/inspect/records/protocol.ts'
import type { InspectorRecord } from '../../src/inspect/records/record.ts'
import { isRefusal, recordFault } from '../../src/inspect/records/record-fault.ts'
import type { SourceState, Store } from '../model/store.ts'

/** An open connection. */
export interface Connection {
  send(text: string): void
  close(): void
}

/** The events of a connection. */
export interface Listener {
  opened(): void
  received(data: unknown): void
  closed(): void
}

export interface LiveOptions {
  readonly store: Pick<Store, 'add' | 'clear' | 'setRefusals' | 'setSource' | 'skip'>
  readonly connect: (listener: Listener) => Connection
  /** From the address at which the page was opened; `null` when it had none. */
  readonly token: string | null
  /** Calls `run` after this many milliseconds. */
  readonly later: (run: () => void, ms: number) => void
}

/** The delay before the first retry, in milliseconds. It doubles each time. */
const firstRetryMs = 250
const lastRetryMs = 5_000

export class Live {
  readonly #options: LiveOptions
  readonly #asked = new Map<number, (result: ControlResult) => void>()
  #connection: Connection | null = null
  #isOpen = false
  #retryMs = firstRetryMs
  #nextId = 1

  /** Connects, and reconnects after each loss. */
  constructor(options: LiveOptions) {
    this.#options = options
    this.#connect()
  }

  /** Sends a command to the cluster. Resolves with the result. */
  readonly control = (command: ControlCommand): Promise<ControlResult> => {
    const { token } = this.#options
    if (token === null) {
      return failed('this page has no token: open the address that the command printed, with #token=…')
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
      received: (data) => this.#receive(data),
      closed: () => this.#lost(),
    })
  }

  #lost(): void {
    this.#connection = null
    this.#isOpen = false
    this.#options.store.setSource({ kind: 'live', state: 'lost' })
    for (const resolve of this.#asked.values()) {
      resolve({ ok: false, error: 'the connection was lost: the result is not known' })
    }
    this.#asked.clear()
    this.#options.later(() => this.#connect(), this.#retryMs)
    this.#retryMs = Math.min(lastRetryMs, this.#retryMs * 2)
  }

  #receive(data: unknown): void {
    const message = parsed(data)
    switch (fieldOf(message, 'type')) {
      case 'hub.welcome':
        this.#welcomed(message)
        return
      case 'hub.records': {
        const records = fieldOf(message, 'records')
        if (Array.isArray(records)) this.#take(records, String(data).length)
        return
      }
      case 'hub.refusals': {
        const refusals = fieldOf(message, 'refusals')
        if (Array.isArray(refusals)) this.#options.store.setRefusals(refusals.filter(isRefusal))
        return
      }
      case 'hub.result': {
        const id = fieldOf(message, 'id') as number
        const result = resultIn(fieldOf(message, 'result'))
        this.#asked.get(id)?.(result)
        this.#asked.delete(id)
        return
      }
    }
  }

  /** The hub sends its whole history again. */
  #welcomed(message: unknown): void {
    const { store } = this.#options
    if (fieldOf(message, 'version') !== protocolVersion) {
      this.#connection?.close()
      return
    }
    this.#retryMs = firstRetryMs
    store.setSource(sourceIn(fieldOf(message, 'source')))
    store.clear()
  }

  #take(records: readonly unknown[], characters: number): void {
    const { store } = this.#options
    const sound = records.filter((record): record is InspectorRecord => recordFault(record) === null)
    store.add(sound, characters)
    store.skip(records.length - sound.length)
  }
}

/** Connects with the browser's WebSocket. */
export function connectTo(url: string): LiveOptions['connect'] {
  return ({ opened, received, closed }) => {
    const socket = new WebSocket(url)
    socket.addEventListener('open', opened)
    socket.addEventListener('message', ({ data }) => received(data))
    socket.addEventListener('close', closed)
    return socket
  }
}

/** The token in the fragment of an address: `#token=…`. */
function tokenIn(fragment: string): string | null {
  return /^#token=([\w-]+)$/.exec(fragment)?.[1] ?? null
}

/**
 * The token of the page's address, stored because a link within the page replaces the fragment. `null` when there never was one.
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
  return { ok: false, error: typeof error === 'string' ? error : 'the inspector sent a malformed answer' }
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
