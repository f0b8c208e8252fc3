/**
 * Leaves out repeated steps. A client that waits on an idle cluster asks again and again. Each time the same servers take the
 * same steps and return to the states from before. Such a round adds no information, and thousands of them would evict useful
 * records from the history.
 */
import type { NodeId } from '../../../machines/batch.ts'
import { fingerprint } from '../../core/fingerprint.ts'
import { roleNames } from '../../core/roles.ts'
import type { InspectorRecord, RepeatsRecord, RoleStates, StepRecord } from '../records/record.ts'
import { recordBytes } from './record-bytes.ts'

/** The number of steps that are kept, to recognize a repeated step. */
const remembered = 1_000

/** Each step is kept this many times, so that the reader sees that it repeats. */
const keptTimes = 16

/** The pause between two rounds, in milliseconds. A round is kept or left out as a whole. */
const quietMs = 300

/** Without such a pause, a round ends after this many steps, once all roles are in the states from before it. */
const mostSteps = 200

/** About how many bytes of memory the steps that are held back may take. */
const mostHeldBytes = 16 * 1024 * 1024

/** While nothing else happens, the number of repeats is reported at this interval, in milliseconds. */
const reportEveryMs = 10_000

/** The state of a role: its name, and a fingerprint of its context. */
interface Place {
  readonly state: string
  readonly print: number
}

export class Thinner {
  /** How often each step was taken, the latest last. */
  readonly #known = new Map<number, number>()
  /** The state of each role of each server now, and after the last record that was kept. */
  readonly #now = new Map<string, Place>()
  readonly #kept = new Map<string, Place>()
  /** The roles whose context differs from that state, each with the step that changed it; and the roles whose state differs. */
  readonly #moved = new Map<string, InspectorRecord>()
  readonly #elsewhere = new Set<string>()
  /** The round in progress, as long as each of its steps was taken many times before. After that its steps are kept. */
  #round: InspectorRecord[] = []
  #isKept = false
  /** About how many bytes were held back since the last flush, including steps that were dropped since. */
  #heldBytes = 0
  /** When its last step was taken, by the server's clock, and when it arrived. */
  #steppedAtMs = 0
  #steppedMs = 0
  /** Steps that were left out and not reported yet. */
  #leftOut = 0
  #sinceMs = 0
  #lastMs = 0
  #reportedMs = 0

  /** Takes the next record, at `nowMs` of a clock that does not go back. Returns the records to keep now, in order. */
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

  /** Returns what is held back, because another record follows: the records up to the current state. */
  flush(): readonly InspectorRecord[] {
    const round = this.#round
    // Of the rounds that were left out: the steps that brought the roles to their current contexts.
    const last = [...new Set(this.#moved.values())].filter((record) => !round.includes(record))
    this.#round = []
    this.#heldBytes = 0
    for (const key of this.#moved.keys()) {
      const place = this.#now.get(key)
      if (place !== undefined) this.#kept.set(key, place)
    }
    this.#moved.clear()
    this.#elsewhere.clear()
    return [...this.#repeats(last.length), ...last, ...round]
  }

  /** Called regularly: a round may have ended, and left-out steps are reported. */
  tick(nowMs: number): readonly InspectorRecord[] {
    return nowMs - this.#steppedMs >= quietMs ? this.#end(nowMs) : []
  }

  /** The round has ended. It is left out when all roles are in the states from before it. */
  #end(nowMs: number): readonly InspectorRecord[] {
    this.#isKept = false
    if (this.#elsewhere.size > 0) return this.flush()
    if (this.#round.length > 0) {
      if (this.#leftOut === 0) {
        this.#sinceMs = timeOf(this.#round[0])
        this.#reportedMs = nowMs
      }
      this.#leftOut += this.#round.length
      this.#lastMs = timeOf(this.#round.at(-1))
      this.#round = []
    }
    return this.#leftOut > 0 && nowMs - this.#reportedMs >= reportEveryMs ? this.flush() : []
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

  /** `kept` of the left-out steps are kept now. */
  #repeats(kept: number): readonly RepeatsRecord[] {
    const count = this.#leftOut - kept
    this.#leftOut = 0
    return count <= 0 ? [] : [{ kind: 'repeats', timeMs: this.#lastMs, sinceMs: this.#sinceMs, count }]
  }

  /** True when the server took the same step many times before. */
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

/** A step that may belong to a round: it persisted, executed and began nothing. */
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
