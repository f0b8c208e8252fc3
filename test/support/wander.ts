/** Schedules of chance: of all that can happen to a small cluster, something happens, again and again; and then faults end. */
import type { Command, NodeId } from '../../machines/batch.ts'
import { drawRandom } from '../../machines/random.ts'
import { applyEvent, foundCluster } from '../../src/schedule/apply.ts'
import { serverAskedBy } from '../../src/schedule/client.ts'
import { type ClusterSettings, type ClusterState, foundedCluster } from '../../src/schedule/cluster.ts'
import type { ClusterEvent } from '../../src/schedule/events.ts'
import { Judge } from '../../src/schedule/judge.ts'
import { possibleEvents, timersOf } from '../../src/schedule/possible.ts'
import { nextInOrder } from '../../src/schedule/settle.ts'
import { lockCommand, unlockCommand } from '../../src/services/lock-commands.ts'
import { checkProgress } from '../../src/verify/liveness.ts'

export interface Wandering {
  readonly settings: ClusterSettings
  readonly seed: number
  /** How many events of chance come before faults end. */
  readonly steps: number
  /** What clients may ask for, besides locks and unlocks of `x`. */
  readonly commands?: readonly Command[]
  /** Clients also read the lock `x`. */
  readonly reads?: boolean
  /** A server of each of these numbers may lose its disk, and another comes in its place. */
  readonly replaced?: readonly NodeId[]
}

export interface Wandered {
  /** What happened, up to what broke something. */
  readonly events: readonly ClusterEvent[]
  readonly state: ClusterState
  /** What was broken, or `null`. */
  readonly failure: Error | null
}

/** More events than a small cluster needs to come to rest. */
const settleLimit = 3_000

const onLock = (action: 'lock' | 'unlock'): Command => ({
  kind: 'service',
  body: action === 'lock' ? lockCommand('x') : unlockCommand('x'),
})

const readX = { action: 'query', name: 'x' }

/** Lets chance choose, and then has everybody come to rest; invariants are judged after every event, progress at the end. */
export function wander(wandering: Wandering): Wandered {
  const walk = new Walk(wandering)
  let failure: Error | null = null
  try {
    walk.go()
  } catch (error) {
    failure = error as Error
  }
  return { events: walk.events, state: walk.state, failure }
}

class Walk {
  readonly events: ClusterEvent[] = []
  state: ClusterState
  readonly #wandering: Wandering
  readonly #judge: Judge
  #random: number

  constructor(wandering: Wandering) {
    this.#wandering = wandering
    this.#random = wandering.seed
    this.#judge = Judge.begin(wandering.settings, 'lock')
    this.state = foundedCluster(wandering.settings)
  }

  go(): void {
    const founded = foundCluster(this.#wandering.settings)
    this.#judge.judge(this.state, founded)
    this.state = founded.state
    for (let step = 0; step < this.#wandering.steps; step += 1) this.#happen(this.#choose())
    this.#endFaults()
  }

  /** From 0 on, below `below`. */
  #draw(below: number): number {
    const { seed, value } = drawRandom(this.#random)
    this.#random = seed
    return Math.floor(value * below)
  }

  #happen(event: ClusterEvent): void {
    this.events.push(event)
    const step = applyEvent(this.state, event, this.#wandering.settings)
    const before = this.state
    this.state = step.state
    this.#judge.judge(before, step)
  }

  #choose(): ClusterEvent {
    const candidates = [
      ...possibleEvents(this.state),
      ...this.#asked(),
      ...this.#readings(),
      ...this.#replacements(),
    ]
    const weights = candidates.map((event) => weightOf(event, this.state))
    let left = this.#draw(weights.reduce((sum, weight) => sum + weight, 0))
    const place = weights.findIndex((weight) => {
      left -= weight
      return left < 0
    })
    const chosen = candidates[place]
    if (chosen === undefined) throw new Error('something can always happen')
    return chosen
  }

  #asked(): ClusterEvent[] {
    const { commands = [] } = this.#wandering
    const command = [onLock('lock'), onLock('unlock'), ...commands][this.#draw(2 + commands.length)]
    const drawn = this.#draw(this.state.servers.length)
    const client = 'abc'[this.#draw(3)]
    if (command === undefined || client === undefined) return []
    const server = serverAskedBy(this.state, client) ?? drawn
    const open = this.state.clients.flatMap(({ name, requests }) =>
      requests.filter(({ outcome }) => outcome === null).map(({ seq }) => ({ client: name, seq })),
    )
    const again = open[this.#draw(open.length)]
    return [
      ...(open.length < 6 ? [{ type: 'request' as const, client, server, command }] : []),
      ...(again === undefined ? [] : [{ type: 'resend' as const, ...again, server: drawn }]),
    ]
  }

  #readings(): ClusterEvent[] {
    if (this.#wandering.reads !== true) return []
    const client = 'abc'[this.#draw(3)] ?? 'a'
    return [{ type: 'read', client, server: this.#draw(this.state.servers.length), body: readX }]
  }

  #replacements(): ClusterEvent[] {
    const { replaced = [] } = this.#wandering
    return replaced
      .filter((id) => {
        const server = this.state.servers[id]
        return server === undefined ? id === this.state.servers.length : server.node.running === null
      })
      .map((server) => ({ type: 'join', server }))
  }

  /**
   * Everybody is there again and nothing is lost. A client that waits for the lock gets it, one after the other, or asks again and
   * hears what has become of its server.
   */
  #endFaults(): void {
    for (const { id, node } of this.state.servers) {
      if (node.running === null) this.#happen({ type: 'restart', server: id })
    }
    this.#settle()
    for (let rounds = this.#open().length + 2; rounds > 0 && this.#open().length > 0; rounds -= 1) {
      const server = serverAskedBy(this.state, 'z') ?? 0
      this.#happen({ type: 'request', client: 'z', server, command: onLock('unlock') })
      this.#settle()
      const reminder = timersOf(this.state)[0]
      if (reminder !== undefined) this.#happen(reminder.event)
      this.#settle()
    }
    checkProgress(this.#open(), this.state.nowMs)
  }

  #settle(): void {
    for (let count = 0; count < settleLimit; count += 1) {
      const event = nextInOrder(this.state, { withTimers: true })
      if (event === null) return
      this.#happen(event)
    }
    checkProgress(this.#open(), this.state.nowMs)
  }

  #open(): readonly { readonly uid: string; readonly seq: number }[] {
    return this.state.clients.flatMap(({ name, requests }) =>
      requests.filter(({ outcome }) => outcome === null).map(({ seq }) => ({ uid: name, seq })),
    )
  }
}

/** How likely an event is, beside the others. */
function weightOf(event: ClusterEvent, { flying }: ClusterState): number {
  switch (event.type) {
    case 'deliver':
      return 40
    case 'sync':
      return 60
    case 'restart':
      return 40
    case 'request':
    case 'read':
      return flying.length > 30 ? 0 : 40
    case 'drop':
      return flying.length > 30 ? 30 : 4
    case 'duplicate':
    case 'resend':
      return flying.length > 30 ? 0 : 5
    case 'timer':
      return 25
    case 'client.timer':
      return 5
    case 'crash':
      return 3
    case 'join':
      return 60
    case 'sync.failed':
      return 1
    case 'give.up':
    case 'greet':
    case 'cut':
    case 'heal':
    case 'wait':
      return 0
  }
  event satisfies never
}
