/** A hub for tests, and servers and pages that are only made up. */

import { once } from 'node:events'
import { WebSocket } from 'ws'
import { foundingIncarnation, foundingMembers } from '../../machines/members.ts'
import { nothingDurable } from '../../src/core/durable.ts'
import { Hub, type HubOptions } from '../../src/inspect/hub/hub.ts'
import type { ControlCommand, ControlResult } from '../../src/inspect/records/control.ts'
import {
  type HubToPage,
  type PageToHub,
  protocolVersion,
  type ServerToHub,
} from '../../src/inspect/records/protocol.ts'
import type {
  InspectorRecord,
  KeyframeRecord,
  ServerRecord,
  StepRecord,
} from '../../src/inspect/records/record.ts'

export const founders = foundingMembers([0, 1, 2].map((id) => ({ id, address: `127.0.0.1:${31_190 + id}` })))

export const hello = (
  node: number,
  more: Partial<Extract<ServerToHub, { type: 'server.hello' }>> = {},
): ServerToHub => ({
  type: 'server.hello',
  version: protocolVersion,
  node,
  incarnation: foundingIncarnation(node),
  run: `run-${node}`,
  cluster: 'test',
  service: 'lock',
  founders,
  address: `127.0.0.1:${31_190 + node}`,
  allowsFaults: false,
  ...more,
})

const idle = (state: string, context: object = {}) => ({ state, context: { ...context } })

export function keyframe(node: number, more: Partial<KeyframeRecord> = {}): KeyframeRecord {
  return {
    kind: 'keyframe',
    clock: 1,
    timeMs: 1,
    address: `127.0.0.1:${31_190 + node}`,
    pid: 1,
    members: founders,
    durable: nothingDurable,
    firstUnexecuted: 0,
    roles: {
      acceptor: idle('listening'),
      proposer: idle('idle'),
      learner: idle('upToDate'),
      requestQueue: idle('empty', { held: { count: 0, delayedCount: 0, requests: [] } }),
      timekeeper: idle('idle'),
      auditor: idle('agreeing'),
      reader: idle('idle'),
    },
    ...more,
  }
}

export function step(clock: number, more: Partial<StepRecord> = {}): StepRecord {
  return {
    kind: 'step',
    clock,
    timeMs: clock,
    cause: { type: 'synced' },
    moves: [],
    facts: [],
    writes: 0,
    roles: {},
    ...more,
  }
}

/** A server that tells what a test wants it to. */
export class ToldServer {
  readonly socket: WebSocket
  readonly heard: unknown[] = []

  private constructor(socket: WebSocket) {
    this.socket = socket
    socket.on('message', (data) => this.heard.push(JSON.parse(String(data))))
    socket.on('error', () => undefined)
  }

  static async connect(hub: Pick<Hub, 'port'>, greeting: ServerToHub): Promise<ToldServer> {
    const socket = new WebSocket(`ws://127.0.0.1:${hub.port}/servers`)
    await once(socket, 'open')
    const server = new ToldServer(socket)
    server.say(greeting)
    return server
  }

  say(message: unknown): void {
    this.socket.send(JSON.stringify(message))
  }

  tell(records: readonly ServerRecord[], leftOut = 0): void {
    this.say({ type: 'server.records', leftOut, records } satisfies ServerToHub)
  }
}

/** A page that keeps what it is sent. */
export class ToldPage {
  readonly socket: WebSocket
  readonly records: InspectorRecord[] = []
  readonly others: HubToPage[] = []
  readonly #waiting = new Set<() => void>()
  #asked = 0

  private constructor(socket: WebSocket) {
    this.socket = socket
    socket.on('error', () => undefined)
    socket.on('message', (data) => {
      const said: HubToPage = JSON.parse(String(data))
      if (said.type === 'hub.records') this.records.push(...said.records)
      else this.others.push(said)
      for (const look of this.#waiting) look()
    })
  }

  static async open(hub: Pick<Hub, 'port'>): Promise<ToldPage> {
    const origin = `http://127.0.0.1:${hub.port}`
    const socket = new WebSocket(`ws://127.0.0.1:${hub.port}/pages`, { origin })
    const page = new ToldPage(socket)
    await once(socket, 'open')
    return page
  }

  /** Has something done; resolves with what the hub says of it. */
  async control(command: ControlCommand, token: string): Promise<ControlResult> {
    this.#asked += 1
    const id = this.#asked
    this.socket.send(JSON.stringify({ type: 'page.control', id, token, command } satisfies PageToHub))
    const result = () => this.others.find((said) => said.type === 'hub.result' && said.id === id)
    await this.until(() => result() !== undefined)
    return (result() as Extract<HubToPage, { type: 'hub.result' }>).result
  }

  /** Resolves once a record that `isIt` has come. */
  heard(isIt: (record: InspectorRecord) => boolean): Promise<void> {
    return this.until(({ records }) => records.some(isIt))
  }

  /** Resolves once `isSo`, which is asked again whenever something comes. */
  until(isSo: (page: ToldPage) => boolean): Promise<void> {
    return new Promise((resolve) => {
      const look = () => {
        if (!isSo(this)) return
        this.#waiting.delete(look)
        resolve()
      }
      this.#waiting.add(look)
      look()
    })
  }
}

/** Runs `body` with a hub on a port of its own, and ends it. */
export async function withHub(
  options: Partial<HubOptions>,
  body: (hub: Hub) => Promise<void>,
): Promise<void> {
  const hub = await Hub.listen({ port: 0, pageFolder: '/nowhere', ...options })
  try {
    await body(hub)
  } finally {
    await hub.close()
  }
}
