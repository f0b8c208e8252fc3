/**
 * Invariant 7: servers that executed the same instances have the same outcomes, members and state. Invariant 14: snapshots are that
 * state, so a server that starts from one equals a server that executed everything.
 */
import type { Instance, NodeId } from '../../machines/batch.ts'
import type { Member } from '../../machines/members.ts'
import type { Execution } from '../../machines/outcome.ts'
import { canonicalJson } from '../core/digest.ts'
import { fingerprint } from '../core/fingerprint.ts'
import { Violation } from '../core/violation.ts'
import { shown } from '../services/fields.ts'
import type { MembersByInstance } from './members-by-instance.ts'
import { Part } from './part.ts'

export class Executions extends Part {
  /** Instances below this one are not judged. */
  readonly #first: Instance
  /** The fingerprint of the execution of each instance. */
  readonly #given: number[]
  /** The fingerprint of the state after each instance, `null` where none was reported. */
  readonly #states: (number | null)[]

  constructor(given: readonly number[] = [], states: readonly (number | null)[] = [], first: Instance = 0) {
    super()
    this.#first = first
    this.#given = [...given]
    this.#states = [...states]
  }

  /** The number of instances that some server has executed. */
  get count(): Instance {
    return this.#first + this.#given.length
  }

  /** A server has executed an instance that is judged. Returns true when it is the first to do so. */
  executed(node: NodeId, instance: Instance, execution: Execution, digest: string | null): boolean {
    const print = fingerprint(execution)
    const isFirst = instance === this.count
    if (isFirst) {
      this.#given.push(print)
      this.#states.push(null)
      this.changed()
    } else {
      checkSameOutcomes(node, instance, print, this.#given[instance - this.#first], this.count, execution)
    }
    if (digest !== null) {
      const place = instance - this.#first
      const known = this.#states[place] ?? null
      this.#states[place] = checkSameState(node, instance, digest, known)
      if (known === null) this.changed()
    }
    return isFirst
  }

  /** A snapshot of the state before `instance` has this digest. */
  pictured(node: NodeId, instance: Instance, digest: string): void {
    const place = instance - 1 - this.#first
    if (place < 0) return
    if (place >= this.#given.length) {
      throw new Violation(
        14,
        `server ${node} has a snapshot of instance ${instance}; no server has executed ${this.count}`,
      )
    }
    const known = this.#states[place] ?? null
    this.#states[place] = checkSamePicture(node, instance, digest, known)
    if (known === null) this.changed()
  }

  /** A server starts. `members` are the members that it knows after the instances that it had stored. */
  started(
    node: NodeId,
    firstUnchosen: Instance,
    members: readonly Member[],
    cluster: MembersByInstance,
  ): void {
    if (firstUnchosen < this.#first || firstUnchosen > this.count) return
    const ruling = cluster.at(firstUnchosen)
    if (canonicalJson(members) === canonicalJson(ruling)) return
    throw new Violation(
      7,
      `server ${node} started at instance ${firstUnchosen} with the members ${shown(members)}; the cluster has ${shown(ruling)}`,
    )
  }

  override toJson() {
    return { given: this.#given, states: this.#states } as const
  }

  protected override duplicate(): Executions {
    return new Executions(this.#given, this.#states, this.#first)
  }
}

function checkSameOutcomes(
  node: NodeId,
  instance: Instance,
  print: number,
  given: number | undefined,
  executed: Instance,
  execution: Execution,
): void {
  if (instance > executed) {
    throw new Violation(7, `server ${node} executed instance ${instance}; no server has executed ${executed}`)
  }
  if (given === print) return
  throw new Violation(
    7,
    `server ${node} executed instance ${instance} with other outcomes than the first server: ${shown(execution)}`,
  )
}

function checkSamePicture(node: NodeId, instance: Instance, digest: string, known: number | null): number {
  const print = fingerprint(digest)
  if (known !== null && known !== print) {
    throw new Violation(
      14,
      `server ${node} has another snapshot of instance ${instance} than the state of the servers that executed everything`,
    )
  }
  return print
}

function checkSameState(node: NodeId, instance: Instance, digest: string, known: number | null): number {
  const print = fingerprint(digest)
  if (known !== null && known !== print) {
    throw new Violation(
      7,
      `server ${node} has another state after instance ${instance} than the other servers`,
    )
  }
  return print
}
