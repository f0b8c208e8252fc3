/**
 * Executes the commands of pages on a live cluster: through its servers, through the program that started them, and through
 * clients.
 */
import type { Address, NodeId } from '../../../machines/batch.ts'
import { type Client, connect, PaxosError } from '../../client/index.ts'
import type { ClientMove } from '../../client/observer.ts'
import { messageOf } from '../../core/message-of.ts'
import {
  type ControlCommand,
  type ControlResult,
  done,
  type FaultRule,
  failed,
  type ProcessCommand,
} from '../records/control.ts'
import { isControlCommand } from '../records/control-check.ts'
import type { HubToServer } from '../records/protocol.ts'
import type { ClientRecord, InspectorRecord } from '../records/record.ts'
import { PageLocks } from './page-locks.ts'

/** What this module needs of a connected server. */
export interface ControlledServer {
  readonly hello: {
    readonly node: NodeId
    /** Where clients reach it. */
    readonly address: Address
    readonly allowsFaults: boolean
  }
  /** Sends it a message. Returns false when it does not read. */
  send(message: HubToServer): boolean
}

/** What the hub provides. */
export interface FaultsControlOptions {
  /** The connected servers. */
  readonly servers: () => readonly ControlledServer[]
  /** Pauses, resumes, kills and starts the servers; `null` when this program did not start them. */
  readonly processes: ((command: ProcessCommand) => Promise<ControlResult>) | null
  /** Takes the records that are made here: of clients and of processes. */
  readonly add: (records: readonly InspectorRecord[]) => void
  /** Called when the rules changed. */
  readonly rulesChanged: (rules: readonly FaultRule[]) => void
  readonly patience?: Partial<Patience>
}

interface Patience {
  /** How long a server has to report the result of a command. */
  readonly serverMs: number
  /** How long a request may wait before it is given up. */
  readonly requestMs: number
}

const defaultPatience: Patience = { serverMs: 2_000, requestMs: 60_000 }

/** How many locks may be held for pages or asked for by them. */
const maxLocks = 100

/** How many requests of pages may be in progress at once: while all locks are asked for, some can still be freed. */
const maxRequests = 2 * maxLocks

/** The name of the clients that send the requests of pages. */
const inspectorClient = 'inspector'

export class FaultsControl {
  readonly #options: FaultsControlOptions
  readonly #patience: Patience
  readonly #awaited = new Map<number, (result: ControlResult) => void>()
  readonly #requests = new Set<AbortController>()
  #rules: readonly FaultRule[] = []
  #nextId = 1
  readonly #locks = new PageLocks(() => this.#connect())
  readonly #nodeAt = new Map<Address, NodeId>()
  /** Connections that were sent the rules. */
  readonly #met = new WeakSet<ControlledServer>()

  constructor(options: FaultsControlOptions) {
    this.#options = options
    this.#patience = { ...defaultPatience, ...options.patience }
  }

  /** The present rules for messages. */
  get rules(): readonly FaultRule[] {
    return this.#rules
  }

  /**
   * Executes a command if it is valid, and returns its result. `left` aborts when the page disconnects: then a waiting request is
   * given up, so that no lock is taken for a page that is gone. Never rejects.
   */
  async control(command: ControlCommand, left?: AbortSignal): Promise<ControlResult> {
    if (!isControlCommand(command)) return failed('this is not a valid command')
    try {
      switch (command.type) {
        case 'rules':
          return await this.#setRules(command.rules)
        case 'timer':
          return await this.#send(command.node, command)
        case 'pause':
        case 'resume':
        case 'crash':
        case 'restart':
          return await this.#toProcess(command)
        case 'request':
          return await this.#request(command, left)
        case 'cluster':
          return failed('the hub chooses the cluster')
      }
      command satisfies never
    } catch (error) {
      return failed(messageOf(error))
    }
  }

