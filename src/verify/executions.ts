/** Invariant 7: what has executed the same instances is the same: outcomes, members and state. */
import type { Instance, NodeId } from '../../machines/batch.ts'
import type { Member } from '../../machines/members.ts'
import type { Execution } from '../../machines/outcome.ts'
import { canonicalJson } from '../services/digest.ts'
import { shown } from '../services/fields.ts'
import { fingerprint } from './fingerprint.ts'
import type { Roster } from './roster.ts'
import { Violation } from './violation.ts'

export class Executions {
  /** Fingerprints of what executing each instance gave. */
  readonly #given: number[]
  /** Fingerprints of the state after each instance, `null` where none was seen. */
  readonly #states: (number | null)[]

  constructor(given: readonly number[] = [], states: readonly (number | null)[] = []) {
    this.#given = [...given]
    this.#states = [...states]
  }

  /** How many instances some server has executed. */
  get count(): Instance {
    return this.#given.length
  }

  /** A server has executed an instance. Returns true when it is the first to do so. */
  executed(node: NodeId, instance: Instance, execution: Execution, digest: string | null): boolean {
    const print = fingerprint(execution)
    const isFirst = instance === this.#given.length
    if (isFirst) {
      this.#given.push(print)
      this.#states.push(null)
    } else {
      checkSameOutcomes(node, instance, print, this.#given, execution)
    }
    if (digest !== null) this.#states[instance] = checkSameState(node, instance, digest, this.#states)
    return isFirst
  }

  /** A server begins, with these members after what it had stored. */
  started(node: NodeId, firstUnchosen: Instance, members: readonly Member[], roster: Roster): void {
    if (firstUnchosen > this.#given.length) return
    const ruling = roster.at(firstUnchosen)
    if (canonicalJson(members) === canonicalJson(ruling)) return
    throw new Violation(
      7,
      `server ${node} began at instance ${firstUnchosen} with the members ${shown(members)}: they are ${shown(ruling)}`,
    )
  }

  copy(): Executions {
    return new Executions(this.#given, this.#states)
  }

  toJson() {
    return { given: this.#given, states: this.#states } as const
  }
}

function checkSameOutcomes(
  node: NodeId,
  instance: Instance,
  print: number,
  given: readonly number[],
  execution: Execution,
): void {
  if (instance > given.length) {
    throw new Violation(
      7,
      `server ${node} executed instance ${instance}; nobody has executed ${given.length}`,
    )
  }
  if (given[instance] === print) return
  throw new Violation(
    7,
    `server ${node} executed instance ${instance} with other outcomes than the first to do so: ${shown(execution)}`,
  )
}

function checkSameState(
  node: NodeId,
  instance: Instance,
  digest: string,
  states: readonly (number | null)[],
): number {
  const print = fingerprint(digest)
  const known = states[instance] ?? null
  if (known !== null && known !== print) {
    throw new Violation(
      7,
      `server ${node} is in another state after instance ${instance} than the others were`,
    )
  }
  return print
}
