/**
 * The witness check: every answer contains the (instance, index) of its execution, so there is only one order to judge. The check
 * is fast, n log n. A history that passes it is linearizable.
 */
import type { Json } from '../../machines/batch.ts'
import { comparePositions, type Position } from '../../machines/outcome.ts'
import { shown } from '../services/fields.ts'
import { type Flaw, namedTwice, type Operation, readIndex } from './history.ts'
import type { Model } from './models.ts'

/** An operation that took effect, and its position. */
interface Effect {
  readonly operation: Operation
  readonly position: Position
  /** `undefined` when no client received it. */
  readonly result: Json | undefined
  /** The order of the answer; infinite when there was none. */
  readonly answeredAt: number
}

/**
 * Judges a history by the order of its positions. Each command was executed once. If one operation was answered before another
 * was called, its position is lower. Executed in this order on `model`, each command gives the result that its client received.
 * An operation without an answer took effect at its position, or not at all when it has none. Returns the first flaw, `null`
 * when there is none.
 */
export function checkWitness(operations: readonly Operation[], model: Model): Flaw | null {
  const effects = effectsOf(operations)
  return namedTwice(operations) ?? collision(effects) ?? realTime(effects) ?? replayed(effects, model)
}

/** In order of position. */
function effectsOf(operations: readonly Operation[]): Effect[] {
  const effects: Effect[] = []
  for (const operation of operations) {
    const { ending } = operation
    if (ending.kind === 'answered') {
      const { position, result, at } = ending
      effects.push({ operation, position, result, answeredAt: at.order })
    } else if (ending.kind === 'unknown' && ending.position !== null) {
      const { position } = ending
      effects.push({ operation, position, result: undefined, answeredAt: Number.POSITIVE_INFINITY })
    }
  }
  // Reads of one position change nothing, so their order is that of their calls.
  return effects.sort(
    (a, b) => comparePositions(a.position, b.position) || a.operation.called.order - b.operation.called.order,
  )
}

function textOf({ operation, position }: Effect): string {
  const { uid, seq, command } = operation
  return `${uid} ${seq} ${shown(command)} at (${position.instance}, ${position.index})`
}

/** No two commands were executed at one position. Reads are not executed: many may read one state. */
function collision(effects: readonly Effect[]): Flaw | null {
  let before: Effect | null = null
  for (const effect of effects) {
    const isRead = effect.position.index === readIndex
    if (!isRead && before !== null && comparePositions(before.position, effect.position) === 0) {
      return flaw(effect, `${textOf(effect)} has the same position as ${textOf(before)}`)
    }
    before = effect
  }
  return null
}

/** An operation that was answered before another was called must not have the higher position. */
function realTime(effects: readonly Effect[]): Flaw | null {
  let latest: Effect | null = null
  for (const effect of effects) {
    if (latest !== null && effect.answeredAt < latest.operation.called.order) {
      return flaw(effect, `${textOf(effect)} was answered before ${textOf(latest)} was called`)
    }
    if (latest === null || effect.operation.called.order > latest.operation.called.order) latest = effect
  }
  return null
}

function replayed(effects: readonly Effect[], model: Model): Flaw | null {
  const parts = new Map<string, Json>()
  for (const effect of effects) {
    const { command } = effect.operation
    const key = model.keyOf(command)
    const state = parts.get(key) ?? model.initial
    const next = model.step(state, command, effect.result)
    if (next === undefined) {
      const got =
        effect.result === undefined ? 'could not run' : `cannot have returned ${shown(effect.result)}`
      return flaw(effect, `${textOf(effect)} ${got}: the state was ${shown(state)}`)
    }
    parts.set(key, next)
  }
  return null
}

function flaw({ operation }: Effect, message: string): Flaw {
  return { operation, message }
}
