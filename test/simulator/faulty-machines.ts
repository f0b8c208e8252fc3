/** Roles with one thing wrong: the simulator has to find out. */
import type { AnyStateMachine } from 'xstate'
import { acceptorMachine } from '../../machines/acceptor.ts'
import type { RoleName } from '../../machines/inbox.ts'
import { proposerMachine } from '../../machines/proposer.ts'
import { roleMachines } from '../../src/roles.ts'

type Machines = Readonly<Record<RoleName, AnyStateMachine>>

/** An acceptor that takes what is below its promise. */
export const acceptsBelowItsPromise: Machines = {
  ...roleMachines,
  acceptor: acceptorMachine.provide({ guards: { promisedMore: () => false } }),
}

/** A proposer that proposes its own batch where another may be chosen already. */
export const skipsHelping: Machines = {
  ...roleMachines,
  proposer: proposerMachine.provide({ guards: { somethingMayBeChosen: () => false } }),
}
