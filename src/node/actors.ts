import {
  type ActorRefFrom,
  type AnyActorRef,
  type AnyMachineSnapshot,
  createActor,
  fromCallback,
  type InspectionEvent,
  waitFor,
} from 'xstate'
import { acceptorMachine } from '../../machines/acceptor.ts'
import { auditorMachine } from '../../machines/auditor.ts'
import type { NodeId } from '../../machines/batch.ts'
import type { RoleEvent, RoleName } from '../../machines/inbox.ts'
import { learnerMachine } from '../../machines/learner.ts'
import { type NodeInput, nodeMachine } from '../../machines/node.ts'
import type { Output, Write } from '../../machines/outputs.ts'
import { proposerMachine } from '../../machines/proposer.ts'
import { readerMachine } from '../../machines/reader.ts'
import { requestQueueMachine } from '../../machines/request-queue.ts'
import { timekeeperMachine } from '../../machines/timekeeper.ts'
import { messageOf } from '../core/message-of.ts'
import { quickLogic } from '../core/quick-logic.ts'
import { roleNames } from '../core/roles.ts'

/** The state and the context of a role. */
export interface RoleSnapshot {
  readonly value: unknown
  readonly context?: unknown
}

/** A timer of a role. Its id is the type of the event that it sends. */
export interface FiredTimer {
  readonly role: RoleName
  readonly id: string
}

/** The connections of the actors. */
export interface ActorOptions {
  readonly self: NodeId
  /** Receives the outputs of a role, in order. */
  readonly carryOut: (output: Output) => void
  /** Passes a write to the disk. */
  readonly write: (write: Write) => void
  /** Called when the node stops or halts: it must send nothing more. */
  readonly close: () => void
  /** Called when a timer is due. `run` sends the event of the timer to the role. */
  readonly fire: (run: () => void) => void
  /** Called when an actor throws an error. */
  readonly failed: (reason: string) => void
  /** Receives all inspection events of XState. */
  readonly inspect: ((inspected: InspectionEvent) => void) | null
}

/** The machines of a live node, as XState actors in real time. They share one actor system under the node's own machine. */
export class Actors {
  readonly #options: ActorOptions
  readonly #root: ActorRefFrom<typeof nodeMachine>
  #roles: Readonly<Record<RoleName, AnyActorRef>> | null = null
  /** The number of observers that receive all inspection events. */
  #inspectors = 0
  /** Resolves when the node ends: with `null` after a stop, with the reason after a halt. */
  readonly ended: Promise<string | null>

