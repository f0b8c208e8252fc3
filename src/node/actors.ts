import {
  type ActorRefFrom,
  type AnyActorRef,
  type AnyMachineSnapshot,
  createActor,
  fromCallback,
  type InspectionEvent,
  waitFor,
} from 'xstate'
import type { NodeId } from '../../machines/batch.ts'
import type { RoleEvent, RoleName } from '../../machines/inbox.ts'
import { type NodeInput, nodeMachine } from '../../machines/node.ts'
import type { Output, Write } from '../../machines/outputs.ts'
import { messageOf } from '../core/message-of.ts'
import { roleNames } from '../core/roles.ts'

/** The state in which a role is, and its context. */
export interface RoleSnapshot {
  readonly value: unknown
  readonly context?: unknown
}

/** A timer of a role: the type of the event that it sends is its id. */
export interface FiredTimer {
  readonly role: RoleName
  readonly id: string
}

/** What the actors are connected to. */
export interface ActorOptions {
  readonly self: NodeId
  /** Receives what a role asks for, in order. */
  readonly carryOut: (output: Output) => void
  /** Gives a write to the disk. */
  readonly write: (write: Write) => void
  /** The node stops or halts: nothing more is sent. */
  readonly close: () => void
  /** A timer is due: `run` sends its event to the role. */
  readonly fire: (run: () => void) => void
  /** An actor threw. */
  readonly failed: (reason: string) => void
  /** Receives all inspection events of XState, from the first on. */
  readonly inspect: ((inspected: InspectionEvent) => void) | null
}

/** The machines of a live node as XState actors, in one actor system under the node's own machine, in real time. */
export class Actors {
  readonly #options: ActorOptions
  readonly #root: ActorRefFrom<typeof nodeMachine>
  #roles: Readonly<Record<RoleName, AnyActorRef>> | null = null
  /** Resolves when the node has ended: `null` when it was stopped, the reason when it halted. */
  readonly ended: Promise<string | null>

  /** Starts the node's machine. It spawns the roles at `start`. */
  constructor(options: ActorOptions) {
    this.#options = options
    const { self, write, close, fire, inspect } = options
    const storage = fromCallback<{ readonly type: 'persist'; readonly write: Write }>(({ receive }) => {
      receive((event) => write(event.write))
    })
    const udp = fromCallback(() => close)
    this.#root = createActor(nodeMachine.provide({ actors: { storage, udp } }), {
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

  /** Gives an event to a role, which takes it before this returns. */
  deliver(role: RoleName, event: RoleEvent): void {
    this.#roles?.[role].send(event)
  }

  /** Gives a write to the storage actor. */
  persist(write: Write): void {
    this.#root.system.get('storage')?.send({ type: 'persist', write })
  }

  /** `undefined` before the roles are spawned. */
  snapshot(role: RoleName): RoleSnapshot | undefined {
    return this.#roles?.[role].getSnapshot()
  }

  /** The state in which the node is. */
  get state(): string {
    return String(this.#root.getSnapshot().value)
  }

  /** It has not halted, and was not stopped: a machine that has ended takes nothing more. */
  get isActive(): boolean {
    return this.#root.getSnapshot().status === 'active'
  }

  /** Fires a timer of a role, if that is armed; returns whether it is. */
  fireTimer({ role, id }: FiredTimer): boolean {
    const actor = this.#roles?.[role]
    const isArmed =
      id.startsWith('xstate.after.') && (actor?.getSnapshot() as AnyMachineSnapshot).can({ type: id })
    if (actor === undefined || !isArmed) return false
    this.#options.fire(() => actor.send({ type: id }))
    return true
  }

  /** Resolves when the role is where `isThere` says, when it has ended, or after `timeoutMs`. */
  async settled(
    role: RoleName,
    isThere: (snapshot: RoleSnapshot) => boolean,
    timeoutMs: number,
  ): Promise<void> {
    const actor = this.#roles?.[role]
    if (actor === undefined) return
    await waitFor(actor, isThere, { timeout: timeoutMs }).catch(() => undefined)
  }

  /** Calls `changed` after each transition of a role, until it is unsubscribed. */
  watch(role: RoleName, changed: () => void): { unsubscribe(): void } {
    return this.#roles?.[role].subscribe(changed) ?? { unsubscribe: () => undefined }
  }

  /** Receives all inspection events of XState from now on, until it is unsubscribed. */
  inspect(inspected: (inspected: InspectionEvent) => void): { unsubscribe(): void } {
    return this.#root.system.inspect(inspected)
  }

  /** Takes no more requests; `finish` ends it. */
  stop(): void {
    this.#root.send({ type: 'node.stopping' })
  }

  /** Ends it in good order. */
  finish(): void {
    if (this.isActive) this.#root.send({ type: 'node.stopped' })
  }

  /** Ends it at once. */
  fail(reason: string): void {
    if (this.isActive) this.#root.send({ type: 'node.failed', reason })
  }
}

/** The timer whose event XState shows; `null` when it shows another event. */
export function timerOf(inspected: InspectionEvent): FiredTimer | null {
  if (inspected.type !== '@xstate.event' || !inspected.event.type.startsWith('xstate.after.')) return null
  return { role: (inspected.actorRef as AnyActorRef).id as RoleName, id: inspected.event.type }
}
