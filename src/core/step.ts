/**
 * One step of a role. Only this file knows how XState represents the outputs of a transition. The simulator, the checker and the
 * generated tests run machines with it; live actors take the same transitions inside XState.
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
import { quickStep } from './quick-step.ts'

/** An effect of a step: an emitted output, a started timer, or a cancelled timer. */
export type Effect<Emitted> =
  | { readonly kind: 'said'; readonly output: Emitted }
  | {
      readonly kind: 'timer'
      readonly id: string
      readonly delayMs: number
      readonly event: { readonly type: string }
    }
  | { readonly kind: 'cancel'; readonly id: string }

export interface Step<Emitted> {
  readonly snapshot: AnyMachineSnapshot
  readonly effects: readonly Effect<Emitted>[]
}

interface Action {
  readonly type: string
  readonly params?: unknown
}

function effectsOf<Emitted>(actions: readonly Action[]): Effect<Emitted>[] {
  const effects: Effect<Emitted>[] = []
  for (const { type, params } of actions) {
    switch (type) {
      case 'xstate.emit':
        effects.push({ kind: 'said', output: (params as { event: Emitted }).event })
        break
      case 'xstate.raise': {
        const { id, delay, event } = params as { id: string; delay?: number; event: { type: string } }
        // Without a delay, the machine already handled the event in the same step.
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

/** The first snapshot of `machine` and the effects of its start. */
export function start<Emitted>(machine: AnyStateMachine, input: unknown): Step<Emitted> {
  const [snapshot, actions] = initialTransition(machine, input as never)
  return { snapshot: sound(snapshot), effects: effectsOf<Emitted>(actions) }
}

/** The actions of the current step. */
let asked: Action[] = []

const idle = createEmptyActor()

/**
 * XState's own `transition` creates an actor for each call, only to provide the scope for a machine's `transition`. That costs
 * several times as much as the transition itself. Roles use the scope only to emit actions, so one scope serves all. The tests in
 * `test/machines/paths/` check that both ways give the same result.
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
 * The snapshot after `event`, and the effects in order. Throws the errors of guards and actions. Such an error is a violated
 * assertion, because a machine receives decoded messages only.
 */
export function step<Emitted>(
  machine: AnyStateMachine,
  snapshot: AnyMachineSnapshot,
  event: { readonly type: string },
): Step<Emitted> {
  const quick = quickStep(machine, snapshot, event, scope)
  return quick === null ? stepOfXState(machine, snapshot, event) : (quick as Step<Emitted>)
}

function stepOfXState<Emitted>(
  machine: AnyStateMachine,
  snapshot: AnyMachineSnapshot,
  event: { readonly type: string },
): Step<Emitted> {
  asked = []
  const next = machine.transition(snapshot, event, scope) as AnyMachineSnapshot
  return { snapshot: sound(next), effects: effectsOf<Emitted>(asked) }
}

/** One transition of a step. An event may cause several. */
export interface Microstep {
  /** The type of the event that caused it. */
  readonly event: string
  /** The ids of its edges, as in src/core/chart-edges.ts; empty when no state handled the event. */
  readonly edges: readonly string[]
  readonly snapshot: AnyMachineSnapshot
}

/** As `step`, and reports every transition of the step. */
export function watchedStep<Emitted>(
  machine: AnyStateMachine,
  snapshot: AnyMachineSnapshot,
  event: { readonly type: string },
): Step<Emitted> & { readonly microsteps: readonly Microstep[] } {
  const microsteps: Microstep[] = []
  const watching = idle.system.inspect((inspected) => {
    const microstep = microstepOf(machine, inspected)
    if (microstep !== null) microsteps.push(microstep)
  })
  try {
    return { ...stepOfXState<Emitted>(machine, snapshot, event), microsteps }
  } finally {
    watching.unsubscribe()
  }
}

/** Extracts a transition of `machine` from an inspection event; `null` for other inspection events. */
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
