/** Makes the actors of a server visible in Stately's own inspector, for those who use it. */
import type { AnyActorRef, AnyMachineSnapshot, InspectionEvent } from 'xstate'
import type { NodeId } from '../../../machines/batch.ts'
import type { RoleName } from '../../../machines/inbox.ts'
import { roleNames } from '../../core/roles.ts'
import { machineStateOf } from '../records/machine-state.ts'
import { truncated } from '../records/truncated.ts'
import { Allowance } from './allowance.ts'
import { Connection } from './connection.ts'

/** What Stately's inspector is told: one of `@xstate.actor`, `@xstate.event`, `@xstate.snapshot`. */
interface Told {
  readonly type: string
  readonly name?: string
  readonly sessionId?: string | undefined
  readonly rootId?: string | undefined
  readonly parentId?: string | undefined
  readonly sourceId?: string | undefined
}

/**
 * Events and snapshots that it is told in each window: each costs up to 50 times what the transition itself costs, since
 * contexts are written out in full. A snapshot is whole, so that what comes after what was left out is right.
 */
const allowance = { windowMs: 100, weight: 50 }

/** Nothing more is given to an inspector that has so many bytes to read. */
const mostUnreadBytes = 1_000_000

/** Deeper than any chart of ours: what lies below its own limit of 10 would be cut out of the charts. */
const serializationDepthLimit = 30

/** The package is an optional peer: only those who use `--stately` install it. */
async function loadInspector(): Promise<Pick<typeof import('@statelyai/inspect'), 'createInspector'>> {
  try {
    return await import('@statelyai/inspect')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw error
    throw new Error('the package @statelyai/inspect is not installed: npm install @statelyai/inspect')
  }
}

/**
 * A bridge through `@statelyai/inspect`. The package makes what is sent, and not the connection: its own is not made again
 * once it was lost, and keeps the process from ending.
 */
export class StatelyBridge {
  readonly #node: NodeId
  readonly #connection: Connection
  readonly #allowance = new Allowance(allowance)
  /** The actors there are, told again on each connection: without them their events mean nothing. */
  readonly #actors = new Map<string, string>()
  readonly #tell: (inspected: InspectionEvent) => void

  /**
   * Loads the package, and connects to `url`; `absent` is called once if nobody listens there. Throws when the package is not
   * installed, or `url` is none of a WebSocket.
   */
  static async open(node: NodeId, url: string, absent: () => void): Promise<StatelyBridge> {
    const { createInspector } = await loadInspector()
    const bridge: StatelyBridge = new StatelyBridge(node, url, absent, (inspected) =>
      inspector.inspect.next?.(inspected),
    )
    const inspector = createInspector({ send: (told) => bridge.#send(told) }, { serializationDepthLimit })
    bridge.#connection.start()
    return bridge
  }

  private constructor(
    node: NodeId,
    url: string,
    absent: () => void,
    tell: (inspected: InspectionEvent) => void,
  ) {
    let isAbsenceTold = false
    this.#node = node
    this.#tell = tell
    this.#connection = new Connection(url, {
      opened: () => {
        isAbsenceTold = true
        for (const actor of this.#actors.values()) this.#connection.say(actor)
      },
      lost: () => undefined,
      failed: () => {
        if (!isAbsenceTold) absent()
        isAbsenceTold = true
      },
      heard: () => undefined,
    })
  }

  /** Takes what XState's inspection tells. */
  readonly inspect = (inspected: InspectionEvent): void => {
    switch (inspected.type) {
      case '@xstate.actor':
        this.#tell(inspected)
        return
      case '@xstate.event':
        if (this.#admits())
          this.#tell({ ...inspected, event: truncated(inspected.event) as typeof inspected.event })
        return
      case '@xstate.snapshot':
        if (!this.#admits()) return
        this.#tell({
          ...inspected,
          event: truncated(inspected.event) as typeof inspected.event,
          snapshot: shownOf(inspected.actorRef as AnyActorRef, inspected.snapshot as AnyMachineSnapshot),
        })
        return
    }
  }

  close(): Promise<void> {
    return this.#connection.close()
  }

  #admits(): boolean {
    if (!this.#connection.isOpen || this.#connection.unread > mostUnreadBytes) return false
    if (!this.#allowance.isLeft(Date.now())) return false
    this.#allowance.spend(1)
    return true
  }

  /** Called by the package from a timer, where what is thrown would end the process. */
  #send(told: Told): void {
    let text: string
    try {
      text = JSON.stringify(this.#named(told))
    } catch {
      return
    }
    if (told.type === '@xstate.actor') this.#actors.set(told.sessionId ?? '', text)
    this.#connection.say(text)
  }

  /** Every process numbers its sessions from 0: the server's number keeps those of a cluster apart. */
  #named(told: Told): Told {
    const named = (id: string | undefined) => (id === undefined ? id : `${this.#node}/${id}`)
    return {
      ...told,
      ...(told.name !== undefined && { name: `${told.name} of server ${this.#node}` }),
      sessionId: named(told.sessionId),
      rootId: named(told.rootId),
      parentId: named(told.parentId),
      sourceId: named(told.sourceId),
    }
  }
}

/** A role holds up to thousands of requests, and the package would write out all of them. */
function shownOf(actor: AnyActorRef, snapshot: AnyMachineSnapshot): AnyMachineSnapshot {
  const { status, value } = snapshot
  const role = roleNames.find((name) => name === (actor.id as RoleName))
  const context = role === undefined ? truncated(snapshot.context) : machineStateOf(role, snapshot).context
  return { status, value, context } as unknown as AnyMachineSnapshot
}
