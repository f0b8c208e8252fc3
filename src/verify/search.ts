/**
 * Searches for an order of the operations that explains the history. The search does not use positions. The algorithm is that of
 * Wing and Gong ("Testing and verifying concurrent objects", 1993) with two refinements by Lowe ("Testing for linearizability",
 * 2017): the search remembers configurations, so that it follows none twice, and an operation takes effect as late as possible,
 * when an answer requires it. Each key is searched separately. The cost grows quickly with the number of concurrent operations,
 * including those without an answer, so the search is for short histories or few clients.
 */
import type { Json } from '../../machines/batch.ts'
import { canonicalJson } from '../core/digest.ts'
import { shown } from '../services/fields.ts'
import { type Flaw, namedTwice, type Operation } from './history.ts'
import type { Model } from './models.ts'

/** A possible state, with the numbers, in order, of the operations that have taken effect and are not answered yet. */
interface Configuration {
  readonly state: Json
  readonly taken: readonly number[]
}

interface Event {
  readonly order: number
  readonly kind: 'call' | 'answer'
  /** The index of the operation among those of its key. */
  readonly number: number
}

/** The search stopped because too many orders may explain the history. */
export class TooManyConfigurations extends Error {
  override readonly name = 'TooManyConfigurations'
}

/**
 * Judges a history by its answers alone: some order of its operations must agree with real time, and must give on `model` the
 * results that the clients received. An operation without an answer may have taken effect at any time after its call, or never.
 * Returns the operation whose answer no order explains, `null` when there is none. Throws `TooManyConfigurations` when one
 * answer leaves more than `limit` configurations to follow.
 */
export function searchLinearization(
  operations: readonly Operation[],
  model: Model,
  limit = 100_000,
): Flaw | null {
  const twice = namedTwice(operations)
  if (twice !== null) return twice
  const byKey = new Map<string, Operation[]>()
  for (const operation of operations) {
    if (operation.ending.kind === 'void') continue
    const key = model.keyOf(operation.command)
    const ofKey = byKey.get(key) ?? []
    byKey.set(key, ofKey)
    ofKey.push(operation)
  }
  for (const ofKey of byKey.values()) {
    const flaw = searchKey(ofKey, model, limit)
    if (flaw !== null) return flaw
  }
  return null
}

function searchKey(operations: readonly Operation[], model: Model, limit: number): Flaw | null {
  const underWay = new Set<number>()
  let configurations: readonly Configuration[] = [{ state: model.initial, taken: [] }]
  for (const { kind, number } of eventsOf(operations)) {
    if (kind === 'call') {
      underWay.add(number)
      continue
    }
    const before = configurations
    configurations = afterAnswer(before, number, { operations, underWay, model, limit })
    underWay.delete(number)
    const operation = operations[number]
    if (configurations.length === 0 && operation !== undefined) return unexplained(operation, before)
  }
  return null
}

function eventsOf(operations: readonly Operation[]): Event[] {
  const events: Event[] = operations.flatMap(({ called, ending }, number) => [
    { order: called.order, kind: 'call', number },
    ...(ending.kind === 'answered' ? [{ order: ending.at.order, kind: 'answer' as const, number }] : []),
  ])
  return events.sort((a, b) => a.order - b.order)
}

interface Search {
  readonly operations: readonly Operation[]
  readonly underWay: ReadonlySet<number>
  readonly model: Model
  readonly limit: number
}

/** The configurations in which the operation `answered` has taken effect, without that operation in `taken`. */
function afterAnswer(
  configurations: readonly Configuration[],
  answered: number,
  search: Search,
): readonly Configuration[] {
  const seen = new Set<string>()
  const found: Configuration[] = []
  const open: Configuration[] = []
  const follow = (configuration: Configuration) => {
    const name = `${configuration.taken.join()} ${canonicalJson(configuration.state)}`
    if (seen.has(name)) return
    seen.add(name)
    if (seen.size > search.limit) {
      throw new TooManyConfigurations(
        `more than ${search.limit} configurations to follow with ${search.underWay.size} concurrent operations`,
      )
    }
    open.push(configuration)
  }
  configurations.forEach(follow)
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { state, taken } = next
    if (taken.includes(answered)) {
      found.push({ state, taken: taken.filter((number) => number !== answered) })
    } else {
      stepsFrom(next, search).forEach(follow)
    }
  }
  return found
}

/** The configurations after one more operation. */
function stepsFrom({ state, taken }: Configuration, search: Search): Configuration[] {
  const { operations, underWay, model } = search
  const steps: Configuration[] = []
  const unanswered = new Set<string>()
  for (const number of underWay) {
    const operation = operations[number]
    if (operation === undefined || taken.includes(number)) continue
    const { command, ending } = operation
    const result = ending.kind === 'answered' ? ending.result : undefined
    const after = model.step(state, command, result)
    if (after === undefined) continue
    const next = { state: after, taken: [...taken, number].sort((a, b) => a - b) }
    if (result === undefined) {
      // An operation without an answer is taken only if it changes the state. Of several with the same command, one is enough.
      const name = canonicalJson(command)
      if (unanswered.has(name) || canonicalJson(after) === canonicalJson(state)) continue
      unanswered.add(name)
    } else if (model.onlyReads(command, result)) {
      // A read that fits here changes nothing, so every later operation remains possible. No other step need be tried.
      return [next]
    }
    steps.push(next)
  }
  return steps
}

function unexplained(operation: Operation, before: readonly Configuration[]): Flaw {
  const { uid, seq, command, ending } = operation
  const states = [...new Set(before.map(({ state }) => canonicalJson(state)))]
  const result = ending.kind === 'answered' ? shown(ending.result) : 'nothing'
  return {
    operation,
    message: `no order explains that ${uid} ${seq} ${shown(command)} returned ${result}: the possible states are ${shown(states)}`,
  }
}
