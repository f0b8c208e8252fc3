/**
 * The invariants of the fields of each machine, which must hold after every step. A field states its invariant after the word
 * *Invariant*, and the table of its file has the check. Engines with checks call `invariantFault` after each step. A live server
 * does not: only a bug in a machine can violate an invariant, and no message of another server can.
 */
import type { AcceptorContext } from './acceptor-context.ts'
import { acceptorInvariants } from './acceptor-invariants.ts'
import type { AuditorContext } from './auditor-context.ts'
import { auditorInvariants } from './auditor-invariants.ts'
import type { ClientContext } from './client-context.ts'
import { clientInvariants } from './client-invariants.ts'
import type { RoleName } from './inbox.ts'
import { faultOf, type Invariants, isUnchanged, type Step } from './invariant.ts'
import type { LearnerContext } from './learner-context.ts'
import { learnerInvariants } from './learner-invariants.ts'
import type { LeaseContext } from './lease-context.ts'
import { leaseInvariants } from './lease-invariants.ts'
import { membersFault } from './member-invariants.ts'
import type { Member } from './members.ts'
import type { ProposerContext } from './proposer-context.ts'
import { proposerInvariants } from './proposer-invariants.ts'
import type { ReaderContext } from './reader-context.ts'
import { readerInvariants } from './reader-invariants.ts'
import type { RequestQueueContext } from './request-queue-context.ts'
import { requestQueueInvariants } from './request-queue-invariants.ts'
import type { TimekeeperContext } from './timekeeper-context.ts'
import { timekeeperInvariants } from './timekeeper-invariants.ts'

/** The machines whose contexts state invariants. */
export type CheckedMachine = RoleName | 'client' | 'lease'

interface Contexts extends Record<CheckedMachine, unknown> {
  readonly acceptor: AcceptorContext
  readonly proposer: ProposerContext
  readonly learner: LearnerContext
  readonly requestQueue: RequestQueueContext
  readonly timekeeper: TimekeeperContext
  readonly auditor: AuditorContext
  readonly reader: ReaderContext
  readonly client: ClientContext
  readonly lease: LeaseContext
}

const faults: { readonly [Name in CheckedMachine]: (step: Step<Contexts[Name]>) => string | null } = {
  acceptor: (step) => roleFault(acceptorInvariants, step),
  proposer: (step) => roleFault(proposerInvariants, step),
  learner: (step) => roleFault(learnerInvariants, step),
  requestQueue: (step) => roleFault(requestQueueInvariants, step),
  timekeeper: (step) => roleFault(timekeeperInvariants, step),
  auditor: (step) => roleFault(auditorInvariants, step),
  reader: (step) => roleFault(readerInvariants, step),
  client: (step) => faultOf(clientInvariants, step),
  lease: (step) => faultOf(leaseInvariants, step),
}

/** How a step of `machine` violates an invariant of its context; `null` when it violates none. */
export function invariantFault<Name extends CheckedMachine>(
  machine: Name,
  step: Step<Contexts[Name]>,
): string | null {
  return faults[machine](step)
}

function roleFault<C extends { readonly members: readonly Member[] }>(
  invariants: Invariants<C>,
  step: Step<C>,
): string | null {
  const fault = isUnchanged(step, 'members') ? null : membersFault(step.context.members)
  return fault ?? faultOf(invariants, step)
}