  /**
   * Servers connected or disconnected. Each new connection is sent the rules, because the server has none, or those of another
   * hub.
   */
  serversChanged(servers: readonly ControlledServer[]): void {
    for (const server of servers) {
      const { node, address, allowsFaults } = server.hello
      this.#nodeAt.set(address, node)
      if (!allowsFaults || this.#met.has(server)) continue
      this.#met.add(server)
      server.send({ type: 'hub.control', id: 0, command: { type: 'rules', rules: this.#rules } })
    }
  }

  /** A server reports the result of a command. */
  heard(id: number, result: ControlResult): void {
    this.#awaited.get(id)?.(result)
  }

  /** Gives up all commands in progress. */
  async close(): Promise<void> {
    for (const request of this.#requests) request.abort(new Error('the inspector stops'))
    for (const end of this.#awaited.values()) end(failed('the inspector stops'))
    await this.#locks.close()
  }

  async #setRules(rules: readonly FaultRule[]): Promise<ControlResult> {
    const servers = this.#options.servers().filter(({ hello }) => hello.allowsFaults)
    if (servers.length === 0) return failed('no connected server was started with --allow-faults')
    this.#rules = rules
    this.#options.rulesChanged(rules)
    const command = { type: 'rules', rules } as const
    const results = await Promise.all(servers.map(({ hello }) => this.#send(hello.node, command)))
    const silent = servers.filter((_, place) => results[place]?.ok === false).map(({ hello }) => hello.node)
    const count = rules.length === 1 ? '1 rule applies' : `${rules.length || 'no'} rules apply`
    if (silent.length === 0) return done(count)
    if (silent.length === servers.length)
      return failed('no server answers: it is not known which rules apply')
    return done(
      `${count}, except at server ${silent.join(', ')}, which is sent the rules when it answers again`,
    )
  }

  /** Sends a command to one server, and waits for its answer. */
  #send(node: NodeId, command: HubToServer['command']): Promise<ControlResult> {
    const server = this.#options.servers().find(({ hello }) => hello.node === node)
    if (server === undefined) return Promise.resolve(failed(`server ${node} is not connected`))
    if (!server.hello.allowsFaults) {
      return Promise.resolve(failed(`server ${node} was started without --allow-faults`))
    }
    const id = this.#nextId
    this.#nextId += 1
    return new Promise((resolve) => {
      const end = (result: ControlResult) => {
        clearTimeout(patience)
        this.#awaited.delete(id)
        resolve(result)
      }
      const patience = setTimeout(
        () => end(failed(`server ${node} did not answer within ${this.#patience.serverMs / 1000} s`)),
        this.#patience.serverMs,
      )
      this.#awaited.set(id, end)
      if (!server.send({ type: 'hub.control', id, command }))
        end(failed(`server ${node} does not read its connection`))
    })
  }

  async #toProcess(command: ProcessCommand): Promise<ControlResult> {
    const { processes, add } = this.#options
    if (processes === null) {
      return failed(
        'only paxos cluster --inspect --allow-faults can do this, because it starts the servers itself',
      )
    }
    const result = await processes(command)
    const states = { pause: 'paused', resume: 'resumed', crash: 'gone', restart: null } as const
    const state = states[command.type]
    if (result.ok && state !== null) {
      const reason = state === 'gone' ? 'killed from the inspector' : null
      add([{ kind: 'process', node: command.node, timeMs: Date.now(), state, reason }])
    }
    return result
  }

  async #request(
    { action, name }: Extract<ControlCommand, { type: 'request' }>,
    left?: AbortSignal,
  ): Promise<ControlResult> {
    if (action === 'lock' && this.#locks.count >= maxLocks) {
      return failed(`${maxLocks} locks are held or asked for from this page: unlock one of them first`)
    }
    if (this.#requests.size >= maxRequests) {
      return failed(`${maxRequests} requests are in progress: wait until some of them end`)
    }
    if (this.#options.servers().length === 0) return failed('no server is connected')
    const givingUp = new AbortController()
    const giveUp = () => givingUp.abort(new Error('the page was closed'))
    const patience = setTimeout(
      () => givingUp.abort(new Error(`given up: no answer within ${this.#patience.requestMs / 1000} s`)),
      this.#patience.requestMs,
    )
    this.#requests.add(givingUp)
    if (left?.aborted) giveUp()
    left?.addEventListener('abort', giveUp)
    try {
      return done(await this.#locks[action](name, givingUp.signal))
    } catch (error) {
      if (error instanceof PaxosError || error === givingUp.signal.reason) {
        return failed((error as Error).message)
      }
      throw error
    } finally {
      clearTimeout(patience)
      left?.removeEventListener('abort', giveUp)
      this.#requests.delete(givingUp)
    }
  }

  #connect(): Client {
    return connect({
      servers: this.#options.servers().map(({ hello }) => hello.address),
      name: inspectorClient,
      observer: (move) => this.#options.add([this.#recordOf(move)]),
    })
  }

  /** The record of a transition. Messages to an address of an unknown server are left out. */
  #recordOf({ heard, said, ...move }: ClientMove): ClientRecord {
    const from = heard === null ? undefined : this.#nodeAt.get(heard.from)
    const known = said.flatMap(({ to, message }) => {
      const node = this.#nodeAt.get(to)
      return node === undefined ? [] : [{ to: node, message }]
    })
    return {
      kind: 'client',
      client: inspectorClient,
      timeMs: Date.now(),
      ...move,
      heard: heard === null || from === undefined ? null : { from, message: heard.message },
      said: known,
    }
  }
}
