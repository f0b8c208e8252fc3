/** The states in which nodes were met, by number, with what a search often asks of them worked out once. */
import type { AcceptorContext } from '../../machines/acceptor.ts'
import type { Ballot } from '../../machines/ballot.ts'
import type { NodeId } from '../../machines/batch.ts'
import type { ProposerContext } from '../../machines/proposer.ts'
import { roleNames } from '../core/roles.ts'
import { type NodeState, neverStarted } from '../stepped/state.ts'
import { Interner } from './interner.ts'
import type { RememberingStepper } from './stepper.ts'

export interface KnownNode {
  readonly server: NodeId
  readonly state: NodeState
  readonly isDown: boolean
  /** Its proposer was denied, and waits. */
  readonly isBackingOff: boolean
  /** The round of the ballot that its proposer is at; 0 when it is at none. */
  readonly activeRound: number
  /** Every ballot that its proposer begins in this run is above this round. */
  readonly usedRound: number
  /** What its disk holds as promised: never less, whatever happens. After a crash, ballots begin above it. */
  readonly promised: Ballot | null
  /** Everything below is known here to be chosen: `durable` whatever happens, `now` until it crashes. */
  readonly knownBelow: { readonly durable: number; readonly now: number }
}

export class Nodes {
  readonly #stepper: RememberingStepper
  readonly #interner = new Interner<KnownNode>()
  readonly #disks = new Interner<null>()
  readonly #replicas = new Interner<null>()
  readonly #addresses = new Interner<null>()

  constructor(stepper: RememberingStepper) {
    this.#stepper = stepper
  }

  get size(): number {
    return this.#interner.size
  }

  valueOf(node: number): KnownNode {
    return this.#interner.valueOf(node)
  }

  /** A server that was never started. */
  unstarted(server: NodeId): number {
    return this.idOf(server, neverStarted)
  }

  /** The same number for states from which the same can come. */
  idOf(server: NodeId, state: NodeState): number {
    return this.#interner.idOf(`${server} ${this.#keyOf(state)}`, known(server, state))
  }

  /**
   * How long a timer has to run, and the order in which timers were armed, say only which is due first. What is remembered of
   * times is left out, since time is constant here: every batch brings 0.
   */
  #keyOf({ disk, running }: NodeState): string {
    const diskId = this.#disks.idOf(JSON.stringify(disk), null)
    if (running === null) return `down ${diskId}`
    const roles = roleNames.map((role) => this.#stepper.idOf(running.roles[role]))
    const timers = running.timers.map(({ role, id }) => `${role}:${id}`).sort()
    const replica = this.#replicas.idOf(running.replica.snapshot, null)
    const heardFrom = this.#addresses.idOf(JSON.stringify(running.heardFrom), null)
    return [diskId, replica, heardFrom, ...roles, ...timers].join(' ')
  }
}

function known(server: NodeId, state: NodeState): KnownNode {
  const { disk, running } = state
  const { promised, firstUnchosen } = disk.durable
  const acceptor: AcceptorContext | undefined = running?.roles.acceptor.context
  const proposer: ProposerContext | undefined = running?.roles.proposer.context
  return {
    server,
    state,
    isDown: running === null,
    isBackingOff: running?.roles.proposer.matches('backingOff') ?? false,
    activeRound: activeRound(state),
    usedRound: proposer?.highestRound ?? 0,
    promised,
    knownBelow: { durable: firstUnchosen, now: acceptor?.firstUnchosen ?? firstUnchosen },
  }
}

function activeRound({ running }: NodeState): number {
  const proposer = running?.roles.proposer
  if (proposer === undefined || proposer.matches('idle') || proposer.matches('backingOff')) return 0
  return (proposer.context as ProposerContext).ballot.round
}
