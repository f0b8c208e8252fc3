/**
 * One step of a role: the only place that knows how XState tells what a transition asks for. The simulator, the checker
 * and the generated tests move machines with it; live actors take the same transitions inside XState.
 */
import {
  type AnyActorScope,
  type AnyMachineSnapshot,
  type AnyStateMachine,
  createEmptyActor,
  type InspectionEvent,
  initialTransition,
} from 'xstate'
import { edgeIdsOf } from './chart-edges.ts'

/** What a step asks for, in order: something said, a timer begun, a timer given up. */
export type Effect<Said> =
  | { readonly kind: 'said'; readonly output: Said }
  | {
      readonly kind: 'timer'
      readonly id: string
      readonly delayMs: number
      readonly event: { readonly type: string }
    }
  | { readonly kind: 'cancel'; readonly id: string }

export interface Step<Said> {
  readonly snapshot: AnyMachineSnapshot
  readonly effects: readonly Effect<Said>[]
}

interface Action {
  readonly type: string
  readonly params?: unknown
}

function effectsOf<Said>(actions: readonly Action[]): Effect<Said>[] {
  const effects: Effect<Said>[] = []
  for (const { type, params } of actions) {
    switch (type) {
      case 'xstate.emit':
        effects.push({ kind: 'said', output: (params as { event: Said }).event })
        break
      case 'xstate.raise': {
        const { id, delay, event } = params as { id: string; delay?: number; event: { type: string } }
        // Without a delay the event has been taken in the same step.
        if (delay !== undefined) effects.push({ kind: 'timer', id, delayMs: delay, event })
        break
      }
      case 'xstate.cancel':
        effects.push({ kind: 'cancel', id: (params as { sendId: string }).sendId })
        break
      default:
        throw new Error(`a role machine may only assign, emit and wait, but asked for the action '${type}'`)
    }
  }
  return effects
}

/** The first snapshot of `machine` and what it asks for. */
export function start<Said>(machine: AnyStateMachine, input: unknown): Step<Said> {
  const [snapshot, actions] = initialTransition(machine, input as never)
  return { snapshot: sound(snapshot), effects: effectsOf<Said>(actions) }
}

/** What the step under way asks for. */
let asked: Action[] = []

const idle = createEmptyActor()

/**
 * XState's own `transition` makes an actor for each call, only to have the scope that a machine's `transition` is given:
 * several times what the transition itself costs. No role uses it for anything but to say what it asks for, so one serves
 * all. That it comes to the same is tested in `test/machines/paths/`.
 */
const scope: AnyActorScope = {
  self: idle,
  system: idle.system,
  id: '',
  sessionId: '',
  logger: () => undefined,
  defer: () => undefined,
  emit: () => undefined,
  stopChild: () => undefined,
  actionExecutor: (action) => {
    asked.push(action)
  },
}

/**
 * The snapshot after `event`, and what it asks for, in order. Throws what a guard or an action throws: a violated
 * assertion, since nothing undecoded reaches a machine.
 */
export function step<Said>(
  machine: AnyStateMachine,
  snapshot: AnyMachineSnapshot,
  event: { readonly type: string },
): Step<Said> {
  asked = []
  const next = machine.transition(snapshot, event, scope) as AnyMachineSnapshot
  return { snapshot: sound(next), effects: effectsOf<Said>(asked) }
}

/** A transition that was taken on the way: one event may take several. */
export interface Microstep {
  /** The type of the event that it was taken on. */
  readonly event: string
  /** The ids of its edges, as src/core/chart-edges.ts names them; none when no state handled the event. */
  readonly edges: readonly string[]
  readonly snapshot: AnyMachineSnapshot
}

/** As `step`, with every transition on the way. */
export function watchedStep<Said>(
  machine: AnyStateMachine,
  snapshot: AnyMachineSnapshot,
  event: { readonly type: string },
): Step<Said> & { readonly microsteps: readonly Microstep[] } {
  const microsteps: Microstep[] = []
  const watching = idle.system.inspect((inspected) => {
    const microstep = microstepOf(machine, inspected)
    if (microstep !== null) microsteps.push(microstep)
  })
  try {
    return { ...step<Said>(machine, snapshot, event), microsteps }
  } finally {
    watching.unsubscribe()
  }
}

/** The transition of `machine` that XState's inspection tells of; `null` when it tells of something else. */
export function microstepOf(machine: AnyStateMachine, inspected: InspectionEvent): Microstep | null {
  if (inspected.type !== '@xstate.microstep') return null
  const ids = edgeIdsOf(machine)
  const edges = inspected._transitions.flatMap((transition) => ids.get(transition) ?? [])
  return { event: inspected.event.type, edges, snapshot: inspected.snapshot as AnyMachineSnapshot }
}

function sound(snapshot: AnyMachineSnapshot): AnyMachineSnapshot {
  if (snapshot.status === 'error') throw snapshot.error
  return snapshot
}