  /** Starts the node's machine, which spawns the roles at `start`. */
  constructor(options: ActorOptions) {
    this.#options = options
    const { self, write, close, fire, inspect } = options
    const storage = fromCallback<{ readonly type: 'persist'; readonly write: Write }>(({ receive }) => {
      receive((event) => write(event.write))
    })
    const udp = fromCallback(() => close)
    const isInspected = () => this.#inspectors > 0
    if (inspect !== null) this.#inspectors += 1
    const actors = {
      storage,
      udp,
      acceptor: quickLogic(acceptorMachine, isInspected),
      proposer: quickLogic(proposerMachine, isInspected),
      learner: quickLogic(learnerMachine, isInspected),
      requestQueue: quickLogic(requestQueueMachine, isInspected),
      timekeeper: quickLogic(timekeeperMachine, isInspected),
      auditor: quickLogic(auditorMachine, isInspected),
      reader: quickLogic(readerMachine, isInspected),
    }
    this.#root = createActor(nodeMachine.provide({ actors }), {
      id: `node-${self}`,
      systemId: 'node',
      clock: {
        setTimeout: (run, delayMs) => setTimeout(() => fire(run), delayMs),
        clearTimeout: (timer) => clearTimeout(timer),
      },
      ...(inspect !== null && { inspect }),
    })
    this.ended = new Promise((resolve) => {
      this.#root.subscribe({
        error: (error) => resolve(messageOf(error)),
        complete: () => {
          const { value, context } = this.#root.getSnapshot()
          resolve(value === 'halted' ? context.reason : null)
        },
      })
    })
    this.#root.start()
  }

  /** Spawns the roles. */
  start(inputs: NodeInput): void {
    const { carryOut, failed } = this.#options
    this.#root.send({ type: 'node.recovered', inputs })
    const roles = roleNames.map((role) => {
      const actor = this.#root.system.get(role)
      if (actor === undefined) throw new Error(`the role ${role} was not spawned`)
      actor.on('*', (output: unknown) => carryOut(output as Output))
      actor.subscribe({ error: (error: unknown) => failed(`the ${role} failed: ${messageOf(error)}`) })
      return [role, actor] as const
    })
    this.#roles = Object.fromEntries(roles) as Record<RoleName, AnyActorRef>
  }

  /** Sends an event to a role, which handles it before this call returns. */
  deliver(role: RoleName, event: RoleEvent): void {
    this.#roles?.[role].send(event)
  }

  /** Sends a write to the storage actor. */
  persist(write: Write): void {
    this.#root.system.get('storage')?.send({ type: 'persist', write })
  }

  /** `undefined` before the roles are spawned. */
  snapshot(role: RoleName): RoleSnapshot | undefined {
    return this.#roles?.[role].getSnapshot()
  }

  /** The state of the node's machine. */
  get state(): string {
    return String(this.#root.getSnapshot().value)
  }

  /** True until the node halts or stops. A machine that has ended handles no more events. */
  get isActive(): boolean {
    return this.#root.getSnapshot().status === 'active'
  }

  /** Fires a timer of a role if it is armed, and returns whether it was. */
  fireTimer({ role, id }: FiredTimer): boolean {
    const actor = this.#roles?.[role]
    const isArmed =
      id.startsWith('xstate.after.') && (actor?.getSnapshot() as AnyMachineSnapshot).can({ type: id })
    if (actor === undefined || !isArmed) return false
    this.#options.fire(() => actor.send({ type: id }))
    return true
  }

  /** Resolves when the role matches `isThere`, when it has ended, or after `timeoutMs`. */
  async settled(
    role: RoleName,
    isThere: (snapshot: RoleSnapshot) => boolean,
    timeoutMs: number,
  ): Promise<void> {
    const actor = this.#roles?.[role]
    if (actor === undefined) return
    await waitFor(actor, isThere, { timeout: timeoutMs }).catch(() => undefined)
  }

  /** Calls `changed` after each transition of a role, until the caller unsubscribes. */
  watch(role: RoleName, changed: () => void): { unsubscribe(): void } {
    return this.#roles?.[role].subscribe(changed) ?? { unsubscribe: () => undefined }
  }

  /** Receives all inspection events of XState from now on, until the caller unsubscribes once. */
  inspect(inspected: (inspected: InspectionEvent) => void): { unsubscribe(): void } {
    const subscription = this.#root.system.inspect(inspected)
    this.#inspectors += 1
    return {
      unsubscribe: () => {
        this.#inspectors -= 1
        subscription.unsubscribe()
      },
    }
  }

  /** Calls `fired` before each event of a timer. */
  watchTimers(fired: (timer: FiredTimer) => void): void {
    this.#root.system.inspect((inspected) => {
      const timer = timerOf(inspected)
      if (timer !== null) fired(timer)
    })
  }

  /** Accepts no more requests. `finish` ends the node. */
  stop(): void {
    this.#root.send({ type: 'node.stopping' })
  }

  /** Ends the node normally. */
  finish(): void {
    if (this.isActive) this.#root.send({ type: 'node.stopped' })
  }

  /** Ends the node at once, as halted. */
  fail(reason: string): void {
    if (this.isActive) this.#root.send({ type: 'node.failed', reason })
  }
}

/** The timer whose event an inspection event contains; `null` for any other event. */
export function timerOf(inspected: InspectionEvent): FiredTimer | null {
  if (inspected.type !== '@xstate.event' || !inspected.event.type.startsWith('xstate.after.')) return null
  return { role: (inspected.actorRef as AnyActorRef).id as RoleName, id: inspected.event.type }
}
