/** Shows the actors of a server in Stately's own inspector. */
import type { AnyActorRef, AnyMachineSnapshot, InspectionEvent } from 'xstate'
import type { NodeId } from '../../../machines/batch.ts'
import type { RoleName } from '../../../machines/inbox.ts'
import { roleNames } from '../../core/roles.ts'
import { machineStateOf } from '../records/machine-state.ts'
import { truncated } from '../records/truncated.ts'
import { Allowance } from './allowance.ts'
import { Connection } from './connection.ts'

/** A message to Stately's inspector: one of `@xstate.actor`, `@xstate.event`, `@xstate.snapshot`. */
interface StatelyMessage {
  readonly type: string
  readonly name?: string
  readonly sessionId?: string | undefined
  readonly rootId?: string | undefined
  readonly parentId?: string | undefined
  readonly sourceId?: string | undefined
}

/**
 * The number of events and snapshots that are sent in each window. Each costs up to 50 times the transition itself, because
 * contexts are serialized in full. A snapshot is complete, so a gap does not falsify what follows it.
 */
const allowance = { windowMs: 100, weight: 50 }

/** The bridge stops sending to an inspector with this many unread bytes. */
const mostUnreadBytes = 1_000_000

/** Deeper than any chart of this project. The package's own limit of 10 would cut the charts. */
const serializationDepthLimit = 30

/** The package is an optional peer dependency: only users of `--stately` install it. */
async function loadInspector(): Promise<Pick<typeof import('@statelyai/inspect'), 'createInspector'>> {
  try {
    return await import('@statelyai/inspect')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw error
    throw new Error('the package @statelyai/inspect is not installed: npm install @statelyai/inspect')
  }
}

/**
 * A bridge through `@statelyai/inspect`. The package makes the messages, and not the connection: the package's own connection
 * does not reconnect, and keeps the process from ending.
 */
export class StatelyBridge {
  readonly #node: NodeId
  readonly #connection: Connection
  readonly #allowance = new Allowance(allowance)
  /** The known actors, sent again on each connection: without them the inspector cannot interpret their events. */
  readonly #actors = new Map<string, string>()
  readonly #forward: (inspected: InspectionEvent) => void

  /**
   * Loads the package and connects to `url`. `absent` is called once if nothing listens there. Throws when the package is not
   * installed, or when `url` is not the address of a WebSocket.
   */
  static async open(node: NodeId, url: string, absent: () => void): Promise<StatelyBridge> {
    const { createInspector } = await loadInspector()
    const bridge: StatelyBridge = new StatelyBridge(node, url, absent, (inspected) =>
      inspector.inspect.next?.(inspected),
    )
    const inspector = createInspector(
      { send: (message) => bridge.#send(message) },
      { serializationDepthLimit },
    )
    bridge.#connection.start()
    return bridge
  }

  private constructor(
    node: NodeId,
    url: string,
    absent: () => void,
    forward: (inspected: InspectionEvent) => void,
  ) {
    let isAbsenceReported = false
    this.#node = node
    this.#forward = forward
    this.#connection = new Connection(url, {
      opened: () => {
        isAbsenceReported = true
        for (const actor of this.#actors.values()) this.#connection.send(actor)
      },
      lost: () => undefined,
      failed: () => {
        if (!isAbsenceReported) absent()
        isAbsenceReported = true
      },
      received: () => undefined,
    })
  }

  /** Takes the events of XState's inspection. */
  readonly inspect = (inspected: InspectionEvent): void => {
    switch (inspected.type) {
      case '@xstate.actor':
        this.#forward(inspected)
        return
      case '@xstate.event':
        if (this.#admits())
          this.#forward({ ...inspected, event: truncated(inspected.event) as typeof inspected.event })
        return
      case '@xstate.snapshot':
        if (!this.#admits()) return
        this.#forward({
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

  /** The package calls it from a timer, where an exception would end the process. */
  #send(message: StatelyMessage): void {
    let text: string
    try {
      text = JSON.stringify(this.#named(message))
    } catch {
      return
    }
    if (message.type === '@xstate.actor') this.#actors.set(message.sessionId ?? '', text)
    this.#connection.send(text)
  }

  /** Every process numbers its sessions from 0. The server's number distinguishes those of a cluster. */
  #named(message: StatelyMessage): StatelyMessage {
    const named = (id: string | undefined) => (id === undefined ? id : `${this.#node}/${id}`)
    return {
      ...message,
      ...(message.name !== undefined && { name: `${message.name} of server ${this.#node}` }),
      sessionId: named(message.sessionId),
      rootId: named(message.rootId),
      parentId: named(message.parentId),
      sourceId: named(message.sourceId),
    }
  }
}

/** A role holds up to thousands of requests, and the package would serialize all of them. */
function shownOf(actor: AnyActorRef, snapshot: AnyMachineSnapshot): AnyMachineSnapshot {
  const { status, value } = snapshot
  const role = roleNames.find((name) => name === (actor.id as RoleName))
  const context = role === undefined ? truncated(snapshot.context) : machineStateOf(role, snapshot).context
  return { status, value, context } as unknown as AnyMachineSnapshot
}
