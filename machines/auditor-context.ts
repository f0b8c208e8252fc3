/** The context of an auditor, and its initial value. */
import type { Difference, Digests } from './auditing.ts'
import type { Instance, NodeId } from './batch.ts'
import type { Proof } from './boot.ts'
import type { Member } from './members.ts'
import type { Timing } from './timing.ts'

export interface AuditorInput {
  readonly self: NodeId
  readonly incarnation: string
  readonly members: readonly Member[]
  readonly timing: Timing
}

/** All fields are volatile: the running digest is in the replicated state. */
export interface AuditorContext extends AuditorInput {
  /** The instance after which digests are compared, or were compared last; -1 before the first comparison. */
  readonly instance: Instance
  /** The last instance whose comparison has ended with a verdict; -1 before the first one. Invariant: never decreases. */
  readonly concluded: Instance
  /**
   * The digests of this server, and of those that answered in the current comparison. Invariant: one entry for each server, each counted
   * or this server.
   */
  readonly answers: readonly Digests[]
  /** The number of times that the silent servers were asked again. */
  readonly tries: number
  /** The servers that have proof that the directory of this one was copied or put back. Invariant: each once; not empty in `reported` and `exposed`. */
  readonly reporters: readonly NodeId[]
  /** The first proof of them. */
  readonly exposure: Proof | null
  /** Where the servers first differ, when no quorum agrees. Invariant: not `null` in `disputed`. */
  readonly dispute: Difference | null
}

/** The initial context: nothing was compared. */
export function auditorContext(input: AuditorInput): AuditorContext {
  return {
    ...input,
    instance: -1,
    concluded: -1,
    answers: [],
    tries: 0,
    reporters: [],
    exposure: null,
    dispute: null,
  }
}
