/** The states of nodes that the search reached, by number, with precomputed properties that the search often needs. */
import type { AcceptorContext } from '../../machines/acceptor.ts'
import type { Ballot } from '../../machines/ballot.ts'
import type { NodeId } from '../../machines/batch.ts'
import type { ProposerContext } from '../../machines/proposer.ts'
import { memoByIdentity } from '../core/memo.ts'
import { roleNames } from '../core/roles.ts'
import type { Trust } from '../core/trust.ts'
import type { Disk } from '../stepped/disk.ts'
import { type NodeState, neverStarted, type Running } from '../stepped/state.ts'
import { Interner } from './interner.ts'
import type { RememberingStepper } from './stepper.ts'

export interface KnownNode {
  readonly server: NodeId
  readonly state: NodeState
  readonly isDown: boolean
  /** The proposer was denied, and waits. */
  readonly isBackingOff: boolean
  /** The round of the current ballot of the proposer; 0 when there is none. */
  readonly activeRound: number
  /** Every ballot that the proposer starts in this run is above this round. */
  readonly usedRound: number
  /** The promise on the disk. It never decreases. After a crash, ballots start above it. */
  readonly promised: Ballot | null
  /** The node knows that all instances below are chosen: `durable` also after a crash, `now` until a crash. */
  readonly knownBelow: { readonly durable: number; readonly now: number }
}

export class Nodes {
  readonly #stepper: RememberingStepper
  readonly #interner = new Interner<KnownNode>()
  readonly #replicas = new Interner<null>()
  /** Most events leave the disk and the addresses of a node as they are, so their numbers are found by identity. */
  readonly #diskId = numbering<Disk>()
  readonly #addressesId = numbering<Running['heardFrom']>()
  readonly #trustId = numbering<Trust>()

  constructor(stepper: RememberingStepper) {
    this.#stepper = stepper
  }

  get size(): number {
    return this.#interner.size
  }

  valueOf(node: number): KnownNode {
    return this.#interner.valueOf(node)
  }

  /** The number of a server that was never started. */
  unstarted(server: NodeId): number {
    return this.idOf(server, neverStarted)
  }

  /** The number of a state. States that allow the same later events have the same number. */
  idOf(server: NodeId, state: NodeState): number {
    return this.#interner.idOf(`${server} ${this.#keyOf(state)}`, known(server, state))
  }

  /**
   * Omits the remaining time of timers and the order in which they were armed, because these only decide which timer is due first. Omits
   * recorded times, because time is constant here, and so is the elapsed time of every batch.
   */
  #keyOf({ disk, running }: NodeState): string {
    const diskId = this.#diskId(disk)
    if (running === null) return `down ${diskId}`
    const roles = roleNames.map((role) => this.#stepper.idOf(running.roles[role]))
    const timers = running.timers.map(({ role, id }) => `${role}:${id}`).sort()
    const replica = this.#replicas.idOf(running.replica.snapshot, null)
    const heardFrom = this.#addressesId(running.heardFrom)
    const trust = this.#trustId(running.memory.trust)
    return [diskId, replica, heardFrom, trust, ...roles, ...timers].join(' ')
  }
}

/** Numbers values: equal values have equal numbers. */
function numbering<T extends object>(): (value: T) => number {
  const interner = new Interner<null>()
  return memoByIdentity((value) => interner.idOf(JSON.stringify(value), null))
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
