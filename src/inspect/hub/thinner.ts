/**
 * Leaves out what repeats: a client that waits on an idle cluster asks again and again, and each time the same servers take the
 * same steps and stand in the end where they stood before. Such a round says nothing new, and thousands of them would push out of
 * the history what does.
 */
import type { NodeId } from '../../../machines/batch.ts'
import { fingerprint } from '../../core/fingerprint.ts'
import { roleNames } from '../../core/roles.ts'
import type { InspectorRecord, RepeatsRecord, RoleStates, StepRecord } from '../records/record.ts'
import { recordBytes } from './record-bytes.ts'

/** Steps that are remembered, to know one that is taken again. */
const remembered = 1_000

/** A step is kept so often, so that who watches sees that it is repeated. */
const keptTimes = 16

/** Between two rounds nobody takes a step for so long, in milliseconds: a round is kept or left out as a whole. */
const quietMs = 300

/** Where no such pause comes, a round ends after so many steps, once all are in the states in which they were before. */
const mostSteps = 200

/** Of steps that are held back, in bytes of memory, about. */
const mostHeldBytes = 16 * 1024 * 1024

/** While nothing else comes, it is told so often how much repeats, in milliseconds. */
const toldEveryMs = 10_000

/** Where a role stands: by name, and with all that it remembers. */
interface Place {
  readonly state: string
  readonly print: number
}

export class Thinner {
  /** How often each was taken, the latest last. */
  readonly #known = new Map<number, number>()
  /** Where each role of each server stands, and stood after the last record that was kept. */
  readonly #now = new Map<string, Place>()
  readonly #kept = new Map<string, Place>()
  /** The roles that remember something else than then, each with the step that brought it there; and those in another state. */
  readonly #moved = new Map<string, InspectorRecord>()
  readonly #elsewhere = new Set<string>()
  /** The round under way, as long as each of its steps was taken many times before; afterwards its steps are kept. */
  #round: InspectorRecord[] = []
  #isKept = false
  /** What was held back since all was told, in bytes of memory, also what is not held back any more. */
  #heldBytes = 0
  /** When its last step was taken, by the server's clock, and when it came. */
  #steppedAtMs = 0
  #steppedMs = 0
  /** Steps that were left out and of which was not told yet. */
  #leftOut = 0
  #sinceMs = 0
  #lastMs = 0
  #toldMs = 0

  /** Takes the next record, at `nowMs` of a clock that does not go back. Gives those that are to be kept now, in order. */
  take(record: InspectorRecord, nowMs: number): readonly InspectorRecord[] {
    const step = stepIn(record)
    if (step === null) return this.#keep(record)
    const { node } = step
    const { timeMs } = step.record
    const ended = timeMs - this.#steppedAtMs >= quietMs ? this.#end(nowMs) : []
    this.#steppedAtMs = Math.max(this.#steppedAtMs, timeMs)
    this.#steppedMs = nowMs
    if (!this.#isKnown(node, step.record) || this.#isKept) {
      this.#isKept = true
      return [...ended, ...this.#keep(record)]
    }
    this.#follow(node, step.record, record)
    this.#round.push(record)
    this.#heldBytes += recordBytes(record)
    if (this.#heldBytes > mostHeldBytes) return [...ended, ...this.flush()]
    if (this.#round.length < mostSteps) return ended
    if (this.#elsewhere.size === 0) return [...ended, ...this.#end(nowMs)]
    return this.#round.length < 2 * mostSteps ? ended : [...ended, ...this.flush()]
  }

  /** What is held back: something else comes, so all is told up to where everything stands. */
  flush(): readonly InspectorRecord[] {
    const round = this.#round
    // Of the rounds that were left out, the steps that brought the roles to what they remember now.
    const last = [...new Set(this.#moved.values())].filter((record) => !round.includes(record))
    this.#round = []
    this.#heldBytes = 0
    for (const key of this.#moved.keys()) {
      const place = this.#now.get(key)
      if (place !== undefined) this.#kept.set(key, place)
    }
    this.#moved.clear()
    this.#elsewhere.clear()
    return [...this.#told(last.length), ...last, ...round]
  }

  /** To be called now and then: a round may have ended, and of what was left out it is told. */
  tick(nowMs: number): readonly InspectorRecord[] {
    return nowMs - this.#steppedMs >= quietMs ? this.#end(nowMs) : []
  }

  /** The round has ended: it is left out when all are in the states in which they were before it. */
  #end(nowMs: number): readonly InspectorRecord[] {
    this.#isKept = false
    if (this.#elsewhere.size > 0) return this.flush()
    if (this.#round.length > 0) {
      if (this.#leftOut === 0) {
        this.#sinceMs = timeOf(this.#round[0])
        this.#toldMs = nowMs
      }
      this.#leftOut += this.#round.length
      this.#lastMs = timeOf(this.#round.at(-1))
      this.#round = []
    }
    return this.#leftOut > 0 && nowMs - this.#toldMs >= toldEveryMs ? this.flush() : []
  }

  #keep(record: InspectorRecord): readonly InspectorRecord[] {
    const before = this.flush()
    if (record.kind === 'server' && 'roles' in record.record) {
      const { roles } = record.record
      for (const [key, place] of placesIn(record.node, roles)) {
        this.#now.set(key, place)
        this.#kept.set(key, place)
      }
    }
    return [...before, record]
  }

  /** `kept` of the steps that were left out are kept now. */
  #told(kept: number): readonly RepeatsRecord[] {
    const count = this.#leftOut - kept
    this.#leftOut = 0
    return count <= 0 ? [] : [{ kind: 'repeats', timeMs: this.#lastMs, sinceMs: this.#sinceMs, count }]
  }

  /** True when the server took this very step many times before. */
  #isKnown(node: NodeId, { cause, moves, facts, writes, roles }: StepRecord): boolean {
    const print = fingerprint({ node, cause, moves, facts, writes, roles })
    const times = this.#known.get(print) ?? 0
    this.#known.delete(print)
    this.#known.set(print, times + 1)
    const [oldest] = this.#known.keys()
    if (this.#known.size > remembered && oldest !== undefined) this.#known.delete(oldest)
    return times >= keptTimes
  }

  #follow(node: NodeId, { roles }: StepRecord, record: InspectorRecord): void {
    for (const [key, place] of placesIn(node, roles)) {
      const kept = this.#kept.get(key)
      this.#now.set(key, place)
      if (kept?.print === place.print) this.#moved.delete(key)
      else this.#moved.set(key, record)
      if (kept?.state === place.state) this.#elsewhere.delete(key)
      else this.#elsewhere.add(key)
    }
  }
}

function placesIn(node: NodeId, roles: Partial<RoleStates>): readonly (readonly [string, Place])[] {
  return roleNames.flatMap((role) => {
    const machine = roles[role]
    return machine === undefined
      ? []
      : [[`${node} ${role}`, { state: machine.state, print: fingerprint(machine) }]]
  })
}

/** A step that may be one of a round: by it nothing was stored, executed or begun. */
function stepIn(record: InspectorRecord): { readonly node: NodeId; readonly record: StepRecord } | null {
  if (record.kind !== 'server' || record.record.kind !== 'step') return null
  const isOfRound = record.record.facts.every(
    ({ type }) => type === 'said' || type === 'responded' || type === 'requested',
  )
  return isOfRound ? { node: record.node, record: record.record } : null
}

function timeOf(record: InspectorRecord | undefined): number {
  return record?.kind === 'server' ? record.record.timeMs : 0
}
