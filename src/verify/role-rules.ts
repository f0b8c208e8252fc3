/** What must hold between the roles of one node. What holds of the context of one role stands in machines/invariants.ts. */

import type { AnyMachineSnapshot } from 'xstate'
import type { AcceptorContext } from '../../machines/acceptor.ts'
import type { RoleName } from '../../machines/inbox.ts'
import type { LearnerContext } from '../../machines/learner.ts'
import { RoleFailed } from '../core/role-failed.ts'

/** Throws when the roles of a node contradict each other, between two events of the node. */
export function checkNode(roles: Readonly<Record<RoleName, AnyMachineSnapshot>>): void {
  const { accepted } = roles.acceptor.context as AcceptorContext
  const { highestHeard } = roles.learner.context as LearnerContext
  const highest = accepted.at(-1)?.instance ?? -1
  if (highest <= highestHeard) return
  throw new RoleFailed(
    `an invariant of a node is broken: the acceptor holds something at instance ${highest}, and its learner has heard of nothing above ${highestHeard}`,
  )
}
